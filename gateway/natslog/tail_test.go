package natslog

import (
	"context"
	"iter"
	"testing"

	"pgregory.net/rapid"

	"github.com/profferhq/proffer/commands/commandstest"
	"github.com/profferhq/proffer/domain"
)

// following is a follower that a test moves on by hand.
func following(t *testing.T, l *Log, from uint64) (next func() uint64, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(testContext(t))
	pull, end := iter.Pull2(l.Follow(ctx, domain.Behaviour, from))
	return func() uint64 {
			t.Helper()
			env, err, ok := pull()
			if err != nil || !ok {
				t.Fatalf("following ended: %v", err)
			}
			return env.Sequence
		}, func() {
			end()
			cancel()
		}
}

func TestFollowersShareOneReading(t *testing.T) { t.Parallel(); followersShare(t, Options{}, 1) }

func TestFollowersAreHandedWhatIsAppendedHere(t *testing.T) {
	t.Parallel()
	followersShare(t, Options{Alone: true}, 0)
}

func followersShare(t *testing.T, o Options, consumers int) {
	t.Helper()
	l := opened(t, connected(t, startEmbedded(t, EmbeddedOptions{Dir: t.TempDir(), Sync: "2m"})), o)
	ctx := testContext(t)
	add := func() {
		_, err := l.Append(ctx, zero, commandstest.Tracked("x"))
		must(t, err, "append")
	}
	add()
	fast, stopFast := following(t, l, 1)
	slow, stopSlow := following(t, l, 1)
	late, stopLate := following(t, l, 2)
	for name, next := range map[string]func() uint64{"fast": fast, "slow": slow} {
		if got := next(); got != 1 {
			t.Fatalf("%s begins at %d, want 1", name, got)
		}
	}
	for want := uint64(2); want <= 3; want++ {
		add()
		for name, next := range map[string]func() uint64{"fast": fast, "slow": slow, "late": late} {
			if got := next(); got != want {
				t.Fatalf("%s got %d, want %d", name, got, want)
			}
		}
	}
	info, err := l.streams[domain.Behaviour].Info(ctx)
	must(t, err, "look at the stream")
	if info.State.Consumers != consumers {
		t.Errorf("three followers have %d consumers, want %d", info.State.Consumers, consumers)
	}
	last := uint64(3 + tailEnvelopes + 50)
	for i := uint64(4); i <= last; i++ { // more than is kept, while slow stands still
		add()
		if got := fast(); got != i {
			t.Fatalf("fast got %d, want %d", got, i)
		}
	}
	for i := uint64(4); i <= last; i++ {
		if got := slow(); got != i {
			t.Fatalf("slow got %d, want %d", got, i)
		}
	}
	stopFast()
	add()
	if got := slow(); got != last+1 {
		t.Errorf("slow got %d after another left, want %d", got, last+1)
	}
	stopSlow()
	stopLate()
	l.tailing.Lock()
	defer l.tailing.Unlock()
	if l.tails[domain.Behaviour] != nil {
		t.Error("nobody follows, and the tail is still read")
	}
}

// What others append all the same is read.
func TestFollowersAloneSeeWhatOthersAppend(t *testing.T) {
	t.Parallel()
	nc := connected(t, startEmbedded(t, EmbeddedOptions{Dir: t.TempDir(), Sync: "2m"}))
	alone, other := opened(t, nc, Options{Alone: true}), opened(t, nc, Options{})
	ctx := testContext(t)
	next, stop := following(t, alone, 1)
	defer stop()
	for want := uint64(1); want <= 6; want++ {
		l := alone
		if want%3 != 0 {
			l = other
		}
		_, err := l.TakeOver(ctx, zero)
		must(t, err, "take over")
		_, err = l.Append(ctx, zero, commandstest.Tracked("x"))
		must(t, err, "append")
		if want%2 == 0 { // two at a time, of which the later may be handed
			for got := want - 1; got <= want; got++ {
				if sequence := next(); sequence != got {
					t.Fatalf("got %d, want %d", sequence, got)
				}
			}
		}
	}
}

// Whatever the order in which envelopes are handed over, and whichever are read instead, each comes once and in order.
func TestATailIsInOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		const first, last = 5, 30
		tail := &tail{changed: make(chan struct{}), handed: make(chan struct{}, 1), next: first, dropped: first - 1, early: map[uint64]domain.Envelope{}}
		var all []uint64
		for sequence := uint64(first - 2); sequence <= last; sequence++ {
			all = append(all, sequence)
		}
		for _, sequence := range rapid.Permutation(all).Draw(t, "handed") {
			if rapid.Bool().Draw(t, "read instead") {
				next, _ := tail.missing()
				for read := next; read <= sequence; read++ {
					tail.mu.Lock()
					tail.put(domain.Envelope{Sequence: read})
					tail.mu.Unlock()
				}
			}
			tail.take(domain.Envelope{Sequence: sequence})
		}
		if next, missing := tail.missing(); next != last+1 || missing || len(tail.recent) != last-first+1 {
			t.Fatalf("%d envelopes, then %d, missing: %v", len(tail.recent), next, missing)
		}
		for i, e := range tail.recent {
			if e.Sequence != uint64(first+i) {
				t.Fatalf("envelope %d is %d", i, e.Sequence)
			}
		}
	})
}
