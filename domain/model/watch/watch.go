// Package watch is how models do once they answer: where their features and scores lie beside where they lay in
// training, and how right they were once it is known what became of each decision. It is a fold over POLICY and DECISION,
// and over what became of decisions: counts by model version, role and day, in whole numbers, so that events in another
// order give the same state.
package watch

import (
	"bytes"
	"cmp"
	"maps"
	"math"
	"slices"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/feature"
	"github.com/profferhq/proffer/domain/label"
	"github.com/profferhq/proffer/domain/model/card"
	"github.com/profferhq/proffer/domain/model/registry"
)

// Options of a Watch.
type Options struct {
	// View finds a feature view by its name with its version; false when it is not known: then features are not watched.
	View func(name string) (feature.View, bool)
	// Label finds a label by the name that models register; false when it is not known. A definition in the model's card
	// goes before it. Models without a label are not judged; see JudgingOf.
	Label func(name string) (label.Label, bool)
	// MostWaiting bounds the decisions that wait to be judged: half a million by default. Beyond it only a share of the
	// decisions is judged, drawn by a hash of their ids.
	MostWaiting int
	// FirstDecisions is how many decisions are the reference of a model whose card has none: 1,000 by default.
	FirstDecisions int
}

const (
	defaultMostWaiting    = 1 << 19
	defaultFirstDecisions = 1000
	dayMS                 = 24 * 3600 * 1000
)

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

// Watch is the state. It is for one goroutine at a time. POLICY is to be applied before DECISION as far as it goes: what
// a version is must be known when its scores come.
type Watch struct {
	o        Options
	applied  [domain.Streams]domain.Position
	seen     [domain.Streams]bool
	registry registry.Registry
	versions map[named]*version
	days     map[Key]*Tally
	changed  map[Key]bool
	open     map[alertKey]*event.AlertRaised
	limits   map[string]*event.ModelLimitsSet
	// waiting are decisions that are not judged yet; of those, the ones whose hash is above the threshold are left out.
	waiting   map[domain.Alias]*waiting
	threshold uint64
}

type named struct {
	model   string
	version uint64
}

// version is what is known of a registered version.
type version struct {
	*event.ModelRegistered
	card card.Card
	// reference says where the bins of the card are from; gathering are its first decisions while it has none.
	reference string
	gathering *gathering
	// places are where its features stand in the vectors of views, by their names.
	places map[string][]int
	// judging says how its decisions are judged; labelID is the fingerprint of its label, the zero Hash for none.
	judging Judging
	labelID domain.Hash
}

// Where bins are from.
const (
	ReferenceTraining       = "training"
	ReferenceFirstDecisions = "first_decisions"
)

// waiting is a decision that is not judged yet.
type waiting struct {
	nowMS  int64
	person domain.Alias
	scores []waitingScore
}

type waitingScore struct {
	day    *Tally
	micros int64
}

// New is an empty watch.
func New(o Options) *Watch {
	if o.MostWaiting <= 0 {
		o.MostWaiting = defaultMostWaiting
	}
	if o.FirstDecisions <= 0 {
		o.FirstDecisions = defaultFirstDecisions
	}
	return &Watch{
		o: o, versions: map[named]*version{}, days: map[Key]*Tally{}, changed: map[Key]bool{}, open: map[alertKey]*event.AlertRaised{},
		limits: map[string]*event.ModelLimitsSet{}, waiting: map[domain.Alias]*waiting{}, threshold: math.MaxUint64,
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
	case r.Event.GetModelRegistered() != nil:
		w.registered(r.Event.GetModelRegistered())
		w.registry.Apply(r)
	case r.Event.GetModelAssigned() != nil || r.Event.GetDefinitionWithdrawn() != nil:
		w.registry.Apply(r)
	case r.Event.GetModelLimitsSet() != nil:
		w.limits[r.Event.GetModelLimitsSet().GetUse()] = r.Event.GetModelLimitsSet()
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
	if c, err := card.Decode(m.GetCardJson()); err == nil { // a model of others may have a card of its own kind
		v.card = *c
	}
	sameName := func(f card.Feature, name string) bool { return f.Name == name }
	if !slices.EqualFunc(v.card.Features, m.GetFeatures(), sameName) {
		v.card.Features = make([]card.Feature, len(m.GetFeatures()))
		for i, name := range m.GetFeatures() {
			v.card.Features[i].Name = name
		}
	}
	v.reference = ReferenceTraining
	hasBins := func(f card.Feature) bool { return f.Bins != nil }
	if v.card.Score == nil && !slices.ContainsFunc(v.card.Features, hasBins) {
		v.reference, v.gathering = ReferenceFirstDecisions, newGathering(len(v.card.Features))
	}
	if v.judging = judgingOf(m, &v.card, w.o.Label); v.judging.As != "" {
		v.labelID = v.judging.Label.Fingerprint()
	}
}

// placesIn is where a version's features stand in the vectors of a view: of its own, or of another version of it in which
// they mean the same; nil when they do not, or as long as its own view is not known.
func (v *version) placesIn(name string, view func(string) (feature.View, bool)) []int {
	if places, found := v.places[name]; found || len(v.card.Features) == 0 {
		return places
	}
	own, known := view(v.GetView())
	in, also := view(name)
	if !known || !also {
		return nil
	}
	places, _ := own.PlacesIn(in, v.GetFeatures())
	if v.places == nil {
		v.places = map[string][]int{}
	}
	v.places[name] = places
	return places
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
		t := w.tally(key, v)
		t.LastMS = max(t.LastMS, d.GetNowMs())
		if s.GetFailure() != "" {
			t.Failures++
			continue
		}
		places := v.placesIn(d.GetView(), w.o.View)
		t.count(s.GetMicros(), d.GetVector(), places)
		v.gather(s.GetMicros(), d.GetVector(), places, w.o.FirstDecisions)
		if v.labelID != (domain.Hash{}) {
			wait.scores = append(wait.scores, waitingScore{day: t, micros: s.GetMicros()})
		}
	}
	w.await(d, wait)
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
		t.key = key
		w.days[key] = t
	}
	return t
}

func (w *Watch) await(d *event.Decision, wait *waiting) {
	id, err := domain.AliasFromBytes(d.GetId())
	if err != nil || len(wait.scores) == 0 || id.Hash() > w.threshold {
		return
	}
	if wait.person, err = domain.AliasFromBytes(d.GetRequestedAlias()); err != nil {
		return
	}
	w.waiting[id] = wait
	for len(w.waiting) > w.o.MostWaiting && w.threshold > 0 {
		w.threshold /= 2
		maps.DeleteFunc(w.waiting, func(id domain.Alias, _ *waiting) bool { return id.Hash() > w.threshold })
	}
}

// Due are decisions whose windows have closed: what became of them by the label, read with the view, is to be told by
// Judge or Drop.
type Due struct {
	Label label.Label
	View  string
	// Of are the decisions, each with an alias of whose it is.
	Of map[domain.Alias]domain.Alias

	labelID domain.Hash
}

// Due is what can be judged at a time. Of a label that looks as far as an offer is valid, which is not known here, it is
// every decision: those that it is too early for are simply not told about.
func (w *Watch) Due(nowMS int64) []Due {
	type about struct {
		label domain.Hash
		view  string
	}
	of := map[about]*Due{}
	for id, wait := range w.waiting {
		for _, s := range wait.scores {
			v := s.day.version
			if _, until, ok := v.judging.Label.Window(wait.nowMS, 0); ok && until > nowMS {
				continue
			}
			key := about{v.labelID, v.GetView()}
			if of[key] == nil {
				of[key] = &Due{Label: v.judging.Label, labelID: v.labelID, View: v.GetView(), Of: map[domain.Alias]domain.Alias{}}
			}
			of[key].Of[id] = wait.person
		}
	}
	keys := slices.SortedFunc(maps.Keys(of), func(x, y about) int {
		return cmp.Or(bytes.Compare(x.label[:], y.label[:]), cmp.Compare(x.view, y.view))
	})
	out := make([]Due, len(keys))
	for i, k := range keys {
		out[i] = *of[k]
	}
	return out
}

// Judge tells what became of a decision by a label that is due: the label's value.
func (w *Watch) Judge(of *Due, decision domain.Alias, value float64) {
	w.told(of, decision, func(s waitingScore) {
		s.day.judge(s.micros, value)
		w.changed[s.day.key] = true
	})
}

// Drop tells that a decision is not judged by a label: whose it is does not belong to the label's population.
func (w *Watch) Drop(of *Due, decision domain.Alias) { w.told(of, decision, func(waitingScore) {}) }

func (w *Watch) told(of *Due, decision domain.Alias, each func(waitingScore)) {
	wait := w.waiting[decision]
	if wait == nil {
		return
	}
	wait.scores = slices.DeleteFunc(wait.scores, func(s waitingScore) bool {
		about := s.day.version.labelID == of.labelID && s.day.version.GetView() == of.View
		if about {
			each(s)
		}
		return about
	})
	if len(wait.scores) == 0 {
		delete(w.waiting, decision)
	}
}

// Forget drops the decisions that nobody could tell about within keptMS.
func (w *Watch) Forget(nowMS int64) {
	maps.DeleteFunc(w.waiting, func(_ domain.Alias, wait *waiting) bool { return wait.nowMS < nowMS-keptMS })
}

// keptMS is for how long a decision waits: the longest horizon that a label may have, and then some.
const keptMS = 430 * dayMS

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
