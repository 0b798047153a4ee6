package projections_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/feature"
	"github.com/profferhq/proffer/domain/identity"
	"github.com/profferhq/proffer/domain/segment"
	"github.com/profferhq/proffer/projections"
	"github.com/profferhq/proffer/projections/projectionstest"
)

// square is a log with its activities, links and segments in memory, and people who move between segments.
type square struct {
	t     *testing.T
	log   *projectionstest.StreamLog
	views *projectionstest.MemoryViews
	// slow is how long each envelope takes that is followed.
	slow time.Duration
	fold *projections.ViewsProjector

	mu       sync.Mutex
	graph    *identity.Graph
	linkedTo uint64
	defined  []projections.CurrentSegments
	gone     []segment.Found // what is withdrawn
	policy   uint64
	changed  chan struct{}
	begun    time.Time
	every    time.Duration // how often people are looked at
	down     error
	takes    int // how often somebody wanted to be the only one who moves people
	moved    chan []segment.Move
}

func newSquare(t *testing.T) *square {
	t.Helper()
	log, views := projectionstest.NewStreamLog(), projectionstest.NewMemoryViews()
	return &square{
		t: t, log: log, views: views, fold: projections.NewViewsProjector(log, views, nil), graph: identity.NewGraph(),
		changed: make(chan struct{}), begun: time.Now(), every: time.Second, moved: make(chan []segment.Move, 1000),
	}
}

// Blob implements projections.Activities.
func (s *square) Blob(a domain.Alias) ([]byte, *feature.Layout, bool) {
	blob, known := s.views.View(a)
	return blob, nil, known
}

// Range implements projections.Activities.
func (s *square) Range(yield func(domain.Alias, []byte) bool) { s.views.Range(yield) }

// Profile implements projections.Linked.
func (s *square) Profile(a domain.Alias) (domain.Alias, uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.graph.Profile(a), s.linkedTo
}

// Aliases implements projections.Linked.
func (s *square) Aliases(a domain.Alias) []domain.Alias {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.graph.Aliases(a)
}

// InEffect implements projections.SegmentDefinitions.
func (s *square) InEffect() ([]projections.CurrentSegments, uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.defined), s.policy
}

// Withdrawn implements projections.SegmentDefinitions.
func (s *square) Withdrawn() []segment.Found {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.gone)
}

// withdraw takes what is defined out of effect.
func (s *square) withdraw() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gone = []segment.Found{{Definition: "tags", Version: s.defined[0].Version}}
	s.defined = nil
	s.policy++
	close(s.changed)
	s.changed = make(chan struct{})
}

// WaitFor implements projections.SegmentDefinitions.
func (s *square) WaitFor(ctx context.Context, sequence uint64) error {
	for {
		s.mu.Lock()
		reached, changed := s.policy >= sequence, s.changed
		s.mu.Unlock()
		if reached {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// define lets tags take effect as a version: rich is who paid that much, ever.
func (s *square) define(version uint64, amount string) {
	s.t.Helper()
	var features []string
	for _, f := range feature.Core().Specs() {
		features = append(features, f.Name)
	}
	c, err := segment.Compile(segment.Definition{ID: "tags", View: "core@1", Rules: []segment.Rule{
		{Segment: "rich", When: "features.spend_lifetime >= " + amount}, {Segment: "lately", When: "features.spend_7d > 0.0"},
	}}, features)
	if err != nil {
		s.t.Fatal(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.defined, s.gone = []projections.CurrentSegments{{Compiled: c, Version: version}}, nil
	s.policy++
	close(s.changed)
	s.changed = make(chan struct{})
}

// happens appends events, each about its alias, and folds them.
func (s *square) happens(events ...domain.Recorded) {
	s.t.Helper()
	for _, r := range events {
		stream, _ := domain.StreamOf(r.Event)
		at := s.log.Append(domain.Lane{Stream: stream, Key: "0"}, r.Event)
		if stream == domain.Identity {
			s.mu.Lock()
			s.graph.Apply(domain.Recorded{At: domain.Position{Sequence: at}, Event: r.Event})
			s.linkedTo = at
			s.mu.Unlock()
		}
	}
	if err := s.fold.CatchUp(s.t.Context(), nil); err != nil {
		s.t.Fatal(err)
	}
}

// TakeMoves implements projections.Mover.
func (s *square) TakeMoves(context.Context) (uint64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.takes++
	return 0, nil
}

// MoveMembers appends moves as the command does, and folds them.
func (s *square) MoveMembers(ctx context.Context, moves []segment.Move) error {
	s.mu.Lock()
	down := s.down
	s.mu.Unlock()
	if down != nil {
		return down
	}
	for _, m := range moves {
		id := m.ID()
		e := &event.Event{Id: id[:], Alias: m.Alias[:], OccurredMs: s.clock().UnixMilli(), Body: &event.Event_SegmentLeft{
			SegmentLeft: &event.SegmentLeft{Definition: m.Definition, Segment: m.Segment, Version: m.Version},
		}}
		if m.Entered {
			e.Body = &event.Event_SegmentEntered{SegmentEntered: &event.SegmentEntered{Definition: m.Definition, Segment: m.Segment, Version: m.Version}}
		}
		s.log.Append(domain.Lane{Stream: domain.Behaviour, Key: "0"}, e)
	}
	if err := s.fold.CatchUp(ctx, nil); err != nil {
		return err
	}
	s.moved <- moves
	return nil
}

// clock is the bubble's time, from noon on.
func (s *square) clock() time.Time { return time.UnixMilli(noon).Add(time.Since(s.begun)) }

func (s *square) breaks(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.down = err
}

// follows looks at people until the returned function is called.
func (s *square) follows() (stop func()) {
	ctx, cancel := context.WithCancel(s.t.Context())
	ended := make(chan error, 1)
	moves := projections.NewSegmentMoves(slowLog{s.log, s.slow}, projections.NewSegments(s, s, core), s.fold.Applied, s, s,
		projections.SegmentMovesOptions{Now: s.clock, Every: s.every})
	go func() { ended <- moves.Run(ctx) }()
	return func() {
		s.t.Helper()
		cancel()
		if err := <-ended; err != nil {
			s.t.Error(err)
		}
	}
}

// within are all moves of that time, in order: "+1 rich@2" is that 1 entered rich by version 2.
func (s *square) within(d time.Duration) []string {
	s.t.Helper()
	time.Sleep(d)
	synctest.Wait()
	out := []string{}
	for len(s.moved) > 0 {
		for _, m := range <-s.moved {
			sign := "-"
			if m.Entered {
				sign = "+"
			}
			out = append(out, fmt.Sprintf("%s%d %s@%d", sign, m.Alias[15], m.Segment, m.Version))
		}
	}
	slices.Sort(out)
	return out
}

// slowLog is a log that takes its time to be followed.
type slowLog struct {
	*projectionstest.StreamLog
	each time.Duration
}

// Follow implements projections.Source.
func (l slowLog) Follow(ctx context.Context, stream domain.Stream, from uint64) iter.Seq2[domain.Envelope, error] {
	return func(yield func(domain.Envelope, error) bool) {
		for e, err := range l.StreamLog.Follow(ctx, stream, from) {
			if time.Sleep(l.each); !yield(e, err) {
				return
			}
		}
	}
}

// wants fails unless those and no others move within a time.
func (s *square) wants(d time.Duration, moves ...string) {
	s.t.Helper()
	slices.Sort(moves)
	if got := s.within(d); !slices.Equal(moves, got) {
		s.t.Errorf("got %v, want %v", got, moves)
	}
}

// inTheSquare runs a test in time of its own.
func inTheSquare(t *testing.T, test func(s *square)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { test(newSquare(t)) })
}

func joined(n, other byte, at int64) domain.Recorded {
	a, b := alias(n), alias(other)
	return domain.Recorded{Event: &event.Event{Alias: a[:], OccurredMs: at, Body: &event.Event_IdentityLinked{IdentityLinked: &event.IdentityLinked{Other: b[:], Rule: "identify", Posterior: 1}}}}
}

func parted(n, other byte, at int64) domain.Recorded {
	a, b := alias(n), alias(other)
	return domain.Recorded{Event: &event.Event{Alias: a[:], OccurredMs: at, Body: &event.Event_IdentityUnlinked{IdentityUnlinked: &event.IdentityUnlinked{Other: b[:], Rule: "operator"}}}}
}

const soon = 3 * time.Second

// Whoever was in a segment of a definition that is withdrawn leaves it, also when the process ends before it has said so.
func TestEverybodyLeavesWhatIsWithdrawn(t *testing.T) {
	inTheSquare(t, func(s *square) {
		s.happens(bought(1, noon, 0, 60e6), bought(2, noon, 0, 150e6))
		s.define(3, "100.0")
		stop := s.follows()
		s.wants(soon, "+1 lately@3", "+2 lately@3", "+2 rich@3")
		stop()
		s.withdraw()
		stop = s.follows()
		s.wants(soon, "-1 lately@3", "-2 lately@3", "-2 rich@3")
		s.happens(bought(1, noon, 0, 90e6))
		s.wants(2 * time.Hour) // they do not leave again
		s.define(4, "100.0")
		s.wants(soon, "+1 lately@4", "+1 rich@4", "+2 lately@4", "+2 rich@4")
		s.withdraw()
		s.wants(soon, "-1 lately@4", "-1 rich@4", "-2 lately@4", "-2 rich@4")
		stop()
	})
}

func TestPeopleEnterAndLeaveSegments(t *testing.T) {
	inTheSquare(t, func(s *square) {
		const soon = 3 * time.Minute
		s.every = time.Minute
		s.happens(bought(1, noon, 0, 60e6), bought(2, noon, 0, 150e6))
		stop := s.follows()
		s.wants(time.Hour)
		s.define(1, "100.0")
		s.wants(soon, "+1 lately@1", "+2 lately@1", "+2 rich@1")

		s.happens(bought(1, noon, 0, 60e6)) // somebody does something
		s.wants(soon, "+1 rich@1")
		s.define(2, "140.0") // another version moves the difference
		s.wants(soon, "-1 rich@2")
		s.happens(joined(1, 2, noon)) // together they are in what either entered
		s.wants(soon)
		s.wants(8*24*time.Hour, "-1 lately@2", "-2 lately@2") // nothing happens, and windows move: the sweep sees it
		s.happens(parted(1, 2, noon))                         // apart again, each is in what it entered: 2 is rich still
		s.wants(soon)
		stop()

		stop = s.follows() // after a restart nobody enters twice
		s.wants(2 * time.Hour)
		s.happens(bought(3, s.clock().UnixMilli(), 0, 1e6))
		s.wants(soon, "+3 lately@2")
		stop()
	})
}

func TestALinkedPersonEntersByTheProfile(t *testing.T) {
	inTheSquare(t, func(s *square) {
		s.happens(bought(1, noon, 0, 60e6), bought(2, noon, 0, 60e6), joined(1, 2, noon))
		s.define(1, "100.0")
		stop := s.follows()
		s.wants(soon, "+1 lately@1", "+1 rich@1")
		s.happens(parted(1, 2, noon)) // neither is rich alone; 2 has bought lately
		s.wants(soon, "-1 rich@1", "+2 lately@1")
		stop()
	})
}

func TestAnImportIsLookedAtWhenItIsOver(t *testing.T) {
	inTheSquare(t, func(s *square) {
		s.define(1, "100.0")
		stop := s.follows()
		s.wants(soon)
		for n := range byte(20) {
			r := bought(2, noon-int64(n), 0, 30e6)
			r.Event.Source = "import:shop/orders.csv"
			s.happens(r)
			s.wants(2 * time.Second)
		}
		s.wants(8*time.Second, "+2 lately@1", "+2 rich@1")
		for range 11 * 60 { // one that never ends is looked at all the same
			r := bought(3, noon, 0, 1e6)
			r.Event.Source = "import:shop/orders.csv"
			s.happens(r)
			time.Sleep(time.Second)
		}
		s.wants(0, "+3 lately@1", "+3 rich@1")
		stop()
	})
}

func TestNobodyIsLookedAtBeforeTheLogIsFolded(t *testing.T) {
	inTheSquare(t, func(s *square) {
		for n := range byte(5) {
			s.happens(bought(n, noon, 0, 1e6))
		}
		s.define(1, "100.0")
		stop := s.follows()
		s.wants(soon, "+0 lately@1", "+1 lately@1", "+2 lately@1", "+3 lately@1", "+4 lately@1")
		stop()
		s.slow = time.Minute // who is where is known in ten minutes
		stop = s.follows()
		s.wants(time.Hour)
		stop()
	})
}

func TestMovesThatCannotBeAppendedAreNotLost(t *testing.T) {
	inTheSquare(t, func(s *square) {
		s.breaks(errors.New("the lane is another's"))
		s.happens(bought(1, noon, 0, 60e6))
		s.define(1, "100.0")
		stop := s.follows()
		s.wants(time.Minute)
		s.breaks(nil)
		s.wants(time.Minute, "+1 lately@1")
		stop()
		if s.takes < 2 {
			s.t.Error("after a failure somebody was moved without knowing all moves")
		}
	})
}

func TestALogThatIsAwayIsFollowedWhenItIsBack(t *testing.T) {
	inTheSquare(t, func(s *square) {
		s.define(1, "100.0")
		stop := s.follows()
		s.happens(bought(1, noon, 0, 60e6))
		s.wants(soon, "+1 lately@1")
		s.log.SetDown(true)
		s.wants(time.Minute)
		s.log.SetDown(false)
		s.happens(bought(1, noon, 0, 60e6))
		s.wants(time.Minute, "+1 rich@1")
		stop()
	})
}

// However many there are, a second looks at a thousand.
func TestASweepIsBounded(t *testing.T) {
	inTheSquare(t, func(s *square) {
		const people = 2500
		for n := range people {
			r := bought(0, noon, 0, 1e6)
			r.Event.Alias[0], r.Event.Alias[1] = byte(n), byte(n>>8)
			s.log.Append(domain.Lane{Stream: domain.Behaviour, Key: "0"}, r.Event)
		}
		s.happens()
		stop := s.follows()
		s.define(1, "100.0")
		for second, want := range []int{1000, 1000, 500, 0} {
			if got := len(s.within(time.Second)); got != want {
				t.Errorf("second %d: %d entered, want %d", second, got, want)
			}
		}
		stop()
	})
}

// What is folded from the log is what the definition says, of everybody, whatever happened.
func TestTheLogSaysWhoIsWhere(t *testing.T) {
	inTheSquare(t, func(s *square) {
		s.every = time.Minute
		s.define(1, "100.0")
		stop := s.follows()
		for n := range byte(30) {
			s.happens(bought(n, s.clock().UnixMilli(), 0, int64(n)*10e6))
			if n%3 == 2 {
				s.happens(joined(n-1, n, noon))
			}
			if n%7 == 6 {
				s.define(uint64(n), fmt.Sprintf("%d.0", 10*int(n)))
				s.happens(parted(n-4, n-5, noon), joined(n-6, n, noon))
			}
			time.Sleep(9 * time.Hour)
		}
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		stop()
		members := new(segment.Members)
		for e, err := range s.log.Read(s.t.Context(), domain.Behaviour, 1, 1<<20) {
			if err != nil {
				s.t.Fatal(err)
			}
			events, err := e.Recorded()
			if err != nil {
				s.t.Fatal(err)
			}
			for _, r := range events {
				members.Apply(r)
			}
		}
		current, _ := s.InEffect()
		people := 0
		err := projections.NewSegments(s, s, core).Everybody(s.t.Context(), s.clock().UnixMilli(), []*segment.Compiled{current[0].Compiled}, func(p domain.Alias, in [][]string) {
			people++
			if got := members.Of(s.Aliases(p), "tags"); !slices.Equal(got, in[0]) {
				t.Errorf("%d is in %v; the log says %v", p[15], in[0], got)
			}
		})
		if err != nil || people < 15 {
			s.t.Fatal(people, err)
		}
	})
}
