package commands

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"slices"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/identity"
)

// say claims or proposes what was found, one after another, and waits until all is in the log.
func (s *matchSession) say(ctx context.Context, matches []found) error {
	var rounds []*round
	for _, f := range matches {
		doubtful, err := s.contradicted(ctx, f)
		if err != nil {
			return err
		}
		r, err := s.decide(ctx, f, doubtful)
		if err != nil {
			return err
		}
		if r != nil {
			rounds = append(rounds, r)
		}
	}
	for _, r := range rounds {
		if err := r.wait(ctx); err != nil {
			return err
		}
	}
	return nil
}

// decide lets the guards decide on a pair and has the outcome appended. The round is what to wait for, nil for
// nothing: what says nothing new relies on what others are appending.
func (s *matchSession) decide(ctx context.Context, f found, doubtful bool) (*round, error) {
	people := s.of.ports.Recall.People
	people.turn.RLock()
	defer people.turn.RUnlock()
	if err := people.lockCertain(ctx, s.of.ports.Log, s.of.ports.Recall); err != nil {
		return nil, err
	}
	defer people.mu.Unlock()
	events := s.events(people, f, doubtful)
	if len(events) == 0 {
		return people.pending(), nil
	}
	r := people.begin(s.of.sender)
	people.add(r, events...)
	people.run(r)
	return r, nil
}

// events are what a pair adds to the log; the caller holds the lock.
func (s *matchSession) events(people *People, f found, doubtful bool) []*event.Event {
	if settled(people.register, f.first, f.second) || s.reviewed(people.register, f) {
		return nil
	}
	now := s.of.ports.Now().UnixMilli()
	claim, stamp := s.claim(f, now), s.stamp(f, now)
	var events []*event.Event
	switch {
	case f.match.Posterior >= s.of.ports.LinkedFrom && !doubtful:
		admission := people.register.Admit(claim)
		people.alarm(&admission)
		events = admission.Events(stamp)
	case s.wanted(people.register, f):
		events = []*event.Event{proposal(claim, stamp)}
	}
	return slices.DeleteFunc(events, func(e *event.Event) bool {
		_, done := s.done[eventID(e.GetId())]
		return done
	})
}

// reviewed says whether a person answered about the pair since their records last changed.
func (s *matchSession) reviewed(register *identity.Register, f found) bool {
	review, known := register.Reviewed(f.first, f.second)
	if !known {
		return false
	}
	if review.At == (domain.Position{}) {
		return true // it is being appended
	}
	return review.At.After(s.traits.at(f.first)) && review.At.After(s.traits.at(f.second))
}

// wanted says whether a person is to be asked about the pair: not while their profiles are barred from one another, and
// not when this model asked about the two profiles already. One question is enough for two people, however many records
// they have.
func (s *matchSession) wanted(register *identity.Register, f found) bool {
	if len(register.BarsBetween(f.first, f.second)) > 0 {
		return false
	}
	seconds := s.latest(register.Graph().Aliases(f.second), f.second, askedAmong)
	for _, a := range s.latest(register.Graph().Aliases(f.first), f.first, askedAmong) {
		for _, b := range seconds {
			asked, known := register.Proposed(a, b)
			if known && asked.Evidence.GetMatch().GetModelVersion() == s.version {
				return false
			}
		}
	}
	return true
}

// askedAmong is among how many records of each profile an open question is looked for.
const askedAmong = 32

// claim is what was found.
func (s *matchSession) claim(f found, nowMS int64) identity.Claim {
	evidence := &event.LinkEvidence{Match: f.match.Event(s.name, s.version)}
	for _, at := range s.traits.positions(f.first, f.second) {
		evidence.Positions = append(evidence.Positions, at.Proto())
	}
	return identity.Claim{
		Named: []identity.Named{
			{Alias: f.first, Type: s.kindOf(f.first)}, {Alias: f.second, Type: s.kindOf(f.second)},
		},
		Rule: identity.RuleMatch, AtMS: nowMS, Posterior: f.match.Posterior, Evidence: evidence,
	}
}

// kindOf is the type of an alias's identifier.
func (s *matchSession) kindOf(a domain.Alias) string {
	if d := s.sightings.find(a); d != nil {
		return d.kind
	}
	return s.traits.kindOf(a)
}

// stamp gives events ids that depend on the pair, the model and the records that were compared: found again, the same
// has the same id.
func (s *matchSession) stamp(f found, nowMS int64) identity.Stamp {
	b := []byte("proffer match\x00")
	b = binary.BigEndian.AppendUint64(b, s.version)
	b = append(append(b, f.first[:]...), f.second[:]...)
	for _, at := range s.traits.positions(f.first, f.second) {
		b = binary.BigEndian.AppendUint64(b, at.Sequence)
		b = binary.BigEndian.AppendUint32(b, at.Index)
	}
	sum := sha256.Sum256(b)
	return identity.Stamp{
		ID:         func(p identity.Part) []byte { return decidedID(sum[:], p) },
		OccurredMS: nowMS, ReceivedMS: nowMS, Source: matchSource,
	}
}

// proposal asks a person about a claim.
func proposal(c identity.Claim, stamp identity.Stamp) *event.Event {
	first, second := c.Named[0], c.Named[1]
	return &event.Event{
		Id:    stamp.ID(identity.Part{Kind: 'p', First: first.Alias, Second: second.Alias}),
		Alias: slices.Clone(first.Alias[:]), AliasType: first.Type,
		OccurredMs: stamp.OccurredMS, ReceivedMs: stamp.ReceivedMS, Source: stamp.Source,
		Body: &event.Event_MatchProposed{MatchProposed: &event.MatchProposed{
			Other: slices.Clone(second.Alias[:]), OtherType: second.Type, Posterior: c.Posterior, Evidence: c.Evidence,
		}},
	}
}
