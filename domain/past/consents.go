package past

import (
	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/consent"
	"github.com/profferhq/proffer/domain/event"
)

// Consents is what people stated about purposes, as of any cut of IDENTITY.
type Consents struct {
	said map[domain.Alias][]consent.Statement
}

// Add takes an event of IDENTITY; others than statements are passed over.
func (c *Consents) Add(r domain.Recorded) {
	alias, s, ok := consent.Of(r.Event, r.At)
	if !ok {
		return
	}
	if c.said == nil {
		c.said = map[domain.Alias][]consent.Statement{}
	}
	c.said[alias] = append(c.said[alias], s)
}

// Seen is what a decision at a cut saw of each purpose, about a profile of these aliases.
func (c *Consents) Seen(aliases []domain.Alias, purposes []string, cut uint64) []*event.SeenConsent {
	if len(purposes) == 0 {
		return nil
	}
	book := consent.NewBook()
	for _, a := range aliases {
		for _, s := range c.said[a] {
			if s.At.Sequence <= cut {
				book.Take(a, s)
			}
		}
	}
	return book.Seen(aliases, purposes)
}
