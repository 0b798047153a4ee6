// Package watch is how models do once they answer: where their features and scores lie beside where they lay in
// training, and how right they were once it is known what became of each decision. It is a fold over POLICY, DECISION and
// OUTCOME: counts by model version, role and day, in whole numbers, so that events in another order give the same state.
package watch

import (
	"cmp"
	"maps"
	"math"
	"slices"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/feature"
	"github.com/profferhq/proffer/domain/model/card"
	"github.com/profferhq/proffer/domain/model/registry"
	"github.com/profferhq/proffer/domain/stat"
)

// Options of a Watch.
type Options struct {
	// View finds a feature view by its name with its version; false when it is not known: then features are not watched.
	View func(name string) (feature.View, bool)
	// WindowMS is for how long after a decision a conversion counts for a label, by the label's name as models register
	// it, in milliseconds. Models of other labels are judged only as far as Label is told.
	WindowMS map[string]int64
}

const dayMS = 24 * 3600 * 1000

// Key is whose counts these are, and of the decisions of which day (UTC, counted from 1970-01-01).
type Key struct {
	Model   string
	Version uint64
	Role    string
	Day     int64
}

func (k Key) compare(other Key) int {
	return cmp.Or(cmp.Compare(k.Model, other.Model), cmp.Compare(k.Version, other.Version), cmp.Compare(k.Role, other.Role), cmp.Compare(k.Day, other.Day))
}

// Watch is the state. It is for one goroutine at a time. POLICY is to be applied before the other streams as far as it
// goes: what a version is must be known when its scores come.
type Watch struct {
	o        Options
	applied  [domain.Streams]domain.Position
	seen     [domain.Streams]bool
	registry registry.Registry
	versions map[named]*version
	days     map[Key]*Tally
	changed  map[Key]bool
	open     map[alertKey]*event.AlertRaised
	// waiting are decisions whose window is open; early are conversions whose decision has not come yet.
	waiting map[domain.Alias]*waiting
	early   map[domain.Alias]int64
}

type named struct {
	model   string
	version uint64
}

// version is what is known of a registered version.
type version struct {
	*event.ModelRegistered
	card card.Card
	// places says that the card tells of the features, index where each stands in the view's vector; nil when features are
	// not watched, or the view is not known yet.
	places bool
	index  []int
}

// waiting is a decision that is not judged yet.
type waiting struct {
	nowMS  int64
	scores []waitingScore
}

type waitingScore struct {
	key      Key
	micros   int64
	until    int64 // Unix milliseconds; 0 waits for Label
	positive bool  // a conversion lies in its window
}

// New is an empty watch.
func New(o Options) *Watch {
	return &Watch{
		o: o, versions: map[named]*version{}, days: map[Key]*Tally{}, changed: map[Key]bool{}, open: map[alertKey]*event.AlertRaised{},
		waiting: map[domain.Alias]*waiting{}, early: map[domain.Alias]int64{},
	}
}

// Apply folds in an event of a stream, once: one at or before a position already applied changes nothing.
func (w *Watch) Apply(stream domain.Stream, r domain.Recorded) {
	if w.seen[stream] && r.At.Compare(w.applied[stream]) <= 0 {
		return
	}
	w.seen[stream], w.applied[stream] = true, r.At
	switch {
	case r.Event.GetDecision() != nil:
		w.decided(r.Event.GetDecision())
	case r.Event.GetConverted() != nil:
		w.converted(r.Event)
	case r.Event.GetModelRegistered() != nil:
		w.registered(r.Event.GetModelRegistered())
		w.registry.Apply(r)
	case r.Event.GetModelAssigned() != nil:
		w.registry.Apply(r)
	case r.Event.GetAlertRaised() != nil:
		w.alerted(r.Event.GetAlertRaised())
	}
}

func (w *Watch) registered(m *event.ModelRegistered) {
	key := named{m.GetName(), m.GetVersion()}
	if _, known := w.versions[key]; known {
		return
	}
	v := &version{ModelRegistered: m}
	w.versions[key] = v
	c, err := card.Decode(m.GetCardJson())
	if err != nil { // a model of others may have a card of its own kind: its scores are counted all the same
		return
	}
	v.card = *c
	v.places = len(c.Features) == len(m.GetFeatures())
}

// find looks for the places of a version's features, as long as its view is not known.
func (v *version) find(view func(string) (feature.View, bool)) {
	if v.index != nil || !v.places {
		return
	}
	in, known := view(v.GetView())
	if !known {
		return
	}
	index := make([]int, len(v.GetFeatures()))
	for i, name := range v.GetFeatures() {
		at, found := in.Index(name)
		if v.places = v.places && found && v.card.Features[i].Name == name; !v.places {
			return
		}
		index[i] = at
	}
	v.index = index
}

// decided counts what models said.
func (w *Watch) decided(d *event.Decision) {
	if d.GetExternal() || len(d.GetScores()) == 0 {
		return
	}
	wait := &waiting{nowMS: d.GetNowMs()}
	counted := map[Key]bool{} // a version that is read under two names is counted once
	for _, s := range d.GetScores() {
		v := w.versions[named{s.GetModel(), s.GetVersion()}]
		key := Key{s.GetModel(), s.GetVersion(), s.GetRole(), floorDay(d.GetNowMs())}
		if v == nil || counted[key] {
			continue
		}
		counted[key] = true
		v.find(w.o.View)
		t := w.tally(key, v)
		t.LastMS = max(t.LastMS, d.GetNowMs())
		if s.GetFailure() != "" {
			t.Failures++
			continue
		}
		t.score(s.GetMicros())
		if v.index != nil && d.GetView() == v.GetView() {
			t.features(v, d.GetVector())
		}
		until := int64(0)
		if window := w.o.WindowMS[v.GetLabel()]; window > 0 {
			until = d.GetNowMs() + window
		}
		wait.scores = append(wait.scores, waitingScore{key: key, micros: s.GetMicros(), until: until})
	}
	w.await(d.GetId(), wait)
}

func floorDay(ms int64) int64 {
	day := ms / dayMS
	if ms%dayMS < 0 {
		day--
	}
	return day
}

func (w *Watch) tally(key Key, v *version) *Tally {
	t := w.days[key]
	w.changed[key] = true
	if t == nil {
		t = newTally(v)
		w.days[key] = t
	}
	return t
}

func (w *Watch) await(id []byte, wait *waiting) {
	if len(id) != len(domain.Alias{}) || len(wait.scores) == 0 {
		return
	}
	decision := domain.Alias(id)
	w.waiting[decision] = wait
	if at, early := w.early[decision]; early {
		delete(w.early, decision)
		w.positive(decision, at)
	}
}

// converted finds the decision that a conversion names.
func (w *Watch) converted(e *event.Event) {
	id := e.GetConverted().GetOf().GetDecision()
	if len(id) != len(domain.Alias{}) {
		return
	}
	decision := domain.Alias(id)
	at := cmp.Or(e.GetOccurredMs(), e.GetReceivedMs())
	if w.waiting[decision] == nil {
		if before, known := w.early[decision]; !known || at < before {
			w.early[decision] = at
		}
		return
	}
	w.positive(decision, at)
}

// positive marks the scores in whose window a conversion lies. They are counted when it closes, with those that nothing
// came of: if they were counted at once, what is known early would look better than all.
func (w *Watch) positive(decision domain.Alias, at int64) {
	wait := w.waiting[decision]
	for i := range wait.scores {
		s := &wait.scores[i]
		s.positive = s.positive || s.until > 0 && at >= wait.nowMS && at < s.until
	}
}

func (w *Watch) judge(s waitingScore, positive bool) {
	w.days[s.key].Outcomes.add(s.micros, positive)
	w.changed[s.key] = true
}

func (w *Watch) forget(decision domain.Alias) {
	if len(w.waiting[decision].scores) == 0 {
		delete(w.waiting, decision)
	}
}

// Label tells what became of a decision for the models of a label that is no conversion.
func (w *Watch) Label(decision domain.Alias, label string, positive bool) {
	wait := w.waiting[decision]
	if wait == nil {
		return
	}
	wait.scores = slices.DeleteFunc(wait.scores, func(s waitingScore) bool {
		about := w.versions[named{s.key.Model, s.key.Version}].GetLabel() == label
		if about {
			w.judge(s, positive)
		}
		return about
	})
	w.forget(decision)
}

// Settle closes the windows that have ended by a time, and judges what said something about them. It is to be
// called when DECISION and OUTCOME are read as far as that time; a conversion that comes later still is not counted.
// Conversions that have waited for their decision as long as the longest window are forgotten, and so are decisions
// whose label nobody told within keptMS.
func (w *Watch) Settle(nowMS int64) {
	longest := int64(0)
	for _, window := range w.o.WindowMS {
		longest = max(longest, window)
	}
	for decision, wait := range w.waiting {
		wait.scores = slices.DeleteFunc(wait.scores, func(s waitingScore) bool {
			if s.until > 0 && s.until <= nowMS {
				w.judge(s, s.positive)
				return true
			}
			return s.until == 0 && wait.nowMS < nowMS-keptMS
		})
		w.forget(decision)
	}
	maps.DeleteFunc(w.early, func(_ domain.Alias, at int64) bool { return at < nowMS-longest })
}

// keptMS is for how long what waits for something else is kept: 400 days, a year's label and then some.
const keptMS = 400 * dayMS

// Waiting is how many decisions are not judged yet.
func (w *Watch) Waiting() int { return len(w.waiting) }

// Keys are whose counts there are, in order.
func (w *Watch) Keys() []Key { return slices.SortedFunc(maps.Keys(w.days), Key.compare) }

// Changed are the keys whose counts have changed since the last call, in order.
func (w *Watch) Changed() []Key {
	out := slices.SortedFunc(maps.Keys(w.changed), Key.compare)
	clear(w.changed)
	return out
}

// Day is one day's counts, which must not be changed; nil when there are none.
func (w *Watch) Day(k Key) *Tally { return w.days[k] }

// Between adds up the days of a version from one to another, both included; in all roles when role is empty. It is nil
// when there are none.
func (w *Watch) Between(model string, number uint64, role string, from, to int64) *Tally {
	v := w.versions[named{model, number}]
	if v == nil {
		return nil
	}
	sum := newTally(v)
	for k, t := range w.days {
		if k.Model == model && k.Version == number && (role == "" || k.Role == role) && k.Day >= from && k.Day <= to {
			sum.add(t)
		}
	}
	if sum.Decisions+sum.Failures == 0 {
		return nil
	}
	return sum
}

// Tally is counts of one version's answers.
type Tally struct {
	// Decisions with a score, and with none (Failures).
	Decisions, Failures uint64
	// LastMS is the latest decision, Unix milliseconds.
	LastMS int64
	// Score and Features are counts in the bins of the version's card; nil where it has none.
	Score    *stat.Bins
	Features []stat.Bins
	// Outcomes are of the decisions that are judged.
	Outcomes Outcomes
	version  *version
}

func newTally(v *version) *Tally {
	t := &Tally{version: v}
	if v.card.Score != nil {
		bins := v.card.Score.Empty()
		t.Score = &bins
	}
	if v.places {
		for _, f := range v.card.Features {
			bins := stat.Bins{}
			if f.Bins != nil {
				bins = f.Bins.Empty()
			}
			t.Features = append(t.Features, bins)
		}
	}
	return t
}

func (t *Tally) score(micros int64) {
	t.Decisions++
	if t.Score != nil {
		t.Score.Add(float64(micros)/1e6, 1)
	}
}

func (t *Tally) features(v *version, vector []float64) {
	for i, at := range v.index {
		if t.Features[i].Weights == nil {
			continue
		}
		x := math.NaN()
		if at < len(vector) {
			x = vector[at]
		}
		t.Features[i].Add(x, 1)
	}
}

func (t *Tally) add(other *Tally) {
	t.Decisions += other.Decisions
	t.Failures += other.Failures
	t.LastMS = max(t.LastMS, other.LastMS)
	if t.Score != nil {
		sum(t.Score.Weights, other.Score.Weights)
	}
	for i := range t.Features {
		sum(t.Features[i].Weights, other.Features[i].Weights)
	}
	t.Outcomes.merge(&other.Outcomes)
}

func sum(to, of []float64) {
	for i, v := range of {
		to[i] += v
	}
}
