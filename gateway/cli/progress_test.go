package cli

import (
	"bytes"
	"testing"
	"time"

	"github.com/profferhq/proffer/gateway/importer"
)

func TestProgressShowsRateAndTimeLeft(t *testing.T) {
	t.Parallel()
	now := time.Unix(0, 0)
	var out bytes.Buffer
	show := startProgress(&out, func() time.Time { return now }, "rows")
	now = now.Add(10 * time.Second)
	importLine(show)(importer.Status{BytesDone: 25, BytesTotal: 100, Rows: 5000, Accepted: 4000, Duplicates: 900, Rejected: 100})
	want := "\r\x1b[K[======                  ]  25%  5000 rows  500/s  4000 new, 900 duplicate, 100 refused  00:30 left"
	if got := out.String(); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	show.update(26, 100)
	if got := out.String(); got != want {
		t.Errorf("drawn again within a moment: %q", got)
	}
	show.finish()
	if got := out.String(); got != want+"\r\x1b[K" {
		t.Errorf("not wiped: %q", got)
	}
}
