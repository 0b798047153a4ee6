package feature

import "math"

// Prepared is a vector of an activity but for what differs from moment to moment: days since an event, decayed sums, what
// is computed on demand. It holds from the time it was prepared at until an event or a tile enters or leaves a window, or
// a day begins where days in a row are counted. Within that time it reads what the view would, to the bit, without looking
// at the activity again. It never changes, and keeps a part of the activity in memory.
type Prepared struct {
	plan        *plan
	from, until int64
	// vector has the values that stay, and the fallbacks of the others.
	vector []float64
	moving moving
}

// Prepare gathers what a vector of an activity is read from at a time (Unix milliseconds) and for as long as it holds.
func (v View) Prepare(a Activity, now int64) *Prepared {
	p := &Prepared{plan: v.plan, from: now, until: math.MaxInt64}
	if v.plan != nil {
		p.vector = make([]float64, 0, len(v.plan.steps))
		p.moving = moving{ages: make([]age, 0, len(v.plan.ages)), watched: make([]watched, 0, len(v.plan.watched))}
		p.vector, p.moving, p.until = v.plan.prepare(&a, now, p.vector, p.moving)
	}
	return p
}

// Holds says whether it can be read at a time (Unix milliseconds).
func (p *Prepared) Holds(now int64) bool { return p.from <= now && now < p.until }

// ReadAt is View.ReadAt of the view and the activity that it was prepared of; false, and dst as it was, at a moment at
// which it does not hold.
func (p *Prepared) ReadAt(m Moment, dst []float64) ([]float64, bool) {
	if !p.Holds(m.NowMS) {
		return dst, false
	}
	from := len(dst)
	dst = append(dst, p.vector...)
	if p.plan != nil {
		p.plan.move(m, &p.moving, dst[from:])
	}
	return dst, true
}

// prepare appends to a vector, and to what the features that move are computed from. It all holds from now to until,
// exclusive; in the vector those that move have their fallbacks.
func (p *plan) prepare(a *Activity, now int64, vector []float64, moves moving) (_ []float64, _ moving, until int64) {
	r := reading{plan: p, now: now, until: math.MaxInt64}
	switch n := len(p.series); {
	case n > fewSeries:
		var many struct {
			more  [maxSeries]gathered
			parts [maxSeries]*part
		}
		r.more, r.parts = many.more[:], many.parts[:]
	case n > 0:
		var few struct {
			more  [fewSeries]gathered
			parts [fewSeries]*part
		}
		r.more, r.parts = few.more[:], few.parts[:]
	}
	if len(p.scans) <= fewScans {
		var few [fewScans]answer
		r.answers = few[:]
	} else {
		var many [maxScans]answer
		r.answers = many[:]
	}
	r.gatherAll(a)
	for i := range p.scans {
		if of := r.partAt(a, p.scans[i].place); of != nil {
			r.scan(of, i)
		}
	}
	for i := range p.steps {
		vector = append(vector, r.value(&p.steps[i]))
	}
	for _, i := range p.ages {
		moves.ages = append(moves.ages, r.age(&p.steps[i]))
	}
	for i := range p.watched {
		moves.watched = append(moves.watched, r.watched(a, &p.watched[i]))
	}
	return vector, moves, r.until
}

// move fills in a vector what differs from moment to moment.
func (p *plan) move(m Moment, moves *moving, vector []float64) {
	for at, i := range p.ages {
		vector[i] = moves.ages[at].value(&p.steps[i], m.NowMS)
	}
	for _, i := range p.watches {
		st := &p.steps[i]
		value, found := moves.watched[st.scan].answer(&p.watched[st.scan], m.NowMS)
		vector[i] = orElse(value, found, st.fallback)
	}
	if len(p.demands) > 0 {
		p.demand(m, vector)
	}
}
