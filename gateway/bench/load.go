package bench

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// call is one request; n counts from 0 over all workers.
type call func(ctx context.Context, n uint64) error

// measured is what a load saw.
type measured struct {
	calls     int
	elapsed   time.Duration
	latencies []time.Duration // ascending
}

func (m measured) perSecond() float64 { return float64(m.calls) / m.elapsed.Seconds() }

// quantile in milliseconds.
func (m measured) quantile(q float64) float64 {
	if len(m.latencies) == 0 {
		return 0
	}
	at := min(int(q*float64(len(m.latencies))), len(m.latencies)-1)
	return float64(m.latencies[at]) / float64(time.Millisecond)
}

// closedLoop keeps that many calls under way for a while.
func closedLoop(ctx context.Context, concurrency int, stretch time.Duration, c call) (measured, error) {
	until := time.Now().Add(stretch)
	return inTurn(ctx, concurrency, func(_ uint64, now time.Time) bool { return now.Before(until) }, c)
}

// fixedLoop makes that many calls, some of them at a time.
func fixedLoop(ctx context.Context, concurrency int, calls uint64, c call) (measured, error) {
	return inTurn(ctx, concurrency, func(n uint64, _ time.Time) bool { return n < calls }, c)
}

// inTurn keeps that many calls under way as long as there is to be one more.
func inTurn(ctx context.Context, concurrency int, more func(n uint64, now time.Time) bool, c call) (measured, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var next atomic.Uint64
	seen := make([][]time.Duration, concurrency)
	started := time.Now()
	var workers sync.WaitGroup
	for w := range concurrency {
		workers.Go(func() {
			for ctx.Err() == nil {
				n, before := next.Add(1)-1, time.Now()
				if !more(n, before) {
					return
				}
				if err := c(ctx, n); err != nil {
					cancel(fmt.Errorf("a call failed: %w", err))
					return
				}
				seen[w] = append(seen[w], time.Since(before))
			}
		})
	}
	workers.Wait()
	return finish(ctx, started, seen)
}

// openLoop starts calls at a fixed rate whatever becomes of the ones before, and measures each from the moment it
// should have started: a stall is seen by every call that it delays.
func openLoop(ctx context.Context, perSecond float64, workers int, stretch time.Duration, c call) (measured, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	total := int(perSecond * stretch.Seconds())
	interval := time.Duration(float64(time.Second) / perSecond)
	due := make(chan int, total)
	seen := make([][]time.Duration, workers)
	started := time.Now()
	var running sync.WaitGroup
	for w := range workers {
		running.Go(func() {
			for n := range due {
				if err := c(ctx, uint64(n)); err != nil {
					cancel(fmt.Errorf("a call failed: %w", err))
					return
				}
				seen[w] = append(seen[w], time.Since(started.Add(time.Duration(n)*interval)))
			}
		})
	}
	for n := range total {
		if wait := time.Until(started.Add(time.Duration(n) * interval)); wait > 0 {
			time.Sleep(wait)
		}
		if ctx.Err() != nil {
			break
		}
		due <- n
	}
	close(due)
	running.Wait()
	return finish(ctx, started, seen)
}

func finish(ctx context.Context, started time.Time, seen [][]time.Duration) (measured, error) {
	m := measured{elapsed: time.Since(started), latencies: slices.Concat(seen...)}
	slices.Sort(m.latencies)
	m.calls = len(m.latencies)
	return m, context.Cause(ctx)
}
