package feature

// Exact says of each value that Read gives, in the order of Specs, whether it is what the events say: false when its
// window began before the oldest event that is still kept one by one, so that tiles were added in whole, or events are
// no longer there to look at. What is computed on demand is as exact as what it reads.
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

// exact: sums for life, and the first and last of all events, are kept as totals.
func (r *reading) exact(a *Activity, st *step) bool {
	life := st.band == len(r.plan.windows)
	if st.aggregation < distinct && life || st.aggregation == onDemand {
		return true
	}
	for _, list := range [][]slot{st.source, st.per} {
		for _, s := range list {
			p := r.partOf(a, s)
			if p == nil || p.tiles == nil {
				continue
			}
			if life || p.entries[0].time > before(r.now, r.plan.windows[st.band]) {
				return false
			}
		}
	}
	return true
}

// partOf is the part that a slot is gathered from; nil when the activity does not have it.
func (r *reading) partOf(a *Activity, s slot) *part {
	if int(s) < kinds {
		return &a.parts[Kind(s).Stream()]
	}
	return a.seriesOf(r.plan.series[int(s)-kinds])
}
