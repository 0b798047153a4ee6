package feature

import (
	"math"

	"github.com/profferhq/proffer/domain"
)

// Read appends the vector of an activity at a time (Unix milliseconds) to dst: one value a feature, in the order of
// Specs, domain.CanonicalNaN for missing. It allocates nothing when dst has room, unless more than 512 items are
// counted.
func (v View) Read(a Activity, now int64, dst []float64) []float64 {
	if v.plan == nil {
		return dst
	}
	r := reading{plan: v.plan, now: now}
	for i, w := range v.plan.windows {
		r.since[i] = before(now, w)
	}
	r.since[len(v.plan.windows)] = math.MinInt64
	for i := range a.parts {
		if p := &a.parts[i]; !p.empty() {
			r.gather(p)
		}
	}
	r.widen()
	for i := range a.parts {
		if p := &a.parts[i]; p.tiles != nil {
			r.gatherTiles(p)
		}
	}
	for i := range v.plan.scans {
		r.scan(&a.parts[domain.Behaviour], i)
	}
	for i := range v.plan.steps {
		dst = append(dst, r.value(&v.plan.steps[i]))
	}
	return dst
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

// reading is what one Read has gathered.
type reading struct {
	plan *plan
	now  int64
	// since are the exclusive beginnings of the windows; the last is for life.
	since [maxBands]int64
	// bands are, in the end, the sums of each kind in each window.
	bands [kinds][maxBands]sums
	// first and last are the times of each kind's first and last event up to now, where any.
	first, last [kinds]int64
	begun       [kinds]bool
	happened    [kinds]bool
	answers     [maxScans]answer
}

// answer is what a scan found.
type answer struct {
	found bool
	// value is an hour, a channel's code, or hours; share is its share of the events.
	value, share float64
	// distinct are the counts by window.
	distinct [maxBands]int64
}

// gather adds a part's listed events up, each once, to the narrowest window that holds it.
func (r *reading) gather(p *part) {
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
		if !r.happened[e.kind] {
			r.happened[e.kind], r.last[e.kind] = true, e.time
		}
		if band < life {
			r.bands[e.kind][band].add(sums{1, e.amount, e.cost})
		}
	}
	for i := range p.totals {
		r.forLife(&p.totals[i], later[p.totals[i].kind])
	}
}

// forLife takes the totals, less the listed events that are later than now.
func (r *reading) forLife(t *total, later sums) {
	life := len(r.plan.windows)
	k := t.kind
	r.bands[k][life] = sums{t.count - later.count, t.amount - later.amount, t.cost - later.cost}
	if t.first <= r.now {
		r.begun[k], r.first[k] = true, t.first
	}
	if !r.happened[k] && t.last <= r.now {
		r.happened[k], r.last[k] = true, t.last
	}
}

// gatherTiles adds to each window that begins before the oldest listed event the tiles it touches.
func (r *reading) gatherTiles(p *part) {
	oldest := p.entries[0].time
	for i, w := range r.plan.windows {
		since := r.since[i]
		if oldest <= since {
			continue
		}
		g := grainOf(w)
		ring, width := p.tiles[g], grains[g].width
		from, until := floorDiv(since+1, width), floorDiv(r.now, width)
		at, _ := ring.find(tile{slot: from})
		for ; at < len(ring) && ring[at].slot <= until; at++ {
			t := &ring[at]
			r.bands[t.kind][i].add(sums{t.count, t.amount, t.cost})
		}
	}
}

// widen makes each window hold what the narrower ones hold too.
func (r *reading) widen() {
	for k := range r.bands {
		for i := 1; i < len(r.plan.windows); i++ {
			r.bands[k][i].add(r.bands[k][i-1])
		}
	}
}
