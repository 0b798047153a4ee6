package consent

import (
	"slices"
	"strings"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
)

// Book is what everybody last said about each purpose. It holds those who said something only, and does not depend on
// the order in which statements are applied. It is for one goroutine at a time: its owner guards it. Its readers may run
// side by side.
type Book struct {
	said map[domain.Alias][]Statement
	// names holds each purpose once.
	names map[string]string
}

// NewBook is before the first statement.
func NewBook() *Book {
	return &Book{said: map[domain.Alias][]Statement{}, names: map[string]string{}}
}

// Apply takes an event of IDENTITY.
func (b *Book) Apply(r domain.Recorded) {
	if alias, s, ok := Of(r.Event, r.At); ok {
		b.Take(alias, s)
	}
}

// Take makes a statement an alias's last about its purpose, unless that is a later one.
func (b *Book) Take(alias domain.Alias, s Statement) {
	if known, has := b.Said(alias, s.Purpose); !has || s.supersedes(known) {
		b.Put(alias, s)
	}
}

// Put makes a statement an alias's last about its purpose, whatever was before.
func (b *Book) Put(alias domain.Alias, s Statement) {
	name, known := b.names[s.Purpose]
	if !known {
		name = strings.Clone(s.Purpose)
		b.names[name] = name
	}
	s.Purpose = name
	if i := b.index(alias, s.Purpose); i >= 0 {
		b.said[alias][i] = s
		return
	}
	b.said[alias] = append(b.said[alias], s)
}

// Remove leaves an alias without a statement about a purpose.
func (b *Book) Remove(alias domain.Alias, purpose string) {
	i := b.index(alias, purpose)
	if i < 0 {
		return
	}
	if b.said[alias] = slices.Delete(b.said[alias], i, i+1); len(b.said[alias]) == 0 {
		delete(b.said, alias)
	}
}

func (b *Book) index(alias domain.Alias, purpose string) int {
	return slices.IndexFunc(b.said[alias], func(s Statement) bool { return s.Purpose == purpose })
}

// Said is what an alias itself last said about a purpose; false when it never did.
func (b *Book) Said(alias domain.Alias, purpose string) (Statement, bool) {
	if i := b.index(alias, purpose); i >= 0 {
		return b.said[alias][i], true
	}
	return Statement{}, false
}

// Of is what holds for a profile of these aliases; false when none of them ever said anything about the purpose.
func (b *Book) Of(aliases []domain.Alias, purpose string) (latest Statement, ever bool) {
	for _, a := range aliases {
		if s, said := b.Said(a, purpose); said && (!ever || s.supersedes(latest)) {
			latest, ever = s, true
		}
	}
	return latest, ever
}

// All is what holds for a profile of these aliases, ascending by purpose.
func (b *Book) All(aliases []domain.Alias) []Statement {
	var purposes []string
	for _, a := range aliases {
		for _, s := range b.said[a] {
			purposes = append(purposes, s.Purpose)
		}
	}
	slices.Sort(purposes)
	purposes = slices.Compact(purposes)
	out := make([]Statement, len(purposes))
	for i, p := range purposes {
		out[i], _ = b.Of(aliases, p)
	}
	return out
}

// Seen is what a decision about these aliases sees of each purpose, in the order of the purposes; nil when it asks for
// none.
func (b *Book) Seen(aliases []domain.Alias, purposes []string) []*event.SeenConsent {
	if len(purposes) == 0 {
		return nil
	}
	out := make([]*event.SeenConsent, len(purposes))
	for i, p := range purposes {
		out[i] = &event.SeenConsent{Purpose: p}
		if s, ever := b.Of(aliases, p); ever {
			out[i].State, out[i].At = s.State(), s.At.Proto()
		}
	}
	return out
}
