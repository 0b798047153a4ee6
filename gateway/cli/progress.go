package cli

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// progress draws one line on a terminal: a bar, a count, a rate and the time left. Elsewhere it is silent.
type progress struct {
	w       io.Writer
	unit    string
	started time.Time
	drawn   time.Time
}

func newProgress(w io.Writer, unit string) *progress {
	if !terminal(w) {
		w = nil
	}
	return &progress{w: w, unit: unit, started: time.Now()}
}

// update redraws at most ten times a second.
func (p *progress) update(done, total uint64) {
	now := time.Now()
	if p.w == nil || now.Sub(p.drawn) < 100*time.Millisecond {
		return
	}
	p.drawn = now
	rate := float64(done) / max(now.Sub(p.started).Seconds(), 0.001)
	share, left := 0.0, ""
	if total > 0 {
		share = min(float64(done)/float64(total), 1)
		if rate > 0 && done < total {
			left = (time.Duration(float64(total-done)/rate) * time.Second).Round(time.Second).String() + " left"
		}
	}
	full := int(share * 30)
	fmt.Fprintf(p.w, "\r\x1b[K[%s%s] %d %s  %.0f/s  %s",
		strings.Repeat("=", full), strings.Repeat(" ", 30-full), done, p.unit, rate, left)
}

// finish clears the line.
func (p *progress) finish() {
	if p.w != nil {
		fmt.Fprint(p.w, "\r\x1b[K")
	}
}
