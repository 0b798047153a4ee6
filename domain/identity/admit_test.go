package identity_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/identity"
)

func (b *book) profile(t *testing.T, members ...identity.Named) {
	t.Helper()
	want := aliases(members...)
	for _, m := range members {
		if diff := cmp.Diff(want, b.Graph().Aliases(m.Alias)); diff != "" {
			t.Errorf("profile (-want +got):\n%s", diff)
		}
	}
}

func pairsOf(links []identity.Link) [][2]domain.Alias {
	var pairs [][2]domain.Alias
	for _, l := range links {
		pairs = append(pairs, [2]domain.Alias{l.First.Alias, l.Second.Alias})
	}
	return pairs
}

// Segment's worked example of its documentation.
func TestOverALimitTheWeakestIdentifierOfTheEventIsDemoted(t *testing.T) {
	t.Parallel()
	b := newBook(nil)
	abc123, abc456, jane := user(1), user(2), email(3)
	b.claim(identity.RuleIdentify, jane, abc123)
	a := b.claim(identity.RuleIdentify, jane, abc456)
	if a.Who != abc456 || len(a.Links) != 0 || len(a.Marks) != 0 || len(a.Withheld) != 1 {
		t.Fatalf("admission = %+v", a)
	}
	w := a.Withheld[0]
	if w.First != abc456 || w.Second != jane || w.Guard != identity.GuardTypeLimit || w.GuardType != identity.UserID {
		t.Errorf("withheld = %+v", w)
	}
	b.profile(t, abc123, jane)
	b.profile(t, abc456)
	if got := b.Withheld(); len(got) != 1 || got[0].First != abc456 || got[0].Rule != identity.RuleIdentify {
		t.Errorf("the register withholds %+v", got)
	}
}

func TestRepetitionAddsNothing(t *testing.T) {
	t.Parallel()
	b := newBook(nil)
	for range 3 {
		b.claim(identity.RuleIdentify, user(1), email(3))
		b.claim(identity.RuleIdentify, user(2), email(3))
	}
	if len(b.events) != 2 {
		t.Errorf("%d events for one link and one withheld claim", len(b.events))
	}
}

func TestTheStrongestIsWhoTheMessageIsAbout(t *testing.T) {
	t.Parallel()
	b := newBook(nil)
	other := named("loyalty_card", 7)
	a := b.claim(identity.RuleIdentify, other, device(3), email(2), user(1))
	if a.Who != user(1) {
		t.Errorf("who = %v", a.Who)
	}
	want := [][2]domain.Alias{{alias(1), alias(2)}, {alias(1), alias(3)}, {alias(1), alias(7)}}
	if diff := cmp.Diff(want, pairsOf(a.Links)); diff != "" {
		t.Error(diff)
	}
	if got := b.Graph().Type(alias(7)); got != "loyalty_card" {
		t.Errorf("type = %q", got)
	}
}

func TestALimitWithinAWindow(t *testing.T) {
	t.Parallel()
	week := documentOf(0, guardOf(identity.UserID, 0, 0),
		&event.IdentifierGuard{Type: identity.Email, Most: 1, WindowMs: 100})
	claim := func(at int64) identity.Admission {
		b := newBook(week)
		b.claim(identity.RuleIdentify, user(1), email(2))
		c := b.claimOf(identity.RuleIdentify, user(1), email(50))
		c.AtMS = at
		return b.Admit(c)
	}
	// Aliases are drawn one a millisecond: email(2) at 3, email(50) at 51.
	if a := claim(60); len(a.Withheld) != 1 {
		t.Errorf("both within the window: %+v", a)
	}
	if a := claim(110); len(a.Links) != 1 {
		t.Errorf("the first is older than the window: %+v", a)
	}
}

func TestExplicitStatementsAreNotSubjectToLimits(t *testing.T) {
	t.Parallel()
	for _, rule := range []string{identity.RuleAlias, identity.RuleOperator, identity.RuleReview} {
		b := newBook(nil)
		b.claim(rule, user(1), user(2))
		b.profile(t, user(1), user(2))
	}
	for _, rule := range []string{identity.RuleIdentify, identity.RuleImport, identity.RuleMatch} {
		b := newBook(nil)
		if a := b.claim(rule, user(1), user(2)); len(a.Withheld) != 1 {
			t.Errorf("%s joined two user ids", rule)
		}
	}
}

func TestWhatALimitForbidsElsewhereIsNotHeldAgainstAClaim(t *testing.T) {
	t.Parallel()
	b := newBook(nil)
	b.claim(identity.RuleAlias, user(1), user(2))
	b.claim(identity.RuleIdentify, user(1), email(3))
	b.profile(t, user(1), user(2), email(3))
}

func TestABarWinsOverAnyPosterior(t *testing.T) {
	t.Parallel()
	b := newBook(nil)
	b.append(barred(email(1), email(2), false))
	b.claim(identity.RuleIdentify, cookie(5), email(1))
	for _, rule := range []string{identity.RuleMatch, identity.RuleOperator, identity.RuleIdentify} {
		c := b.claimOf(rule, cookie(5), email(2))
		c.Posterior = 0.999999
		a := b.Admit(c)
		if len(a.Links) != 0 || len(a.Withheld) != 1 || a.Withheld[0].Guard != identity.GuardBarred {
			t.Errorf("%s: %+v", rule, a)
		}
	}
	if bars := b.BarsBetween(cookie(5).Alias, email(2).Alias); len(bars) != 1 || !b.Barred(email(2).Alias, email(1).Alias) {
		t.Errorf("bars between = %+v", bars)
	}
	b.append(barred(email(2), email(1), true))
	b.claim(identity.RuleMatch, cookie(5), email(2))
	b.profile(t, email(1), email(2), cookie(5))
	if len(b.Bars()) != 0 {
		t.Error("a lifted bar is listed")
	}
}

func TestTheCapOnAProfileIsNeverSilent(t *testing.T) {
	t.Parallel()
	b := newBook(documentOf(3))
	for n := range 6 {
		b.claim(identity.RuleOperator, named("card", 0), named("card", n+1))
	}
	b.profile(t, named("card", 0), named("card", 1), named("card", 2))
	if b.WithheldBy(identity.GuardTooLarge) != 4 || len(b.Withheld()) != 4 {
		t.Errorf("%d claims are counted as too large, %d listed", b.WithheldBy(identity.GuardTooLarge), len(b.Withheld()))
	}
	b.append(unlinkedBy(identity.RuleOperator, named("card", 0), named("card", 3)))
	if b.WithheldBy(identity.GuardTooLarge) != 3 {
		t.Error("a claim that an operator took back still counts")
	}
}

func TestABlockedAliasIsLeftOut(t *testing.T) {
	t.Parallel()
	b := newBook(nil)
	b.append(markedBy(identity.RuleOperator, email(3), identity.Blocked))
	a := b.claim(identity.RuleIdentify, user(1), email(3), cookie(4))
	if diff := cmp.Diff([][2]domain.Alias{{alias(1), alias(4)}}, pairsOf(a.Links)); diff != "" || len(a.Withheld) != 0 {
		t.Error(diff, a.Withheld)
	}
	if a := b.claim(identity.RuleIdentify, email(3)); a.Who != (identity.Named{}) || !a.Empty() {
		t.Errorf("a claim about nobody = %+v", a)
	}
}

func TestBlockingAnAliasSplitsWhatItJoined(t *testing.T) {
	t.Parallel()
	b := newBook(nil)
	b.claim(identity.RuleIdentify, user(1), email(3))
	b.claim(identity.RuleIdentify, email(3), cookie(4))
	b.append(markedBy(identity.RuleGuards, email(3), identity.Blocked))
	b.profile(t, user(1))
	b.profile(t, email(3))
	b.profile(t, cookie(4))
	b.append(markedBy(identity.RuleGuards, email(3), identity.Unmarked))
	b.profile(t, user(1), email(3), cookie(4))
}

func logins(b *book, n int) {
	for i := range n {
		b.claim(identity.RuleIdentify, user(i+1), device(0))
	}
}

func TestAKioskIsOneSharedDeviceAndManyPeople(t *testing.T) {
	t.Parallel()
	const people = 200
	b := newBook(nil)
	logins(b, people)
	kiosk(t, b, people)
	logins(b, people)
	if want := people + 1 + 4; len(b.events) != want { // a claim each, the mark, and the four that it admitted
		t.Errorf("%d events, want %d", len(b.events), want)
	}
}

func kiosk(t *testing.T, b *book, people int) {
	t.Helper()
	if got := b.Graph().Mark(device(0).Alias); got != identity.Shared {
		t.Fatalf("the device is marked %q", got)
	}
	for i := range people {
		b.profile(t, user(i+1))
	}
	b.profile(t, device(0))
	households := b.Graph().Households(user(7).Alias)
	if len(households) != 1 || households[0].Shared != device(0).Alias || len(households[0].Profiles) != people {
		t.Errorf("households = %d", len(households))
	}
	if len(b.Withheld()) != 0 {
		t.Errorf("%d claims are withheld on a shared device", len(b.Withheld()))
	}
}

func TestAPersonWithManyDevicesIsNotAHousehold(t *testing.T) {
	t.Parallel()
	b := newBook(nil)
	var all []identity.Named
	for n := range 20 {
		b.claim(identity.RuleIdentify, user(1), device(n+2))
		all = append(all, device(n+2))
	}
	for n := range 20 {
		b.claim(identity.RuleIdentify, cookie(100+n), user(1), device(2))
		all = append(all, cookie(100+n))
	}
	b.profile(t, append(all, user(1))...)
}

func TestPeopleAreCountedWithoutTheAliasItself(t *testing.T) {
	t.Parallel()
	b := newBook(documentOf(0, guardOf(identity.UserID, 0, 0), guardOf(identity.DeviceID, 0, 2)))
	b.claim(identity.RuleIdentify, user(1), device(9))
	b.claim(identity.RuleIdentify, user(2), device(9))
	b.profile(t, user(1), user(2), device(9))
	a := b.claim(identity.RuleIdentify, user(3), device(9))
	if len(a.Marks) != 1 || a.Who != user(3) {
		t.Fatalf("admission = %+v", a)
	}
	b.profile(t, user(1))
	b.profile(t, user(2))
	b.profile(t, user(3))
}

func TestAMarkThatAnOperatorLiftedIsNotSetAgain(t *testing.T) {
	t.Parallel()
	b := newBook(documentOf(0, guardOf(identity.DeviceID, 0, 2)))
	b.append(markedBy(identity.RuleOperator, device(50), identity.Unmarked))
	for n := range 9 {
		b.claim(identity.RuleIdentify, user(n+1), device(50))
	}
	if b.Graph().Mark(device(50).Alias) != identity.Unmarked || b.Graph().Size(device(50).Alias) != 10 {
		t.Error("the operator's word did not hold")
	}
	if m, known := b.MarkOf(device(50).Alias); !known || m.Rule != identity.RuleOperator {
		t.Errorf("mark = %+v", m)
	}
}

// What only the alias joined that the claim itself marks is not one profile any more when the guards look at it.
func TestAClaimThatMarksIsJudgedWithoutTheMarked(t *testing.T) {
	t.Parallel()
	b := newBook(documentOf(3, guardOf(identity.Email, 0, 0), guardOf(identity.AnonymousID, 0, 0), guardOf(identity.DeviceID, 0, 2)))
	b.claim(identity.RuleIdentify, cookie(1), device(9))
	b.claim(identity.RuleIdentify, cookie(2), device(9))
	a := b.claim(identity.RuleIdentify, email(3), cookie(1), device(9))
	want := [][2]domain.Alias{{alias(3), alias(1)}, {alias(3), alias(9)}}
	if diff := cmp.Diff(want, pairsOf(a.Links)); diff != "" || len(a.Marks) != 1 || len(a.Withheld) != 0 {
		t.Errorf("marks %d, withheld %d, links %s", len(a.Marks), len(a.Withheld), diff)
	}
	b.profile(t, email(3), cookie(1))
	b.profile(t, cookie(2))
}

func TestAClaimBetweenTwoSharedIdentifiersIsReleasedOnce(t *testing.T) {
	t.Parallel()
	b := newBook(nil)
	withheld := eventOf(device(8), device(9))
	withheld.Body = &event.Event_IdentityWithheld{IdentityWithheld: &event.IdentityWithheld{
		Other: alias3(9), OtherType: identity.DeviceID, Rule: identity.RuleIdentify, Guard: identity.GuardTooLarge,
	}}
	b.append(withheld, markedBy(identity.RuleOperator, device(8), identity.Shared), markedBy(identity.RuleOperator, device(9), identity.Shared))
	a := b.claim(identity.RuleIdentify, device(9), user(1), device(8))
	if len(a.Links) != 3 || b.Graph().Links(device(8).Alias, device(9).Alias) != 1 || a.Who != user(1) {
		t.Errorf("links = %v", pairsOf(a.Links))
	}
	if a := b.claim(identity.RuleIdentify, device(9), device(8)); !a.Empty() || a.Who != device(9) {
		t.Errorf("a claim of shared identifiers alone = %+v", a)
	}
}

// A person who comes back with ever new cookies is one person: cookies tell nobody apart.
func TestManyCookiesBesideOneAddressAreNoCrowd(t *testing.T) {
	t.Parallel()
	b := newBook(nil)
	members := []identity.Named{email(1)}
	for i := range 20 {
		one := cookie(10 + i)
		if a := b.claim(identity.RuleIdentify, one, email(1)); len(a.Marks) != 0 {
			t.Fatalf("after %d cookies: %+v", i+1, a.Marks)
		}
		members = append(members, one)
	}
	b.profile(t, members...)
}
