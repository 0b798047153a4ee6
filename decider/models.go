package decider

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/profferhq/proffer/decider/model"
	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/feature"
	"github.com/profferhq/proffer/domain/model/registry"
	"github.com/profferhq/proffer/domain/policy"
	"github.com/profferhq/proffer/domain/problem"
)

// ModelBytes keeps the bytes of models under their digests.
type ModelBytes interface {
	// Get is the bytes whose SHA-256 is the digest; false when there are none, or when what is there has another one. It
	// fails with domain.ErrUnavailable when the store cannot be reached.
	Get(ctx context.Context, digest domain.Hash) ([]byte, bool, error)
}

// Models are the models of the log: who answers for what at every cut, and those that answer now, loaded. It belongs to
// Policies, which keep it at their cut. It is safe for concurrent use.
type Models struct {
	view  func(name string) (feature.View, bool)
	bytes ModelBytes

	mu       sync.RWMutex
	registry registry.Registry
	changed  chan struct{} // holds one when roles have changed since they were loaded

	loaded atomic.Pointer[map[domain.Hash]*Scorer] // those with a role now; never changed in place
	past   pastScorers
}

func newModels(view func(string) (feature.View, bool)) *Models {
	m := &Models{view: view, changed: make(chan struct{}, 1)}
	m.loaded.Store(&map[domain.Hash]*Scorer{})
	return m
}

// KeptIn says where the bytes are. It is said before anything is loaded; without it no model answers.
func (m *Models) KeptIn(bytes ModelBytes) { m.bytes = bytes }

// apply takes an event of POLICY.
func (m *Models) apply(r domain.Recorded) {
	assigned := r.Event.GetModelAssigned() != nil
	if !assigned && r.Event.GetModelRegistered() == nil && r.Event.GetDefinitionWithdrawn() == nil {
		return
	}
	m.mu.Lock()
	m.registry.Apply(r)
	m.mu.Unlock()
	if assigned {
		select {
		case m.changed <- struct{}{}:
		default:
		}
	}
}

// Look shows what is registered and who answers for what. Nothing of it may be kept.
func (m *Models) Look(look func(*registry.Registry)) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	look(&m.registry)
}

// answering is who answers a policy about a profile at a cut of POLICY, without their models.
func (m *Models) answering(c *policy.Compiled, cut uint64, profile domain.Alias) []Answering {
	if len(c.Models()) == 0 {
		return nil
	}
	m.mu.RLock()
	defer m.mu.RUnlock()
	var out []Answering
	for _, named := range c.Models() {
		assigned := m.registry.Roles(named.GetUse(), cut)
		effective := effectiveRole(assigned, profile)
		for _, a := range assigned {
			role := registry.RoleName(a.GetRole())
			if len(a.GetDigest()) != len(domain.Hash{}) {
				continue // not an assignment that this version writes
			}
			out = append(out, Answering{Score: &event.ModelScore{
				Name: named.GetName(), Use: named.GetUse(), Model: a.GetModel(), Version: a.GetVersion(), Digest: a.GetDigest(),
				Role: role, Effective: role == effective,
			}})
		}
	}
	return inOrder(out)
}

// misfits are the uses that a policy reads and whose champion or challenger reads another view than it: its scores
// would all be missing.
func (m *Models) misfits(p *event.Policy) problem.List {
	m.mu.RLock()
	defer m.mu.RUnlock()
	var problems problem.List
	for i, named := range p.GetModels() {
		for _, a := range m.registry.Roles(named.GetUse(), math.MaxUint64) {
			v, err := m.registry.Version(a.GetModel(), a.GetVersion())
			if err != nil || a.GetRole() == event.ModelAssigned_ROLE_SHADOW || v.GetView() == "" || registry.Fits(v.GetView(), p.GetView()) {
				continue
			}
			problems.Add(fmt.Sprintf("models[%d].use", i), problem.Conflict, "the %s of %s is %s@%d, which reads the view %s, and this policy reads %s",
				registry.RoleName(a.GetRole()), named.GetUse(), a.GetModel(), a.GetVersion(), v.GetView(), p.GetView())
		}
	}
	return problems
}

// effectiveRole is whose score counts for a profile: the challenger's for those whose draw falls to it, and else the
// champion's.
func effectiveRole(assigned []registry.Assignment, profile domain.Alias) string {
	for _, a := range assigned {
		challenges := a.GetRole() == event.ModelAssigned_ROLE_CHALLENGER
		if challenges && policy.ChallengerDraw(a.GetUse(), profile) < a.GetShare() {
			return registry.Challenger
		}
	}
	return registry.Champion
}

// now are the models that answer a policy, those that are loaded with their scorers.
func (m *Models) now(c *policy.Compiled, cut uint64, profile domain.Alias) []Answering {
	out := m.answering(c, cut, profile)
	loaded := *m.loaded.Load()
	for i := range out {
		digest := domain.Hash(out[i].Score.GetDigest())
		if out[i].Scorer = loaded[digest]; out[i].Scorer == nil {
			out[i].Scorer = m.past.get(digest) // warmed, and assigned a moment ago
		}
	}
	return out
}

// Warm loads a model that is about to get a role, so that it answers from the first decision on. It fails with
// ErrNoModelBytes when the model cannot be had, and with domain.ErrUnavailable or the context's error.
func (m *Models) Warm(ctx context.Context, digest domain.Hash) error {
	s, err := m.exactly(ctx, digest)
	if err == nil && s == nil {
		err = ErrNoModelBytes
	}
	return err
}

// wanted are the digests of the models with a role now.
func (m *Models) wanted() []domain.Hash {
	m.mu.RLock()
	defer m.mu.RUnlock()
	var out []domain.Hash
	for _, use := range m.registry.Uses() {
		for _, a := range m.registry.Roles(use, math.MaxUint64) {
			if len(a.GetDigest()) == len(domain.Hash{}) {
				out = append(out, domain.Hash(a.GetDigest()))
			}
		}
	}
	return out
}

// Load loads what has a role now and drops the rest. What is loaded answers even when another cannot be; then it fails
// with domain.ErrUnavailable, when coming again helps, or as loading does.
func (m *Models) Load(ctx context.Context) error {
	before := *m.loaded.Load()
	next := map[domain.Hash]*Scorer{}
	var failed []error
	for _, digest := range m.wanted() {
		if next[digest] = before[digest]; next[digest] != nil {
			continue
		}
		s := m.past.get(digest)
		var err error
		if s == nil {
			s, err = m.read(ctx, digest)
		}
		if err != nil {
			delete(next, digest)
			failed = append(failed, fmt.Errorf("decider: load the model %s: %w", digest, err))
			continue
		}
		next[digest] = s
	}
	m.loaded.Store(&next)
	return errors.Join(failed...)
}

// read gets, verifies and tries a model.
func (m *Models) read(ctx context.Context, digest domain.Hash) (*Scorer, error) {
	if m.bytes == nil {
		return nil, ErrNoModelBytes
	}
	data, known, err := m.bytes.Get(ctx, digest)
	if err != nil {
		return nil, err
	}
	if !known || model.Digest(data) != digest {
		return nil, ErrNoModelBytes
	}
	loaded, err := model.Load(data)
	if err != nil {
		return nil, err
	}
	view, known := m.view(loaded.File().View)
	if !known {
		return nil, ErrModelView
	}
	return NewScorer(loaded, view)
}

// retryModels is how long after a failure loading is tried again.
const retryModels = 5 * time.Second

// Run loads models as roles change, off the path of decisions, until the context ends. What cannot be loaded is tried
// again, and said to the operator once for each reason.
func (m *Models) Run(ctx context.Context) {
	said := ""
	for {
		var again <-chan time.Time
		err := m.Load(ctx)
		if err != nil && ctx.Err() == nil {
			again = time.After(retryModels)
			if err.Error() != said {
				slog.Error("a model that has a role does not answer", "error", err)
			}
		}
		said = ""
		if err != nil {
			said = err.Error()
		}
		select {
		case <-m.changed:
		case <-again:
		case <-ctx.Done():
			return
		}
	}
}

// pastScorers are models loaded for replay.
type pastScorers struct {
	mu     sync.Mutex
	byHash map[domain.Hash]*Scorer
}

func (p *pastScorers) get(digest domain.Hash) *Scorer {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.byHash[digest]
}

func (p *pastScorers) put(digest domain.Hash, s *Scorer) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.byHash) >= keptScorers || p.byHash == nil {
		p.byHash = map[domain.Hash]*Scorer{}
	}
	p.byHash[digest] = s
}

// keptScorers bounds how many models replay keeps in memory.
const keptScorers = 32

// exactly is the model with a digest, whether it has a role or not; nil when its bytes are not kept, or do not make a
// model any more. It fails with domain.ErrUnavailable or the context's error when the store does not answer.
func (m *Models) exactly(ctx context.Context, digest domain.Hash) (*Scorer, error) {
	if s := (*m.loaded.Load())[digest]; s != nil {
		return s, nil
	}
	if s := m.past.get(digest); s != nil {
		return s, nil
	}
	s, err := m.read(ctx, digest) // without a lock: decisions look there too
	switch {
	case errors.Is(err, domain.ErrUnavailable) || ctx.Err() != nil:
		return nil, fmt.Errorf("read the model %s: %w", digest, err)
	case err != nil:
		return nil, nil //nolint:nilerr // whoever compares scores names what is missing
	}
	m.past.put(digest, s)
	return s, nil
}

// asRecorded is who answered according to a record, with the exact models.
func (m *Models) asRecorded(ctx context.Context, record *event.Decision) ([]Answering, error) {
	var out []Answering
	for _, s := range record.GetScores() {
		out = append(out, Answering{Score: s})
	}
	return out, m.attach(ctx, out, record)
}

// attach gives the exact models to those who answer. Who was not at hand when the record was made is not now.
func (m *Models) attach(ctx context.Context, models []Answering, record *event.Decision) error {
	for i := range models {
		digest := models[i].Score.GetDigest()
		models[i].Mismatched = failed(record, models[i].Score, FailureView)
		if len(digest) != len(domain.Hash{}) || failed(record, models[i].Score, FailureUnavailable) {
			continue
		}
		var err error
		if models[i].Scorer, err = m.exactly(ctx, domain.Hash(digest)); err != nil {
			return err
		}
	}
	return nil
}

// failed says whether a record names a failure of a model.
func failed(record *event.Decision, of *event.ModelScore, failure string) bool {
	for _, s := range record.GetScores() {
		if s.GetFailure() == failure && s.GetName() == of.GetName() && string(s.GetDigest()) == string(of.GetDigest()) {
			return true
		}
	}
	return false
}
