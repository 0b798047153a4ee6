package commands

import (
	"sync"
	"time"

	"github.com/profferhq/proffer/domain"
)

// Links knows which aliases stand for one person already.
type Links interface {
	Linked(a, b domain.Alias) bool
}

// recentLinks remembers the links that were appended a moment ago and that Links may not show yet: without it a
// burst of events that name the same two identifiers would link them once each.
type recentLinks struct {
	mu    sync.Mutex
	pairs map[pair]time.Time
}

type pair struct{ a, b domain.Alias }

// How long and how many links are remembered. Links shows a link within milliseconds; after an unlink the pair may
// be linked again once it is forgotten here.
const (
	recentLinkAge = time.Minute
	recentLinkMax = 1 << 16
)

// take says whether the caller is to link the pair: nobody did so recently.
func (r *recentLinks) take(a, b domain.Alias, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.pairs == nil {
		r.pairs = map[pair]time.Time{}
	}
	if at, ok := r.pairs[pair{a, b}]; ok && now.Sub(at) < recentLinkAge {
		return false
	}
	if len(r.pairs) >= recentLinkMax {
		r.forget(now)
	}
	r.pairs[pair{a, b}] = now
	return true
}

// forget drops what is old, or everything when nothing is.
func (r *recentLinks) forget(now time.Time) {
	for p, at := range r.pairs {
		if now.Sub(at) >= recentLinkAge {
			delete(r.pairs, p)
		}
	}
	if len(r.pairs) >= recentLinkMax {
		clear(r.pairs)
	}
}

// drop gives a pair back: its link was not appended.
func (r *recentLinks) drop(a, b domain.Alias) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.pairs, pair{a, b})
}
