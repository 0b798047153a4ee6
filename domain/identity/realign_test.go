package identity_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/identity"
)

func sharing(deviceAbove uint32) *event.IdentityGuards {
	return documentOf(0, guardOf(identity.UserID, 1, 0), guardOf(identity.Email, 0, 5), guardOf(identity.DeviceID, 0, deviceAbove))
}

func TestAKioskIsTheSameWhenTheLimitIsLoweredAfterwards(t *testing.T) {
	t.Parallel()
	const people = 200
	b := newBook(sharing(0))
	logins(b, people)
	b.profile(t, user(1), device(0))
	r := b.realign(t, 2, sharing(5))
	kiosk(t, b, people)
	if len(r.Marks) != 1 || r.Marks[0].Mark != identity.Shared || len(r.Links) != people-1 || r.Splits != 1 || r.Profiles != 1 {
		t.Errorf("marks %d, links %d, splits %d, profiles %d", len(r.Marks), len(r.Links), r.Splits, r.Profiles)
	}
	r = b.realign(t, 3, sharing(0))
	b.profile(t, user(1), device(0))
	if len(r.TakenBack) != people-1 || len(b.Withheld()) != people-1 || r.Merges != 1 || b.Graph().Mark(device(0).Alias) != identity.Unmarked {
		t.Errorf("taken back %d, withheld %d, merges %d", len(r.TakenBack), len(b.Withheld()), r.Merges)
	}
	b.realign(t, 4, sharing(5))
	kiosk(t, b, people)
}

func TestASuperProfileSplitsWhenALimitComes(t *testing.T) {
	t.Parallel()
	b := newBook(documentOf(0))
	logins(b, 20)
	if b.Graph().Size(device(0).Alias) != 21 {
		t.Fatal("without guards the device joins everybody")
	}
	r := b.realign(t, 2, sharing(5))
	kiosk(t, b, 20)
	if len(r.Regroupings) != 1 || len(r.Regroupings[0].Before) != 1 || len(r.Regroupings[0].After) != 21 || len(r.Affected) != 20 {
		t.Errorf("regroupings %d, affected %d", len(r.Regroupings), len(r.Affected))
	}
}

func TestAPreviewChangesNothing(t *testing.T) {
	t.Parallel()
	b := newBook(documentOf(0))
	logins(b, 20)
	c, guards := b.claims(), mustGuards(t, sharing(5))
	first := c.Realign(guards)
	second := c.Realign(guards)
	if diff := cmp.Diff(first.Affected, second.Affected); diff != "" || len(first.Events(b.stamp())) != len(second.Events(b.stamp())) {
		t.Errorf("the second preview differs: %s", diff)
	}
	if again := c.Realign(nil); !again.Empty() {
		t.Error("the guards of a preview stayed in effect")
	}
}

func mustGuards(t *testing.T, document *event.IdentityGuards) *identity.Guards {
	t.Helper()
	g, err := identity.NewGuards(document)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func TestABarWithinAProfileWithdrawsTheLatestClaimThatJoins(t *testing.T) {
	t.Parallel()
	b := newBook(documentOf(0))
	b.claim(identity.RuleIdentify, user(1), cookie(2))
	b.claim(identity.RuleIdentify, user(3), cookie(2))
	b.claim(identity.RuleIdentify, user(3), cookie(4))
	b.claim(identity.RuleIdentify, user(1), cookie(4)) // already one person: not in the log
	bar := withID(barred(user(1), user(3), false), 1)
	c := identity.ClaimsWithin(b.Graph().Aliases(user(1).Alias))
	c.Collect(b.log())
	r := c.Realign(nil, bar)
	if diff := cmp.Diff([][2]domain.Alias{{alias(2), alias(3)}}, pairsOfEnds(r.TakenBack)); diff != "" {
		t.Error(diff)
	}
	b.append(bar)
	b.append(r.Events(b.stamp())...)
	b.profile(t, user(1), cookie(2))
	b.profile(t, user(3), cookie(4))
	if w := b.Withheld(); len(w) != 1 || w[0].Guard != identity.GuardBarred {
		t.Errorf("withheld = %+v", w)
	}
	lifted := withID(barred(user(1), user(3), true), 2)
	r = b.claims().Realign(nil, lifted)
	b.append(lifted)
	b.append(r.Events(b.stamp())...)
	b.profile(t, user(1), cookie(2), user(3), cookie(4))
}

func pairsOfEnds(links []identity.Link) [][2]domain.Alias {
	pairs := pairsOf(links)
	for i, p := range pairs {
		if p[1].Compare(p[0]) < 0 {
			pairs[i] = [2]domain.Alias{p[1], p[0]}
		}
	}
	return pairs
}

func TestWhatAnOperatorTookBackStaysTakenBack(t *testing.T) {
	t.Parallel()
	b := newBook(documentOf(0))
	b.claim(identity.RuleIdentify, user(1), cookie(2))
	b.claim(identity.RuleIdentify, user(1), email(3))
	b.append(unlinkedBy(identity.RuleOperator, cookie(2), user(1)))
	for version := range uint64(3) {
		b.realign(t, version+2, sharing(uint32(version)))
		b.profile(t, cookie(2))
		b.profile(t, user(1), email(3))
	}
}

func TestAnOperatorsMarkStays(t *testing.T) {
	t.Parallel()
	b := newBook(documentOf(0))
	logins(b, 3)
	b.append(markedBy(identity.RuleOperator, device(0), identity.Shared))
	b.realign(t, 2, sharing(100))
	b.profile(t, user(1))
	b.profile(t, user(2))
	// Lifting it plays the claims again: the limit of one user id a profile holds.
	lift := withID(markedBy(identity.RuleOperator, device(0), identity.Unmarked), 1)
	r := b.claims().Realign(nil, lift)
	b.append(lift)
	b.append(r.Events(b.stamp())...)
	b.profile(t, user(1), device(0))
	b.profile(t, user(2))
}

func TestAStricterLimitWithdrawsAndALooserAdmits(t *testing.T) {
	t.Parallel()
	b := newBook(documentOf(0))
	b.claim(identity.RuleIdentify, user(1), email(3))
	b.claim(identity.RuleIdentify, user(2), email(3))
	b.profile(t, user(1), user(2), email(3))
	b.realign(t, 2, identity.DefaultGuards())
	b.profile(t, user(1), email(3))
	b.profile(t, user(2))
	b.realign(t, 3, documentOf(0))
	b.profile(t, user(1), user(2), email(3))
}

func TestIdentifiersOfOneMessageArePlayedAsOneClaim(t *testing.T) {
	t.Parallel()
	b := newBook(documentOf(0))
	b.claim(identity.RuleIdentify, user(1), email(5))
	b.claim(identity.RuleIdentify, user(2), email(6), cookie(7))
	b.claim(identity.RuleIdentify, user(2), email(5), cookie(8))
	b.realign(t, 2, identity.DefaultGuards())
	// The cookie is the weakest of the message that would join two user ids: it is left out first, then the e-mail.
	b.profile(t, user(2), email(6), cookie(7))
	b.profile(t, cookie(8))
	b.profile(t, user(1), email(5))
}

// tell writes a log in short, for a failing property.
func (b *book) tell() string {
	var out strings.Builder
	for _, r := range b.events {
		e := r.Event
		fmt.Fprintf(&out, "%d %T", r.At.Sequence, e.GetBody())
		if a, err := domain.AliasFromBytes(e.GetAlias()); err == nil {
			fmt.Fprintf(&out, " %d", a[15])
		}
		fmt.Fprintf(&out, " %.200v\n", e.GetBody())
	}
	return out.String()
}

var kinds = []string{identity.UserID, identity.Email, identity.DeviceID, identity.AnonymousID}

func drawNamed(t *rapid.T, label string) identity.Named {
	n := rapid.IntRange(0, 15).Draw(t, label)
	return named(kinds[n%len(kinds)], n)
}

func drawDocument(t *rapid.T) *event.IdentityGuards {
	d := documentOf(uint32(rapid.SampledFrom([]int{0, 3, 6}).Draw(t, "profile_most")))
	for _, kind := range rapid.Permutation(kinds).Draw(t, "order") {
		d.Types = append(d.Types, guardOf(kind, uint32(rapid.IntRange(0, 2).Draw(t, "most")), uint32(rapid.IntRange(0, 3).Draw(t, "shared"))))
	}
	return d
}

// step does one thing that happens to a log of IDENTITY, as commands do it.
func (b *book) step(t *rapid.T) {
	x, y := drawNamed(t, "x"), drawNamed(t, "y")
	rules := []string{identity.RuleIdentify, identity.RuleMatch, identity.RuleImport, identity.RuleAlias, identity.RuleOperator}
	switch rapid.IntRange(0, 9).Draw(t, "kind") {
	case 0:
		for range b.Graph().Links(x.Alias, y.Alias) {
			b.append(unlinkedBy(identity.RuleOperator, x, y))
		}
	case 1:
		b.alter(nil, withID(barred(x, y, rapid.Bool().Draw(t, "lifted")), len(b.events)))
	case 2:
		mark := rapid.SampledFrom([]identity.Mark{identity.Unmarked, identity.Shared, identity.Blocked}).Draw(t, "mark")
		b.alter(nil, withID(markedBy(identity.RuleOperator, x, mark), len(b.events)))
	case 3:
		_, version := b.Guards()
		b.alter(drawDocument(t), guardsChanged(version+1, nil))
	default:
		b.claim(rapid.SampledFrom(rules).Draw(t, "rule"), x, y, drawNamed(t, "z"))
	}
}

// alter appends a change and what must follow it.
func (b *book) alter(document *event.IdentityGuards, e *event.Event) {
	b.messages++
	if document == nil {
		r := b.claims().Realign(nil, e)
		b.append(e)
		b.append(r.Events(b.stamp())...)
		return
	}
	guards, err := identity.NewGuards(document)
	if err != nil {
		panic(err)
	}
	e.GetGuardsChanged().Guards = document
	r := b.claims().Realign(guards)
	b.append(e)
	b.append(r.Events(b.stamp())...)
}

func TestRealigningTwiceChangesNothingMore(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		b := newBook(drawDocument(t))
		for range rapid.IntRange(1, 25).Draw(t, "steps") {
			b.step(t)
		}
		r := b.claims().Realign(nil)
		b.messages++
		before := b.Graph().Merged()
		b.append(r.Events(b.stamp())...)
		if got := before - b.Graph().Merged(); got != r.Profiles {
			t.Fatalf("%d profiles more, the realignment said %d\n%s%+v", got, r.Profiles, b.tell(), r)
		}
		if again := b.claims().Realign(nil); !again.Empty() {
			t.Fatalf("realigning again: %d marks, %d taken back, %d links, %d withheld",
				len(again.Marks), len(again.TakenBack), len(again.Links), len(again.Withheld))
		}
	})
}

func TestARealignmentSaysWhichProfilesBecomeOthers(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		b := newBook(drawDocument(t))
		for range rapid.IntRange(1, 25).Draw(t, "steps") {
			b.step(t)
		}
		guards, err := identity.NewGuards(drawDocument(t))
		if err != nil {
			t.Fatal(err)
		}
		before := map[domain.Alias]domain.Alias{}
		for n := range 16 {
			before[alias(n)] = b.Graph().Profile(alias(n))
		}
		r := b.claims().Realign(guards)
		b.messages++
		b.append(guardsChanged(99, guards.Document()))
		b.append(r.Events(b.stamp())...)
		var affected []domain.Alias
		for n := range 16 {
			if b.Graph().Profile(alias(n)) != before[alias(n)] {
				affected = append(affected, alias(n))
			}
		}
		if diff := cmp.Diff(affected, r.Affected); diff != "" {
			t.Fatalf("affected (-is +said):\n%s\n%s%+v", diff, b.tell(), r)
		}
		for _, g := range r.Regroupings {
			for _, members := range g.After {
				if diff := cmp.Diff(members, b.Graph().Aliases(members[0])); diff != "" {
					t.Fatalf("a profile after (-said +is):\n%s", diff)
				}
			}
		}
	})
}

// No guard is broken by what claims of its kind joined, whatever came in which order.
func TestGuardsHoldAfterEveryStep(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		b := newBook(drawDocument(t))
		for range rapid.IntRange(1, 25).Draw(t, "steps") {
			b.step(t)
			for _, bar := range b.Bars() {
				if b.Graph().Linked(bar.First.Alias, bar.Second.Alias) {
					t.Fatalf("a bar is broken\n%s", b.tell())
				}
			}
			guards, _ := b.Guards()
			for n := range 16 {
				if b.Graph().Size(alias(n)) > guards.ProfileMost() {
					t.Fatalf("a profile is too large\n%s", b.tell())
				}
			}
		}
	})
}
