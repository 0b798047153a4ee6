package commands

import (
	"context"
	"fmt"
	"io"
	"iter"
	"slices"
	"sync"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/identity"
)

// intent is one command.
type intent struct {
	// kind keeps the request ids of different commands apart.
	kind   string
	change Change
	// again are the aliases whose claims are played again, all of them when everybody's are; nil needs none.
	again func(*identity.Register) []domain.Alias
	all   bool
	// same says whether an event that is in the log under the request's id is this command's.
	same func(*event.Event) bool
	// decide adds the events to a draft. An empty draft changes nothing.
	decide func(*draft) error
	look   Look
	// told is called with the change as the log has it.
	told func(*changed)
	// effect is called with a draft that is only to be validated, while it stands.
	effect func(*draft)
}

// do carries an intent out.
func (x *IdentityChanges) do(ctx context.Context, in intent) (Outcome, error) {
	if err := in.change.check(); err != nil {
		return Outcome{}, err
	}
	people := x.ports.Recall.People
	people.operator.Lock()
	defer people.operator.Unlock()
	release, err := x.still(ctx)
	if err != nil {
		return Outcome{}, err
	}
	release = sync.OnceFunc(release)
	defer release()
	if err := x.complete(ctx); err != nil {
		return Outcome{}, err
	}
	id, known, err := x.request(in)
	if err != nil {
		return Outcome{}, err
	}
	if known != nil {
		if !in.same(known.event) {
			return Outcome{}, ErrRequestReused
		}
		return in.answer(people, known), nil
	}
	r, unchanged, err := x.decide(ctx, in, id)
	if err != nil || r == nil {
		return Outcome{Unchanged: unchanged}, err
	}
	release()
	return x.written(ctx, in, r, id)
}

// answer tells what the log has of a change.
func (in intent) answer(people *People, c *changed) Outcome {
	if in.told != nil {
		in.told(c)
	}
	if in.look != nil {
		people.Look(in.look)
	}
	return Outcome{At: domain.Place{Stream: domain.Identity, Position: c.at}}
}

// still holds further admissions back and returns when the log and the register agree.
func (x *IdentityChanges) still(ctx context.Context) (release func(), err error) {
	people := x.ports.Recall.People
	people.turn.Lock()
	people.mu.RLock()
	last := people.pending()
	people.mu.RUnlock()
	if last != nil {
		<-last.ended // the log bounds it; how it ends, the register knows
	}
	err = people.certain(ctx, x.ports.Log, x.ports.Recall)
	if err == nil {
		err = x.ports.Recall.CatchUp(ctx, domain.Identity)
	}
	if err != nil {
		people.turn.Unlock()
		return nil, fmt.Errorf("change an identity: %w", err)
	}
	return people.turn.Unlock, nil
}

// request is the id of the event that says the change, and the change if the log has it already.
func (x *IdentityChanges) request(in intent) (eventID, *changed, error) {
	var id eventID
	if in.change.RequestID == "" {
		if _, err := io.ReadFull(x.ports.Random, id[:]); err != nil {
			return id, nil, fmt.Errorf("draw an id: %w", err)
		}
		return id, nil, nil
	}
	id = x.ports.Vault.MessageID(OwnSource, in.kind+"\x00"+in.change.RequestID)
	people := x.ports.Recall.People
	people.mu.RLock()
	defer people.mu.RUnlock()
	return id, people.requests[id], nil
}

// decide makes the draft and has it appended. The round is nil when nothing changes and when the change was only to be
// validated.
func (x *IdentityChanges) decide(ctx context.Context, in intent, id eventID) (r *round, unchanged bool, err error) {
	people := x.ports.Recall.People
	claims, err := x.claims(ctx, in)
	if err != nil {
		return nil, false, err
	}
	people.mu.Lock()
	defer people.mu.Unlock()
	d := &draft{register: people.register, claims: claims, change: in.change, id: id, nowMS: x.ports.Now().UnixMilli()}
	if err := in.decide(d); err != nil {
		d.drop()
		return nil, false, err
	}
	unchanged = len(d.events) == 0
	if in.change.ValidateOnly || unchanged {
		d.shown(in)
		d.drop()
		return nil, unchanged, nil
	}
	return x.send(people, d), false, nil
}

// send has a draft appended; the caller holds the lock.
func (x *IdentityChanges) send(people *People, d *draft) *round {
	d.close()
	r := people.begin(x.sender)
	for _, unit := range d.units() {
		people.add(r, unit...)
	}
	people.run(r)
	return r
}

// written waits until the change is in the log and in the register at its place.
func (x *IdentityChanges) written(ctx context.Context, in intent, r *round, id eventID) (Outcome, error) {
	if err := r.wait(context.WithoutCancel(ctx)); err != nil {
		return Outcome{}, fmt.Errorf("change an identity: %w", err)
	}
	if err := x.ports.Recall.CatchUp(ctx, domain.Identity); err != nil {
		return Outcome{}, fmt.Errorf("change an identity: %w", err)
	}
	people := x.ports.Recall.People
	people.mu.RLock()
	known := people.requests[id]
	people.mu.RUnlock()
	if known == nil {
		return Outcome{}, fmt.Errorf("change an identity: what was appended is not in the log: %w", domain.ErrUnavailable)
	}
	return in.answer(people, known), nil
}

// claims reads what the log holds of the claims that the change plays again: of some aliases, only the envelopes that
// name them or change the guards.
func (x *IdentityChanges) claims(ctx context.Context, in intent) (*identity.Claims, error) {
	people, history := x.ports.Recall.People, x.ports.Recall.history
	people.mu.RLock()
	to := people.register.Applied()
	var aliases []domain.Alias
	if in.again != nil {
		aliases = in.again(people.register)
	}
	sequences := people.places.Of(append(aliases, domain.Alias{}), to)
	people.mu.RUnlock()
	switch {
	case in.all && to == 0:
		return identity.NewClaims(), nil
	case in.all:
		return collected(identity.NewClaims(), history.Read(ctx, domain.Identity, 1, to))
	case len(aliases) == 0:
		return nil, nil
	}
	return collected(identity.ClaimsWithin(aliases), func(yield func(domain.Envelope, error) bool) {
		for _, sequence := range sequences {
			if e, err := history.At(ctx, domain.Identity, sequence); !yield(e, err) || err != nil {
				return
			}
		}
	})
}

// collected are the claims of these envelopes.
func collected(claims *identity.Claims, envelopes iter.Seq2[domain.Envelope, error]) (*identity.Claims, error) {
	for e, err := range envelopes {
		if err != nil {
			return nil, fmt.Errorf("read the claims: %w", err)
		}
		recorded, err := e.Recorded()
		if err != nil {
			return nil, fmt.Errorf("read the claims: %w", err)
		}
		claims.Collect(slices.Values(recorded))
	}
	return claims, nil
}
