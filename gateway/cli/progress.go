package cli

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// progress draws one line on a terminal: a bar, what has been done, and the time left. Elsewhere it is silent.
type progress struct {
	out     io.Writer // nil draws nothing
	now     func() time.Time
	started time.Time
	drawn   time.Time
	unit    string
}

const (
	// redrawEvery keeps the terminal from being the bottleneck.
	redrawEvery = 100 * time.Millisecond
	barCells    = 24
)

func newProgress(w io.Writer, unit string) *progress {
	if !terminal(w) {
		w = nil
	}
	return startProgress(w, time.Now, unit)
}

func startProgress(w io.Writer, now func() time.Time, unit string) *progress {
	return &progress{out: w, now: now, started: now(), unit: unit}
}

// update draws how many of the unit are done.
func (p *progress) update(done, total uint64) {
	share := 0.0
	if total > 0 {
		share = float64(done) / float64(total)
	}
	p.draw(share, func(took time.Duration) string {
		return fmt.Sprintf("%d %s  %.0f/s", done, p.unit, perSecond(done, took))
	})
}

// draw draws the line anew: the share that is done, 0 when it is not known, and a text of what that is.
func (p *progress) draw(share float64, text func(took time.Duration) string) {
	if p.out == nil {
		return
	}
	now := p.now()
	if now.Sub(p.drawn) < redrawEvery {
		return
	}
	p.drawn = now
	took := now.Sub(p.started)
	share = min(max(share, 0), 1)
	left := "--:--"
	if share > 0 {
		left = clockText(time.Duration(float64(took) * (1 - share) / share))
	}
	full := int(share * barCells)
	fmt.Fprintf(p.out, "\r\x1b[K[%s%s] %3.0f%%  %s  %s left",
		strings.Repeat("=", full), strings.Repeat(" ", barCells-full), share*100, text(took), left)
}

// finish clears the line.
func (p *progress) finish() {
	if p.out != nil {
		fmt.Fprint(p.out, "\r\x1b[K")
	}
}

func perSecond(n uint64, took time.Duration) float64 {
	return float64(n) / max(took.Seconds(), 0.001)
}

func clockText(d time.Duration) string {
	seconds := int64(d.Round(time.Second) / time.Second)
	if seconds >= 3600 {
		return fmt.Sprintf("%d:%02d:%02d", seconds/3600, seconds/60%60, seconds%60)
	}
	return fmt.Sprintf("%02d:%02d", seconds/60, seconds%60)
}

// terminal says whether w is one, so that progress may be drawn.
func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return false
	}
	null, err := os.Stat(os.DevNull)
	return err != nil || !os.SameFile(info, null)
}
