package feature

import (
	"math"
)

// Read appends the vector of an activity at a time (Unix milliseconds) to dst: one value a feature, in the order of
// Specs, domain.CanonicalNaN for missing; what is computed on demand sees no request. It allocates nothing when dst has
// room, unless more than 512 items are counted or something is computed on demand.
func (v View) Read(a Activity, now int64, dst []float64) []float64 {
	return v.ReadAt(a, Moment{NowMS: now}, dst)
}

// ReadAt is Read at a moment of a request. The activity's layout must serve the view (Layout.Serves): a feature whose
// series it does not keep would have its default.
func (v View) ReadAt(a Activity, m Moment, dst []float64) []float64 {
	if v.plan == nil {
		return dst
	}
	r := reading{plan: v.plan, now: m.NowMS}
	if n := len(v.plan.series); n > 0 {
		var more seriesSums
		r.more = &more
	}
	if len(v.plan.scans) <= fewScans {
		var few [fewScans]answer
		r.answers = few[:]
	} else {
		var many [maxScans]answer
		r.answers = many[:]
	}
	r.gatherAll(&a)
	for i := range v.plan.scans {
		if p := r.partAt(&a, v.plan.scans[i].place); p != nil {
			r.scan(p, i)
		}
	}
	from := len(dst)
	for i := range v.plan.steps {
		dst = append(dst, r.value(&v.plan.steps[i]))
	}
	if len(v.plan.demands) > 0 {
		v.plan.demand(m, dst[from:])
	}
	return dst
}

// gatherAll adds up the sums of every slot in every window.
func (r *reading) gatherAll(a *Activity) {
	for i, w := range r.plan.windows {
		r.since[i] = before(r.now, w)
	}
	r.since[len(r.plan.windows)] = math.MinInt64
	for i := range a.parts {
		if p := &a.parts[i]; !p.empty() {
			r.gather(p, nil)
		}
	}
	r.widen(r.slots[:])
	for i := range a.parts {
		if p := &a.parts[i]; p.tiles != nil {
			r.gatherTiles(p, nil)
		}
	}
	for i, s := range r.plan.series {
		if p := a.seriesOf(s.id); p != nil && !p.empty() {
			alone := &r.more[i]
			r.gather(p, alone)
			r.widen(r.more[i : i+1])
			if p.tiles != nil {
				r.gatherTiles(p, alone)
			}
		}
	}
}

// partAt is the part of a place; nil when the activity does not have it.
func (r *reading) partAt(a *Activity, place int) *part {
	if place < parts {
		return &a.parts[place]
	}
	return a.seriesOf(r.plan.series[place-parts].id)
}

// before is now - width, or the beginning of time.
func before(now, width int64) int64 {
	if now < math.MinInt64+width {
		return math.MinInt64
	}
	return now - width
}

const maxBands = maxViewWindows + 1

// sums are what a window adds up.
type sums struct{ count, amount, cost int64 }

func (s *sums) add(x sums) {
	s.count += x.count
	s.amount += x.amount
	s.cost += x.cost
}

// gathered is what is known of the events of one slot.
type gathered struct {
	// bands are, in the end, the sums in each window; the last is for life.
	bands [maxBands]sums
	// first and last are the times of the first and last event up to now, where any.
	first, last     int64
	begun, happened bool
}

// seriesSums are those of a plan's series.
type seriesSums [maxSeries]gathered

// reading is what one Read has gathered.
type reading struct {
	plan *plan
	now  int64
	// since are the exclusive beginnings of the windows; the last is for life.
	since   [maxBands]int64
	slots   [kinds]gathered
	more    *seriesSums
	answers []answer
}

// slot is where the sums of a slot are.
func (r *reading) slot(s slot) *gathered {
	if int(s) < kinds {
		return &r.slots[s]
	}
	return &r.more[int(s)-kinds]
}

// answer is what a scan found.
type answer struct {
	found bool
	// value is an hour, a channel's code, or hours; share is its share of the events.
	value, share float64
	// distinct are the counts by window.
	distinct [maxBands]int64
}

// gather adds a part's listed events up, each once, to the narrowest window that holds it: in the slot of its kind, or
// all of them in that of a series.
func (r *reading) gather(p *part, series *gathered) {
	var later [kinds]sums
	band, life := 0, len(r.plan.windows)
	for i := len(p.entries) - 1; i >= 0; i-- {
		e := &p.entries[i]
		if e.time > r.now {
			later[e.kind].add(sums{1, e.amount, e.cost})
			continue
		}
		for e.time <= r.since[band] && band < life {
			band++
		}
		g := series
		if g == nil {
			g = &r.slots[e.kind]
		}
		if !g.happened {
			g.happened, g.last = true, e.time
		}
		if band < life {
			g.bands[band].add(sums{1, e.amount, e.cost})
		}
	}
	for i := range p.totals {
		t := &p.totals[i]
		g := series
		if g == nil {
			g = &r.slots[t.kind]
		}
		g.forLife(t, later[t.kind], life, r.now)
	}
}

// forLife takes the totals, less the listed events that are later than now.
func (g *gathered) forLife(t *total, later sums, life int, now int64) {
	g.bands[life].add(sums{t.count - later.count, t.amount - later.amount, t.cost - later.cost})
	if t.first <= now && (!g.begun || t.first < g.first) {
		g.begun, g.first = true, t.first
	}
	if t.last <= now && (!g.happened || t.last > g.last) {
		g.happened, g.last = true, t.last
	}
}

// gatherTiles adds to each window that begins before the oldest listed event the tiles it touches.
func (r *reading) gatherTiles(p *part, series *gathered) {
	oldest := p.entries[0].time
	for i := range r.plan.windows {
		if oldest <= r.since[i] {
			continue
		}
		touched := r.touched(p, i)
		for j := range touched {
			t := &touched[j]
			g := series
			if g == nil {
				g = &r.slots[t.kind]
			}
			g.bands[i].add(sums{t.count, t.amount, t.cost})
		}
	}
}

// touched are the tiles that a window touches.
func (r *reading) touched(p *part, band int) ring {
	g := grainOf(r.plan.windows[band])
	all, width := p.tiles[g], grains[g].width
	from, _ := all.find(tile{slot: floorDiv(r.since[band]+1, width)})
	until, _ := all.find(tile{slot: floorDiv(r.now, width), kind: kinds})
	return all[from:max(from, until)]
}

// widen makes each window hold what the narrower ones hold too.
func (r *reading) widen(slots []gathered) {
	for k := range slots {
		for i := 1; i < len(r.plan.windows); i++ {
			slots[k].bands[i].add(slots[k].bands[i-1])
		}
	}
}
