package decider

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/expression"
	"github.com/profferhq/proffer/domain/feature"
	"github.com/profferhq/proffer/domain/policy"
	"github.com/profferhq/proffer/domain/problem"
	"github.com/profferhq/proffer/domain/segment"
)

// Policies are the policies of the log: the version in effect of each, and all versions for replay. A placement
// belongs to one policy: the first that claims it and has not given it up. It is safe for concurrent use.
type Policies struct {
	models   *Models
	progress progress

	mu       sync.RWMutex
	views    *feature.Catalogue
	segments segment.Catalogue
	defined  map[*segment.Version]*DefinedSegments
	versions map[policyVersion]*Published
	latest   map[string]*Published
	// withdrawn are the policies that are in effect no more, by id.
	withdrawn map[string]WithdrawnPolicy
	owners    map[string]*Published // by placement
	changes   map[string][]ownership
	cut       uint64
}

// ownership is who owns a placement from a sequence of POLICY on; nobody is nil.
type ownership struct {
	from  uint64
	owner *Published
}

type policyVersion struct {
	id      string
	version uint64
}

// Published is one version of a policy as it stands in the log.
type Published struct {
	Policy  *event.Policy
	Version uint64
	// Document is the text its author wrote.
	Document string
	Digest   domain.Hash
	// PublishedMS is when, in Unix milliseconds, and At where.
	PublishedMS int64
	At          domain.Position

	policies *Policies
	mu       sync.Mutex
	compiled map[string]compilation // by the view's full name
}

// WithdrawnPolicy is the version that was in effect until its policy was withdrawn.
type WithdrawnPolicy struct {
	*Published
	// WithdrawnMS is since when it is, Unix milliseconds.
	WithdrawnMS int64
}

// compilation is a policy compiled against a view, or why it cannot be.
type compilation struct {
	policy *policy.Compiled
	err    error
}

// Compiled is the policy ready to evaluate, reading the view that is live at the end of POLICY.
func (p *Published) Compiled() (*policy.Compiled, error) { return p.CompiledAt(p.policies.Applied()) }

// CompiledAt is the policy ready to evaluate, reading the view that its name meant at a cut of POLICY. It fails with
// ErrPolicyUnusable when this version of the program does not understand it.
func (p *Published) CompiledAt(cut uint64) (*policy.Compiled, error) {
	view, known := p.policies.viewAt(p.Policy.GetView(), cut)
	if !known {
		return nil, fmt.Errorf("%w: %s reads the unknown view %s", ErrPolicyUnusable, p.Policy.GetId(), p.Policy.GetView())
	}
	return p.compiledFor(view)
}

// CompiledFor is the policy reading a version of its view: the one that a record names. It fails as CompiledAt does.
func (p *Published) CompiledFor(view string) (*policy.Compiled, error) {
	found, known := p.policies.View(view)
	if !known {
		return nil, fmt.Errorf("%w: %s read the unknown view %s", ErrPolicyUnusable, p.Policy.GetId(), view)
	}
	return p.compiledFor(found)
}

// compiledFor compiles once for each view, when it is first needed.
func (p *Published) compiledFor(view feature.View) (*policy.Compiled, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if c, known := p.compiled[view.Name()]; known {
		return c.policy, c.err
	}
	compiled, err := policy.Compile(p.Policy, view)
	if err != nil {
		err = fmt.Errorf("%w: %s: %w", ErrPolicyUnusable, p.Policy.GetId(), err)
	}
	if p.compiled == nil {
		p.compiled = map[string]compilation{}
	}
	p.compiled[view.Name()] = compilation{compiled, err}
	return compiled, err
}

// NewPolicies knows no policy yet, and the views that come with the product.
func NewPolicies(builtIn ...feature.View) *Policies {
	p := &Policies{
		views:    feature.NewCatalogue(builtIn...),
		versions: map[policyVersion]*Published{}, latest: map[string]*Published{}, owners: map[string]*Published{},
		withdrawn: map[string]WithdrawnPolicy{}, changes: map[string][]ownership{}, defined: map[*segment.Version]*DefinedSegments{},
	}
	p.models = newModels(p.View)
	return p
}

// Models are the models at the policies' cut.
func (p *Policies) Models() *Models { return p.models }

// Check compiles a policy and sees whether it can take effect beside the others. Everything that is wrong is in the
// error, a problem.List.
func (p *Policies) Check(candidate *event.Policy) (*policy.Compiled, error) {
	view, known := p.CurrentView(candidate.GetView())
	if !known {
		view, _ = p.View("core") // so that what else is wrong is found, too
	}
	compiled, err := policy.Compile(candidate, view)
	var problems problem.List
	if err != nil && !errors.As(err, &problems) {
		return nil, fmt.Errorf("decider: check a policy: %w", err)
	}
	problems = append(problems, p.claimed(candidate)...)
	if compiled != nil {
		problems = append(problems, p.unknownSegments(compiled)...)
	}
	if problems = append(problems, p.models.misfits(candidate)...); len(problems) > 0 {
		return nil, p.suggestViews(problems, candidate.GetView())
	}
	return compiled, nil
}

// suggestViews says which views there are, where a view is unknown.
func (p *Policies) suggestViews(problems problem.List, view string) problem.List {
	names := p.viewNames()
	p.LookViews(func(c *feature.Catalogue) { names = append(names, c.Families()...) })
	for i := range problems {
		if problems[i].Field == "view" && problems[i].Reason == policy.FaultUnknown {
			problems[i].Message = fmt.Sprintf("there is no feature view %q%s: %s", view, expression.Suggestion(view, names), strings.Join(names, ", "))
		}
	}
	return problems
}

// claimed are the placements that belong to another policy.
func (p *Policies) claimed(candidate *event.Policy) problem.List {
	p.mu.RLock()
	defer p.mu.RUnlock()
	var problems problem.List
	for i, pl := range candidate.GetPlacements() {
		owner, taken := p.owners[pl.GetId()]
		if taken && owner.Policy.GetId() != candidate.GetId() {
			problems = append(problems, problem.Problem{
				Field: fmt.Sprintf("placements[%d].id", i), Reason: policy.FaultConflict,
				Message: fmt.Sprintf("the placement %q belongs to the policy %q", pl.GetId(), owner.Policy.GetId()),
			})
		}
	}
	return problems
}

// InEffect is the latest version of a policy.
func (p *Policies) InEffect(id string) (*Published, bool) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	published, known := p.latest[id]
	return published, known
}

// Version is one version of a policy, in effect or not.
func (p *Policies) Version(id string, version uint64) (*Published, bool) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	published, known := p.versions[policyVersion{id: id, version: version}]
	return published, known
}

// At is the policy that owns a placement and the cut of POLICY at which it does. It fails with ErrUnknownPlacement,
// which names the placement and the one most like it.
func (p *Policies) At(placement string) (*Published, uint64, error) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	published, known := p.owners[placement]
	if !known {
		all := slices.Sorted(maps.Keys(p.owners))
		return nil, p.cut, fmt.Errorf("%w: %q%s", ErrUnknownPlacement, placement, expression.Suggestion(placement, all))
	}
	return published, p.cut, nil
}

// List is the version in effect of every policy, by id.
func (p *Policies) List() []*Published {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return slices.SortedFunc(maps.Values(p.latest), func(x, y *Published) int {
		return cmp.Compare(x.Policy.GetId(), y.Policy.GetId())
	})
}

// Withdrawn are the policies that were withdrawn and are not back, by id.
func (p *Policies) Withdrawn() []WithdrawnPolicy {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return slices.SortedFunc(maps.Values(p.withdrawn), func(x, y WithdrawnPolicy) int {
		return cmp.Compare(x.Policy.GetId(), y.Policy.GetId())
	})
}

// Applied is the sequence of POLICY up to which the policies stand.
func (p *Policies) Applied() uint64 {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.cut
}

// WaitFor returns when a sequence of POLICY has taken effect, or with the context's error.
func (p *Policies) WaitFor(ctx context.Context, sequence uint64) error {
	return p.progress.wait(ctx, sequence)
}

// Load applies POLICY up to the log's present end.
func (p *Policies) Load(ctx context.Context, source Source) error {
	if err := load(ctx, source, domain.Policy, p.Applied(), p.Apply); err != nil {
		return fmt.Errorf("decider: load policies: %w", err)
	}
	p.prepare()
	return nil
}

// Follow applies POLICY for ever. It returns nil when the context ends; a broken log is an error.
func (p *Policies) Follow(ctx context.Context, source Source) error {
	apply := func(e domain.Envelope) error {
		err := p.Apply(e)
		p.prepare()
		return err
	}
	if err := follow(ctx, source, domain.Policy, p.Applied(), apply); err != nil {
		return fmt.Errorf("decider: follow policies: %w", err)
	}
	return nil
}

// prepare compiles what is in effect, so that no request waits for it. Faults stay with the policy.
func (p *Policies) prepare() {
	for _, published := range p.List() {
		_, _ = published.Compiled()
	}
	for _, d := range p.Segments() {
		_, _, _ = d.Compiled()
	}
}

// Apply takes the next envelope of POLICY. One that was applied already changes nothing.
func (p *Policies) Apply(e domain.Envelope) error {
	events, err := e.Recorded()
	if err != nil {
		return fmt.Errorf("apply %s %d: %w", e.Lane.Stream, e.Sequence, err)
	}
	p.mu.Lock()
	if e.Sequence > p.cut {
		for _, r := range events {
			p.models.apply(r)
			p.views.Apply(r)
			p.applySegments(r)
			if published := r.Event.GetPolicyPublished(); published.GetPolicy() != nil {
				p.take(p.publishedOf(r, published))
			}
			if w := r.Event.GetDefinitionWithdrawn(); w.GetKind() == event.DefinitionWithdrawn_KIND_POLICY {
				p.withdraw(w.GetName(), r)
			}
		}
		p.cut = e.Sequence
	}
	p.mu.Unlock()
	p.progress.advance(e.Sequence)
	return nil
}

func (p *Policies) publishedOf(r domain.Recorded, of *event.PolicyPublished) *Published {
	return &Published{
		Policy: of.GetPolicy(), Version: of.GetVersion(), Document: of.GetSource(),
		Digest: policy.DigestOf(of.GetPolicy()), PublishedMS: domain.TimeOf(r.Event), At: r.At, policies: p,
	}
}

// take lets a version take effect: it gives up the placements of the version before it, and claims its own that are
// free. A version that is not later than the one in effect is kept for replay only.
func (p *Policies) take(published *Published) {
	id := published.Policy.GetId()
	key := policyVersion{id: id, version: published.Version}
	if _, known := p.versions[key]; known {
		return // a version is what was published first under its number
	}
	p.versions[key] = published
	if before, known := p.latest[id]; known && before.Version >= published.Version {
		return
	}
	if before, known := p.latest[id]; known {
		for _, pl := range before.Policy.GetPlacements() {
			p.pass(pl.GetId(), before, nil, published.At)
		}
	}
	p.latest[id] = published
	delete(p.withdrawn, id)
	for _, pl := range published.Policy.GetPlacements() {
		p.pass(pl.GetId(), nil, published, published.At)
	}
}

// withdraw takes a policy out of effect: its placements are nobody's.
func (p *Policies) withdraw(id string, r domain.Recorded) {
	before, known := p.latest[id]
	if !known {
		return
	}
	for _, pl := range before.Policy.GetPlacements() {
		p.pass(pl.GetId(), before, nil, r.At)
	}
	delete(p.latest, id)
	p.withdrawn[id] = WithdrawnPolicy{before, domain.TimeOf(r.Event)}
}

// pass hands a placement from one owner to the next, if it is that owner's.
func (p *Policies) pass(placement string, from, to *Published, at domain.Position) {
	if p.owners[placement] != from {
		return
	}
	if to == nil {
		delete(p.owners, placement)
	} else {
		p.owners[placement] = to
	}
	p.changes[placement] = append(p.changes[placement], ownership{from: at.Sequence, owner: to})
}

// ownerAt is the policy version that owned a placement at a cut of POLICY.
func (p *Policies) ownerAt(placement string, cut uint64) (*Published, bool) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	var owner *Published
	for _, c := range p.changes[placement] {
		if c.from > cut {
			break
		}
		owner = c.owner
	}
	return owner, owner != nil
}
