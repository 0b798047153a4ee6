package importer

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	profferv1 "github.com/profferhq/proffer/gateway/api/proffer/v1"
)

// Status is how far an import has come. Bytes are those of the files as they lie on disk (compressed), counted
// once for each time a file is read; the rest counts rows read from sources and verdicts.
type Status struct {
	Source     string `json:"source"`
	BytesDone  int64  `json:"bytes_done"`
	BytesTotal int64  `json:"bytes_total"`
	Rows       uint64 `json:"rows"`
	Items      uint64 `json:"items"`
	Accepted   uint64 `json:"accepted"`
	Duplicates uint64 `json:"duplicates"`
	Rejected   uint64 `json:"rejected"`
}

func (s *Status) count(verdicts []*profferv1.Verdict) {
	s.Items += uint64(len(verdicts))
	for _, v := range verdicts {
		switch v.GetStatus() {
		case profferv1.Verdict_STATUS_ACCEPTED:
			s.Accepted++
		case profferv1.Verdict_STATUS_DUPLICATE:
			s.Duplicates++
		default:
			s.Rejected++
		}
	}
}

// Progress is told now and then how far the import has come.
type Progress func(Status)

// Bar draws a progress line on a terminal.
type Bar struct {
	out     io.Writer
	now     func() time.Time
	started time.Time
	drawn   time.Time
	width   int
}

// redrawEvery keeps the terminal from being the bottleneck.
const redrawEvery = 100 * time.Millisecond

// NewBar starts a bar on a terminal.
func NewBar(out io.Writer, now func() time.Time) *Bar {
	return &Bar{out: out, now: now, started: now()}
}

// Update draws the line anew; it is a Progress.
func (b *Bar) Update(s Status) {
	now := b.now()
	if now.Sub(b.drawn) < redrawEvery {
		return
	}
	b.drawn = now
	b.draw(barLine(s, now.Sub(b.started)))
}

// Clear wipes the line, so that what follows starts on an empty one.
func (b *Bar) Clear() {
	b.draw("")
	b.print("\r")
	b.width = 0
}

func (b *Bar) draw(line string) {
	b.print("\r" + line + strings.Repeat(" ", max(0, b.width-len(line))))
	b.width = len(line)
}

// print leaves errors alone: a terminal that went away must not end an import.
func (b *Bar) print(s string) { _, _ = io.WriteString(b.out, s) }

const barCells = 24

func barLine(s Status, took time.Duration) string {
	share := 0.0
	if s.BytesTotal > 0 {
		share = float64(s.BytesDone) / float64(s.BytesTotal)
	}
	full := int(share * barCells)
	rate := 0.0
	if took > 0 {
		rate = float64(s.Rows) / took.Seconds()
	}
	left := "--:--"
	if share > 0 {
		left = clockText(time.Duration(float64(took) * (1 - share) / share))
	}
	return fmt.Sprintf("[%s%s] %3.0f%%  %d rows  %.0f rows/s  %d new, %d duplicate, %d refused  %s left",
		strings.Repeat("=", full), strings.Repeat(" ", barCells-full), share*100,
		s.Rows, rate, s.Accepted, s.Duplicates, s.Rejected, left)
}

func clockText(d time.Duration) string {
	seconds := int64(d.Round(time.Second) / time.Second)
	if seconds >= 3600 {
		return fmt.Sprintf("%d:%02d:%02d", seconds/3600, seconds/60%60, seconds%60)
	}
	return fmt.Sprintf("%02d:%02d", seconds/60, seconds%60)
}

// IsTerminal says whether a bar makes sense on this file.
func IsTerminal(f *os.File) bool {
	info, err := f.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return false
	}
	null, err := os.Stat(os.DevNull)
	return err != nil || !os.SameFile(info, null)
}
