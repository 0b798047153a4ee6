package past

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/identity"
)

// told is what a log in memory says, and what of it was read.
type told struct {
	places identity.Places
	all    []domain.Recorded
	read   int
}

func (l *told) say(r domain.Recorded) {
	l.all = append(l.all, r)
	l.places.Observe(r)
}

// around reads what Around asks for, up to a sequence, and no more.
func (l *told) around(a *Around, to uint64) []domain.Recorded {
	for {
		whole, marks := a.Next()
		if len(whole)+len(marks) == 0 {
			return a.Events()
		}
		sequences := l.places.Marks(marks, to)
		if len(whole) > 0 {
			sequences = l.places.Of(whole, to)
		}
		var events []domain.Recorded
		for _, r := range l.all {
			if slices.Contains(sequences, r.At.Sequence) {
				events = append(events, r)
			}
		}
		l.read += len(events)
		a.Add(events)
	}
}

func registerOf(events []domain.Recorded, to uint64) *identity.Register {
	r := identity.NewRegister()
	for _, e := range events {
		if e.At.Sequence <= to {
			r.Apply(e)
		}
	}
	return r
}

// seenAt is all that can be told of one person at a cut.
func seenAt(r *identity.Register, a domain.Alias) string {
	g := r.Graph()
	out := fmt.Sprint(g.Profile(a), g.Mark(a), g.Households(g.Profile(a)), g.Size(a))
	for _, m := range g.Aliases(a) {
		out += fmt.Sprintf("\n%v %v %v", m, g.Mark(m), r.WithheldOf(m))
		for _, e := range g.Edges(m) {
			out += fmt.Sprintf("\n  %v %v", e, g.Mark(e.Other))
		}
	}
	for _, b := range r.BarsBetween(a, a) {
		out += fmt.Sprintf("\n%v", b)
	}
	return out
}

// claiming plays what people and operators do against a register as commands do it, so that guards, limits, bars and
// reviews have their say, and tells the log what comes of it.
type claiming struct {
	log      told
	register *identity.Register
	claims   *identity.Claims
	end      domain.Position
	ids      byte
}

// append puts events into the last envelope.
func (c *claiming) append(events ...*event.Event) {
	for _, e := range events {
		c.end.Index++
		r := domain.Recorded{At: c.end, Event: e}
		c.register.Apply(r)
		c.claims.Apply(r)
		c.log.say(r)
	}
}

func (c *claiming) stamp() identity.Stamp {
	return identity.Stamp{ID: func(identity.Part) []byte { c.ids++; return []byte{c.ids, 15: byte(c.end.Sequence)} }}
}

var kinds = []string{identity.UserID, identity.Email, identity.DeviceID}

func (c *claiming) person(t *rapid.T, people int, label string) identity.Named {
	n := rapid.IntRange(0, people-1).Draw(t, label)
	return identity.Named{Alias: someone(n), Type: kinds[n%len(kinds)]}
}

func (c *claiming) act(t *rapid.T, people int) {
	if c.end.Sequence == 0 || rapid.Bool().Draw(t, "next envelope") {
		c.end = domain.Position{Sequence: c.end.Sequence + 1}
	}
	x, y := c.person(t, people, "x"), c.person(t, people, "y")
	about := &event.Event{Alias: x.Alias[:], AliasType: x.Type}
	switch rapid.IntRange(0, 9).Draw(t, "act") {
	case 0, 1, 2, 3:
		rule := rapid.SampledFrom([]string{identity.RuleIdentify, identity.RuleAlias, identity.RuleMatch}).Draw(t, "rule")
		a := c.register.Admit(identity.Claim{Named: []identity.Named{x, y, c.person(t, people, "z")}, Rule: rule, Posterior: 1})
		c.append(a.Events(c.stamp())...)
	case 4, 5:
		about.Body = &event.Event_IdentityUnlinked{IdentityUnlinked: &event.IdentityUnlinked{
			Other: y.Alias[:], Rule: rapid.SampledFrom([]string{identity.RuleOperator, identity.RuleGuards}).Draw(t, "rule"),
		}}
		c.append(about)
	case 6:
		about.Body = &event.Event_IdentityBarred{IdentityBarred: &event.IdentityBarred{
			Other: y.Alias[:], OtherType: y.Type, Lifted: rapid.Bool().Draw(t, "lifted"),
		}}
		c.append(about)
	case 7:
		mark := rapid.SampledFrom([]identity.Mark{identity.Unmarked, identity.Shared, identity.Blocked}).Draw(t, "mark")
		about.Body = &event.Event_AliasMarked{AliasMarked: &event.AliasMarked{Mark: mark.Proto(), Rule: identity.RuleOperator}}
		c.append(about)
	case 8:
		if rapid.Bool().Draw(t, "proposed") {
			about.Body = &event.Event_MatchProposed{MatchProposed: &event.MatchProposed{Other: y.Alias[:], OtherType: y.Type, Posterior: 0.5}}
		} else {
			about.Body = &event.Event_MatchReviewed{MatchReviewed: &event.MatchReviewed{
				Other: y.Alias[:], OtherType: y.Type, Confirmed: rapid.Bool().Draw(t, "confirmed"),
			}}
		}
		c.append(about)
	default:
		document := &event.IdentityGuards{ProfileMost: uint32(rapid.IntRange(2, 8).Draw(t, "most"))}
		for _, kind := range kinds {
			document.Types = append(document.Types, &event.IdentifierGuard{
				Type: kind, Most: uint32(rapid.IntRange(0, 2).Draw(t, "limit")), SharedAbove: uint32(rapid.IntRange(0, 3).Draw(t, "shared above")),
			})
		}
		guards, err := identity.NewGuards(document)
		if err != nil {
			t.Fatal(err)
		}
		change := c.claims.Realign(guards)
		c.append(append([]*event.Event{{Body: &event.Event_GuardsChanged{GuardsChanged: &event.GuardsChanged{
			Guards: document, Version: c.end.Sequence,
		}}}}, change.Events(c.stamp())...)...)
	}
}

// Whatever is claimed, taken back, barred, reviewed, marked, and brought in line with other guards: what Around finds
// says of anybody at any cut what a fold of everything up to it says.
func TestAroundSaysWhatAFoldOfEverythingSays(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		people := rapid.IntRange(2, 12).Draw(t, "people")
		c := claiming{register: identity.NewRegister(), claims: identity.NewClaims()}
		for range rapid.IntRange(0, 40).Draw(t, "acts") {
			c.act(t, people)
		}
		for cut := range c.end.Sequence + 1 { // each prefix
			want := registerOf(c.log.all, cut)
			for n := range people {
				alias := someone(n)
				got := registerOf(c.log.around(NewAround(alias, true, cut), cut), cut)
				if diff := cmp.Diff(seenAt(want, alias), seenAt(got, alias)); diff != "" {
					t.Fatalf("the person %d at %d (-fold of everything +around):\n%s", n, cut, diff)
				}
			}
		}
		for n := range people {
			first := rapid.Uint64Range(0, c.end.Sequence).Draw(t, "first cut")
			second := rapid.Uint64Range(0, c.end.Sequence).Draw(t, "second cut")
			links := NewLinks()
			for _, r := range c.log.around(NewAround(someone(n), false, first, second), max(first, second)) {
				links.Add(r.At.Sequence, r.Event)
			}
			for _, cut := range []uint64{first, second} {
				want := registerOf(c.log.all, cut).Graph().Aliases(someone(n))
				if diff := cmp.Diff(want, links.Profile(someone(n), cut)); diff != "" {
					t.Fatalf("the aliases of %d at %d of %d and %d (-want +got):\n%s", n, cut, first, second, diff)
				}
			}
		}
	})
}

// Somebody who is linked to a kiosk is found without reading what the kiosk's other visitors did there.
func TestAroundAPersonAtAKioskReadsLittle(t *testing.T) {
	t.Parallel()
	l := told{}
	kiosk := someone(0)
	say := func(sequence int, e *event.Event) {
		l.say(domain.Recorded{At: domain.Position{Sequence: uint64(sequence)}, Event: e})
	}
	for n := range 200 {
		say(n+1, rebuiltLink(n+1, 0))
	}
	say(201, &event.Event{Alias: kiosk[:], Body: &event.Event_AliasMarked{AliasMarked: &event.AliasMarked{Mark: identity.Shared.Proto()}}})
	l.around(NewAround(someone(7), false, 201), 201)
	if l.read > 4 { // what names the person, and the mark; a place or two too many are told now and then
		t.Errorf("%d events were read", l.read)
	}
	if got := registerOf(l.around(NewAround(someone(7), true, 201), 201), 201).Graph().Households(someone(7)); len(got) != 1 || len(got[0].Profiles) != 200 {
		t.Errorf("households: %v", got)
	}
}

// Given whole envelopes, Around takes of them only what it asked for: of an alias whose mark was lifted beside a link of
// the person, the mark comes first.
func TestAroundTakesOnlyWhatItAskedFor(t *testing.T) {
	t.Parallel()
	b := someone(2)
	marked := func(m identity.Mark) *event.Event {
		return &event.Event{Alias: b[:], Body: &event.Event_AliasMarked{AliasMarked: &event.AliasMarked{Mark: m.Proto()}}}
	}
	l := told{}
	for _, r := range []domain.Recorded{
		{At: domain.Position{Sequence: 1}, Event: marked(identity.Shared)},
		{At: domain.Position{Sequence: 2}, Event: marked(identity.Unmarked)},
		{At: domain.Position{Sequence: 2, Index: 1}, Event: rebuiltLink(1, 2)},
		{At: domain.Position{Sequence: 3}, Event: rebuiltLink(2, 3)},
	} {
		l.say(r)
	}
	got := registerOf(l.around(NewAround(someone(1), false, 3), 3), 3).Graph().Aliases(someone(1))
	if diff := cmp.Diff([]domain.Alias{someone(1), b, someone(3)}, got); diff != "" {
		t.Errorf("aliases (-want +got):\n%s", diff)
	}
}
