package identity_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/identity"
)

func TestARealignmentThatWasCutShortIsCompleted(t *testing.T) {
	t.Parallel()
	b := newBook(documentOf(0))
	b.claim(identity.RuleIdentify, user(1), email(3))
	b.claim(identity.RuleIdentify, user(2), email(3))
	r := b.claims().Realign(mustGuards(t, identity.DefaultGuards()))
	b.append(guardsChanged(2, identity.DefaultGuards()))
	b.append(r.Events(b.stamp())[0]) // the link is taken back; what tells its claim again is lost
	b.append(unlinkedBy(identity.RuleOperator, user(1), email(3)))
	rest := b.claims().Realign(nil)
	b.append(rest.Events(b.stamp())...)
	if len(rest.Withheld) != 1 || len(b.Withheld()) != 1 {
		t.Errorf("the claim is withheld %d times", len(b.Withheld()))
	}
	if again := b.claims().Realign(nil); !again.Empty() {
		t.Errorf("a claim that guards told again is played as a new one: %+v", again)
	}
}

func TestALinkWithinOneWantedProfileIsLeft(t *testing.T) {
	t.Parallel()
	b := newBook(documentOf(0))
	b.claim(identity.RuleIdentify, user(1), email(3))
	b.claim(identity.RuleIdentify, user(2), email(4))
	b.claim(identity.RuleIdentify, user(2), email(3)) // over the limit, were there one
	b.append(withID(unlinkedBy(identity.RuleOperator, user(2), email(4)), 1))
	statement := linkedAt(0, user(1).Alias, user(2).Alias).Event
	statement.GetIdentityLinked().Rule = identity.RuleOperator
	b.append(statement)
	if r := b.claims().Realign(mustGuards(t, identity.DefaultGuards())); !r.Empty() {
		t.Errorf("taken back %d, withheld %d", len(r.TakenBack), len(r.Withheld))
	}
}

func TestALinkBetweenTwoThatWereOnePersonStillCounts(t *testing.T) {
	t.Parallel()
	b := newBook(nil)
	for _, ends := range [][2]int{{1, 2}, {1, 3}, {2, 3}} {
		e := linkedAt(0, alias(ends[0]), alias(ends[1])).Event
		e.AliasType, e.GetIdentityLinked().OtherType, e.GetIdentityLinked().Rule = "card", "card", identity.RuleIdentify
		b.append(e)
	}
	b.append(unlinkedBy(identity.RuleOperator, named("card", 1), named("card", 2)))
	if r := b.claims().Realign(nil); !r.Empty() {
		t.Errorf("taken back %d, links %d", len(r.TakenBack), len(r.Links))
	}
	b.profile(t, named("card", 1), named("card", 2), named("card", 3))
}

// A change that is local to one profile: the bar holds afterwards, and nobody else's profile is another.
func TestALocalRealignmentKeepsToItsProfiles(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		b := newBook(drawDocument(t))
		for range rapid.IntRange(1, 25).Draw(t, "steps") {
			b.step(t)
		}
		x, y := drawNamed(t, "first"), drawNamed(t, "second")
		members := b.Graph().Aliases(x.Alias)
		before := map[domain.Alias]domain.Alias{}
		for n := range 16 {
			if !b.Graph().Linked(alias(n), x.Alias) {
				before[alias(n)] = b.Graph().Profile(alias(n))
			}
		}
		bar := withID(barred(x, y, false), len(b.events))
		c := identity.ClaimsWithin(members)
		c.Collect(b.log())
		r := c.Realign(nil, bar)
		b.messages++
		b.append(bar)
		b.append(r.Events(b.stamp())...)
		if x != y && b.Graph().Linked(x.Alias, y.Alias) {
			t.Fatalf("the bar is broken\n%s", b.tell())
		}
		after := map[domain.Alias]domain.Alias{}
		for a := range before {
			after[a] = b.Graph().Profile(a)
		}
		if diff := cmp.Diff(before, after); diff != "" {
			t.Fatal(diff)
		}
	})
}

func TestAClaimToldAgainForAnotherReasonIsNoNewClaim(t *testing.T) {
	t.Parallel()
	b := newBook(nil)
	b.claim(identity.RuleIdentify, user(1), email(3))
	b.claim(identity.RuleIdentify, user(2), email(3))
	b.append(withID(barred(user(1), user(2), false), 1), unlinkedBy(identity.RuleOperator, user(1), email(3)))
	b.messages++
	r := b.claims().Realign(nil)
	b.append(r.Events(b.stamp())...)
	if w := b.Withheld(); len(r.Withheld) != 1 || len(w) != 1 || w[0].Guard != identity.GuardBarred {
		t.Errorf("withheld = %+v", w)
	}
	if again := b.claims().Realign(nil); !again.Empty() {
		t.Errorf("realigning again: %d links", len(again.Links))
	}
}

func TestAClaimMadeAfterAPersonTookThePairBackCounts(t *testing.T) {
	t.Parallel()
	b := newBook(documentOf(0))
	b.claim(identity.RuleIdentify, user(1), email(3))
	b.claim(identity.RuleIdentify, user(2), email(3))
	b.realign(t, 2, identity.DefaultGuards())
	b.append(unlinkedBy(identity.RuleOperator, user(2), email(3)))
	b.claim(identity.RuleIdentify, user(2), email(3))
	if len(b.Withheld()) != 1 {
		t.Fatal("the new claim is not withheld")
	}
	b.realign(t, 3, documentOf(0))
	b.profile(t, user(1), user(2), email(3))
}
