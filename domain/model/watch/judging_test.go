package watch_test

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/model/card"
	"github.com/profferhq/proffer/domain/model/registry"
	"github.com/profferhq/proffer/domain/model/watch"
	"github.com/profferhq/proffer/domain/stat"
)

func TestHowAModelIsJudged(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		objective, label, as, why string
	}{
		{"binary", "converted_7d", watch.AsChance, ""},
		{"multiclass", "converted_7d", watch.AsChance, ""},
		{"", "converted_7d", watch.AsChance, ""},
		{"regression", "spent_7d", watch.AsAmount, ""},
		{"log", "conversions_7d", watch.AsAmount, ""},
		{"", "spent_7d", watch.AsAmount, ""},
		{"regression", "converted_7d", watch.AsAmount, ""}, // a line through chances may leave 0 to 1
		{"binary", "spent_7d", "", "its scores are chances from 0 to 1, and the label spent_7d is an amount or a count"},
		{"multiclass", "conversions_7d", "", "its scores are chances from 0 to 1, and the label conversions_7d is an amount or a count"},
		{"ranking", "converted_7d", "", "its scores order people and say nothing else"},
		{"binary", "", "", "it was registered without a label"},
		{"binary", "of_nobody", "", "its card does not say what the label of_nobody is, and none comes with the product"},
	} {
		got := watch.JudgingOf(&event.ModelRegistered{Objective: c.objective, Label: c.label, CardJson: []byte("[")}, options().Label)
		if got.As != c.as || got.Why != c.why || got.As != "" && got.Label.Name() != c.label {
			t.Errorf("%s of %s: %q, %q, %s", c.objective, c.label, got.As, got.Why, got.Label.Name())
		}
	}
}

// spender registers a version whose scores lay evenly between -500 and 9,500, and were off by 100 on average.
func (w *world) spender(version uint64) {
	values := make([]float64, 1000)
	for i := range values {
		values[i] = float64(10*i) - 500
	}
	score, mae, rmse, baseline := stat.NewBins(values, card.DriftBins), 100., 150., 3000.
	data, err := json.Marshal(card.Card{Score: &score, Figures: card.Figures{MAE: &mae, RMSE: &rmse}, Baseline: card.Figures{RMSE: &baseline}})
	if err != nil {
		w.t.Fatal(err)
	}
	w.add(&event.Event{Body: &event.Event_ModelRegistered{ModelRegistered: &event.ModelRegistered{
		Name: "m", Version: version, View: core().Name(), Label: "spent_7d", Objective: "regression", CardJson: data, Digest: []byte{byte(version)},
	}}})
}

// foretell decides with scores as they lay in training, of which came something else.
func (w *world) foretell(first, n int, at int64, version uint64, came func(said int64) int64) {
	for i := range n {
		said := (int64(i)*10_000/int64(n) - 500) * 1e6
		w.spent[domain.Alias(id(first+i))] = came(said)
		w.scored(first+i, at, &event.ModelScore{Model: "m", Version: version, Role: registry.Champion, Micros: said})
	}
}

func TestAmountsAreJudgedWhenTheirWindowsClose(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.spender(1)
	w.foretell(0, 1000, start, 1, func(said int64) int64 { return said + 100e6 })
	if w.settle(start + window - 1); w.day(0).Judged() != 0 {
		t.Errorf("%d judged before the window closes", w.day(0).Judged())
	}
	w.settle(start + window)
	got := w.day(0)
	if rows, _ := got.Outcomes.Judged(); rows != 0 || got.Judged() != 1000 || got.As() != watch.AsAmount || w.Waiting() != 0 {
		t.Errorf("%d judged as %q, %d of them as chances; %d wait", got.Judged(), got.As(), rows, w.Waiting())
	}
	if e := got.Errors(); e.MAE != 100 || e.RMSE != 100 || e.MAERatio != 1 || math.Abs(e.MeanOutcome-e.MeanScore-100) > 1e-9 || e.Calibration != 100 || e.R2 < .99 || e.Baseline < .99 {
		t.Errorf("%+v", e)
	}
	// Amounts are not bounded as chances are: nothing has moved.
	if d := got.Drifts(); len(d) != 1 || d[0].PSI != 0 || d[0].KS > 1e-9 {
		t.Errorf("drift %+v", d)
	}
	w.foretell(1000, 1000, start+day, 1, func(said int64) int64 { return said })
	for i := range 1000 {
		w.decide(5000+i, start+2*day, 1, 9_000e6)
	}
	if d := w.day(2).Drifts(); d[0].PSI < 1 || d[0].KS < .8 {
		t.Errorf("all scores are high: %+v", d)
	}
}

// A version that says what nobody pays any more falls back, as one that is wrong about chances does.
func TestAChampionThatErrsTooFarFallsBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.spender(1)
	w.champion(1)
	w.spender(2)
	w.champion(2)
	w.foretell(0, 100, start, 2, func(said int64) int64 { return said + 200e6 })
	w.settle(start + window)
	if diff := cmp.Diff([]string{"model:m@2 mae_ratio hard=false cleared=false"}, w.tell(w.Alerts(limits(), start+day))); diff != "" {
		t.Error(diff)
	}
	if uses := w.FallBack(); uses != nil {
		t.Errorf("%v fall back for a soft limit", uses)
	}
	w.foretell(100, 900, start+day, 2, func(said int64) int64 { return said / 10 })
	w.settle(start + 2*window)
	want := []string{
		"model:m@2 mae_ratio hard=true cleared=false", "model:m@2 rmse_ratio hard=true cleared=false",
		"model:m@2 unexplained hard=true cleared=false", "model:m@2 bias hard=true cleared=false",
	}
	if diff := cmp.Diff(want, w.tell(w.Alerts(limits(), start+day))); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"offer"}, w.FallBack()); diff != "" {
		t.Error(diff)
	}
	v := w.Show(7, start+day).Versions[0]
	if v.Judged != 1000 || !math.IsNaN(v.AUC) || !(v.Errors.MAERatio > 3) {
		t.Errorf("shown %+v", v)
	}
	var r registry.Registry
	for _, e := range w.log[domain.Policy] {
		r.Apply(e)
	}
	if back, err := r.Rollback("offer"); err != nil || back[0].GetVersion() != 1 {
		t.Errorf("%v, %v", back, err)
	}
}

// Without figures in a card the outcomes' own mean and spread are compared with.
func TestErrorsOfAModelWithoutFiguresHaveLimits(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add(&event.Event{Body: &event.Event_ModelRegistered{ModelRegistered: &event.ModelRegistered{
		Name: "m", Version: 1, View: core().Name(), Label: "spent_7d", CardJson: []byte(`{"origin":"xgboost"}`), Digest: []byte{1},
	}}})
	w.champion(1)
	w.foretell(0, 200, start, 1, func(said int64) int64 { return said - 1500e6 })
	w.settle(start + window)
	if diff := cmp.Diff([]string{"model:m@1 bias hard=false cleared=false"}, w.tell(w.Alerts(limits(), start))); diff != "" {
		t.Error(diff)
	}
}
