package watch_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/label"
	"github.com/profferhq/proffer/domain/model/card"
	"github.com/profferhq/proffer/domain/model/registry"
	"github.com/profferhq/proffer/domain/model/watch"
	"github.com/profferhq/proffer/domain/stat"
)

func TestDriftIsMeasuredAgainstTheCard(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(1, "converted_7d")
	for i := range 1000 { // the first feature stays, the second moves up and is missing half of the time, the score stays
		second := .9 + float64(i%100)/1000
		if i%2 == 0 {
			second = math.NaN()
		}
		w.decide(i, start, 1, int64(i)*1000, float64(i)/1000, second)
	}
	names, _ := two()
	drifts := w.day(0).Drifts()
	if len(drifts) != 3 || drifts[0].Feature != "" || drifts[1].Feature != names[0] || drifts[2].Feature != names[1] {
		t.Fatalf("%+v", drifts)
	}
	for _, d := range drifts[:2] {
		if d.PSI > 1e-9 || d.KS > 1e-9 || d.Rows != 1000 || d.Missing != 0 {
			t.Errorf("nothing moved: %+v", d)
		}
	}
	if d := drifts[2]; d.PSI < 1 || d.KS < .8 || d.Missing != .5 || d.MissingThen != .1 {
		t.Errorf("moved: %+v", d)
	}
}

func TestScoresAreJudgedWhenTheirWindowsClose(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(1, "converted_7d")
	w.convert(1, start+day) // it is read before its decision
	for n := range 5 {
		w.decide(n, start, 1, 500_000)
	}
	w.convert(2, start+window-1)
	w.convert(3, start+window) // too late
	w.convert(0, start-1)      // before: it cannot be because of the decision
	w.convert(2, start+2*day)  // again: counts once
	w.settle(start + window - 1)
	if rows, positive := w.day(0).Outcomes.Judged(); rows != 0 || positive != 0 {
		t.Errorf("before the window closes: %d judged, %d positive", rows, positive)
	}
	w.settle(start + window)
	if rows, positive := w.day(0).Outcomes.Judged(); rows != 5 || positive != 2 || w.Waiting() != 0 {
		t.Errorf("after: %d judged, %d positive, %d waiting", rows, positive, w.Waiting())
	}
}

func TestOnlyWhatIsOfThePopulationIsJudged(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(1, "converted_7d")
	w.register(2, "of_nobody")
	w.decide(1, start, 1, 900_000)
	w.decide(2, start, 1, 900_000)
	w.decide(3, start, 2, 900_000) // a label that nobody knows
	w.outside[domain.Alias(id(1))] = true
	if w.Waiting() != 2 {
		t.Errorf("%d wait", w.Waiting())
	}
	w.settle(start + window)
	if rows, _ := w.day(0).Outcomes.Judged(); rows != 1 || w.Waiting() != 0 {
		t.Errorf("%d judged, %d waiting", rows, w.Waiting())
	}
	w.decide(4, start, 1, 900_000)
	w.Forget(start + 429*day)
	if w.Waiting() != 1 {
		t.Errorf("forgotten too early")
	}
	if w.Forget(start + 431*day); w.Waiting() != 0 {
		t.Errorf("%d wait for ever", w.Waiting())
	}
}

func TestTheCardsOwnLabelGoesFirst(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	own := func(aggregation string) []byte {
		l, err := label.New(label.Document{
			Name: "converted_7d", Description: "x", Owner: "x", Source: []string{"purchased"}, Aggregation: aggregation, Horizon: "30d", Attribution: label.OfPerson,
		})
		if err != nil {
			t.Fatal(err)
		}
		data, err := (&card.Card{LabelDefinition: l.Canonical()}).Encode()
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	w.add(&event.Event{Body: &event.Event_ModelRegistered{ModelRegistered: &event.ModelRegistered{
		Name: "m", Version: 1, View: core().Name(), Label: "converted_7d", CardJson: own(label.None), Digest: []byte{1},
	}}})
	w.decide(1, start, 1, 900_000)
	if due := w.Due(start + 29*day); len(due) != 0 {
		t.Errorf("due too early: %v", due)
	}
	due := w.Due(start + 30*day)
	if len(due) != 1 || due[0].Label.Document().Source[0] != "purchased" || due[0].View != core().Name() || len(due[0].Of) != 1 {
		t.Errorf("due %+v", due)
	}
}

func TestWhatWaitsIsBounded(t *testing.T) {
	t.Parallel()
	o := options()
	o.MostWaiting = 100
	w := worldOf(t, watch.New(o))
	w.register(1, "converted_7d")
	for n := range 10_000 {
		w.decide(n, start, 1, 500_000)
		if w.Waiting() > 100 {
			t.Fatalf("%d wait", w.Waiting())
		}
	}
	if w.Waiting() < 20 {
		t.Errorf("only %d wait", w.Waiting())
	}
	if w.day(0).Decisions != 10_000 {
		t.Errorf("%d are counted", w.day(0).Decisions)
	}
	sample := w.Waiting()
	w.settle(start + window)
	if rows, _ := w.day(0).Outcomes.Judged(); int(rows) != sample {
		t.Errorf("%d judged of %d", rows, sample)
	}
}

// An imported model's card says nothing of where its features lay: its first decisions are compared with.
func TestFirstDecisionsAreTheReferenceOfAModelWithout(t *testing.T) {
	t.Parallel()
	o := options()
	o.FirstDecisions = 200
	w := worldOf(t, watch.New(o))
	names, _ := two()
	w.add(&event.Event{Body: &event.Event_ModelRegistered{ModelRegistered: &event.ModelRegistered{
		Name: "m", Version: 1, View: core().Name(), Features: names, CardJson: []byte(`{"origin":"xgboost"}`), Digest: []byte{1},
	}}})
	for n := range 200 {
		w.decide(n, start, 1, int64(n)*5000, float64(n)/200, .5)
	}
	if d := w.day(0); len(d.Drifts()) != 0 || d.Decisions != 200 {
		t.Errorf("there is no reference yet: %+v", d.Drifts())
	}
	for n := range 400 {
		w.decide(1000+n, start+int64(n%2)*day, 1, int64(n)*2500, .95, .5)
	}
	for _, d := range []*watch.Tally{w.day(0), w.day(1), w.Between("m", 1, "", start/day, start/day+1)} {
		drifts := d.Drifts()
		if len(drifts) != 3 || drifts[1].Feature != names[0] {
			t.Fatalf("%+v", drifts)
		}
		for _, x := range drifts {
			if x.Reference != watch.ReferenceFirstDecisions {
				t.Errorf("compared with %s", x.Reference)
			}
		}
		if drifts[0].PSI > .1 || drifts[1].PSI < 1 || drifts[2].PSI != 0 {
			t.Errorf("%+v", drifts)
		}
	}
	if d := w.Between("m", 1, "", start/day, start/day+1); d.Decisions != 600 || d.Drifts()[0].Rows != 400 {
		t.Errorf("%d decisions, %+v", d.Decisions, d.Drifts()[0])
	}
}

func TestWhatIsShownIsByRole(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(1, "converted_7d")
	w.champion(1)
	shown := w.Show(7, start)
	if len(shown.Versions) != 1 || shown.Versions[0].Decisions != 0 || !math.IsNaN(shown.Versions[0].ScorePSI) {
		t.Errorf("before any decision: %+v", shown.Versions)
	}
	for i := range 100 {
		w.decide(i, start, 1, int64(i)*10_000, float64(i)/100, math.NaN())
		if i >= 50 {
			w.convert(i, start+1)
		}
	}
	w.settle(start + window)
	w.tell(w.Alerts(limits(), start))
	shown = w.Show(7, start+day)
	v := shown.Versions[0]
	if v.Model != "m" || v.Version != 1 || v.Role != event.ModelAssigned_ROLE_CHAMPION || v.Decisions != 100 || v.Judged != 100 || v.AUC != 1 {
		t.Errorf("%+v", v)
	}
	if v.ScorePSI > .01 || v.FeaturePSI < 1 || math.Abs(v.MissingRise-.9) > 1e-9 || v.LastMS != start || len(shown.Open) == 0 {
		t.Errorf("%+v", v)
	}
}

func TestCountsGiveTheFiguresOfTheRows(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 1))
	w := newWorld(t)
	w.register(1, "converted_7d")
	var rows stat.Scored
	for n := range 4000 {
		p := math.Pow(r.Float64(), 4) // most are rare
		micros := int64(p * 1e6)
		w.decide(n, start+int64(n%3)*day, 1, micros)
		rows.P, rows.Y = append(rows.P, float64(micros)/1e6), append(rows.Y, r.Float64() < p)
		if rows.Y[n] {
			w.convert(n, start+3*day)
		}
	}
	w.settle(start + 30*day)
	sum := w.Between("m", 1, "", start/day, start/day+2)
	got := sum.Outcomes.Scores()
	for _, c := range []struct {
		name           string
		got, want, tol float64
	}{
		{"AUC", got.AUC, rows.AUC(), .002}, {"accuracy", got.Accuracy, rows.Accuracy(.5), 1e-12}, {"log loss", got.LogLoss, rows.LogLoss(), 1e-5},
		{"Brier", got.Brier, rows.Brier(), 1e-9}, {"ECE", got.ECE, rows.ECE(stat.ECEBins), 1e-9},
		{"base rate", sum.Outcomes.Rate(), rows.BaseRate(), 1e-12},
	} {
		if math.Abs(c.got-c.want) > c.tol {
			t.Errorf("%s: %v by counts, %v by rows", c.name, c.got, c.want)
		}
	}
	if sum.Decisions != 4000 || w.Between("m", 1, registry.Shadow, 0, 1<<40) != nil {
		t.Errorf("%d decisions", sum.Decisions)
	}
}

// Any part may be read twice.
func TestReadingTwiceChangesNothing(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(t)
		w.register(1, "converted_7d")
		w.spender(2)
		n := rapid.IntRange(1, 12).Draw(rt, "decisions")
		for i := range n {
			w.decide(i, start+rapid.Int64Range(0, 3*day).Draw(rt, "at"), 1, rapid.Int64Range(-1, 1_000_000).Draw(rt, "micros"), .5, .5)
			w.foretell(100+i, 1, start+rapid.Int64Range(0, 3*day).Draw(rt, "at"), 2, func(said int64) int64 { return said + rapid.Int64Range(-1e9, 1e9).Draw(rt, "off") })
			if rapid.Bool().Draw(rt, "converts") {
				w.convert(i, start+rapid.Int64Range(0, 12*day).Draw(rt, "when"))
			}
		}
		other := worldOf(t, watch.New(options()))
		other.decided, other.converted, other.spent = w.decided, w.converted, w.spent
		for _, r := range w.log[domain.Policy] {
			other.Apply(domain.Policy, r)
		}
		for next := 0; next < len(w.log[domain.Decision]); { // POLICY goes first, and the rest may come twice
			other.Apply(domain.Decision, w.log[domain.Decision][next])
			if next++; rapid.Bool().Draw(rt, "again") {
				other.Apply(domain.Decision, w.log[domain.Decision][rapid.IntRange(0, next-1).Draw(rt, "which")])
			}
		}
		w.settle(start + 20*day)
		other.settle(start + 20*day)
		if diff := cmp.Diff(w.Keys(), other.Keys()); diff != "" {
			rt.Fatal(diff)
		}
		for _, k := range w.Keys() {
			a, b := w.Day(k), other.Day(k)
			if diff := cmp.Diff(a.Outcomes, b.Outcomes); diff != "" || fmt.Sprint(a.Errors()) != fmt.Sprint(b.Errors()) || a.Decisions != b.Decisions || a.Failures != b.Failures || fmt.Sprint(a.Drifts()) != fmt.Sprint(b.Drifts()) {
				rt.Fatalf("%+v: %s", k, diff)
			}
		}
	})
}

// A card that is of no use, a view that is not known, a version that is not registered: nothing to compare with, no panic.
func TestWhatIsNotKnownIsOnlyCounted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add(&event.Event{Body: &event.Event_ModelRegistered{ModelRegistered: &event.ModelRegistered{Name: "m", Version: 1, View: "other@1", CardJson: []byte("[")}}})
	w.decide(1, start, 1, 500_000)
	w.decide(2, start, 9, 500_000)
	w.add(&event.Event{Body: &event.Event_Decision{Decision: &event.Decision{External: true, Id: id(3)}}})
	if got := w.day(0); got.Decisions != 1 || len(got.Drifts()) != 0 {
		t.Errorf("%+v", got)
	}
	if n := len(w.Keys()); n != 1 {
		t.Errorf("%d keys", n)
	}
}
