package watch

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/model/registry"
)

type alertKey struct{ subject, metric string }

// alerted remembers which alerts are open.
func (w *Watch) alerted(a *event.AlertRaised) {
	key := alertKey{a.GetSubject(), a.GetMetric()}
	if a.GetCleared() {
		delete(w.open, key)
	} else {
		w.open[key] = a
	}
}

// Open are the alerts that are not cleared, by subject and metric.
func (w *Watch) Open() []*event.AlertRaised {
	return slices.SortedFunc(maps.Values(w.open), func(a, b *event.AlertRaised) int {
		return cmp.Or(cmp.Compare(a.GetSubject(), b.GetSubject()), cmp.Compare(a.GetMetric(), b.GetMetric()))
	})
}

// Alerts are what is to be appended now: a metric of a version that has a role left its limits, broke a harder one than
// before, or came back within them. They are raised once: what is open already is not raised again. It changes nothing;
// Apply does, when they come back from the log. The limits are those of uses for which none were set.
func (w *Watch) Alerts(defaults Limits, nowMS int64) []*event.AlertRaised {
	var out []*event.AlertRaised
	to := floorDay(nowMS)
	watched := map[alertKey]bool{}
	for _, v := range w.assigned() {
		l := w.limitsOf(v, defaults)
		from := to - max(l.Days, 1) + 1
		for _, r := range w.readings(v, l, from, to, nowMS) {
			watched[alertKey{r.subject, r.metric}] = true
			if a := w.change(r, l.By[r.metric]); a != nil {
				a.FromMs, a.ToMs = from*dayMS, nowMS
				out = append(out, a)
			}
		}
	}
	// What nobody answers with any more is no trouble any more.
	for _, a := range w.Open() {
		if key := (alertKey{a.GetSubject(), a.GetMetric()}); !watched[key] && !w.inUse(a.GetSubject()) {
			out = append(out, &event.AlertRaised{Subject: key.subject, Metric: key.metric, Value: a.GetValue(), Limit: a.GetLimit(), Cleared: true, FromMs: to * dayMS, ToMs: nowMS})
		}
	}
	return out
}

// limitsOf are the limits of a version: those of the uses for which it has a role.
func (w *Watch) limitsOf(v named, defaults Limits) Limits {
	out, some := defaults, false
	for _, use := range w.registry.Uses() {
		for _, a := range w.registry.Roles(use, math.MaxUint64) {
			if a.GetModel() != v.model || a.GetVersion() != v.version {
				continue
			}
			of := defaults.With(w.limits[use])
			if some {
				of = out.tighter(of)
			}
			out, some = of, true
		}
	}
	return out
}

// assigned are the versions that have a role, in order.
func (w *Watch) assigned() []named {
	seen := map[named]bool{}
	for _, use := range w.registry.Uses() {
		for _, a := range w.registry.Roles(use, math.MaxUint64) {
			seen[named{a.GetModel(), a.GetVersion()}] = true
		}
	}
	return slices.SortedFunc(maps.Keys(seen), func(a, b named) int {
		return cmp.Or(cmp.Compare(a.model, b.model), cmp.Compare(a.version, b.version))
	})
}

func (w *Watch) inUse(subject string) bool {
	for _, v := range w.assigned() {
		if s := v.subject(); subject == s || len(subject) > len(s) && subject[:len(s)+1] == s+"/" {
			return true
		}
	}
	return false
}

// subject is how alerts call a version: "model:churn@3"; a feature of it follows behind a slash.
func (v named) subject() string { return fmt.Sprintf("model:%s@%d", v.model, v.version) }

// reading is a metric's value now.
type reading struct {
	subject, metric string
	value           float64
	rows            uint64
}

func (w *Watch) readings(v named, l Limits, from, to, nowMS int64) []reading {
	out := append(w.right(v, l), w.stale(v, nowMS)...)
	t := w.Between(v.model, v.version, "", from, to)
	if t == nil {
		return out
	}
	add := func(subject, metric string, value float64, rows uint64) {
		if rows >= max(l.Least, 1) && !math.IsNaN(value) {
			out = append(out, reading{subject, metric, value, rows})
		}
	}
	for _, d := range t.Drifts() {
		subject := v.subject()
		if d.Feature != "" {
			subject += "/" + d.Feature
			add(subject, MetricMissing, d.Missing-d.MissingThen, d.Rows)
		}
		add(subject, MetricPSI, d.PSI, d.Rows)
		add(subject, MetricKS, d.KS, d.Rows)
	}
	all := t.Decisions + t.Failures
	add(v.subject(), MetricFailures, float64(t.Failures)/float64(all), all)
	return out
}

// right are the readings of how right a version was.
func (w *Watch) right(v named, l Limits) []reading {
	t := w.judgedLately(v, "", max(l.Days, 1))
	if t == nil || t.Judged() < max(l.Least, 1) {
		return nil
	}
	var out []reading
	add := func(metric string, value float64) {
		if !math.IsNaN(value) {
			out = append(out, reading{v.subject(), metric, value, t.Judged()})
		}
	}
	if t.As() == AsAmount {
		e := t.Errors()
		add(MetricMAE, e.MAERatio)
		add(MetricRMSE, e.RMSERatio)
		add(MetricUnexplained, 1-e.R2)
		add(MetricBias, math.Abs(e.Bias))
		return out
	}
	scores := t.Outcomes.Scores()
	add(MetricECE, scores.ECE)
	add(MetricAUC, scores.AUC)
	return out
}

// judgedLately adds up the last days of a version that are judged, in all roles when role is empty; nil for none.
func (w *Watch) judgedLately(v named, role string, days int64) *Tally {
	last := int64(math.MinInt64)
	for k, t := range w.days {
		if k.Model != v.model || k.Version != v.version || role != "" && k.Role != role {
			continue
		}
		if t.Judged() > 0 {
			last = max(last, k.Day)
		}
	}
	if last == math.MinInt64 {
		return nil
	}
	return w.Between(v.model, v.version, role, last-days+1, last)
}

// stale is for how long a version that has answered before has not answered.
func (w *Watch) stale(v named, nowMS int64) []reading {
	last := int64(0)
	for k, t := range w.days {
		if k.Model == v.model && k.Version == v.version {
			last = max(last, t.LastMS)
		}
	}
	if last == 0 {
		return nil
	}
	return []reading{{v.subject(), MetricStaleness, float64(nowMS-last) / (3600 * 1000), 0}}
}

// beyond says whether a value is past a bound.
func beyond(metric string, value, bound float64) bool {
	switch {
	case bound == 0:
		return false
	case metric == MetricAUC:
		return value < bound
	}
	return value > bound
}

// change is the alert that a reading calls for, nil when all has been said.
func (w *Watch) change(r reading, l Limit) *event.AlertRaised {
	open := w.open[alertKey{r.subject, r.metric}]
	a := &event.AlertRaised{Subject: r.subject, Metric: r.metric, Value: r.value, Rows: r.rows}
	switch {
	case beyond(r.metric, r.value, l.Hard):
		if a.Limit, a.Hard = l.Hard, true; open.GetHard() {
			return nil
		}
	case beyond(r.metric, r.value, l.Soft):
		if a.Limit = l.Soft; open != nil {
			return nil
		}
	default:
		if open == nil {
			return nil
		}
		a.Limit, a.Hard, a.Cleared = open.GetLimit(), open.GetHard(), true
	}
	return a
}

// FallBack are the uses whose champion has a hard alert open and which have another champion to go back to.
func (w *Watch) FallBack() []string {
	var out []string
	for _, use := range w.registry.Uses() {
		roles := w.registry.Roles(use, math.MaxUint64)
		if len(roles) == 0 || roles[0].GetRole() != event.ModelAssigned_ROLE_CHAMPION {
			continue
		}
		subject := named{roles[0].GetModel(), roles[0].GetVersion()}.subject()
		broken := slices.ContainsFunc(w.Open(), func(a *event.AlertRaised) bool { return a.GetHard() && a.GetSubject() == subject })
		if _, err := w.registry.Rollback(use); broken && err == nil {
			out = append(out, use)
		}
	}
	return out
}

// Champion says who is champion of a use; false when nobody is.
func (w *Watch) Champion(use string) (registry.Assignment, bool) {
	roles := w.registry.Roles(use, math.MaxUint64)
	if len(roles) == 0 || roles[0].GetRole() != event.ModelAssigned_ROLE_CHAMPION {
		return registry.Assignment{}, false
	}
	return roles[0], true
}
