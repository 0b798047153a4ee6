package commands

import (
	"container/list"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/identity/match"
)

// recent are the records that were compared last, in clear: at most so many, so that values do not gather in memory.
// A record has about 250 bytes for each of its fields.
type recent struct {
	most  int
	of    map[domain.Alias]*list.Element
	order *list.List // of match.Prepared, the last used first
}

func newRecent(most int) *recent {
	return &recent{most: most, of: map[domain.Alias]*list.Element{}, order: list.New()}
}

func (r *recent) find(a domain.Alias) (match.Prepared, bool) {
	e := r.of[a]
	if e == nil {
		return match.Prepared{}, false
	}
	r.order.MoveToFront(e)
	return e.Value.(match.Prepared), true
}

func (r *recent) put(p match.Prepared) {
	r.drop(p.ID)
	r.of[p.ID] = r.order.PushFront(p)
	if r.order.Len() > r.most {
		r.drop(r.order.Back().Value.(match.Prepared).ID)
	}
}

func (r *recent) drop(a domain.Alias) {
	if e := r.of[a]; e != nil {
		r.order.Remove(e)
		delete(r.of, a)
	}
}
