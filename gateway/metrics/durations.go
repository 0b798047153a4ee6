package metrics

import (
	"sync/atomic"
	"time"
)

// bounds are the upper bounds of a histogram's buckets.
var bounds = [...]time.Duration{
	500 * time.Microsecond, time.Millisecond, 2500 * time.Microsecond, 5 * time.Millisecond, 10 * time.Millisecond,
	25 * time.Millisecond, 50 * time.Millisecond, 100 * time.Millisecond, 250 * time.Millisecond, 500 * time.Millisecond,
	time.Second, 2500 * time.Millisecond, 5 * time.Second, 10 * time.Second,
}

// Durations is a histogram of how long something took. The zero Durations is empty; it is safe for concurrent use, and
// Observe does not allocate.
type Durations struct {
	buckets [len(bounds) + 1]atomic.Uint64
	nanos   atomic.Int64
}

// Observe counts one.
func (d *Durations) Observe(took time.Duration) {
	i := 0
	for i < len(bounds) && took > bounds[i] {
		i++
	}
	d.buckets[i].Add(1)
	d.nanos.Add(int64(took))
}

// read is how many there were in each bucket alone, the last without a bound, and their sum.
func (d *Durations) read() (counts [len(bounds) + 1]uint64, sum time.Duration) {
	for i := range d.buckets {
		counts[i] = d.buckets[i].Load()
	}
	return counts, time.Duration(d.nanos.Load())
}
