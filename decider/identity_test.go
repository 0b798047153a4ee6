package decider_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/profferhq/proffer/decider"
	"github.com/profferhq/proffer/decider/decidertest"
	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
)

// anything is one thing that may happen to these people.
func anything(t *rapid.T, names []string, at time.Time) *event.Event {
	one, other := rapid.SampledFrom(names).Draw(t, "one"), rapid.SampledFrom(names).Draw(t, "other")
	switch rapid.IntRange(0, 7).Draw(t, "what") {
	case 0, 1:
		return decidertest.Linked(one, other, at)
	case 2:
		return decidertest.Unlinked(one, other, at)
	case 3:
		return decidertest.Marked(one, event.AliasMarked_MARK_SHARED, at)
	case 4:
		return decidertest.Marked(one, event.AliasMarked_MARK_NONE, at)
	case 5:
		return decidertest.Given(one, at, "coffee", "drinks", "email")
	case 6:
		return decidertest.Withheld(one, other, at)
	}
	return decidertest.Purchased(one, at, 3)
}

// given: links, marks, behaviour and decisions in any order, and views that lag; then: every decision replays, and
// under its own identity it is the same, while the limit of two contacts holds for every person as known then.
func TestDecisionsReplayWhateverHappensToTheIdentity(t *testing.T) {
	t.Parallel()
	names := []string{"ann", "bob", "cid", "dan"}
	rapid.Check(t, func(rt *rapid.T) {
		w := given(t, published(buyersTea()))
		var made []decider.Logged
		for range rapid.IntRange(1, 30).Draw(rt, "steps") {
			w.clock.Add(time.Minute.Milliseconds())
			switch rapid.IntRange(0, 3).Draw(rt, "step") {
			case 0:
				w.catchUp()
			case 1:
				made = append(made, w.logged(w.decides(rapid.SampledFrom(names).Draw(rt, "who"))))
			default:
				w.comes(anything(rt, names, time.UnixMilli(w.clock.Load())))
			}
		}
		if tally := w.allReplay(); tally.Different > 0 || tally.Identical != uint64(len(made)) {
			rt.Fatalf("%d of %d decisions replay", tally.Identical, len(made))
		}
		for _, l := range made {
			if n := offersTo(l); n > 2 {
				rt.Fatalf("a person got the %d-th offer of the week", n)
			}
			own := w.supposes(l, decider.Supposition{Cut: l.Record.GetCut().GetIdentity()})
			if decider.Digest(own.Again) != decider.Digest(l.Record) {
				rt.Fatalf("under its own identity: %+v", own.Differences)
			}
		}
		checkSupposedTogether(rt, w, made)
	})
}

// comes is happens for one event, in the way that it takes in the product: DECISION belongs to the decider.
func (w *world) comes(e *event.Event) {
	w.t.Helper()
	if e.GetDecision() == nil {
		w.happens(e)
		return
	}
	if _, err := w.decider.Append(w.ctx, decidertest.LaneOf(e, w.log.Lanes()), e); err != nil {
		w.t.Fatalf("append: %v", err)
	}
}

// offersTo is how many contacts a person has with this decision.
func offersTo(l decider.Logged) int {
	if l.Record.GetOffer() == "" {
		return 0
	}
	return len(l.Record.GetContacts()) + 1
}

// checkSupposedTogether holds the many of SupposeAll against the one of Suppose.
func checkSupposedTogether(t *rapid.T, w *world, made []decider.Logged) {
	s := decider.Supposition{Cut: decider.Latest, Changes: []*event.Event{decidertest.Linked("ann", "dan", noon)}}
	all, err := w.replayer().SupposeAll(w.ctx, s, decider.SupposeOptions{})
	if err != nil || all.Examined != uint64(len(made)) {
		t.Fatalf("%d of %d were made again, error %v", all.Examined, len(made), err)
	}
	differing := map[domain.Position]domain.Hash{}
	for _, d := range all.Differing {
		differing[d.At] = decider.Digest(d.Again)
	}
	for _, l := range made {
		one := w.supposes(l, s)
		together, listed := differing[l.At]
		if one.Different() != listed || listed && together != decider.Digest(one.Again) {
			t.Fatalf("the decision at %v comes out otherwise alone than among all", l.At)
		}
	}
}
