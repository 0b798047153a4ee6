package watch_test

import (
	"math"
	"sync"
	"testing"

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
