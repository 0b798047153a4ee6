package decider_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/profferhq/proffer/decider"
	"github.com/profferhq/proffer/decider/decidertest"
	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/policy"
)

func TestADecisionIsRecordedAndItsContactCounts(t *testing.T) {
	t.Parallel()
	w := given(t, published(oneTea()), decidertest.Purchased("ann", noon.Add(-time.Hour), 12))
	first := w.decides("ann")
	if first.Record.GetOffer() != "tea" || first.Record.GetReason() != policy.AnswerOffered || first.Treatment.GetContent()["title"] != "Tea" {
		t.Fatalf("first answer: %v", first.Record)
	}
	if first.At.Stream != domain.Decision || first.At.Position.Sequence == 0 {
		t.Errorf("the answer stands at %v", first.At)
	}
	if second := w.decides("ann"); second.Record.GetReason() != policy.AnswerContactLimit || second.Treatment != nil {
		t.Errorf("second answer: %v, want CONTACT_LIMIT", second.Record.GetReason())
	}
	w.catchUp()
	if third := w.decides("ann"); third.Record.GetReason() != policy.AnswerContactLimit {
		t.Errorf("third answer, from the views: %v, want CONTACT_LIMIT", third.Record.GetReason())
	}
	w.clock.Add(7 * 24 * time.Hour.Milliseconds())
	if later := w.decides("ann"); later.Record.GetOffer() != "tea" {
		t.Errorf("a week later: %v, want tea", later.Record.GetReason())
	}
	if tally := w.allReplay(); tally.Identical != 4 {
		t.Errorf("replayed %+v, want 4 identical", tally)
	}
}

func TestValidateOnlyRecordsAndCountsNothing(t *testing.T) {
	t.Parallel()
	w := given(t, published(oneTea()))
	r := w.ask("ann", "home")
	r.ValidateOnly = true
	for range 2 {
		answer, err := w.decider.Decide(w.ctx, r)
		if err != nil || answer.Record.GetOffer() != "tea" || answer.At != (domain.Place{}) {
			t.Fatalf("answer %v at %v, error %v; want tea, nowhere", answer.Record.GetOffer(), answer.At, err)
		}
	}
	if last, _ := w.log.Last(w.ctx, domain.Decision); last != 0 {
		t.Errorf("the log holds %d decisions", last)
	}
}

func TestARestartKnowsContactsThatTheViewsHaveNotFolded(t *testing.T) {
	t.Parallel()
	w := given(t, published(oneTea()))
	w.decides("ann")
	w.start()
	if again := w.decides("ann"); again.Record.GetReason() != policy.AnswerContactLimit {
		t.Errorf("after the restart: %v, want CONTACT_LIMIT", again.Record.GetReason())
	}
	w.allReplay()
}

func TestExternalDecisionsCount(t *testing.T) {
	t.Parallel()
	w := given(t, published(oneTea()))
	e := decidertest.Given("ann", noon.Add(-time.Hour), "coffee", "drinks", "email")
	if _, err := w.decider.Append(w.ctx, decidertest.LaneOf(e, 2), e); err != nil {
		t.Fatal(err)
	}
	if a := w.decides("ann"); a.Record.GetReason() != policy.AnswerContactLimit || len(a.Record.GetContacts()) != 1 {
		t.Errorf("answer %v with contacts %v, want CONTACT_LIMIT with one", a.Record.GetReason(), a.Record.GetContacts())
	}
	if tally := w.allReplay(); tally.External != 1 || tally.Identical != 1 || tally.Replayed != 1 || tally.Total != 2 {
		t.Errorf("tally %+v, want one external and one identical", tally)
	}
}

func TestLinkedAliasesShareTheirContacts(t *testing.T) {
	t.Parallel()
	w := given(t, published(oneTea()))
	w.decides("bob")
	w.happens(decidertest.Linked("ann", "bob", noon))
	linked := w.decides("ann")
	if linked.Record.GetReason() != policy.AnswerContactLimit || len(linked.Record.GetAliases()) != 2 {
		t.Errorf("linked: %v with %d aliases, want CONTACT_LIMIT with 2", linked.Record.GetReason(), len(linked.Record.GetAliases()))
	}
	w.happens(decidertest.Unlinked("ann", "bob", noon))
	if apart := w.decides("ann"); apart.Record.GetOffer() != "tea" {
		t.Errorf("unlinked: %v, want tea", apart.Record.GetReason())
	}
	if tally := w.allReplay(); tally.Identical != 3 {
		t.Errorf("tally %+v, want 3 identical", tally)
	}
}

func TestErrorsOfARequest(t *testing.T) {
	t.Parallel()
	w := given(t, published(oneTea()))
	unknown := w.ask("ann", "nowhere")
	early := w.ask("ann", "home")
	early.NotBefore = []domain.Place{{Stream: domain.Behaviour, Position: domain.Position{Sequence: 9}}}
	elsewhere := w.ask("ann", "home")
	elsewhere.NotBefore = []domain.Place{{Stream: domain.Quarantine, Position: domain.Position{Sequence: 1}}}
	facts := w.ask("ann", "home")
	facts.Context = []*event.ContextValue{{Name: "weather", Value: &event.ContextValue_Text{Text: "rain"}}}
	for name, c := range map[string]struct {
		request decider.Request
		want    error
	}{
		"unknown placement": {unknown, decider.ErrUnknownPlacement},
		"not yet visible":   {early, decider.ErrNotYetVisible},
		"no such place":     {elsewhere, decider.ErrNoSuchPlace},
		"undeclared fact":   {facts, policy.ErrContext},
	} {
		ctx, cancel := context.WithTimeout(w.ctx, 20*time.Millisecond)
		if _, err := w.decider.Decide(ctx, c.request); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
		cancel()
	}
	if last, _ := w.log.Last(w.ctx, domain.Decision); last != 0 {
		t.Errorf("the log holds %d decisions", last)
	}
}

func TestNotBeforeWaitsForTheViews(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := oneTea()
		p.Offers[0].Eligibility = []*event.Rule{{Name: "buyer", When: "features.purchases_1d >= 1"}}
		w := given(t, published(p))
		w.append(decidertest.Purchased("ann", noon.Add(-time.Minute), 3))
		r := w.ask("ann", "home")
		r.NotBefore = []domain.Place{{Stream: domain.Behaviour, Position: domain.Position{Sequence: 1}}}
		answered := make(chan error, 1)
		go func() {
			a, err := w.decider.Decide(w.ctx, r)
			if err == nil && a.Record.GetOffer() != "tea" {
				err = fmt.Errorf("the answer is %s, want tea", a.Record.GetReason())
			}
			answered <- err
		}()
		synctest.Wait()
		if len(answered) > 0 {
			t.Error("it decided before the views had the event")
		}
		w.catchUp()
		if err := <-answered; err != nil {
			t.Error(err)
		}
	})
}

func TestTimeNeverRunsBackwardsInALane(t *testing.T) {
	t.Parallel()
	w := given(t, published(oneTea()))
	first := w.decides("ann")
	w.clock.Add(-time.Hour.Milliseconds())
	second := w.decides("ann")
	if second.Record.GetNowMs() < first.Record.GetNowMs() {
		t.Errorf("time went from %d to %d", first.Record.GetNowMs(), second.Record.GetNowMs())
	}
	w.start()
	if third := w.decides("ann"); third.Record.GetNowMs() < first.Record.GetNowMs() {
		t.Errorf("after a restart time went from %d to %d", first.Record.GetNowMs(), third.Record.GetNowMs())
	}
	w.allReplay()
}
