package commandstest

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"testing"
	"time"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
)

// Log is all that a log of the product does.
type Log interface {
	Append(ctx context.Context, lane domain.Lane, events ...*event.Event) (domain.Position, error)
	AppendAt(ctx context.Context, lane domain.Lane, end uint64, events ...*event.Event) (domain.Position, error)
	Enqueue(lane domain.Lane, events ...*event.Event) (Pending, error)
	EnqueueIn(lane domain.Lane, term uint64, events ...*event.Event) (Pending, error)
	Term(lane domain.Lane) (uint64, error)
	TakeOver(ctx context.Context, lane domain.Lane) (uint64, error)
	Lanes() int
	Read(ctx context.Context, stream domain.Stream, from, to uint64) iter.Seq2[domain.Envelope, error]
	ReadLane(ctx context.Context, lane domain.Lane, from, to uint64) iter.Seq2[domain.Envelope, error]
	Follow(ctx context.Context, stream domain.Stream, from uint64) iter.Seq2[domain.Envelope, error]
	Last(ctx context.Context, stream domain.Stream) (uint64, error)
	At(ctx context.Context, stream domain.Stream, sequence uint64) (domain.Envelope, error)
}

// Harness is an empty log of two lanes and what a test can do to it. It belongs to one test.
type Harness struct {
	// Log is one owner's end.
	Log Log
	// Rival opens the same log as another owner.
	Rival func() Log
	// Put stores bytes as the lane's next message past every check.
	Put func(lane domain.Lane, data []byte)
	// LoseReplies drops the next n answers of the log to its first owner: what was sent took effect, its
	// owner hears nothing. Nil where no answer can be lost.
	LoseReplies func(n int)
	// Restart stops the log while it is in use, starts it again and returns a new owner's end. Nil where nothing
	// outlives the process.
	Restart func() Log
}

// patience bounds every wait of the suite.
const patience = 60 * time.Second

// RunLogSuite runs the conformance suite; open makes a new empty log for each test.
func RunLogSuite(t *testing.T, open func(t *testing.T) Harness) {
	for _, c := range []struct {
		name string
		test func(*testing.T, context.Context, Harness)
	}{
		{"appends of one lane stand in the order of the calls", testOrder},
		{"events of one call stand next to one another", testContiguity},
		{"what is enqueued is the log's own copy", testOwnCopy},
		{"a stale owner is refused until it takes over", testFence},
		{"an append at the stream's end is refused once any lane goes on", testStreamEnd},
		{"of two appends at one end of the stream one is taken", testOneEnd},
		{"a failure begins a new term", testTerm},
		{"an append whose acknowledgements were lost is in the log once", testLostReplies},
		{"a restart in mid batch keeps what was acknowledged", testRestart},
		{"the largest envelope is taken and read again", testLargest},
		{"too large is refused and nothing is appended", testTooLarge},
		{"events of another stream are refused", testWrongStream},
		{"a corrupt envelope is named and ends the reading", testCorrupt},
		{"a broken chain is named and ends the reading", testBrokenChain},
		{"reading is bounded by a cut", testCut},
		{"a lane is read alone", testLane},
		{"following wakes up and ends with its context", testFollow},
		{"one envelope is got by its place", testAt},
		{"equal events in two lanes are two envelopes", testEqualEvents},
		{"lanes by key are lanes of their own", testKeyedLanes},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := open(t)
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			defer cancel()
			c.test(t, ctx, h)
		})
	}
}

// RunRestart runs the suite's restart alone, for a log whose restart would disturb the suite's other tests.
func RunRestart(t *testing.T, h Harness) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	testRestart(t, ctx, h)
}

var (
	laneZero = domain.Lane{Stream: domain.Behaviour, Key: "0"}
	laneOne  = domain.Lane{Stream: domain.Behaviour, Key: "1"}
)

// Tracked makes a BEHAVIOUR event with this name.
func Tracked(format string, args ...any) *event.Event {
	return &event.Event{Body: &event.Event_Tracked{Tracked: &event.Tracked{Name: fmt.Sprintf(format, args...)}}}
}

// named is what a test wants to find: a name at a position of a lane.
type named struct {
	Lane domain.Lane
	At   domain.Position
	Name string
}

// collect reads a pass to its end or error.
func collect(pass iter.Seq2[domain.Envelope, error]) ([]named, error) {
	var out []named
	for env, err := range pass {
		if err != nil {
			return out, err
		}
		recorded, err := env.Recorded()
		if err != nil {
			return out, err
		}
		for _, r := range recorded {
			out = append(out, named{env.Lane, r.At, r.Event.GetTracked().GetName()})
		}
	}
	return out, nil
}

// all reads a whole stream, which must succeed.
func all(t *testing.T, ctx context.Context, l Log, s domain.Stream) []named {
	t.Helper()
	got, err := collect(l.Read(ctx, s, 1, math.MaxUint64))
	if err != nil {
		t.Fatalf("read the whole of %s: %v", s, err)
	}
	return got
}

// ofLane leaves the names of one lane.
func ofLane(events []named, lane domain.Lane) []string {
	var names []string
	for _, e := range events {
		if e.Lane == lane {
			names = append(names, e.Name)
		}
	}
	return names
}

// appended appends, which must succeed.
func appended(t *testing.T, ctx context.Context, l Log, lane domain.Lane, events ...*event.Event) domain.Position {
	t.Helper()
	at, err := l.Append(ctx, lane, events...)
	if err != nil {
		t.Fatalf("append to %s: %v", lane.Subject(), err)
	}
	return at
}

func wantError(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("got error %v, want %v", err, want)
	}
}
