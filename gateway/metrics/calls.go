package metrics

import (
	"slices"
	"sync/atomic"
	"time"
)

// Calls counts the calls of procedures by what they ended with, and how long they took. It is safe for concurrent use,
// and Ended does not allocate.
type Calls struct {
	// codes are the names of what a call can end with, at the numbers that Ended is told.
	codes      []string
	procedures map[string]*calls
	other      *calls
}

type calls struct {
	ended []atomic.Uint64
	took  Durations
}

// Other is what the calls of unknown procedures are counted as.
const Other = "other"

// NewCalls counts the calls of these procedures; codes name the numbers with which they end.
func NewCalls(procedures, codes []string) *Calls {
	c := &Calls{codes: codes, procedures: map[string]*calls{}, other: &calls{ended: make([]atomic.Uint64, len(codes))}}
	for _, p := range procedures {
		c.procedures[p] = &calls{ended: make([]atomic.Uint64, len(codes))}
	}
	c.procedures[Other] = c.other
	return c
}

// Ended counts a call.
func (c *Calls) Ended(procedure string, code int, took time.Duration) {
	of, known := c.procedures[procedure]
	if !known {
		of = c.other
	}
	if code >= 0 && code < len(of.ended) {
		of.ended[code].Add(1)
	}
	of.took.Observe(took)
}

// Show adds the procedures that were called to a page.
func (c *Calls) Show(p *Page) {
	names := make([]string, 0, len(c.procedures))
	for name := range c.procedures {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		of, any := c.procedures[name], false
		for code := range of.ended {
			if n := of.ended[code].Load(); n > 0 {
				any = true
				p.Add(Requests, float64(n), name, c.codes[code])
			}
		}
		if any {
			p.AddHistogram(Latency, &of.took, name)
		}
	}
}
