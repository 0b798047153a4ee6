package watch_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/model/registry"
	"github.com/profferhq/proffer/domain/model/watch"
)

func TestLimitsAreOfAUse(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(1, "converted_7d")
	w.champion(1)
	for i := range 100 {
		w.decide(i, start, 1, 950_000, float64(i)/100, float64(i)/100)
	}
	set := func(use string, least uint64, limits ...*event.ModelLimit) {
		s := &event.ModelLimitsSet{Use: use, Version: 1, Limits: limits, Least: least}
		if err := watch.CheckLimits(s); err != nil {
			t.Fatal(err)
		}
		w.add(&event.Event{Body: &event.Event_ModelLimitsSet{ModelLimitsSet: s}})
	}
	metrics := func() (out []string) {
		for _, a := range w.Alerts(watch.DefaultLimits(), start) {
			out = append(out, fmt.Sprint(a.GetSubject(), " ", a.GetMetric(), " ", a.GetLimit(), " ", a.GetHard()))
		}
		return out
	}
	if got := metrics(); len(got) != 0 {
		t.Errorf("of a hundred decisions: %v", got)
	}
	set("other", 1)
	if got := metrics(); len(got) != 0 {
		t.Errorf("limits of another use: %v", got)
	}
	set("offer", 50, &event.ModelLimit{Metric: "psi", Soft: 1, Hard: 2}, &event.ModelLimit{Metric: "ks"}, &event.ModelLimit{Metric: "missing_share"})
	if diff := cmp.Diff([]string{"model:m@1 psi 2 true"}, metrics()); diff != "" {
		t.Error(diff)
	}
	// It answers for another use too, whose limits are tighter in parts.
	w.assign(registry.RuleOperator, &event.ModelAssigned{Use: "other", Role: event.ModelAssigned_ROLE_CHAMPION, Model: "m", Version: 1})
	set("other", 500, &event.ModelLimit{Metric: "psi", Soft: 100}, &event.ModelLimit{Metric: "ks", Soft: .5})
	if diff := cmp.Diff([]string{"model:m@1 psi 2 true", "model:m@1 ks 0.5 false"}, metrics()); diff != "" {
		t.Error(diff)
	}
}

func TestLimitsThatMakeNoSenseAreNamed(t *testing.T) {
	t.Parallel()
	for want, limits := range map[string][]*event.ModelLimit{
		`no metric "psy" (did you mean "psi"?)`:        {{Metric: "psy"}},
		"psi is set twice":                             {{Metric: "psi"}, {Metric: "psi"}},
		"auc: 1.5 is no limit":                         {{Metric: "auc", Soft: 1.5}},
		"ece: NaN is no limit":                         {{Metric: "ece", Hard: math.NaN()}},
		"psi: -1 is no limit":                          {{Metric: "psi", Soft: -1}},
		"auc: the hard limit 0.7 is broken before":     {{Metric: "auc", Soft: .6, Hard: .7}},
		"ece: the hard limit 0.1 is broken before the": {{Metric: "ece", Soft: .2, Hard: .1}},
	} {
		if err := watch.CheckLimits(&event.ModelLimitsSet{Limits: limits}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	if err := watch.CheckLimits(&event.ModelLimitsSet{Days: 401}); err == nil {
		t.Error("401 days")
	}
	if err := watch.CheckLimits(&event.ModelLimitsSet{Limits: []*event.ModelLimit{{Metric: "auc", Soft: .7, Hard: .6}, {Metric: "psi", Hard: 3}}}); err != nil {
		t.Error(err)
	}
}

func limits() watch.Limits {
	l := watch.DefaultLimits()
	l.Least = 50
	return l
}

// tell appends alerts, as the caller of Alerts does.
func (w *world) tell(alerts []*event.AlertRaised) []string {
	var out []string
	for _, a := range alerts {
		w.add(&event.Event{Body: &event.Event_AlertRaised{AlertRaised: a}})
		out = append(out, fmt.Sprintf("%s %s hard=%t cleared=%t", a.GetSubject(), a.GetMetric(), a.GetHard(), a.GetCleared()))
	}
	return out
}

func TestAlertsAreRaisedOnceAndCleared(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(1, "converted_7d")
	w.champion(1)
	for i := range 100 { // scores far above those of training; features as they were
		second := float64(i) / 100
		if i%10 == 0 {
			second = math.NaN()
		}
		w.decide(i, start, 1, 950_000, float64(i)/100, second)
	}
	names, _ := two()
	want := []string{"model:m@1 psi hard=false cleared=false", "model:m@1 ks hard=false cleared=false"}
	if diff := cmp.Diff(want, w.tell(w.Alerts(limits(), start+day))); diff != "" {
		t.Error(diff)
	}
	if again := w.Alerts(limits(), start+day); len(again) != 0 {
		t.Errorf("raised again: %v", again)
	}
	for i := range 2000 { // the next days are as in training, but one feature is gone
		w.decide(1000+i, start+3*day, 1, int64(i)*500, float64(i)/2000, math.NaN())
	}
	got := w.tell(w.Alerts(limits(), start+8*day))
	want = []string{
		"model:m@1 staleness_hours hard=false cleared=false",
		"model:m@1 psi hard=false cleared=true", "model:m@1 ks hard=false cleared=true",
		"model:m@1/" + names[1] + " missing_share hard=false cleared=false", "model:m@1/" + names[1] + " psi hard=false cleared=false",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if uses := w.FallBack(); uses != nil {
		t.Errorf("drift alone makes %v fall back", uses)
	}
	// Nobody answers with it any more.
	w.register(2, "converted_7d")
	w.champion(2)
	w.tell(w.Alerts(limits(), start+8*day))
	if open := w.Open(); len(open) != 0 {
		t.Errorf("still open: %v", open)
	}
}

func TestAChampionThatBreaksAHardLimitFallsBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(1, "converted_7d")
	w.register(2, "converted_7d")
	w.champion(1)
	w.champion(2)
	for i := range 200 { // version 2 is wrong as often as it can be
		micros := int64(900_000)
		if i%2 == 0 {
			micros = 100_000
			w.convert(i, start+1)
		}
		w.decide(i, start, 2, micros, float64(i)/200, float64(i)/200)
	}
	w.settle(start + window)
	w.tell(w.Alerts(limits(), start+day))
	if diff := cmp.Diff([]string{"offer"}, w.FallBack()); diff != "" {
		t.Fatal(diff)
	}
	var r registry.Registry // what the command does
	for _, e := range w.log[domain.Policy] {
		r.Apply(e)
	}
	back, err := r.Rollback("offer")
	if err != nil {
		t.Fatal(err)
	}
	w.assign(registry.RuleFallback, back...)
	if now, _ := w.Champion("offer"); now.GetVersion() != 1 || now.GetRule() != registry.RuleFallback {
		t.Errorf("champion %v", now)
	}
	if uses := w.FallBack(); uses != nil {
		t.Errorf("%v would fall back again", uses)
	}
	w.tell(w.Alerts(limits(), start+day))
	if open := w.Open(); len(open) != 0 {
		t.Errorf("still open: %v", open)
	}
}

func TestSoftAlertsBecomeHard(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(1, "converted_7d")
	w.champion(1)
	for i := range 100 {
		micros := int64(i) * 10_000
		if i%10 == 0 {
			micros = -1
		}
		w.decide(i, start, 1, micros, float64(i)/100, float64(i)/100)
	}
	w.tell(w.Alerts(limits(), start))
	for i := range 200 {
		w.decide(100+i, start, 1, -1)
	}
	got := w.Alerts(limits(), start)
	want := []*event.AlertRaised{{Subject: "model:m@1", Metric: "failure_share", Value: 210. / 300, Limit: .5, Hard: true, FromMs: start - 6*day, ToMs: start, Rows: 300}}
	if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
		t.Error(diff)
	}
}
