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
	outage outage
	counts *decided
}

// Decide implements rpc.Deciding.
func (d deciding) Decide(ctx context.Context, r decider.Request) (decider.Answer, error) {
	answer, err := d.Decider.Decide(ctx, r)
	if err == nil && !r.ValidateOnly {
		d.counts.count(answer.Record)
	}
	if errors.Is(err, decider.ErrNotYetVisible) {
		return answer, err
	}
	return answer, d.outage.or(ctx, err)
}
