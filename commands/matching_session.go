package commands

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/identity/match"
)

// How many records one slice of work takes: between two slices new events are taken in. The candidates of turnsAtOnce
// are looked up before they are counted.
const (
	indexSlice  = 1000
	matchSlice  = 4096
	turnsAtOnce = 512
)

// matchSession is matching under one model. One goroutine owns it.
type matchSession struct {
	of      *MatchPeople
	name    string
	version uint64
	matcher *match.Matcher
	fields  map[string]int
	traits  *traitLog
	index   *match.Index
	recent  *recent
	kept    *kept
	// presence is the field for where devices were seen, logins that for when somebody logged in on them; -1 when the
	// model has none. With neither BEHAVIOUR is not read.
	presence, logins int
	sightings        *sightings
	seenFrom         uint64

	// applied is the last sequence taken in, loaded the one up to which the log is read before anything is compared.
	applied, loaded uint64
	// matched is the checkpoint; stored is what the port has of it.
	matched, stored uint64
	// unindexed and unmatched are the records that wait, the latter in the order of their last change.
	unindexed []domain.Alias
	unmatched []turn
	skipped   uint64
	compared  uint64
	// done are the ids of what matching wrote beyond the checkpoint before it was started again.
	done map[eventID]struct{}
}

// turn is a record to be compared with all that changed before it. It has passed when the record changed again: then
// there is a later one.
type turn struct {
	alias domain.Alias
	at    domain.Position
	// sighted: the device was seen somewhere new; its traits may be as they were.
	sighted bool
}

func newMatchSession(m *MatchPeople, name string, version uint64, matcher *match.Matcher) *matchSession {
	s := &matchSession{
		of: m, name: name, version: version, matcher: matcher, fields: map[string]int{}, presence: -1, logins: -1, sightings: newSightings(),
		traits: newTraitLog(), recent: newRecent(m.ports.Prepared), kept: newKept(m.ports.Kept), done: map[eventID]struct{}{},
	}
	for i, f := range matcher.Model().Fields {
		s.fields[f.Name] = i
		switch f.Kind {
		case match.CoPresence:
			s.presence = i
		case match.LoginPattern:
			s.logins = i
		}
	}
	s.index = match.NewIndex(matcher)
	return s
}

// begin learns where to start.
func (s *matchSession) begin(ctx context.Context) error {
	var err error
	if s.matched, err = s.of.ports.Checkpoint.Load(ctx, s.version); err != nil {
		return fmt.Errorf("load the checkpoint: %w", err)
	}
	s.stored = s.matched
	if s.loaded, err = s.of.ports.History.Last(ctx, domain.Identity); err != nil || !s.watching() {
		return err
	}
	last, err := s.of.ports.History.Last(ctx, domain.Behaviour)
	s.seenFrom = seenFrom(last)
	return err
}

// observe takes in an envelope. It returns the model that replaces the session's, if the envelope has one.
func (s *matchSession) observe(ctx context.Context, e domain.Envelope) (*event.MatchModelChanged, error) {
	if e.Lane.Stream == domain.Behaviour {
		return nil, s.persist(ctx, func(ctx context.Context) error { return s.see(ctx, e) })
	}
	recorded, err := e.Recorded()
	if err != nil {
		return nil, err
	}
	if model := changedModel(recorded, s.version); model != nil {
		return model, nil
	}
	loading := s.applied < s.loaded
	for _, r := range recorded {
		if loading && e.Sequence > s.matched {
			s.remember(r.Event)
		}
		alias, changed := s.traits.observe(r)
		if changed && !loading {
			s.forget(alias)
			s.unindexed = append(s.unindexed, alias)
			s.unmatched = append(s.unmatched, turn{alias: alias, at: r.At})
		}
	}
	s.applied = e.Sequence
	if loading && s.applied >= s.loaded {
		s.plan()
	}
	return nil, nil
}

// remember keeps the ids of what matching wrote before.
func (s *matchSession) remember(e *event.Event) {
	if e.GetSource() == matchSource && len(e.GetId()) == len(eventID{}) {
		s.done[eventID(e.GetId())] = struct{}{}
	}
}

// plan lists all records for the index, and those beyond the checkpoint for comparison.
func (s *matchSession) plan() {
	aliases := s.traits.aliases()
	s.unindexed = append(s.unindexed, aliases...)
	for _, a := range aliases {
		if at := s.traits.of[a].at; at.Sequence > s.matched {
			s.unmatched = append(s.unmatched, turn{alias: a, at: at})
		}
	}
}

// work does one slice. It may be repeated after it failed.
func (s *matchSession) work(ctx context.Context) error {
	if len(s.unindexed) > 0 {
		return s.indexSlice(ctx)
	}
	return s.matchSlice(ctx)
}

// indexSlice reads records into the index.
func (s *matchSession) indexSlice(ctx context.Context) error {
	n := min(indexSlice, len(s.unindexed))
	prepared, err := s.prepared(ctx, s.unindexed[:n])
	if err != nil {
		return err
	}
	for _, p := range prepared {
		s.index.Put(p)
	}
	s.unindexed = s.unindexed[n:]
	return nil
}

// tell reports the progress.
func (s *matchSession) tell() {
	s.of.report(MatchProgress{
		Version: s.version, Records: len(s.traits.of), Unindexed: len(s.unindexed), Unmatched: len(s.unmatched),
		Skipped: s.skipped, Matched: s.compared,
	})
}

// persist repeats work that fails until it succeeds or the context ends: what it needs may be away.
func (s *matchSession) persist(ctx context.Context, work func(context.Context) error) error {
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		err := work(ctx)
		if err == nil || ctx.Err() != nil {
			return ctx.Err()
		}
		slog.Warn("matching waits and tries again", "version", s.version, "error", err)
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		}
	}
}

// How long matching waits before it tries again.
const (
	firstPause   = 200 * time.Millisecond
	longestPause = 30 * time.Second
)

// store stores the checkpoint where it moved.
func (s *matchSession) store(ctx context.Context) error {
	s.advance()
	if s.matched == s.stored {
		return nil
	}
	if err := s.of.ports.Checkpoint.Store(ctx, s.version, s.matched); err != nil {
		return fmt.Errorf("store the checkpoint: %w", err)
	}
	s.stored = s.matched
	return nil
}

// storeAtEnd stores it once more, if that works at once: what is lost is compared again.
func (s *matchSession) storeAtEnd(ctx context.Context) {
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	if err := s.store(last); err != nil {
		slog.Warn("the checkpoint of matching was not stored", "version", s.version, "error", err)
	}
}

// advance moves the checkpoint to what is compared by now.
func (s *matchSession) advance() {
	if s.applied < s.loaded {
		return // what is to be compared is not listed yet
	}
	to := s.applied
	if n := slices.IndexFunc(s.unmatched, func(t turn) bool { return !t.sighted }); n >= 0 {
		to = s.unmatched[n].at.Sequence - 1
	}
	s.matched = max(s.matched, to)
}
