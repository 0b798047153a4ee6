package natslog

import (
	"context"
	"iter"
	"testing"

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

func TestFollowersShareOneReading(t *testing.T) {
	t.Parallel()
	l := opened(t, connected(t, startEmbedded(t, EmbeddedOptions{Dir: t.TempDir(), Sync: "2m"})), Options{})
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
	if info.State.Consumers != 1 {
		t.Errorf("three followers have %d consumers, want 1", info.State.Consumers)
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
