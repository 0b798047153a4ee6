package watch_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"
	"pgregory.net/rapid"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/feature"
	"github.com/profferhq/proffer/domain/label"
	"github.com/profferhq/proffer/domain/model/card"
	"github.com/profferhq/proffer/domain/model/registry"
	"github.com/profferhq/proffer/domain/model/watch"
	"github.com/profferhq/proffer/domain/stat"
)

const (
	day    = 24 * 3600 * 1000
	window = 7 * day
	start  = 20_000 * day
)

// world is a log by stream, and what follows it.
type world struct {
	t   testing.TB
	log [domain.Streams][]domain.Recorded
	n   uint64
	// decided are decisions' times, converted when what came of them happened, outside those of no population.
	decided   map[domain.Alias]int64
	converted map[domain.Alias][]int64
	outside   map[domain.Alias]bool
	// spent are amounts that came of decisions, in millionths.
	spent map[domain.Alias]int64
	*watch.Watch
}

// core is read once: every test has a world.
var core = sync.OnceValue(feature.Core)

func options() watch.Options {
	return watch.Options{
		View: func(name string) (feature.View, bool) { return core(), name == core().Name() },
		Label: func(name string) (label.Label, bool) {
			aggregation := map[string]string{"converted_7d": label.Exists, "conversions_7d": label.Count, "spent_7d": label.Sum}[name]
			l, err := label.New(label.Document{
				Name: name, Description: "x", Owner: "x", Source: []string{"converted"}, Aggregation: aggregation, Horizon: "7d", Attribution: label.OfOffer,
			})
			return l, err == nil
		},
	}
}

func newWorld(t testing.TB) *world { return worldOf(t, watch.New(options())) }

func worldOf(t testing.TB, w *watch.Watch) *world {
	return &world{t: t, Watch: w, decided: map[domain.Alias]int64{}, converted: map[domain.Alias][]int64{}, outside: map[domain.Alias]bool{}, spent: map[domain.Alias]int64{}}
}

// settle tells what is due, as an export of training rows would find it.
func (w *world) settle(now int64) {
	for _, due := range w.Due(now) {
		for decision := range due.Of {
			if w.outside[decision] {
				w.Drop(&due, decision)
				continue
			}
			at := w.decided[decision]
			events := int64(0)
			for _, t := range w.converted[decision] {
				if t >= at && t < at+window {
					events++
				}
			}
			w.Judge(&due, decision, due.Label.Value(events, w.spent[decision]))
		}
	}
	w.Forget(now)
}

func (w *world) add(e *event.Event) {
	stream, _ := domain.StreamOf(e)
	w.n++
	r := domain.Recorded{At: domain.Position{Sequence: w.n}, Event: e}
	w.log[stream] = append(w.log[stream], r)
	w.Apply(stream, r)
}

// two are the features of the models here, and where they lie in the view.
func two() (names []string, at []int) {
	specs := core().Specs()
	return []string{specs[3].Name, specs[1].Name}, []int{3, 1}
}

// register adds a version whose features lay evenly between 0 and 1, the second missing in a tenth of the rows, and
// whose scores lay evenly too.
func (w *world) register(version uint64, label string) {
	names, _ := two()
	values, some := make([]float64, 1000), make([]float64, 1000)
	for i := range values {
		values[i] = float64(i) / 1000
		if some[i] = values[i]; i%10 == 0 {
			some[i] = math.NaN()
		}
	}
	first, second, score := stat.NewBins(values, 10), stat.NewBins(some, 10), stat.NewBins(values, 10)
	c := card.Card{Features: []card.Feature{{Name: names[0], Bins: &first}, {Name: names[1], Bins: &second}}, Score: &score}
	data, err := c.Encode()
	if err != nil {
		w.t.Fatal(err)
	}
	w.add(&event.Event{Body: &event.Event_ModelRegistered{ModelRegistered: &event.ModelRegistered{
		Name: "m", Version: version, View: core().Name(), Features: names, Label: label, CardJson: data, Digest: []byte{byte(version)},
	}}})
}

func (w *world) assign(rule string, events ...*event.ModelAssigned) {
	for _, a := range events {
		a.Rule = rule
		w.add(&event.Event{Body: &event.Event_ModelAssigned{ModelAssigned: a}})
	}
}

func (w *world) champion(version uint64) {
	w.assign(registry.RuleOperator, &event.ModelAssigned{Use: "offer", Role: event.ModelAssigned_ROLE_CHAMPION, Model: "m", Version: version})
}

func id(n int) []byte {
	out := make([]byte, 16)
	out[0], out[1], out[2] = byte(n), byte(n>>8), byte(n>>16)
	return out
}

// decide records a decision with a score, in millionths, and the two features; below 0 the model failed.
func (w *world) decide(n int, at int64, version uint64, micros int64, features ...float64) {
	s := &event.ModelScore{Model: "m", Version: version, Role: registry.Champion, Micros: micros}
	if micros < 0 {
		s.Failure, s.Micros = "MODEL_UNAVAILABLE", 0
	}
	w.scored(n, at, s, features...)
}

func (w *world) scored(n int, at int64, s *event.ModelScore, features ...float64) {
	vector := make([]float64, core().Len())
	_, places := two()
	for i, v := range features {
		vector[places[i]] = v
	}
	w.decided[domain.Alias(id(n))] = at
	w.add(&event.Event{Body: &event.Event_Decision{Decision: &event.Decision{
		Id: id(n), RequestedAlias: id(n), NowMs: at, View: core().Name(), Vector: vector, Scores: []*event.ModelScore{s},
	}}})
}

func (w *world) convert(n int, at int64) {
	w.converted[domain.Alias(id(n))] = append(w.converted[domain.Alias(id(n))], at)
}

func (w *world) day(d int64) *watch.Tally {
	return w.Day(watch.Key{Model: "m", Version: 1, Role: registry.Champion, Day: start/day + d})
}

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
