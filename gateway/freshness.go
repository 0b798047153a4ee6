package gateway

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/profferhq/proffer/decider"
	"github.com/profferhq/proffer/domain"
)

// freshness measures how far the views are behind what this server has appended: how long the oldest event that
// they may lack has been in the log.
type freshness struct {
	now func() time.Time

	mu       sync.Mutex
	appended domain.Cut
	applied  domain.Cut
	behind   time.Time // since when; zero when the views have everything
}

// appendedTo notes a position that the log has acknowledged.
func (f *freshness) appendedTo(stream domain.Stream, sequence uint64) {
	if stream > domain.Outcome || stream == domain.Decision {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.appended[stream] = max(f.appended[stream], sequence)
	if f.behind.IsZero() && f.applied[stream] < sequence {
		f.behind = f.now()
	}
}

// appliedTo notes the cut that the views have reached.
func (f *freshness) appliedTo(cut domain.Cut) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.applied = cut
	for s, sequence := range f.appended {
		if cut[s] < sequence {
			return
		}
	}
	f.behind = time.Time{}
}

// Staleness is zero when the views have everything that this server has appended.
func (f *freshness) Staleness() time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.behind.IsZero() {
		return 0
	}
	return f.now().Sub(f.behind)
}

// deciding is the decider with the freshness of what it knows.
type deciding struct {
	*decider.Decider
	*freshness
	health func(context.Context) error
}

// lookWithin bounds the look at the log after a request's time has ended.
const lookWithin = 250 * time.Millisecond

// Decide implements rpc.Deciding. When a request's time ends it makes a difference to the caller why: too slow, or
// a log that is away.
func (d deciding) Decide(ctx context.Context, r decider.Request) (decider.Answer, error) {
	answer, err := d.Decider.Decide(ctx, r)
	if !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, decider.ErrNotYetVisible) {
		return answer, err
	}
	look, cancel := context.WithTimeout(context.WithoutCancel(ctx), lookWithin)
	defer cancel()
	return answer, errors.Join(err, d.health(look))
}
