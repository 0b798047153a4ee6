package feature

import (
	"math"
	"slices"
)

// Exact says of each value that Read gives, in the order of Specs, whether it is what the events say: false when its
// window began before the oldest event that is still kept one by one, so that tiles were added in whole, or events are
// no longer there to look at; when something came after now, which may hide from the totals what is no longer kept; and
// when different items are counted and an event has as many as are kept. What is computed on demand is as exact as what
// it reads.
func (v View) Exact(a Activity, now int64) []bool {
	out := make([]bool, v.Len())
	if v.plan == nil {
		return out
	}
	r := reading{plan: v.plan, now: now}
	for i := range v.plan.steps {
		out[i] = r.exact(&a, &v.plan.steps[i])
	}
	for _, d := range v.plan.demands {
		out[d.index] = true
		for _, name := range d.compiled.Reads["features"] {
			out[d.index] = out[d.index] && out[v.index[name]]
		}
	}
	return out
}

// exact: sums for life, and the first and last of all events, are kept as totals; but the last up to now may be in a
// tile when there is a later one, and so may what is to be taken off the sums.
func (r *reading) exact(a *Activity, st *step) bool {
	if st.aggregation == onDemand {
		return true
	}
	since, life := int64(math.MinInt64), st.band == len(r.plan.windows)
	if !life {
		since = before(r.now, r.plan.windows[st.band])
	}
	for _, list := range [][]slot{st.source, st.per} {
		for _, s := range list {
			p := r.partOf(a, s)
			if p == nil || p.empty() {
				continue
			}
			if (st.aggregation == distinct || st.aggregation == entropy) && p.itemsCut(s, since, r.now) {
				return false
			}
			if p.tiles == nil || life && st.aggregation == daysSinceFirst {
				continue
			}
			oldest, newest := p.entries[0].time, p.entries[len(p.entries)-1].time
			if totals := life && st.aggregation < distinct; totals && newest > r.now || !totals && oldest > since {
				return false
			}
		}
	}
	return true
}

// itemsCut says whether an event of a slot in a window has as many items as are kept: it may have had more.
func (p *part) itemsCut(s slot, since, now int64) bool {
	return slices.ContainsFunc(p.entries, func(e entry) bool {
		return e.itemN == MaxItems && since < e.time && e.time <= now && (int(s) >= kinds || Kind(s) == e.kind)
	})
}

// partOf is the part that a slot is gathered from; nil when the activity does not have it.
func (r *reading) partOf(a *Activity, s slot) *part {
	if int(s) < kinds {
		return &a.parts[Kind(s).Stream()]
	}
	return a.seriesOf(r.plan.series[int(s)-kinds])
}
