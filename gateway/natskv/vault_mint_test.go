package natskv

import (
	"testing"
	"time"

	"github.com/profferhq/proffer/domain"
)

func TestMintDrawsGreaterAliasesWhateverTheClock(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 5, 3, 10, 2, 0, 0, time.UTC)
	step := []time.Duration{0, 300 * time.Microsecond, 400 * time.Microsecond, -time.Hour, time.Millisecond}
	i := 0
	m := &mint{now: func() time.Time { i++; at = at.Add(step[i%len(step)]); return at }}
	var last domain.Alias
	for range 300 {
		for _, a := range m.draw(1 + i%3) {
			if a.Compare(last) <= 0 {
				t.Fatal("an alias does not follow the one before")
			}
			last = a
		}
	}
}
