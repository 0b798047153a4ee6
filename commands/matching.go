package commands

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/identity/match"
)

// Posteriors from which a match is proposed to a person, and from which it links by itself.
const (
	ProposedFrom = 0.2
	LinkedFrom   = 0.8
)

// matchSource is the source of what matching writes. It is not OwnSource, whose events are what operators asked for.
const matchSource = OwnSource + ":match"

// MatchCheckpoint remembers how far matching came: under each version of the model all records of IDENTITY up to a
// sequence were compared. Losing it costs time only.
type MatchCheckpoint interface {
	// Load is 0 when nothing was stored under the version. It fails with domain.ErrUnavailable.
	Load(ctx context.Context, version uint64) (sequence uint64, err error)
	// Store replaces it. It fails with domain.ErrUnavailable.
	Store(ctx context.Context, version, sequence uint64) error
}

// MatchingPorts is what matching needs. Those without a default are required.
type MatchingPorts struct {
	Log     SharedLog
	History History
	Vault   Vault
	// Identifiers opens what aliases of e-mail addresses and phone numbers stand for; nil leaves them out.
	Identifiers IdentifierOf
	Reader      match.Reader
	Recall      *Recall
	Checkpoint  MatchCheckpoint
	Now         func() time.Time
	// ProposedFrom and LinkedFrom are posteriors; 0 is the constant of the name.
	ProposedFrom, LinkedFrom float64
	// Prepared bounds how many records are kept in clear, in memory only; 0 is 20,000.
	Prepared int
	// Kept bounds the bytes of what was read of records, in clear, in memory only; 0 is 64 MB.
	Kept int
	// Workers is how many goroutines compare; 0 is one.
	Workers int
	// CheckpointEvery is how often the checkpoint is stored while it moves; 0 is a second.
	CheckpointEvery time.Duration
}

// MatchPeople finds people who are known under several aliases, by what sources say of them: it compares the traits of
// each alias with those of others as soon as they arrive or change. A pair that is one person with a posterior of
// LinkedFrom or more is claimed to be so, and the guards decide, unless other records of the two speak against it; what
// is left from ProposedFrom on is proposed to a person.
//
// It follows IDENTITY. For every alias with traits it keeps the places of its trait events and hashes of its blocking
// keys; values are unsealed to be compared and kept only while they are among the last Prepared. With matching off it
// keeps nothing. What it does twice, after a crash, it adds once.
type MatchPeople struct {
	ports  MatchingPorts
	sender *sender

	mu       sync.Mutex
	progress MatchProgress
}

// MatchProgress is how far matching is.
type MatchProgress struct {
	// Version is that of the model in use; 0 while matching is off, or not run here.
	Version uint64
	// Records are known; Unindexed of them are still being read, and Unmatched wait to be compared.
	Records, Unindexed, Unmatched int
	// Skipped is how often a key was left out since the start because more records share it than match.MaxGroup.
	Skipped uint64
	// Matched is how many changes of records were compared since the start.
	Matched uint64
}

// NewMatchPeople returns matching before it has begun.
func NewMatchPeople(ports MatchingPorts) *MatchPeople {
	if ports.ProposedFrom == 0 {
		ports.ProposedFrom = ProposedFrom
	}
	if ports.LinkedFrom == 0 {
		ports.LinkedFrom = LinkedFrom
	}
	if ports.Prepared == 0 {
		ports.Prepared = 20_000
	}
	if ports.Kept == 0 {
		ports.Kept = 64 << 20
	}
	ports.Workers = max(ports.Workers, 1)
	if ports.CheckpointEvery == 0 {
		ports.CheckpointEvery = time.Second
	}
	return &MatchPeople{ports: ports, sender: &sender{log: ports.Log}}
}

// Progress is how far matching is now.
func (m *MatchPeople) Progress() MatchProgress {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.progress
}

func (m *MatchPeople) report(p MatchProgress) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.progress = p
}

// Run matches until the context ends, under each model that comes into effect. It needs a loaded Recall. It returns an
// error that following the log gave; what else fails is tried again.
func (m *MatchPeople) Run(ctx context.Context) error {
	defer m.report(MatchProgress{})
	from := m.ports.Recall.Applied(domain.Identity) + 1
	model := m.ports.Recall.People.MatchModel()
	for ctx.Err() == nil {
		var err error
		if s := m.session(model); s == nil {
			m.report(MatchProgress{})
			model, from, err = m.untilChanged(ctx, model, from)
		} else {
			model, from, err = s.run(ctx)
		}
		if err != nil && ctx.Err() == nil {
			return fmt.Errorf("match people: %w", err)
		}
	}
	return nil
}

// session is what compares under a model; nil when matching is off or the model cannot be used.
func (m *MatchPeople) session(model *event.MatchModelChanged) *matchSession {
	if len(model.GetDocumentJson()) == 0 {
		return nil
	}
	decoded, err := match.Decode(model.GetDocumentJson())
	if err == nil && !decoded.Fitted() {
		err = errUnfitted
	}
	var matcher *match.Matcher
	if err == nil {
		matcher, err = match.NewMatcher(decoded)
	}
	if err != nil {
		slog.Warn("matching is off: the model in effect cannot be used", "version", model.GetVersion(), "error", err)
		return nil
	}
	return newMatchSession(m, model.GetName(), model.GetVersion(), matcher)
}

var errUnfitted = errors.New("its parameters were never fitted")

// untilChanged waits for another model. It returns it with the sequence to go on from.
func (m *MatchPeople) untilChanged(ctx context.Context, now *event.MatchModelChanged, from uint64) (*event.MatchModelChanged, uint64, error) {
	for e, err := range m.ports.History.Follow(ctx, domain.Identity, from) {
		if err != nil {
			return now, from, err
		}
		recorded, err := e.Recorded()
		if err != nil {
			return now, from, err
		}
		if next := changedModel(recorded, now.GetVersion()); next != nil {
			return next, e.Sequence + 1, nil
		}
		from = e.Sequence + 1
	}
	return now, from, ctx.Err()
}

// changedModel is the last model of a later version among the events; nil when there is none.
func changedModel(recorded []domain.Recorded, version uint64) *event.MatchModelChanged {
	var next *event.MatchModelChanged
	for _, r := range recorded {
		if model := r.Event.GetMatchModelChanged(); model != nil && model.GetVersion() > version {
			next, version = model, model.GetVersion()
		}
	}
	return next
}
