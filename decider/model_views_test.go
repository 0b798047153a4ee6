package decider_test

import (
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/profferhq/proffer/decider"
	"github.com/profferhq/proffer/decider/decidertest"
	"github.com/profferhq/proffer/decider/model"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/policy"
)

// A policy names a view without its version, and the view is switched: a model of the version before answers on, as long as
// its features mean the same.
func TestAModelReadsTheNextVersionOfItsViewWhereItMeansTheSame(t *testing.T) {
	t.Parallel()
	const more = `"features":[
	{"name":"viewed_1d","description":"d","source":["viewed"],"aggregation":"count","window":"1d","unit":"events","default":"0","owner":"o"},`
	second := strings.NewReplacer(`"version":1`, `"version":2`, `"features":[`, more).Replace(richView)
	third := strings.NewReplacer(`"version":1`, `"version":3`, "100.0", "500.0").Replace(richView)
	data, err := decidertest.Stump(view(t, richView), "large_30d", .5, -1, 1).Encode()
	if err != nil {
		t.Fatal(err)
	}
	kept := &decidertest.ModelBytes{}
	if _, err := kept.Put(t.Context(), data); err != nil {
		t.Fatal(err)
	}
	p := richPolicy()
	p.Models = []*event.PolicyModel{{Name: "buys", Use: "conversion_7d"}}
	p.Offers[0].Eligibility, p.Offers[0].Propensity = nil, "models.buys"
	p.Offers[0].Value = "1"
	w := givenModels(t, kept, decidertest.Purchased("ann", noon.Add(-24*time.Hour), 200), viewPublished(t, richView), published(p),
		decidertest.Registered("old", 1, data, noon), decidertest.Assigned("conversion_7d", champion, "old", 1, data, 0, noon))
	w.views = decidertest.NewViews(w.log, view(t, richView), view(t, second), view(t, third))
	w.catchUp()
	w.start()
	switched := func(document, from, to string) *event.Event {
		w.happens(viewPublished(t, document))
		return &event.Event{Body: &event.Event_FeatureViewSwitched{FeatureViewSwitched: &event.FeatureViewSwitched{Name: "rich", View: to, Before: from}}}
	}
	wants := func(of, failure string, margin float64) decider.Answer {
		t.Helper()
		a := w.decides("ann")
		if s := a.Record.GetScores(); a.Record.GetView() != of || len(s) != 1 || s[0].GetFailure() != failure || s[0].GetMargin() != margin {
			t.Fatalf("%s: %v", a.Record.GetView(), s)
		}
		return a
	}
	wants("rich@1", "", 1)
	w.happens(switched(second, "rich@1", "rich@2"))
	answer := wants("rich@2", "", 1)
	w.happens(switched(third, "rich@2", "rich@3"))
	wants("rich@3", decider.FailureView, 0)
	w.start()
	if tally := w.allReplay(); tally.Identical != 3 {
		t.Errorf("%+v", tally)
	}
	replayer := decider.NewReplayer(w.log, w.policies)
	if _, reasons, err := replayer.Why(w.ctx, answer.Record, answer.Record.GetScores()[0]); err != nil || len(reasons) > 1 || len(reasons) == 1 && reasons[0].Value != 1 {
		t.Errorf("why: %+v, %v", reasons, err)
	}

	// A program before this one gave no score to the second decision: that replays as it was.
	logged, err := replayer.At(w.ctx, answer.At.Position)
	if err != nil {
		t.Fatal(err)
	}
	in, err := decider.InputOf(logged.Record)
	if err != nil {
		t.Fatal(err)
	}
	loaded, err := model.Load(data)
	if err != nil {
		t.Fatal(err)
	}
	scorer, err := decider.NewScorer(loaded, view(t, richView))
	if err != nil {
		t.Fatal(err)
	}
	of, _ := w.policies.Version("p", 1)
	compiled, err := of.CompiledFor("rich@2")
	if err != nil {
		t.Fatal(err)
	}
	in.Models = []decider.Answering{{Score: proto.CloneOf(logged.Record.GetScores()[0]), Scorer: scorer, Mismatched: true}}
	if logged.Record, err = decider.Choose(compiled, in); err != nil || logged.Record.GetScores()[0].GetFailure() != decider.FailureView {
		t.Fatalf("%v, %v", logged.Record.GetScores(), err)
	}
	if logged.Record.GetReason() != policy.AnswerNoScore {
		t.Errorf("without a score: %s", logged.Record.GetReason())
	}
	if one, err := replayer.One(w.ctx, logged); err != nil || len(one.Differences) != 0 {
		t.Errorf("%+v, %v", one.Differences, err)
	}
}
