package decidertest

import (
	"context"
	"sort"
	"testing"
	"time"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
)

func (l *Log) now() time.Time {
	if l.Now != nil {
		return l.Now()
	}
	return time.Now()
}

// LastBy is that of decider.Times.
func (l *Log) LastBy(_ context.Context, s domain.Stream, at time.Time) (uint64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	times := l.times[s]
	return uint64(sort.Search(len(times), func(i int) bool { return times[i].After(at) })), nil
}

// TimedLog is a log that knows when its entries were appended.
type TimedLog interface {
	Append(ctx context.Context, lane domain.Lane, events ...*event.Event) (domain.Position, error)
	LastBy(ctx context.Context, stream domain.Stream, at time.Time) (uint64, error)
}

// RunTimesSuite runs the conformance suite of decider.Times; open makes an empty log on this machine's clock.
func RunTimesSuite(t *testing.T, open func(t *testing.T) TimedLog) {
	t.Run("nothing was appended to an empty stream", func(t *testing.T) {
		t.Parallel()
		wantLastBy(t, open(t), time.Now().Add(time.Hour), 0)
	})
	t.Run("the last entry by a time is the one appended before it", func(t *testing.T) {
		t.Parallel()
		log := open(t)
		between := []time.Time{strictlyLater()}
		for range 9 {
			at := time.Now()
			e := Purchased("ann", at, 1)
			if _, err := log.Append(t.Context(), domain.LaneOf(domain.Behaviour, Named("ann"), 1), e); err != nil {
				t.Fatalf("append: %v", err)
			}
			between = append(between, strictlyLater())
		}
		for n, at := range between {
			wantLastBy(t, log, at, uint64(n))
		}
		wantLastBy(t, log, between[0].Add(-time.Hour), 0)
		wantLastBy(t, log, time.Now().Add(time.Hour), 9)
	})
}

func wantLastBy(t *testing.T, log TimedLog, at time.Time, want uint64) {
	t.Helper()
	if got, err := log.LastBy(t.Context(), domain.Behaviour, at); err != nil || got != want {
		t.Errorf("the last entry by then is %d (%v), want %d", got, err, want)
	}
}

// strictlyLater is a time later than all before the call and earlier than all after it.
func strictlyLater() time.Time {
	start := time.Now()
	for {
		if now := time.Now(); now.After(start) {
			for later := time.Now(); ; later = time.Now() {
				if later.After(now) {
					return now
				}
			}
		}
	}
}
