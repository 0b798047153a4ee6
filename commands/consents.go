package commands

import (
	"context"
	"crypto/sha256"
	"fmt"
	"strconv"

	"github.com/profferhq/proffer/domain/consent"
	"github.com/profferhq/proffer/domain/event"
)

// Consent is yes or no to one purpose.
type Consent struct {
	Purpose string
	Given   bool
}

// Deciding is who decides by what people consent to.
type Deciding interface {
	// WaitFor returns when decisions follow IDENTITY up to a sequence, or with the context's error.
	WaitFor(ctx context.Context, sequence uint64) error
}

// MaxConsents is how many an item may state.
const MaxConsents = 50

// checkConsents: an item of type consent states exactly one.
func checkConsents(c *checked) *Refusal {
	list := c.item.Consents
	switch {
	case c.item.Type == TypeConsent && len(list) == 0:
		return Refuse(ReasonMissingPurpose, "purpose", "it is required")
	case c.item.Type == TypeConsent && len(list) > 1:
		return Refuse(ReasonTooManyValues, "consents", "an event of this type states one")
	case c.item.Type == TypeOffer && len(list) > 0:
		return Refuse(ReasonMissingIdentifier, "consents", "an offer says nothing about a person")
	case len(list) > MaxConsents:
		return Refuse(ReasonTooManyValues, "consents", "at most "+strconv.Itoa(MaxConsents))
	}
	for _, s := range list {
		if !consent.ValidPurpose(s.Purpose) {
			return Refuse(ReasonInvalidPurpose, "purpose", "a purpose is a short word of lower-case letters, digits, '.', '_' and '-'")
		}
	}
	return nil
}

// stated says which of an item's consents are to be kept: not one that is older than what was said since, and of an item
// that only says them along only what differs from what its alias says. The caller holds the lock, or reads under it.
func (p *People) stated(c *call, i int) []Consent {
	ok := c.checked[i]
	if len(ok.item.Consents) == 0 {
		return nil
	}
	alias, saidMS := c.aliases[i][0], min(ok.occurredMS, c.t.receivedMS)
	person := p.register.Graph().Aliases(alias)
	var out []Consent
	for _, s := range ok.item.Consents {
		own, said := p.register.Consents().Said(alias, s.Purpose)
		holds, _ := p.register.Consents().Of(person, s.Purpose)
		late := said && own.SaidMS > saidMS || s.Given && holds.SaidMS > saidMS
		again := ok.item.Type != TypeConsent && said && own.Given == s.Given
		if !late && !again {
			out = append(out, s)
		}
	}
	return out
}

// state has what an item says about consent appended with what else is decided; the caller holds the lock.
func (in *Ingest) state(c *call, r *round, i int) {
	people := in.ports.Recall.People
	stated := people.stated(c, i)
	if c.checked[i].item.Type == TypeConsent {
		if len(stated) == 0 { // something later is known: it adds nothing
			c.events[i].event, c.claims[i].known = nil, true
			return
		}
		c.events[i].unit = people.add(r, c.events[i].event)
		c.stated = append(c.stated, c.events[i].unit)
		return
	}
	var events []*event.Event
	for _, s := range stated {
		e := c.translation(i).event(c.checked[i], c.aliases[i][0])
		e.Id = consentID(c.messages[i], s.Purpose)
		e.Body = consentStated(s)
		events = append(events, e)
	}
	if len(events) > 0 {
		c.stated = append(c.stated, people.add(r, events...))
	}
}

// followed returns when decisions follow what the call has stated, which is durable: nothing that is decided after its
// answer relies on a consent that it withdrew.
func (in *Ingest) followed(ctx context.Context, c *call) error {
	last := uint64(0)
	for _, u := range c.stated {
		last = max(last, u.at.Sequence)
	}
	if last == 0 || in.ports.Deciding == nil {
		return nil
	}
	if err := in.ports.Deciding.WaitFor(ctx, last); err != nil {
		return fmt.Errorf("wait for decisions to follow a consent: %w", err)
	}
	return nil
}

// consentID is the id of what a message says along about a purpose.
func consentID(message [16]byte, purpose string) []byte {
	sum := sha256.Sum256(append([]byte("proffer consent\x00"+purpose+"\x00"), message[:]...))
	return sum[:len(eventID{})]
}

func consentStated(s Consent) *event.Event_ConsentStated {
	return &event.Event_ConsentStated{ConsentStated: &event.ConsentStated{
		Purpose: s.Purpose, Given: s.Given, Rule: consent.RuleSource,
	}}
}
