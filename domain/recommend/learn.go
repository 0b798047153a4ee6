package recommend

import (
	"cmp"
	"math"
	"slices"
)

// Options of learning. Zero values are the defaults.
type Options struct {
	// Neighbours is how many similar items are kept of each; 50 by default.
	Neighbours int
	// HalfLifeDays is after how long what a person did counts half; 180 by default.
	HalfLifeDays float64
	// NearDays is within how long two items count as done together; beyond it less and less. 30 by default.
	NearDays float64
	// Shrink is how many people must have touched both items before their likeness counts half; 3 by default.
	Shrink float64
}

func (o Options) filled() Options {
	if o.Neighbours < 1 {
		o.Neighbours = 50
	}
	if !(o.HalfLifeDays > 0) {
		o.HalfLifeDays = 180
	}
	if !(o.NearDays > 0) {
		o.NearDays = 30
	}
	if !(o.Shrink > 0) {
		o.Shrink = 3
	}
	return o
}

// Scored is an item with its score; scores compare within one list only.
type Scored struct {
	Item  uint32
	Score float64
}

// Model is what was learned. It is safe for concurrent use.
type Model struct {
	options Options
	now     int64
	// similar has the neighbours of each item, the nearest first.
	similar [][]Scored
	// popular are the items by how many people touched them lately, the most popular first.
	popular []Scored
}

const dayMS = 86_400_000.0

// touch is one person's use of an item.
type touch struct {
	person, entry int32
	value         float64
}

// Learn learns from trails as of a time (Unix milliseconds). Items are numbers below items; others are left out. Where nothing
// has happened for long, ages count from the last time that anything did.
func Learn(trails []Trail, items int, now int64, o Options) *Model {
	m := &Model{options: o.filled(), now: min(now, latest(trails)), similar: make([][]Scored, items)}
	touches := make([][]touch, items)
	lengths := make([]float64, items)
	popular := make([]float64, items)
	values := make([][]float64, len(trails))
	for p, t := range trails {
		values[p] = m.values(t)
		for i, e := range t.Entries {
			if int(e.Item) >= items {
				continue
			}
			v := values[p][i]
			touches[e.Item] = append(touches[e.Item], touch{int32(p), int32(i), v})
			lengths[e.Item] += float64(v * v)
			popular[e.Item] += m.decay(e.TimeMS)
		}
	}
	row := &row{sum: make([]float64, items), people: make([]float64, items)}
	for item := range touches {
		m.similar[item] = m.neighbours(uint32(item), touches[item], trails, values, lengths, row)
	}
	for item, score := range popular {
		if score > 0 {
			m.popular = append(m.popular, Scored{uint32(item), score})
		}
	}
	slices.SortFunc(m.popular, best)
	return m
}

// latest is the last time that anybody did anything.
func latest(trails []Trail) int64 {
	at := int64(math.MinInt64)
	for _, t := range trails {
		for _, e := range t.Entries {
			at = max(at, e.TimeMS)
		}
	}
	return at
}

// best puts the higher score first, of equals the lower number.
func best(a, b Scored) int {
	return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.Item, b.Item))
}

// decay is 1 now and a half after the half-life.
func (m *Model) decay(timeMS int64) float64 {
	return math.Exp2(-max(0, float64(m.now)-float64(timeMS)) / dayMS / m.options.HalfLifeDays)
}

// values say how much each entry of a trail counts: more the more was done, less the longer ago and the longer the trail,
// for who touches everything tells little about what goes together.
func (m *Model) values(t Trail) []float64 {
	out := make([]float64, len(t.Entries))
	damp := 1 / math.Sqrt(math.Log2(2+float64(len(t.Entries))))
	for i, e := range t.Entries {
		out[i] = damp * math.Log2(1+float64(e.Points)) * math.Sqrt(m.decay(e.TimeMS))
	}
	return out
}

// row is room for the sums of one item.
type row struct {
	sum, people []float64
	touched     []uint32
}

// neighbours sums up who touched both and keeps the most similar.
func (m *Model) neighbours(item uint32, touches []touch, trails []Trail, values [][]float64, lengths []float64, r *row) []Scored {
	for _, t := range touches {
		own := trails[t.person].Entries[t.entry].TimeMS
		for i, e := range trails[t.person].Entries {
			if e.Item == item || int(e.Item) >= len(r.sum) {
				continue
			}
			if r.people[e.Item] == 0 {
				r.touched = append(r.touched, e.Item)
			}
			apart := math.Abs(float64(own)-float64(e.TimeMS)) / dayMS
			near := 1 / (1 + apart/m.options.NearDays)
			r.people[e.Item]++
			r.sum[e.Item] += float64(float64(t.value*values[t.person][i]) * near)
		}
	}
	out := make([]Scored, 0, len(r.touched))
	for _, other := range r.touched {
		n := r.people[other]
		// What was done too long ago to count has no length.
		if length := math.Sqrt(float64(lengths[item] * lengths[other])); length > 0 && r.sum[other] > 0 {
			out = append(out, Scored{other, r.sum[other] / length * n / (n + m.options.Shrink)})
		}
		r.sum[other], r.people[other] = 0, 0
	}
	r.touched = r.touched[:0]
	slices.SortFunc(out, best)
	return slices.Clone(out[:min(len(out), m.options.Neighbours)])
}

// Popular are the items that most people touched lately, the most popular first; it is shared: read it only.
func (m *Model) Popular() []Scored { return m.popular }
