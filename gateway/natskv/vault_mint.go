package natskv

import (
	"crypto/rand"
	"slices"
	"sync"
	"time"

	"github.com/profferhq/proffer/domain"
)

// mint draws aliases, each greater than all it drew before.
type mint struct {
	now func() time.Time

	mu   sync.Mutex
	last domain.Alias
}

func (m *mint) draw(n int) []domain.Alias {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := make([]domain.Alias, 0, n)
	at := m.now()
	if last := aliasTime(m.last); at.UnixMilli() <= last.UnixMilli() {
		at = last.Add(time.Millisecond) // within one millisecond the order would be chance
	}
	for range n {
		var random [10]byte
		rand.Read(random[:])
		out = append(out, domain.NewAlias(at, random))
	}
	slices.SortFunc(out, domain.Alias.Compare)
	if n > 0 {
		m.last = out[n-1]
	}
	return out
}

// aliasTime is the millisecond an alias was drawn in; the zero alias is the epoch.
func aliasTime(a domain.Alias) time.Time {
	ms := int64(0)
	for _, b := range a[:6] {
		ms = ms<<8 | int64(b)
	}
	return time.UnixMilli(ms)
}
