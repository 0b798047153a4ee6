package commands

import (
	"bytes"
	"context"
	"crypto/sha256"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/identity"
)

// SetMatching puts a model into effect.
type SetMatching struct {
	Name string
	// Document is canonical JSON; empty turns matching off.
	Document []byte
	Change   Change
}

// maxModelBytes leaves room in the envelope.
const maxModelBytes = domain.MaxEnvelopeBytes - 8<<10

// SetMatching puts a model into effect as the next version, unless the same is in effect; the model that is in effect
// then is returned beside the outcome. It fails with ErrModelInvalid, the errors of a change and those of the log.
func (x *IdentityChanges) SetMatching(ctx context.Context, m SetMatching) (*event.MatchModelChanged, Outcome, error) {
	if m.Name == "" || checkText("name", m.Name) != nil || len(m.Document) > maxModelBytes {
		return nil, Outcome{}, ErrModelInvalid
	}
	people := x.ports.Recall.People
	digest := sha256.Sum256(m.Document)
	next := &event.MatchModelChanged{
		Name: m.Name, Digest: digest[:], DocumentJson: bytes.Clone(m.Document), Reason: m.Change.Reason, Actor: m.Change.Actor,
	}
	outcome, err := x.do(ctx, intent{
		kind: "matching", change: m.Change,
		same: func(e *event.Event) bool {
			return bytes.Equal(e.GetMatchModelChanged().GetDigest(), digest[:]) && e.GetMatchModelChanged().GetName() == m.Name
		},
		decide: func(d *draft) error {
			now := people.model // do holds the lock
			next.Version = now.GetVersion() + 1
			unchanged := now.GetName() == m.Name && bytes.Equal(now.GetDigest(), digest[:])
			if unchanged || len(m.Document) == 0 && len(now.GetDocumentJson()) == 0 {
				return nil
			}
			d.add(identity.Named{}, &event.Event{Body: &event.Event_MatchModelChanged{MatchModelChanged: next}})
			return nil
		},
	})
	if err != nil {
		return nil, outcome, err
	}
	if m.Change.ValidateOnly && !outcome.Unchanged {
		return next, outcome, nil
	}
	return people.MatchModel(), outcome, nil
}
