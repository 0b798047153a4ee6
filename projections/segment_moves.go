package projections

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/identity"
	"github.com/profferhq/proffer/domain/segment"
)

// CurrentSegments is the version of a definition that is in effect.
type CurrentSegments struct {
	*segment.Compiled
	Version uint64
}

// SegmentDefinitions are what POLICY says of segments.
type SegmentDefinitions interface {
	// InEffect are the definitions in effect that can be read, by id, and a sequence of POLICY up to which they stand at least.
	InEffect() ([]CurrentSegments, uint64)
	// Withdrawn are the definitions that are withdrawn, by id, with the version that was in effect: nobody is in their segments.
	Withdrawn() []segment.Found
	// WaitFor returns when they stand at a sequence, or with the context's error.
	WaitFor(ctx context.Context, sequence uint64) error
}

// Mover appends to BEHAVIOUR that people enter and leave segments, as the only one who does.
type Mover interface {
	// TakeMoves makes this process the one that moves people, and returns the sequence of the last move so far: all moves
	// up to there must be known before somebody is moved. It fails as an append to the log does.
	TakeMoves(ctx context.Context) (uint64, error)
	// MoveMembers appends moves. It fails with domain.ErrLaneLost when another process moved people since, and as an
	// append to the log does. After every failure some of them may be in the log, and TakeMoves comes before the next.
	MoveMembers(ctx context.Context, moves []segment.Move) error
}

// SegmentMovesOptions tune SegmentMoves; every zero value has a default.
type SegmentMovesOptions struct {
	// Now is the clock.
	Now func() time.Time
	// Log takes one line when moves cannot be appended. Default: discarded.
	Log *slog.Logger
	// Every is how often people are looked at: a second. PerSecond is how many at most: 1,000.
	Every     time.Duration
	PerSecond int
	// SweepEvery is how often everybody is looked at, because windows move while nothing happens: an hour.
	SweepEvery time.Duration
	// Quiet is how long after the last event of an import it is looked at people again: 5 seconds; at most after Patience, 10 minutes.
	Quiet, Patience time.Duration
}

// Bounds of what is gathered.
const (
	// maxChanged people are remembered one by one; of more, everybody is looked at.
	maxChanged = 100_000
	// maxMoves end a round.
	maxMoves = 5_000
)

// importSource begins the sources of imported files.
const importSource = "import:"

// SegmentMoves finds who entered and who left a segment, and has it appended to BEHAVIOUR: of people who did something, and
// of everybody now and then. What is so already is folded from the log, all of it up to the latest move by whomever, so
// that each move is appended once, however often the process ends in between and however many servers there are. Of a
// definition that is withdrawn everybody leaves. While there is no definition it reads nothing and remembers nothing.
type SegmentMoves struct {
	source      Source
	segments    *Segments
	applied     func() domain.Cut
	definitions SegmentDefinitions
	mover       Mover
	o           SegmentMovesOptions
}

// NewSegmentMoves looks at the people that segments reads, whose activities stand at the applied cut.
func NewSegmentMoves(
	source Source, segments *Segments, applied func() domain.Cut, definitions SegmentDefinitions, mover Mover, o SegmentMovesOptions,
) *SegmentMoves {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	orElse(&o.Every, time.Second)
	orElse(&o.SweepEvery, time.Hour)
	orElse(&o.Quiet, 5*time.Second)
	orElse(&o.Patience, 10*time.Minute)
	if o.PerSecond <= 0 {
		o.PerSecond = 1_000
	}
	return &SegmentMoves{source: source, segments: segments, applied: applied, definitions: definitions, mover: mover, o: o}
}

func orElse(d *time.Duration, usual time.Duration) {
	if *d <= 0 {
		*d = usual
	}
}

// retryMoves is how long after a failure it is tried again.
const retryMoves = 5 * time.Second

// Run goes on until the context ends, which is no error. While the log is away it tries again; a damaged log is an error.
func (s *SegmentMoves) Run(ctx context.Context) error {
	var w *movesSession // made for the first definition
	for ctx.Err() == nil {
		current, at := s.definitions.InEffect()
		if len(current)+len(s.definitions.Withdrawn()) == 0 {
			_ = s.definitions.WaitFor(ctx, at+1)
			continue
		}
		var err error
		if w == nil {
			w, err = s.begin(ctx)
		}
		if err == nil {
			err = w.follow(ctx)
		}
		if errors.Is(err, domain.ErrEnvelopeCorrupt) || errors.Is(err, domain.ErrChainBroken) {
			return fmt.Errorf("projections: follow who is in which segment: %w", err)
		}
		if ctx.Err() == nil {
			s.o.Log.Warn("who is in which segment is followed no further: trying again", "error", err)
		}
		wait(ctx, retryMoves)
	}
	return nil
}

// begin knows nobody yet.
func (s *SegmentMoves) begin(ctx context.Context) (*movesSession, error) {
	begun, err := ends(ctx, s.source, viewStreams())
	if err != nil {
		return nil, err
	}
	w := &movesSession{SegmentMoves: s, begun: begun, at: begun, changed: map[domain.Alias]struct{}{}}
	w.at[domain.Behaviour] = 0 // all of it says who is where
	return w, nil
}

// follow folds who is where, and looks at people, until something fails.
func (w *movesSession) follow(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	w.due = nil
	arrived := arriving(ctx, w.source, viewStreams(), movesDecoder, w.at)
	tick := time.NewTicker(w.o.Every)
	defer tick.Stop()
	for {
		select {
		case m := <-arrived.messages:
			if m.err != nil {
				return m.err
			}
			w.take(m)
			arrived.done(m)
		case <-tick.C:
			if err := w.plan(ctx); err != nil {
				return err
			}
		case <-ctx.Done():
			return nil
		}
		if err := w.round(ctx); err != nil {
			return err
		}
	}
}

// movesDecoder decodes who an event is about, who is linked, and moves.
func movesDecoder() *leanDecoder {
	whole := &kept{whole: true}
	return &leanDecoder{read: fieldsRead(map[protowire.Number]*kept{2: whole, 6: whole, 25: whole, 26: whole, 40: whole, 41: whole})}
}

// movesSession is what is known since a start.
type movesSession struct {
	*SegmentMoves
	// begun is the log's end at the start: of what stands before, only who is where is folded. at is what is folded.
	begun, at domain.Cut
	members   segment.Members

	// changed are people to look at, in the order in which they did something; sweep are those left of everybody.
	changed map[domain.Alias]struct{}
	order   []domain.Alias
	sweep   []domain.Alias
	swept   time.Time
	// versions are the definitions that everybody was looked at for last.
	versions string

	// taken: no other process moves people, as far as is known.
	taken bool
	// imported is when the last event of an import came, importing since when.
	imported, importing time.Time
	// due is the end of the log that must be folded, here and in the activities, before the next round; nil when none is
	// planned.
	due *domain.Cut
	// later is when after a failure it is tried again.
	later   time.Time
	failing bool
}

// take folds one message.
func (w *movesSession) take(m message) {
	w.at[m.stream] = m.sequence
	old := m.sequence <= w.begun[m.stream]
	for _, r := range m.events {
		if m.stream == domain.Behaviour && w.members.Apply(r) || old {
			continue // a move asks for no look: else two definitions could go on for ever
		}
		if strings.HasPrefix(r.Event.GetSource(), importSource) {
			w.importIs()
		}
		w.look(r.Event.GetAlias())
		if mirrored, is := identity.Mirror(r); is && m.stream == domain.Identity {
			w.look(mirrored.Event.GetAlias())
		}
	}
}

// importIs notes that an import is under way.
func (w *movesSession) importIs() {
	now := w.o.Now()
	if now.Sub(w.imported) > w.o.Quiet {
		w.importing = now
	}
	w.imported = now
}

// look puts an alias among those to look at.
func (w *movesSession) look(raw []byte) {
	alias, err := domain.AliasFromBytes(raw)
	if err != nil {
		return // about nobody
	}
	if _, known := w.changed[alias]; known {
		return
	}
	if len(w.order) == maxChanged {
		w.forget()
		w.swept = time.Time{}
	}
	w.changed[alias] = struct{}{}
	w.order = append(w.order, alias)
}

func (w *movesSession) forget() {
	clear(w.changed)
	w.order = nil
}

// plan decides once a tick whether there is somebody to look at, and up to where the log must be folded for that.
func (w *movesSession) plan(ctx context.Context) error {
	now := w.o.Now()
	if w.due != nil || now.Before(w.later) {
		return nil
	}
	if now.Sub(w.imported) < w.o.Quiet && now.Sub(w.importing) < w.o.Patience {
		return nil
	}
	w.planSweep(now)
	if len(w.order)+len(w.sweep) == 0 {
		return nil
	}
	moved := uint64(0)
	if !w.taken {
		var err error
		if moved, err = w.mover.TakeMoves(ctx); err != nil {
			return err
		}
		w.taken = true
	}
	end, err := ends(ctx, w.source, viewStreams())
	if err != nil {
		return err
	}
	end[domain.Behaviour] = max(end[domain.Behaviour], moved)
	w.due = &end
	return nil
}

// planSweep begins to look at everybody: at the start, for other definitions, and now and then.
func (w *movesSession) planSweep(now time.Time) {
	current, _ := w.definitions.InEffect()
	versions := ""
	for _, d := range current {
		versions += fmt.Sprintf("%s@%d ", d.Definition().ID, d.Version)
	}
	for _, d := range w.definitions.Withdrawn() {
		versions += fmt.Sprintf("%s@%d withdrawn ", d.Definition, d.Version)
	}
	if versions == w.versions && (len(w.sweep) > 0 || now.Sub(w.swept) < w.o.SweepEvery) {
		return
	}
	w.versions, w.swept, w.sweep = versions, now, w.sweep[:0]
	w.segments.activities.Range(func(a domain.Alias, _ []byte) bool {
		w.sweep = append(w.sweep, a)
		return true
	})
}

// ready says whether what is planned can be done: all that the log held then is folded.
func (w *movesSession) ready() bool {
	return w.due != nil && covers(w.at, *w.due) && covers(w.applied(), *w.due) && w.segments.linkedAt() >= w.due[domain.Identity]
}

// round looks at as many people as one tick allows, those who did something first.
func (w *movesSession) round(ctx context.Context) error {
	if !w.ready() {
		return nil
	}
	w.due = nil
	now := w.o.Now()
	r := movesRound{movesSession: w, nowMS: now.UnixMilli(), seen: map[domain.Alias]bool{}}
	current, _ := w.definitions.InEffect()
	for _, d := range current {
		r.compiled = append(r.compiled, d.Compiled)
		r.found = append(r.found, segment.Found{Definition: d.Definition().ID, Version: d.Version})
	}
	r.found = append(r.found, w.definitions.Withdrawn()...)
	err := r.people(max(1, int(float64(w.o.PerSecond)*w.o.Every.Seconds())))
	if err == nil && len(r.moves) > 0 {
		err = w.mover.MoveMembers(ctx, r.moves)
		w.taken = err == nil
	}
	if err == nil {
		w.failing = false
		return nil
	}
	if ctx.Err() != nil {
		return nil
	}
	for _, a := range r.looked { // all of them again: what was appended is known by then
		w.look(a[:])
	}
	w.later = now.Add(retryMoves)
	if !w.failing {
		w.o.Log.Warn("who entered and left segments is not appended: trying again", "error", err)
	}
	w.failing = true
	return nil
}

// movesRound is one round.
type movesRound struct {
	*movesSession
	nowMS    int64
	compiled []*segment.Compiled
	// found are the compiled definitions, then those that are withdrawn.
	found  []segment.Found
	seen   map[domain.Alias]bool
	looked []domain.Alias
	moves  []segment.Move
}

// people takes people from the lists until there are as many, or enough moves.
func (r *movesRound) people(most int) error {
	w := r.movesSession
	for ; most > 0 && len(r.moves) < maxMoves; most-- {
		var alias domain.Alias
		switch {
		case len(w.order) > 0:
			alias, w.order = w.order[0], w.order[1:]
			delete(w.changed, alias)
		case len(w.sweep) > 0:
			alias, w.sweep = w.sweep[len(w.sweep)-1], w.sweep[:len(w.sweep)-1]
			if !w.segments.speaks(alias) {
				continue
			}
		default:
			return nil
		}
		r.looked = append(r.looked, alias)
		if err := r.person(alias); err != nil {
			return err
		}
	}
	return nil
}

// person looks at the person of an alias. One whose activity cannot be read is left as she is: whoever folds says so.
func (r *movesRound) person(alias domain.Alias) error {
	aliases := r.segments.linked.Aliases(alias)
	if r.seen[aliases[0]] {
		return nil
	}
	r.seen[aliases[0]] = true
	in, err := r.segments.Of(alias, r.nowMS, r.compiled)
	if errors.Is(err, ErrView) {
		return err
	}
	if err != nil {
		return nil //nolint:nilerr // as said above
	}
	found := slices.Clone(r.found)
	for i := range in {
		found[i].Segments = in[i]
	}
	r.moves = append(r.moves, r.members.Moves(aliases, found)...)
	return nil
}
