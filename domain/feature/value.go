package feature

// microsPerUnit is how money becomes a feature: in currency units.
const microsPerUnit = 1e6

// value is one feature, of those that move the fallback. There is no product followed by a sum here, so nothing that a
// platform could fuse.
func (r *reading) value(st *step) float64 {
	switch st.aggregation {
	case count:
		t := r.total(st.source, st.band)
		return orElse(float64(t.count), t.count > 0, st.fallback)
	case rate:
		t := r.total(st.source, st.band)
		return orElse(float64(t.count)/st.days, t.count > 0, st.fallback)
	case sum:
		t := r.total(st.source, st.band)
		return orElse(float64(t.amount)/microsPerUnit, t.count > 0, st.fallback)
	case cost:
		t := r.total(st.source, st.band)
		return orElse(float64(t.cost)/microsPerUnit, t.count > 0, st.fallback)
	case mean:
		t := r.total(st.source, st.band)
		return orElse(float64(t.amount)/microsPerUnit/float64(t.count), t.count > 0, st.fallback)
	case ratio:
		t, per := r.total(st.source, st.band), r.total(st.per, st.band)
		of := float64(per.count) + st.prior.per
		return orElse((float64(t.count)+st.prior.source)/of, of > 0, st.fallback)
	case meanGapDays:
		return r.meanGap(st)
	case daysSinceLast, daysSinceFirst, decayedSum, purchaseIntent, onDemand:
		return st.fallback
	case distinct:
		n := r.answers[st.scan].distinct[st.band]
		return orElse(float64(n), n > 0, st.fallback)
	case preferredHourShare, preferredChannelShare:
		return orElse(r.answers[st.scan].share, r.answers[st.scan].found, st.fallback)
	}
	return orElse(r.answers[st.scan].value, r.answers[st.scan].found, st.fallback)
}

func orElse(value float64, known bool, fallback float64) float64 {
	if known {
		return value
	}
	return fallback
}

// total adds up slots in a window.
func (r *reading) total(list []slot, band int) sums {
	if len(list) == 1 {
		return r.slot(list[0]).bands[band]
	}
	var t sums
	for _, k := range list {
		t.add(r.slot(k).bands[band])
	}
	return t
}

func (r *reading) latest(list []slot) (int64, bool) {
	at, ok := int64(0), false
	for _, k := range list {
		if g := r.slot(k); g.happened && (!ok || g.last > at) {
			at, ok = g.last, true
		}
	}
	return at, ok
}

func (r *reading) earliest(list []slot) (int64, bool) {
	at, ok := int64(0), false
	for _, k := range list {
		if g := r.slot(k); g.begun && (!ok || g.first < at) {
			at, ok = g.first, true
		}
	}
	return at, ok
}

func (r *reading) meanGap(st *step) float64 {
	n := r.total(st.source, st.band).count
	first, begun := r.earliest(st.source)
	last, happened := r.latest(st.source)
	if !begun || !happened || n < 2 {
		return st.fallback
	}
	return float64(last-first) / float64(n-1) / float64(dayMS)
}
