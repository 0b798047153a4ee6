package decider_test

import (
	"context"
	"fmt"
	"iter"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/profferhq/proffer/decider"
	"github.com/profferhq/proffer/decider/decidertest"
	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/feature"
)

// stepping is a world whose log lies on a clock of its own, an hour an append.
func stepping(t testing.TB, events ...*event.Event) (*world, *decider.Profiles) {
	t.Helper()
	w := given(t)
	appended := 0
	w.log.Now = func() time.Time {
		appended++
		return noon.Add(time.Duration(appended) * time.Hour)
	}
	w.happens(events...)
	w.catchUp()
	return w, w.profiles()
}

func valueOf(p decider.Profile, name string) float64 {
	i, _ := p.View.Index(name)
	return p.Vector[i]
}

func TestAProfileAsOfAnyTime(t *testing.T) {
	t.Parallel()
	w, profiles := stepping(t,
		decidertest.Purchased("ann", noon, 12),                         // noon + 1 h
		decidertest.Purchased("bob", noon, 5),                          // 2 h
		decidertest.Linked("ann", "bob", noon),                         // 3 h
		decidertest.Given("bob", noon, "coffee", "drinks", "email"),    // 4 h
		decidertest.Marked("bob", event.AliasMarked_MARK_SHARED, noon), // 5 h
		decidertest.Marked("bob", event.AliasMarked_MARK_NONE, noon),   // 6 h
		decidertest.Unlinked("bob", "ann", noon),                       // 7 h
		decidertest.Purchased("ann", noon.Add(-30*24*time.Hour), 100),  // 8 h: told late
	)
	for _, c := range []struct {
		hours     int
		aliases   []domain.Alias
		purchases float64
		contacts  int
	}{
		{0, they("bob"), 0, 0}, {1, they("bob"), 0, 0}, {2, they("bob"), 1, 0}, {3, they("ann", "bob"), 2, 0},
		{4, they("ann", "bob"), 2, 1}, {5, they("bob"), 1, 1}, {6, they("ann", "bob"), 2, 1}, {7, they("bob"), 1, 1},
		{8, they("bob"), 1, 1}, {100, they("bob"), 1, 1},
	} {
		cut, err := profiles.CutAt(w.ctx, noon.Add(time.Duration(c.hours)*time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		p, err := profiles.AsOf(w.ctx, decidertest.Named("bob"), core(), cut, noon.Add(24*time.Hour).UnixMilli())
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(p.Aliases, c.aliases) || valueOf(p, "purchases_90d") != c.purchases || len(p.Contacts) != c.contacts || p.Cut != cut {
			t.Errorf("after %d h: %d aliases, %v purchases, %d contacts, want %d, %v, %d", c.hours,
				len(p.Aliases), valueOf(p, "purchases_90d"), len(p.Contacts), len(c.aliases), c.purchases, c.contacts)
		}
	}
}

func TestAsOfTheEndIsNow(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		names := []string{"ann", "bob", "cid", "dan"}
		var events []*event.Event
		for i := range rapid.IntRange(0, 20).Draw(rt, "events") {
			one, other := rapid.SampledFrom(names).Draw(rt, "one"), rapid.SampledFrom(names).Draw(rt, "other")
			at := noon.Add(-time.Duration(i) * time.Hour)
			events = append(events, rapid.SampledFrom([]*event.Event{
				decidertest.Purchased(one, at, 3), decidertest.Linked(one, other, at), decidertest.Unlinked(one, other, at),
				decidertest.Marked(one, event.AliasMarked_MARK_SHARED, at), decidertest.Marked(one, event.AliasMarked_MARK_NONE, at),
				decidertest.Given(one, at, "coffee", "drinks", "email"), decidertest.Withheld(one, other, at),
			}).Draw(rt, "event"))
		}
		w, profiles := stepping(t, events...)
		end := domain.Cut{domain.Behaviour: math.MaxUint64, domain.Identity: math.MaxUint64, domain.Decision: math.MaxUint64, domain.Outcome: 7}
		for _, name := range names {
			then, err := profiles.AsOf(w.ctx, decidertest.Named(name), core(), end, noon.UnixMilli())
			if err != nil {
				rt.Fatal(err)
			}
			now, err := profiles.Now(w.ctx, decidertest.Named(name), core(), noon.UnixMilli())
			if err != nil {
				rt.Fatal(err)
			}
			if diff := cmp.Diff(now.Aliases, then.Aliases); diff != "" || then.ID() != now.ID() {
				rt.Fatalf("aliases of %s (-now +as of the end):\n%s", name, diff)
			}
			if diff := cmp.Diff(now.Vector, then.Vector, cmpopts.EquateNaNs()); diff != "" || now.Cut != then.Cut {
				rt.Fatalf("vector of %s at %v and %v (-now +as of the end):\n%s", name, now.Cut, then.Cut, diff)
			}
			if len(now.Contacts) != len(then.Contacts) {
				rt.Fatalf("%s has %d contacts now and %d as of the end", name, len(now.Contacts), len(then.Contacts))
			}
		}
	})
}

func TestTheVectorOfADecisionIsTheProfileAsOfItsCut(t *testing.T) {
	t.Parallel()
	w, logged := together(t)
	profiles := w.profiles()
	w.happens(decidertest.Unlinked("ann", "bob", noon), decidertest.Purchased("bob", noon, 9))
	w.catchUp()
	d := logged.Record
	p, err := profiles.AsOf(w.ctx, decidertest.Named("bob"), core(), domain.CutOf(d.GetCut()), d.GetNowMs())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(d.GetVector(), p.Vector, cmpopts.EquateNaNs()); diff != "" {
		t.Errorf("the vector (-decided +as of its cut):\n%s", diff)
	}
}

// More happened since than is kept one by one, and some of it was known before what happened first.
func TestWhatHappenedByATimeIsNotWhatCameLater(t *testing.T) {
	t.Parallel()
	w, profiles := stepping(t)
	for i := range 2 * feature.MaxEntries {
		w.append(decidertest.Purchased("ann", noon.Add(time.Duration(i+1)*time.Minute), 7))
	}
	w.happens(decidertest.Purchased("ann", noon.Add(-time.Hour), 3), decidertest.Purchased("ann", noon, 5))
	end := domain.Cut{domain.Behaviour: math.MaxUint64, domain.Identity: math.MaxUint64}
	p, err := profiles.HappenedBy(w.ctx, decidertest.Named("ann"), core(), end, noon.UnixMilli())
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]float64{"purchases_1d": 2, "spend_lifetime": 8, "days_since_purchase": 0} {
		i, _ := p.View.Index(name)
		if p.Vector[i] != want || !p.Exact[i] {
			t.Errorf("%s is %v (exact: %t), want %v exactly", name, p.Vector[i], p.Exact[i], want)
		}
	}
}

// What is found by stretches, however far they are known, is what a scan finds, of people among many.
func TestAProfileAsOfACutIsFoundWhereSomethingHappened(t *testing.T) {
	t.Parallel()
	w := given(t)
	for n := range 3000 { // more than a few stretches have
		w.append(decidertest.Purchased(fmt.Sprint("other", n), noon, 1))
		if n%700 == 0 {
			w.append(decidertest.Purchased("ann", noon, int64(n+1)), decidertest.Given("ann", noon, "coffee", "drinks", "email"))
		}
	}
	end, err := w.log.Last(w.ctx, domain.Behaviour)
	if err != nil {
		t.Fatal(err)
	}
	read := func(to, known uint64, found bool) (decider.Profile, int) {
		places := decidertest.NewPlaces(w.log)
		places.To = known
		log := &envelopes{Log: w.log}
		traces := decider.NewTraces(log, places)
		if found {
			traces.FoundBy(places)
		}
		profiles := decider.NewProfiles(log, w.log, traces, decider.NewVectors(w.views, w.identities))
		cut := domain.Cut{domain.Behaviour: to, domain.Decision: math.MaxUint64}
		p, err := profiles.AsOf(w.ctx, decidertest.Named("ann"), core(), cut, noon.UnixMilli())
		if err != nil {
			t.Fatal(err)
		}
		return p, log.read
	}
	for _, to := range []uint64{0, 1, 2, 703, 1500, end} {
		want, all := read(to, 0, false)
		for _, known := range []uint64{0, 1, 1000, end} {
			got, few := read(to, known, true)
			if diff := cmp.Diff(want.Vector, got.Vector, cmpopts.EquateNaNs()); diff != "" || len(got.Contacts) != len(want.Contacts) {
				t.Errorf("as of %d, known to %d (-scan +found):\n%s", to, known, diff)
			}
			if known == end && to == end && few > all*9/10 {
				t.Errorf("as of %d %d of %d envelopes are read", to, few, all)
			}
		}
	}
}

// envelopes counts how many are read.
type envelopes struct {
	*decidertest.Log
	read int
}

func (l *envelopes) Read(ctx context.Context, stream domain.Stream, from, to uint64) iter.Seq2[domain.Envelope, error] {
	return func(yield func(domain.Envelope, error) bool) {
		for e, err := range l.Log.Read(ctx, stream, from, to) {
			l.read++
			if !yield(e, err) {
				return
			}
		}
	}
}
