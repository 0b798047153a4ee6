package feature

import "github.com/profferhq/proffer/domain/habit"

// moving is what features that differ from moment to moment are computed from, though nothing enters or leaves their
// windows: in the order of plan.ages and plan.watched.
type moving struct {
	ages    []age
	watched []watched
}

// ages says whether a feature is about the time since an event.
func (st *step) ages() bool {
	switch st.aggregation {
	case daysSinceLast, daysSinceFirst:
		return true
	case rate:
		return st.days == 0
	}
	return false
}

// age is a time and how many events count since; 0 for none.
type age struct{ at, count int64 }

func (r *reading) age(st *step) age {
	if st.aggregation == daysSinceLast {
		at, known := r.latest(st.source)
		return ageOf(at, known)
	}
	at, known := r.earliest(st.source)
	if st.aggregation == rate {
		return age{at, r.total(st.source, st.band).count}
	}
	return ageOf(at, known)
}

func ageOf(at int64, known bool) age {
	if !known {
		return age{}
	}
	return age{at: at, count: 1}
}

// value is the feature at a moment.
func (a age) value(st *step, now int64) float64 {
	days := float64(now-a.at) / float64(dayMS)
	if st.aggregation == rate { // over life, since the first event, and then at least one day
		days = float64(a.count) / max(1, days)
	}
	return orElse(days, a.count > 0, st.fallback)
}

// watches says whether a feature looks at the listed events at every moment.
func (st *step) watches() bool {
	return st.aggregation == decayedSum || st.aggregation == purchaseIntent
}

// watched are the listed events of a window, ascending, and their items.
type watched struct {
	entries []entry
	items   []uint64
}

// watched are those of a scan.
func (r *reading) watched(a *Activity, s *scan) watched {
	p := r.partAt(a, s.place)
	if p == nil {
		return watched{}
	}
	return watched{entries: r.window(p, s.band), items: p.items}
}

// answer is what a scan finds at a moment, if anything.
func (w *watched) answer(s *scan, now int64) (value float64, found bool) {
	if s.aggregation == decayedSum {
		return w.decayed(s, now)
	}
	return w.intent(s, now)
}

// decayed adds amounts up, each less for its age.
func (w *watched) decayed(s *scan, now int64) (sum float64, found bool) {
	var amounts [4]float64
	var ages [4]int64
	n := 0
	for i := range w.entries {
		if e := &w.entries[i]; s.from&(1<<e.kind) != 0 {
			amounts[n], ages[n] = float64(e.amount)/microsPerUnit, now-e.time
			found, n = true, n+1
		}
		if n == len(ages) || n > 0 && i+1 == len(w.entries) {
			shares := halved(&ages, s.halfLife)
			for j := range n {
				sum += float64(amounts[j] * shares[j])
			}
			n = 0
		}
	}
	return sum, found
}

// intent reads the session under way.
func (w *watched) intent(s *scan, now int64) (score float64, found bool) {
	var space [64]habit.Act
	acts := space[:0]
	for i := range w.entries {
		e := &w.entries[i]
		deed, known := deedOf(e.kind)
		if !known || s.from&(1<<e.kind) == 0 {
			continue
		}
		act := habit.Act{TimeMS: e.time, Deed: deed}
		if e.itemN > 0 {
			act.Item = w.items[e.itemAt] | 1 // 0 is none
			if deed == habit.SawPage {
				act.Deed = habit.SawItem
			}
		}
		acts = append(acts, act)
	}
	intent := habit.IntentOf(acts, now)
	return intent.Score, intent.Acts > 0
}

// deedOf is what a kind is to habits.
func deedOf(k Kind) (habit.Deed, bool) {
	switch k {
	case Viewed:
		return habit.SawPage, true
	case Carted:
		return habit.PutIntoCart, true
	case Purchased:
		return habit.Bought, true
	case Refunded:
		return habit.GaveBack, true
	}
	return 0, false
}
