package projections_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/model/card"
	"github.com/profferhq/proffer/domain/model/registry"
	"github.com/profferhq/proffer/domain/model/watch"
	"github.com/profferhq/proffer/domain/stat"
	"github.com/profferhq/proffer/projections/projectionstest"
)

// spender registers a version that foretells what people spend, and makes it champion. On its card it is off by 2 on average.
func (l *modelLog) spender(t *testing.T, version uint64) {
	t.Helper()
	scores := make([]float64, 100)
	for i := range scores {
		scores[i] = float64(i)
	}
	bins, mae, rmse, baseline := stat.NewBins(scores, card.DriftBins), 2., 3., 30.
	data, err := json.Marshal(card.Card{Score: &bins, Figures: card.Figures{MAE: &mae, RMSE: &rmse}, Baseline: card.Figures{RMSE: &baseline}})
	if err != nil {
		t.Fatal(err)
	}
	l.policy(&event.Event{Body: &event.Event_ModelRegistered{ModelRegistered: &event.ModelRegistered{
		Name: "m", Version: version, View: "core@1", Label: "spend_90d", Objective: "regression", CardJson: data,
	}}}, &event.Event{Body: &event.Event_ModelAssigned{ModelAssigned: &event.ModelAssigned{
		Use: "worth", Role: event.ModelAssigned_ROLE_CHAMPION, Model: "m", Version: version, Rule: registry.RuleOperator,
	}}})
}

// foretell appends decisions about a hundred people by a version that says said(i), and what they paid a day later.
func (l *modelLog) foretell(first int, at int64, version uint64, said, paid func(i int) int64) {
	for i := range 100 {
		a := projectionstest.ViewAlias(first + i)
		buys := func(at, amount int64) uint64 {
			l.Append(domain.Lane{Stream: domain.Behaviour, Key: "0"}, &event.Event{
				Alias: a[:], ReceivedMs: at, Body: &event.Event_Purchased{Purchased: &event.Purchased{AmountMicros: amount * 1e6}},
			})
			l.bought++
			return l.bought
		}
		cut := &event.Position{Sequence: buys(at-modelsDay, 1000)} // she is a customer, and what she paid before is no outcome
		l.Append(domain.Lane{Stream: domain.Decision, Key: "0"}, &event.Event{Alias: a[:], ReceivedMs: at, Body: &event.Event_Decision{Decision: &event.Decision{
			Id: a[:], NowMs: at, RequestedAlias: a[:], Profile: a[:], Aliases: []*event.SeenAlias{{Alias: a[:], Behaviour: cut}},
			Scores: []*event.ModelScore{{Model: "m", Version: version, Role: registry.Champion, Micros: said(i) * 1e6}},
		}}})
		if amount := paid(i); amount > 0 {
			buys(at+modelsDay, amount)
		}
	}
}

func TestAModelOfAmountsDriftsAndFallsBack(t *testing.T) {
	t.Parallel()
	l := &modelLog{StreamLog: projectionstest.NewStreamLog()}
	store := &projectionstest.MemoryModelDays{}
	start := int64(20_000 * modelsDay)
	now := start + 91*modelsDay
	w := l.watcher(store, &now)
	look := func() {
		t.Helper()
		if err := w.Look(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	even := func(i int) int64 { return int64(i) }
	l.spender(t, 1)
	l.foretell(0, start, 1, even, func(i int) int64 { return int64(i + 2) })
	look()
	days := store.Days()
	if len(days) != 1 || days[0].Judged != 100 || days[0].JudgedAs != watch.AsAmount || days[0].Errors.MAERatio != 1 || days[0].Errors.Baseline < .99 ||
		days[0].MeanScore != 49.5 || days[0].Errors.MeanOutcome != 51.5 || days[0].Drifts[0].PSI > 1e-9 {
		t.Fatalf("%+v", days)
	}
	l.spender(t, 2)
	// It says more and more of people who pay nothing.
	l.foretell(100, start+2*modelsDay, 2, func(i int) int64 { return int64(90 + i) }, func(i int) int64 { return int64(i % 3) })
	now = start + 93*modelsDay
	look() // the alerts are raised,
	look() // and have come back from the log
	if len(l.falls) != 1 || l.falls[0] != "worth from m@2: hard limits: bias 169.2 against 1 mae_ratio 69.25 against 3 rmse_ratio 47.16 against 4 unexplained 2.988e+04 against 2" {
		t.Fatalf("%q", l.falls)
	}
	if look(); len(l.falls) != 1 {
		t.Errorf("fell back again: %q", l.falls)
	}
	if d := store.Days()[1].Drifts[0]; d.PSI < 1 || d.KS < .8 {
		t.Errorf("drift of the score: %+v", d)
	}
	// Whoever starts now sees the same.
	other := &projectionstest.MemoryModelDays{}
	if err := l.watcher(other, &now).Look(t.Context()); err != nil {
		t.Fatal(err)
	}
	a, b := store.Days(), other.Days()
	if len(a) != 2 || len(b) != 2 {
		t.Fatalf("%d and %d days", len(a), len(b))
	}
	for i := range a {
		if diff := cmp.Diff(projectionstest.StoredOf(a[i]), projectionstest.StoredOf(b[i])); diff != "" {
			t.Error(diff)
		}
	}
}
