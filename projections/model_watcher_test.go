package projections_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/feature"
	"github.com/profferhq/proffer/domain/label"
	"github.com/profferhq/proffer/domain/model/card"
	"github.com/profferhq/proffer/domain/model/registry"
	"github.com/profferhq/proffer/domain/model/watch"
	"github.com/profferhq/proffer/domain/stat"
	"github.com/profferhq/proffer/projections"
	"github.com/profferhq/proffer/projections/projectionstest"
)

func TestMemoryModelDaysAreAStore(t *testing.T) {
	t.Parallel()
	store := &projectionstest.MemoryModelDays{}
	projectionstest.RunModelDaysSuite(t, store, func(*testing.T) []projectionstest.StoredModelDay {
		var out []projectionstest.StoredModelDay
		for _, d := range store.Days() {
			out = append(out, projectionstest.StoredOf(d))
		}
		return out
	})
}

// modelLog is a log with models in it; it raises alerts and falls back as commands do.
type modelLog struct {
	*projectionstest.StreamLog
	down  bool
	falls []string
	// bought is how many events BEHAVIOUR has.
	bought uint64
}

const modelsDay = 24 * 3600 * 1000

var errAway = errors.New("away")

func (l *modelLog) policy(events ...*event.Event) {
	l.Append(domain.PolicyLane("model", "m"), events...)
}

func (l *modelLog) register(version uint64) {
	even := make([]float64, 100)
	for i := range even {
		even[i] = float64(i) / 100
	}
	score := stat.NewBins(even, 10)
	data, err := (&card.Card{Score: &score}).Encode()
	if err != nil {
		panic(err)
	}
	l.policy(&event.Event{Body: &event.Event_ModelRegistered{ModelRegistered: &event.ModelRegistered{Name: "m", Version: version, View: "core@1", Label: "conversion_7d", CardJson: data}}},
		&event.Event{Body: &event.Event_ModelAssigned{ModelAssigned: &event.ModelAssigned{Use: "offer", Role: event.ModelAssigned_ROLE_CHAMPION, Model: "m", Version: version, Rule: registry.RuleOperator}}})
}

// decide appends decisions of one day by a version that is right, or as wrong as can be.
func (l *modelLog) decide(first, n int, at int64, version uint64, right bool) {
	for i := first; i < first+n; i++ {
		id := make([]byte, 16)
		id[0], id[1] = byte(i), byte(i>>8)
		yes := i%2 == 0
		micros := int64(100_000)
		if yes == right {
			micros = 900_000
		}
		person := projectionstest.ViewAlias(i)
		l.Append(domain.Lane{Stream: domain.Decision, Key: "0"}, &event.Event{Alias: person[:], ReceivedMs: at, Body: &event.Event_Decision{Decision: &event.Decision{
			Id: id, NowMs: at, RequestedAlias: person[:], Profile: person[:], Aliases: []*event.SeenAlias{{Alias: person[:]}}, Offer: "tea", Scores: []*event.ModelScore{{Model: "m", Version: version, Role: registry.Champion, Micros: micros}},
		}}})
		if yes {
			l.Append(domain.Lane{Stream: domain.Outcome, Key: "0"}, &event.Event{Alias: person[:], ReceivedMs: at + 1, OccurredMs: at + 1, Body: &event.Event_Converted{Converted: &event.Converted{Of: &event.OutcomeOf{Decision: id}}}})
		}
	}
}

func (l *modelLog) RaiseAlerts(_ context.Context, alerts []*event.AlertRaised) error {
	if l.down {
		return errAway
	}
	for _, a := range alerts {
		l.policy(&event.Event{Body: &event.Event_AlertRaised{AlertRaised: a}})
	}
	return nil
}

func (l *modelLog) FallBack(_ context.Context, use string, champion registry.Assignment, reason string) error {
	l.falls = append(l.falls, fmt.Sprintf("%s from %s@%d: %s", use, champion.GetModel(), champion.GetVersion(), reason))
	l.policy(&event.Event{Body: &event.Event_ModelAssigned{ModelAssigned: &event.ModelAssigned{
		Use: use, Role: event.ModelAssigned_ROLE_CHAMPION, Model: champion.GetModel(), Version: champion.GetVersion() - 1, Rule: registry.RuleFallback,
	}}})
	return nil
}

func (l *modelLog) watcher(store projections.ModelDays, now *int64) *projections.ModelWatcher {
	limits := watch.DefaultLimits()
	limits.Least = 50
	return projections.NewModelWatcher(l, store, l, projections.ModelWatcherOptions{
		Watch: watch.Options{
			View: coreView{}.View, Label: label.ShippedAs,
		},
		Limits: limits, Now: func() time.Time { return time.UnixMilli(*now) },
	})
}

func TestABrokenChampionIsSeenAndFallsBack(t *testing.T) {
	t.Parallel()
	l := &modelLog{StreamLog: projectionstest.NewStreamLog()}
	store := &projectionstest.MemoryModelDays{}
	start := int64(20_000 * modelsDay)
	now := start + 9*modelsDay
	w := l.watcher(store, &now)
	look := func() {
		t.Helper()
		if err := w.Look(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	l.register(1)
	l.decide(0, 100, start, 1, true)
	look()
	if days := store.Days(); len(days) != 1 || days[0].Decisions != 100 || days[0].Judged != 100 || days[0].Positive != 50 || days[0].Scores.AUC != 1 {
		t.Fatalf("%+v", days)
	}
	l.register(2)
	l.decide(100, 100, start+modelsDay, 2, false)
	now = start + 7*modelsDay
	l.down = true
	look() // windows are open: what is known of it yet is all positive, and says nothing
	now = start + 8*modelsDay + 3600_000
	look()
	l.down = false
	look() // raised
	if len(l.falls) != 0 {
		t.Fatalf("fell back before the alert was in the log: %v", l.falls)
	}
	look()
	if len(l.falls) != 1 || l.falls[0] != "offer from m@2: hard limits: auc 0 against 0.52 ece 0.9 against 0.15" {
		t.Fatalf("%q", l.falls)
	}
	look()
	if len(l.falls) != 1 {
		t.Errorf("fell back again: %q", l.falls)
	}
	// Whoever starts now sees the same.
	other := &projectionstest.MemoryModelDays{}
	now = start + 20*modelsDay
	look()
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

func TestAWatcherFollowsAndStops(t *testing.T) {
	t.Parallel()
	l := &modelLog{StreamLog: projectionstest.NewStreamLog()}
	now := int64(20_000 * modelsDay)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	w := l.watcher(nil, &now)
	go func() { done <- w.Run(ctx) }()
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// What became of decisions is what the rows that models learn from say of them.
func TestDecisionsAreJudgedAsTrainingRowsAre(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		log, all := randomHistory(rt)
		l, err := label.New(label.Document{
			Name: "x", Description: "x", Owner: "x", Source: []string{"purchased"}, Aggregation: label.None, Horizon: "5d", Attribution: label.OfPerson,
			Population: label.Population{
				AtLeast: []label.AtLeast{{Count: 1, Source: []string{"purchased", "viewed"}, Within: "30d"}},
				When:    rapid.SampledFrom([]string{"", "decision.external", "!has(features.tenure_days) || features.tenure_days > 1"}).Draw(rt, "when"),
			},
		})
		if err != nil {
			rt.Fatal(err)
		}
		training := projections.NewTraining(log, coreView{})
		rows := new(projectionstest.MemoryRows)
		if _, err := training.Export(t.Context(), projections.TrainingRequest{View: feature.Core(), Label: l, AtDecisions: true}, rows); err != nil {
			rt.Fatal(err)
		}
		want, decisions := map[domain.Alias]float64{}, map[domain.Alias]domain.Alias{}
		for i, id := range rows.Decisions {
			want[id] = rows.Labels[i]
		}
		for _, x := range all {
			if d := x.event.GetDecision(); d != nil && rapid.Bool().Draw(rt, "asked") {
				decisions[domain.Alias(d.GetId())] = domain.Alias(x.event.GetAlias())
			} else if d != nil {
				delete(want, domain.Alias(d.GetId()))
			}
		}
		got := map[domain.Alias]float64{}
		request := projections.JudgeRequest{View: feature.Core(), Label: l, Of: decisions}
		if err := training.Judge(t.Context(), request, func(j projections.Judged) {
			if _, asked := decisions[j.Decision]; !asked {
				rt.Errorf("told about %s", j.Decision)
			}
			if _, row := want[j.Decision]; j.Outside == row {
				rt.Errorf("%s is outside: %t", j.Decision, j.Outside)
			}
			if !j.Outside {
				got[j.Decision] = j.Value
			}
		}); err != nil {
			rt.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			rt.Error(diff)
		}
	})
}

func TestAChurnModelIsJudgedWhenItsHorizonIsOver(t *testing.T) {
	t.Parallel()
	l := &modelLog{StreamLog: projectionstest.NewStreamLog()}
	store := &projectionstest.MemoryModelDays{}
	start := int64(20_000 * modelsDay)
	now := start + 90*modelsDay
	w := l.watcher(store, &now)
	l.policy(&event.Event{Body: &event.Event_ModelRegistered{ModelRegistered: &event.ModelRegistered{Name: "m", Version: 1, View: "core@1", Label: "churn_90d"}}})
	buys := func(person int, at int64) {
		a := projectionstest.ViewAlias(person)
		l.Append(domain.Lane{Stream: domain.Behaviour, Key: "0"}, &event.Event{Alias: a[:], ReceivedMs: at, Body: &event.Event_Purchased{Purchased: &event.Purchased{AmountMicros: 1}}})
	}
	for person := range 9 { // ten are asked about, of whom one has never bought: churn is not about that one
		buys(person, start-modelsDay)
	}
	cut := &event.Position{Sequence: 9}
	for person := range 10 {
		a := projectionstest.ViewAlias(person)
		l.Append(domain.Lane{Stream: domain.Decision, Key: "0"}, &event.Event{Alias: a[:], ReceivedMs: start, Body: &event.Event_Decision{Decision: &event.Decision{
			Id: a[:], NowMs: start, RequestedAlias: a[:], Profile: a[:], Aliases: []*event.SeenAlias{{Alias: a[:], Behaviour: cut}},
			Scores: []*event.ModelScore{{Model: "m", Version: 1, Role: registry.Champion, Micros: 900_000}},
		}}})
	}
	for person := range 3 {
		buys(person, start+int64(person+1)*modelsDay)
	}
	buys(5, start+91*modelsDay) // too late
	for _, c := range []struct {
		now              int64
		judged, positive uint64
	}{
		{start + 90*modelsDay, 0, 0}, // events may still arrive
		{start + 92*modelsDay, 9, 6},
	} {
		now = c.now
		if err := w.Look(t.Context()); err != nil {
			t.Fatal(err)
		}
		if days := store.Days(); len(days) != 1 || days[0].Decisions != 10 || days[0].Judged != c.judged || days[0].Positive != c.positive {
			t.Errorf("on day %d: %+v", (c.now-start)/modelsDay, days)
		}
	}
}
