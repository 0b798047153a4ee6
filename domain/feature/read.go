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
	var ages [fewAges]age
	var passes [fewWatched]watched
	from := len(dst)
	dst, moves, _ := v.plan.prepare(&a, m.NowMS, dst, moving{ages: ages[:0], watched: passes[:0]})
	v.plan.move(m, &moves, dst[from:])
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
		p := a.seriesOf(s)
		if r.parts[i] = p; p != nil && !p.empty() {
			alone := &r.more[i]
			r.gather(p, alone)
			r.widen(r.more[i : i+1])
			if p.tiles != nil {
				r.gatherTiles(p, alone)
			}
		}
	}
}

// partAt is the part of a place, once all is gathered; nil when the activity does not have it.
func (r *reading) partAt(a *Activity, place int) *part {
	if place < parts {
		return &a.parts[place]
	}
	return r.parts[place-parts]
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

// reading is what one Read has gathered.
type reading struct {
	plan *plan
	now  int64
	// until is the first moment later than now at which other events, or tiles, are in a window that was looked at.
	until int64
	// since are the exclusive beginnings of the windows; the last is for life.
	since [maxBands]int64
	slots [kinds]gathered
	// more and parts are of the plan's series.
	more    []gathered
	parts   []*part
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
			r.changesAt(e.time)
			continue
		}
		for e.time <= r.since[band] && band < life {
			r.leaves(p, i+1, band)
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
	r.leaves(p, 0, band)
	for i := range p.totals {
		t := &p.totals[i]
		g := series
		if g == nil {
			g = &r.slots[t.kind]
		}
		g.forLife(t, later[t.kind], life, r.now)
		r.changesAt(t.first)
		r.changesAt(t.last)
	}
}

// leaves: the oldest listed event in a window will be the first to leave it.
func (r *reading) leaves(p *part, oldest, band int) {
	if oldest < len(p.entries) && band < len(r.plan.windows) {
		r.changesAt(p.entries[oldest].time + r.plan.windows[band])
	}
}

// changesAt: what was gathered is something else from then on, if that is still to come. A time that overflowed is not:
// nobody lives to see it.
func (r *reading) changesAt(at int64) {
	if at > r.now && at < r.until {
		r.until = at
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
	until = max(from, until)
	if from < until {
		r.changesAt((all[from].slot+1)*width - 1 + r.plan.windows[band])
	}
	if until < len(all) {
		r.changesAt(all[until].slot * width)
	}
	return all[from:until]
}

// widen makes each window hold what the narrower ones hold too.
func (r *reading) widen(slots []gathered) {
	for k := range slots {
		for i := 1; i < len(r.plan.windows); i++ {
			slots[k].bands[i].add(slots[k].bands[i-1])
		}
	}
}
