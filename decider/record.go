package decider

import (
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/feature"
)

// ErrRecord is wrapped when a record is not one that a decider writes.
var ErrRecord = errors.New("decider: not a decision's record")

// Digest is the SHA-256 of a record's canonical bytes: what replay compares.
func Digest(d *event.Decision) domain.Hash { return sha256.Sum256(domain.Canonical(d)) }

// InputOf is what a recorded decision was made from, but for the models: a record names them by their digests. It fails
// with ErrRecord.
func InputOf(d *event.Decision) (Input, error) {
	var ids [3]domain.Alias
	for i, b := range [][]byte{d.GetId(), d.GetProfile(), d.GetRequestedAlias()} {
		id, err := domain.AliasFromBytes(b)
		if err != nil {
			return Input{}, fmt.Errorf("%w: id, profile or alias: %w", ErrRecord, err)
		}
		ids[i] = id
	}
	return Input{
		ID: ids[0], NowMS: d.GetNowMs(), Profile: ids[1], Requested: ids[2],
		Aliases: d.GetAliases(), Placement: d.GetPlacement(), Context: d.GetContext(), Cut: d.GetCut(),
		PolicyVersion: d.GetPolicyVersion(), Vector: d.GetVector(), Contacts: d.GetContacts(),
		Segments: d.GetSegments(), Consents: d.GetConsents(),
	}, nil
}

// eventOf is a record as an event: about the alias that asked, whose contact it is.
func eventOf(d *event.Decision) *event.Event {
	e := &struct {
		event.Event
		body event.Event_Decision
	}{body: event.Event_Decision{Decision: d}}
	e.Id, e.Alias = d.GetId(), d.GetRequestedAlias()
	e.OccurredMs, e.ReceivedMs, e.Source, e.Channel = d.GetNowMs(), d.GetNowMs(), "proffer", d.GetChannel()
	e.Body = &e.body
	return &e.Event
}

// contactOf is the contact that a DECISION event is for its alias; nil for none. It is what the fold of an activity
// makes of the event, without folding: a test holds the two together.
func contactOf(e *event.Event) *event.Contact {
	d := e.GetDecision()
	if d.GetOffer() == "" {
		return nil
	}
	return &event.Contact{
		TimeMs:  domain.TimeOf(e),
		Channel: cmp.Or(d.GetChannel(), e.GetChannel()), Category: d.GetCategory(), Offer: d.GetOffer(),
	}
}

// knownContacts puts contacts into the order of a record: by time, then by what they say. Of more than an activity
// keeps, the latest stay.
func knownContacts(contacts []*event.Contact) []*event.Contact {
	slices.SortFunc(contacts, func(x, y *event.Contact) int {
		return cmp.Or(
			cmp.Compare(x.GetTimeMs(), y.GetTimeMs()), cmp.Compare(x.GetChannel(), y.GetChannel()),
			cmp.Compare(x.GetCategory(), y.GetCategory()), cmp.Compare(x.GetOffer(), y.GetOffer()),
		)
	})
	return contacts[max(0, len(contacts)-feature.MaxContacts):]
}
