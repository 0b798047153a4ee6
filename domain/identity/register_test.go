package identity_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"
	"pgregory.net/rapid"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/consent"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/identity"
)

// view is all that a register answers about the aliases 0 to n-1.
type view struct {
	Profiles  []domain.Alias
	Marks     []identity.Mark
	Edges     [][]identity.Edge
	Withheld  []identity.Withheld
	Marked    []identity.Marked
	Bars      []identity.Bar
	Proposals []identity.Proposal
	Reviews   []identity.Review
	Consents  [][]consent.Statement
	Version   uint64
	TooLarge  int
	Merged    int
	Pending   int
}

func viewOf(r *identity.Register, n int) view {
	v := view{
		Withheld: r.Withheld(), Marked: r.Marked(), Bars: r.Bars(), Proposals: r.Proposals(),
		TooLarge: r.WithheldBy(identity.GuardTooLarge), Merged: r.Graph().Merged(), Pending: r.Pending(),
	}
	_, v.Version = r.Guards()
	for i := range n {
		v.Profiles = append(v.Profiles, r.Graph().Profile(alias(i)))
		v.Marks = append(v.Marks, r.Graph().Mark(alias(i)))
		v.Edges = append(v.Edges, r.Graph().Edges(alias(i)))
		v.Consents = append(v.Consents, r.Consents().All([]domain.Alias{alias(i)}))
		for j := range i {
			if review, known := r.Reviewed(alias(i), alias(j)); known {
				v.Reviews = append(v.Reviews, review)
			}
		}
	}
	return v
}

func drawEvent(t *rapid.T, aliases, id int) *event.Event {
	x := named(identity.UserID, rapid.IntRange(0, aliases-1).Draw(t, "x"))
	y := named(identity.UserID, rapid.IntRange(0, aliases-1).Draw(t, "y"))
	e := eventOf(x, y)
	switch rapid.IntRange(0, 9).Draw(t, "kind") {
	case 0, 1, 2:
		e = linkedAt(0, x.Alias, y.Alias).Event
	case 3:
		e = unlinkedBy(rapid.SampledFrom([]string{identity.RuleGuards, identity.RuleOperator}).Draw(t, "rule"), x, y)
	case 4:
		mark := rapid.SampledFrom([]identity.Mark{identity.Unmarked, identity.Shared, identity.Blocked}).Draw(t, "mark")
		e = markedBy(rapid.SampledFrom([]string{identity.RuleGuards, identity.RuleOperator}).Draw(t, "rule"), x, mark)
	case 5:
		e = barred(x, y, rapid.Bool().Draw(t, "lifted"))
	case 6:
		e.Body = &event.Event_IdentityWithheld{IdentityWithheld: &event.IdentityWithheld{
			Other: y.Alias[:], Guard: rapid.SampledFrom([]string{identity.GuardTooLarge, identity.GuardBarred}).Draw(t, "guard"),
		}}
	case 7:
		if rapid.Bool().Draw(t, "reviewed") {
			e.Body = &event.Event_MatchReviewed{MatchReviewed: &event.MatchReviewed{Other: y.Alias[:]}}
		} else {
			e.Body = &event.Event_MatchProposed{MatchProposed: &event.MatchProposed{Other: y.Alias[:], Posterior: 0.5}}
		}
	case 8:
		e.Body = &event.Event_ConsentStated{ConsentStated: &event.ConsentStated{
			Purpose: rapid.SampledFrom([]string{"marketing", "profiling"}).Draw(t, "purpose"), Given: rapid.Bool().Draw(t, "given"),
		}}
	default:
		e = guardsChanged(uint64(id), documentOf(uint32(id)))
	}
	return withID(e, id)
}

// Whatever is taken, appended by others, applied or dropped meanwhile, in whatever order: a register where nothing is
// pending is what the log says, and one where events are is what the log would say were they appended now, as far as
// the order of events of different cells cannot tell.
func TestARegisterIsExactUnderAnyInterleaving(t *testing.T) {
	t.Parallel()
	const aliases = 5
	rapid.Check(t, func(t *rapid.T) {
		live, log := identity.NewRegister(), []domain.Recorded{}
		var pending []*event.Event
		put := func(e *event.Event) {
			r := domain.Recorded{At: domain.Position{Sequence: uint64(len(log) + 1)}, Event: e}
			log = append(log, r)
			live.Apply(r)
		}
		remove := func() *event.Event {
			i := rapid.IntRange(0, len(pending)-1).Draw(t, "pending")
			e := pending[i]
			pending = append(pending[:i:i], pending[i+1:]...)
			return e
		}
		check := func() {
			rebuilt := identity.NewRegister()
			for _, r := range log {
				rebuilt.Apply(r)
			}
			for _, e := range pending {
				rebuilt.Take(e)
			}
			if diff := cmp.Diff(viewOf(rebuilt, aliases), viewOf(live, aliases), protocmp.Transform()); diff != "" {
				t.Fatalf("(-rebuilt +live):\n%s", diff)
			}
		}
		for id := range rapid.IntRange(1, 40).Draw(t, "steps") {
			switch action := rapid.IntRange(0, 4).Draw(t, "action"); {
			case action <= 1:
				e := drawEvent(t, aliases, id)
				pending = append(pending, e)
				live.Take(e)
				live.Take(e)
			case action == 2 || len(pending) == 0:
				put(drawEvent(t, aliases, id))
			case action == 3:
				e := remove()
				put(e)
				live.Drop(e)
			default:
				live.Drop(remove())
			}
			// Self-links and the like concern no cell: they are never pending.
			check()
		}
		for len(pending) > 0 {
			put(remove())
		}
		check()
	})
}

func TestAProposalWaitsUntilItIsSettled(t *testing.T) {
	t.Parallel()
	propose := func(x, y identity.Named, posterior float64) *event.Event {
		e := eventOf(x, y)
		e.Body = &event.Event_MatchProposed{MatchProposed: &event.MatchProposed{
			Other: y.Alias[:], OtherType: y.Type, Posterior: posterior,
		}}
		return e
	}
	b := newBook(nil)
	b.append(propose(user(1), email(2), 0.3), propose(user(3), email(4), 0.7), propose(user(5), email(6), 0.5),
		propose(user(7), email(8), 0.4))
	open := func() (posteriors []float64) {
		for _, p := range b.Proposals() {
			posteriors = append(posteriors, p.Posterior)
		}
		return posteriors
	}
	if diff := cmp.Diff([]float64{0.7, 0.5, 0.4, 0.3}, open()); diff != "" {
		t.Error(diff)
	}
	reviewed := eventOf(email(4), user(3))
	reviewed.Body = &event.Event_MatchReviewed{MatchReviewed: &event.MatchReviewed{Other: alias3(3), Confirmed: true, Posterior: 0.7}}
	b.append(reviewed, barred(email(6), user(5), false))
	b.claim(identity.RuleIdentify, user(7), cookie(9))
	b.claim(identity.RuleIdentify, email(8), cookie(9))
	if diff := cmp.Diff([]float64{0.3}, open()); diff != "" {
		t.Error(diff)
	}
	if r, known := b.Reviewed(user(3).Alias, email(4).Alias); !known || !r.Confirmed || r.Posterior != 0.7 {
		t.Errorf("review = %+v", r)
	}
	if _, known := b.Proposed(email(2).Alias, user(1).Alias); !known {
		t.Error("an open proposal is not found from its other end")
	}
}

func alias3(n int) []byte {
	a := alias(n)
	return a[:]
}

func TestAdmitChangesNothing(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		b := newBook(drawDocument(t))
		for range rapid.IntRange(0, 15).Draw(t, "steps") {
			b.step(t)
		}
		before := viewOf(b.Register, 16)
		c := b.claimOf(identity.RuleIdentify, drawNamed(t, "x"), drawNamed(t, "y"), drawNamed(t, "z"))
		first := b.Admit(c)
		if diff := cmp.Diff(first, b.Admit(c), protocmp.Transform()); diff != "" {
			t.Fatal(diff)
		}
		if diff := cmp.Diff(before, viewOf(b.Register, 16), protocmp.Transform()); diff != "" {
			t.Fatal(diff)
		}
		// The parts of one admission differ, and admitting again what was admitted adds nothing.
		parts := map[identity.Part]bool{}
		stamp := b.stamp()
		id := stamp.ID
		stamp.ID = func(p identity.Part) []byte {
			if parts[p] {
				t.Fatalf("part %v twice", p)
			}
			parts[p] = true
			return id(p)
		}
		b.append(first.Events(stamp)...)
		if again := b.Admit(c); !again.Empty() {
			t.Fatalf("admitted again: %+v", again)
		}
	})
}

func TestReplayTwiceGivesTheSameProfiles(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		b := newBook(drawDocument(t))
		for range rapid.IntRange(1, 25).Draw(t, "steps") {
			b.step(t)
		}
		var again [2]*identity.Register
		for i := range again {
			again[i] = identity.NewRegister()
			for r := range b.log() {
				again[i].Apply(r)
				again[i].Apply(r) // a redelivery does no harm
			}
		}
		for n := range 16 {
			want := b.Graph().Profile(alias(n))
			if again[0].Graph().Profile(alias(n)) != want || again[1].Graph().Profile(alias(n)) != want {
				t.Fatalf("the profile of %d differs from replay to replay", n)
			}
		}
	})
}
