package decider_test

import (
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/profferhq/proffer/decider"
	"github.com/profferhq/proffer/decider/decidertest"
	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/feature"
)

// givenRetail is given with views that keep what retail reads.
func givenRetail(t testing.TB, events ...*event.Event) *world {
	t.Helper()
	w := given(t, events...)
	w.views = decidertest.NewViews(w.log, feature.Retail())
	w.catchUp()
	w.start()
	return w
}

// Whatever happens to people and however time passes, what is kept of them gives what reading everything anew does.
func TestKeptVectorsAreThoseReadAnew(t *testing.T) {
	t.Parallel()
	names := []string{"ann", "bob", "cid"}
	views := []feature.View{feature.Core(), feature.Retail()}
	rapid.Check(t, func(rt *rapid.T) {
		w := givenRetail(t)
		for range rapid.IntRange(1, 40).Draw(rt, "steps") {
			switch rapid.IntRange(0, 4).Draw(rt, "step") {
			case 0:
				w.catchUp()
			case 1:
				w.happens(anything(rt, names, time.UnixMilli(w.clock.Load())))
			case 2:
				w.clock.Add(rapid.SampledFrom([]int64{1, 60_000, 3_600_000, 86_400_000, -1}).Draw(rt, "later"))
			}
			alias := decidertest.Named(rapid.SampledFrom(names).Draw(rt, "who"))
			view := views[rapid.IntRange(0, 1).Draw(rt, "view")]
			anew := decider.NewProfiles(w.log, w.log, w.traces(), decider.NewVectors(w.views, w.identities))
			want, err := anew.Now(w.ctx, alias, view, w.clock.Load())
			if err != nil {
				rt.Fatal(err)
			}
			for range rapid.IntRange(1, 4).Draw(rt, "times") {
				got, err := w.profiles().Now(w.ctx, alias, view, w.clock.Load())
				if err != nil || !slices.Equal(got.Aliases, want.Aliases) || len(got.Contacts) != len(want.Contacts) {
					rt.Fatalf("%v, want %v (%v)", got, want, err)
				}
				for i, spec := range view.Specs() {
					if math.Float64bits(got.Vector[i]) != math.Float64bits(want.Vector[i]) {
						rt.Fatalf("%s is %v, want %v", spec.Name, got.Vector[i], want.Vector[i])
					}
				}
			}
		}
	})
}

// While many read a person again and again, whoever reads after an event was folded sees it.
func TestKeptVectorsSeeWhatWasFolded(t *testing.T) {
	t.Parallel()
	w := givenRetail(t, published(buyersTea()))
	bought, _ := core().Index("purchases_lifetime")
	var folded atomic.Int64
	read := func() {
		least := folded.Load()
		r := w.ask("ann", "home")
		r.ValidateOnly = true
		a, err := w.decider.Decide(w.ctx, r)
		if err != nil {
			t.Error(err)
		} else if n := a.Record.GetVector()[bought]; n < float64(least) {
			t.Errorf("a decision sees %v purchases, %d were folded before", n, least)
		}
	}
	var readers sync.WaitGroup
	var ended atomic.Bool
	for range 4 {
		readers.Go(func() {
			for !ended.Load() {
				read()
			}
		})
	}
	for n := range 100 {
		w.append(decidertest.Purchased("ann", noon.Add(-time.Duration(n)*time.Hour), 5))
		w.catchUp()
		folded.Store(int64(n + 1))
		for range 3 {
			read()
		}
	}
	ended.Store(true)
	readers.Wait()
}

// The memory in which people are read is used again, and no record is in it.
func TestARecordStaysWhileOthersAreRead(t *testing.T) {
	t.Parallel()
	w := givenRetail(t, append(append(history("ann"), history("bob")[:3]...), published(sixOffers()))...)
	var records []*event.Decision
	var digests []domain.Hash
	for n := range 40 {
		w.clock.Add(86_400_000)
		record := w.decides([]string{"ann", "bob", "cid"}[n%3]).Record
		records, digests = append(records, record), append(digests, decider.Digest(record))
		if n%5 == 0 {
			w.catchUp()
		}
	}
	for n, record := range records {
		if decider.Digest(record) != digests[n] {
			t.Errorf("the record of decision %d has changed", n)
		}
	}
	w.allReplay()
}

// What is kept is read without decoding: a tenth of the memory of a first reading, and less.
func TestAPersonReadTwiceIsKept(t *testing.T) {
	w := givenRetail(t, history("ann")...)
	now := func(p *decider.Profiles) {
		if _, err := p.Now(w.ctx, decidertest.Named("ann"), core(), w.clock.Load()); err != nil {
			t.Fatal(err)
		}
	}
	kept := w.profiles()
	now(kept)
	now(kept)
	again := testing.AllocsPerRun(20, func() { now(kept) })
	anew := testing.AllocsPerRun(20, func() {
		now(decider.NewProfiles(w.log, w.log, w.traces(), decider.NewVectors(w.views, w.identities)))
	})
	if again+5 > anew {
		t.Errorf("%v allocations to read again, %v the first time", again, anew)
	}
}
