package decider_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/profferhq/proffer/decider"
	"github.com/profferhq/proffer/decider/decidertest"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/policy"
)

func TestAnExplanationShowsTheWholeFunnel(t *testing.T) {
	t.Parallel()
	p := oneTea()
	p.Placements[0].Offers = []string{"tea", "cake"}
	p.Placements[0].Context = []*event.ContextField{{Name: "page", Type: "text"}}
	p.Offers[0].Eligibility = []*event.Rule{
		{Name: "buyer", When: "features.purchases_30d >= 1"},
		{Name: "recent", When: "features.days_since_view < 2"},
		{Name: "page", When: `context.page == "tea" && placement == "home"`},
	}
	p.Offers = append(p.Offers,
		&event.Offer{Id: "cake", Treatments: []*event.Treatment{{Id: "mail", Channel: "email"}}},
		&event.Offer{Id: "pie", Treatments: []*event.Treatment{{Id: "banner", Channel: "web"}}})
	w := given(t, published(p), decidertest.Purchased("ann", noon.Add(-time.Hour), 12), decidertest.Given("ann", noon.Add(-time.Hour), "coffee", "drinks", "email"))
	r := w.ask("ann", "home")
	r.Context = []*event.ContextValue{{Name: "page", Value: &event.ContextValue_Text{Text: "milk"}}}
	answer, err := w.decider.Decide(w.ctx, r)
	if err != nil {
		t.Fatal(err)
	}
	e := explained(t, w, answer)
	want := []decider.ExplainedRule{
		{Name: "buyer", Expression: "features.purchases_30d >= 1", Result: "true", Values: map[string]string{"features.purchases_30d": "1"}},
		{Name: "recent", Expression: "features.days_since_view < 2", Result: "FEATURE_MISSING: days_since_view", Values: map[string]string{"features.days_since_view": "missing"}},
		{Name: "page", Expression: `context.page == "tea" && placement == "home"`, Result: "false", Values: map[string]string{"context.page": "milk", "placement": "home"}},
		{Name: "weekly", Expression: "at most 1 contact in 7d", Result: "1 of 1 in 7d"},
		{Name: "propensity", Expression: "0.5", Result: "0.5"},
		{Name: "value", Expression: "5", Result: "5"},
		{Name: "weight", Expression: "1", Result: "1"},
		{Name: "cost", Expression: "0", Result: "0"},
	}
	if diff := cmp.Diff(want, e.Candidates[0].Rules); diff != "" {
		t.Errorf("rules of tea (-want +got):\n%s", diff)
	}
	var stages []string
	for _, c := range e.Candidates {
		stages = append(stages, c.GetOffer()+" "+c.GetStage()+" "+c.GetReason())
	}
	if diff := cmp.Diff([]string{
		"tea ELIGIBILITY FEATURE_MISSING", "cake CHANNEL NO_TREATMENT_FOR_CHANNEL", "pie PLACEMENT NOT_AT_PLACEMENT",
	}, stages); diff != "" {
		t.Errorf("stages (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"2026-03-01T11:00:00Z coffee by email (drinks)"}, e.Contacts); diff != "" {
		t.Errorf("contacts (-want +got):\n%s", diff)
	}
	if want := "Nothing: no offer's rules all hold; 1 not eligible."; e.Summary != want {
		t.Errorf("summary %q, want %q", e.Summary, want)
	}
	if len(e.Features) != len(core().Specs()) {
		t.Errorf("%d features, want %d", len(e.Features), len(core().Specs()))
	}
}

func TestAnExplanationOfAHeldOutProfileSaysWhatItMissed(t *testing.T) {
	t.Parallel()
	p := oneTea()
	p.Holdout = 0.999
	w := given(t, published(p))
	answer := w.decides("ann")
	if answer.Record.GetReason() != policy.AnswerHeldOut || len(answer.Record.GetCandidates()) != 0 {
		t.Fatalf("answer %v with %d candidates, want HELD_OUT with none", answer.Record.GetReason(), len(answer.Record.GetCandidates()))
	}
	e := explained(t, w, answer)
	if !strings.Contains(e.Summary, "tea would have been offered") || e.Holdout != 0.999 || e.HoldoutDraw >= e.Holdout {
		t.Errorf("summary %q, draw %v of %v", e.Summary, e.HoldoutDraw, e.Holdout)
	}
	if len(e.Candidates) != 1 || e.Candidates[0].GetStage() != "" {
		t.Errorf("candidates %v, want tea as it would have won", e.Candidates)
	}
}

func TestAnExplanationOfAnExternalDecision(t *testing.T) {
	t.Parallel()
	w := given(t, published(oneTea()))
	d := decidertest.Given("ann", noon, "coffee", "drinks", "email").GetDecision()
	e, err := decider.NewReplayer(w.log, w.policies).Explain(decider.Logged{Record: d})
	if err != nil || e.Summary != "Another system gave coffee; it was recorded here." {
		t.Errorf("summary %q, error %v", e.Summary, err)
	}
}

func explained(t *testing.T, w *world, answer decider.Answer) decider.Explanation {
	t.Helper()
	replayer := decider.NewReplayer(w.log, w.policies)
	logged, err := replayer.At(w.ctx, answer.At.Position)
	if err != nil {
		t.Fatal(err)
	}
	e, err := replayer.Explain(logged)
	if err != nil {
		t.Fatalf("explain: %v", err)
	}
	return e
}
