package decider_test

import (
	"fmt"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"pgregory.net/rapid"

	"github.com/profferhq/proffer/decider/decidertest"
	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/policy"
)

// background publishes held appends and folds views, again and again, until it is told to end: the log answers late,
// in batches, and the views lag.
func (w *world) background() (end func()) {
	w.log.Hold()
	var ended atomic.Bool
	var wait sync.WaitGroup
	wait.Go(func() {
		for !ended.Load() {
			for n := range w.log.Lanes() {
				w.log.Flush(domain.Lane{Stream: domain.Decision, Key: strconv.Itoa(n)})
				runtime.Gosched()
			}
		}
	})
	wait.Go(func() {
		for !ended.Load() {
			if err := w.views.CatchUp(w.ctx); err != nil {
				w.t.Error(err)
				return
			}
			runtime.Gosched()
		}
	})
	return func() {
		ended.Store(true)
		wait.Wait()
		w.log.Release()
	}
}

func TestManyAtOnceGiveOneOffer(t *testing.T) {
	t.Parallel()
	w := given(t, published(oneTea()))
	end := w.background()
	var offered, limited atomic.Int64
	var wait sync.WaitGroup
	for range 64 {
		wait.Go(func() {
			switch a := w.decides("ann"); a.Record.GetReason() {
			case policy.AnswerOffered:
				offered.Add(1)
			case policy.AnswerContactLimit:
				limited.Add(1)
			}
		})
	}
	wait.Wait()
	end()
	if offered.Load() != 1 || limited.Load() != 63 {
		t.Errorf("%d offers and %d refusals, want 1 and 63", offered.Load(), limited.Load())
	}
	if tally := w.allReplay(); tally.Identical != 64 {
		t.Errorf("tally %+v, want 64 identical", tally)
	}
}

func TestManyAtOnceAcrossAliasesLinkedMidway(t *testing.T) {
	t.Parallel()
	for round := range 8 {
		w := given(t, published(oneTea()))
		one, other := acrossLanes(t, w)
		end := w.background()
		var wait sync.WaitGroup
		for n := range 64 {
			wait.Go(func() {
				if n == 8*round {
					w.happens(decidertest.Linked(one, other, noon))
				}
				w.decides([]string{one, other}[n%2])
			})
		}
		wait.Wait()
		if a := w.decides(other); a.Record.GetReason() != policy.AnswerContactLimit {
			t.Errorf("round %d: after all: %v, want CONTACT_LIMIT", round, a.Record.GetReason())
		}
		end()
		checkLimits(t, w)
		w.allReplay()
	}
}

// checkLimits reads the log and finds no offer that a decision gave although it knew of one, nor two offers that
// the same profile was given.
func checkLimits(t *testing.T, w *world) {
	t.Helper()
	given := map[string]int{}
	last, err := w.log.Last(w.ctx, domain.Decision)
	if err != nil {
		t.Fatal(err)
	}
	for e, err := range w.log.Read(w.ctx, domain.Decision, 1, last) {
		if err != nil {
			t.Fatal(err)
		}
		events, err := e.Events()
		if err != nil {
			t.Fatal(err)
		}
		for _, ev := range events {
			d := ev.GetDecision()
			if d.GetExternal() || d.GetOffer() == "" {
				continue
			}
			if len(d.GetContacts()) > 0 {
				t.Errorf("an offer was given although %d contacts were known", len(d.GetContacts()))
			}
			key := fmt.Sprintf("%x of %d aliases", d.GetProfile(), len(d.GetAliases()))
			if given[key]++; given[key] > 1 {
				t.Errorf("the profile %s was given %d offers", key, given[key])
			}
		}
	}
}

// TestAnyHistoryReplays lets people act, be linked and unlinked, be decided about and be given offers by others, while
// views fold at random and appends fail at random: all decisions replay, and no limit is exceeded.
func TestAnyHistoryReplays(t *testing.T) {
	t.Parallel()
	names := []string{"ann", "bob", "cid", "dan"}
	rapid.Check(t, func(r *rapid.T) {
		w := given(t, published(oneTea()))
		for range rapid.IntRange(1, 40).Draw(r, "steps") {
			name := rapid.SampledFrom(names).Draw(r, "name")
			other := rapid.SampledFrom(names).Draw(r, "other")
			w.clock.Add(rapid.Int64Range(0, 3*24*3600*1000).Draw(r, "time"))
			now := noon.AddDate(0, 0, rapid.IntRange(-9, 9).Draw(r, "day"))
			lane := domain.Lane{Stream: domain.Decision, Key: strconv.Itoa(rapid.IntRange(0, 1).Draw(r, "lane"))}
			switch rapid.IntRange(0, 9).Draw(r, "step") {
			case 0:
				w.happens(decidertest.Purchased(name, now, 7))
			case 1:
				w.happens(decidertest.Linked(name, other, now))
			case 2:
				w.happens(decidertest.Unlinked(name, other, now))
			case 3:
				e := decidertest.Given(name, now, "coffee", "drinks", "email")
				_, _ = w.decider.Append(w.ctx, decidertest.LaneOf(e, 2), e)
			case 4:
				w.catchUp()
			case 5:
				s := rapid.SampledFrom([]domain.Stream{domain.Behaviour, domain.Identity, domain.Decision}).Draw(r, "stream")
				last, _ := w.log.Last(w.ctx, s)
				if at := w.views.Applied()[s]; at < last {
					_ = w.views.CatchUpTo(w.ctx, s, at+1)
				}
			case 6:
				w.start()
			case 7:
				w.log.FailNext(lane, decidertest.Fault{Err: domain.ErrUnavailable, Lands: rapid.Bool().Draw(r, "lands")})
			case 8:
				// Another owner of one lane is noticed at the next append to that lane; what it appends about people of
				// other lanes is beyond this process, so it is about somebody else here.
				_ = w.log.Steal(lane, decidertest.Given("zoe", now, "cake", "food", "email"))
			default:
				_, _ = w.decider.Decide(w.ctx, w.ask(name, "home"))
			}
			_, _ = w.decider.Decide(w.ctx, w.ask(other, "home"))
		}
		if tally := w.allReplay(); tally.Different > 0 {
			r.Fatalf("%d of %d decisions differ", tally.Different, tally.Replayed)
		}
	})
}
