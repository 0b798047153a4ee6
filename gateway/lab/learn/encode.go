package learn

import (
	"fmt"
	"math"
	"time"

	"github.com/profferhq/proffer/decider/model/train"
)

// encoded is a set of numbers, and which column of the file each of them came from.
type encoded struct {
	set  *train.Set
	from []int
}

// encode turns columns into numbers. What looks at labels (the rate among the rows of a word) looks at those of the rows
// to learn from only, and for these rows themselves at the labels of the others: no row sees its own.
func encode(columns []column, labels []float64, learn []int32, seed uint64) encoded {
	e := encoded{set: &train.Set{Label: labels}}
	var moments []int
	for i, c := range columns {
		switch {
		case c.numbers != nil:
			e.add(i, c.name, c.numbers)
		case c.moments != nil:
			e.dates(i, c)
			moments = append(moments, i)
		default:
			e.words(i, c, learn, seed)
		}
	}
	for a := range moments {
		for b := range a {
			e.between(columns, moments[b], moments[a])
		}
	}
	if len(e.from) == 0 { // all words are rare
		e.add(0, columns[0].name, make([]float64, len(labels)))
	}
	return e
}

func (e *encoded) add(from int, name string, values []float64) {
	e.set.Names = append(e.set.Names, name)
	e.set.Columns = append(e.set.Columns, values)
	e.from = append(e.from, from)
}

// words is one number of 0 or 1 for each word that is not rare, or the label's rate where there are many.
func (e *encoded) words(from int, c column, learn []int32, seed uint64) {
	if len(c.words) > oneHotLevels {
		e.add(from, c.name+" rate", rates(c, e.set.Label, learn, seed))
		e.add(from, c.name+" rows", frequencies(c, learn))
		return
	}
	count := make([]int, len(c.words)+1)
	for _, r := range learn {
		count[c.levels[r]]++
	}
	for level := range count {
		if level == 0 && len(c.words) == 2 && count[2] == 0 { // of two words one says it all
			continue
		}
		if count[level] < rare || count[level] == len(learn) {
			continue
		}
		name := c.name + " is missing"
		if level < len(c.words) {
			name = fmt.Sprintf("%s = %s", c.name, c.words[level])
		}
		values := make([]float64, len(c.levels))
		for i, l := range c.levels {
			if int(l) == level {
				values[i] = 1
			}
		}
		e.add(from, name, values)
	}
}

// rare words have fewer rows than this.
const rare = 5

// prior is how many rows of the base rate are added to those of a word.
const prior = 10

// rateFolds is in how many parts rows to learn from see only the labels of the other parts.
const rateFolds = 5

// rates are the log-odds of the label among the rows with the same word.
func rates(c column, labels []float64, learn []int32, seed uint64) []float64 {
	levels := len(c.words) + 1
	var positive, all [rateFolds + 1][]float64 // of each part, and of all
	for i := range positive {
		positive[i], all[i] = make([]float64, levels), make([]float64, levels)
	}
	part := make([]int8, len(labels)) // 0: not learnt from
	base := 0.0
	for k, split := range train.Folds(labels, learn, rateFolds, seed^0x72617465) {
		for _, r := range split.Valid {
			part[r] = int8(k + 1)
			for _, into := range [...]int{0, k + 1} {
				positive[into][c.levels[r]] += labels[r]
				all[into][c.levels[r]]++
			}
			base += labels[r] / float64(len(learn))
		}
	}
	out := make([]float64, len(labels))
	for i, level := range c.levels {
		p, n := positive[0][level], all[0][level]
		if k := part[i]; k > 0 {
			p, n = p-positive[k][level], n-all[k][level]
		}
		rate := (p + prior*base) / (n + prior)
		out[i] = math.Log(rate / (1 - rate))
	}
	return out
}

func frequencies(c column, learn []int32) []float64 {
	count := make([]float64, len(c.words)+1)
	for _, r := range learn {
		count[c.levels[r]]++
	}
	out := make([]float64, len(c.levels))
	for i, level := range c.levels {
		out[i] = math.Log1p(count[level])
	}
	return out
}

// dates are days, the month, the weekday, and the hour where there is one.
func (e *encoded) dates(from int, c column) {
	of := func(f func(t time.Time) float64) []float64 {
		out := make([]float64, len(c.moments))
		for i, t := range c.moments {
			if out[i] = math.NaN(); !t.IsZero() {
				out[i] = f(t)
			}
		}
		return out
	}
	e.add(from, c.name, of(days))
	e.add(from, c.name+" month", of(func(t time.Time) float64 { return float64(t.Month()) }))
	e.add(from, c.name+" weekday", of(func(t time.Time) float64 { return float64((t.Weekday() + 6) % 7) }))
	for _, t := range c.moments {
		if t.Hour() != 0 {
			e.add(from, c.name+" hour", of(func(t time.Time) float64 { return float64(t.Hour()) }))
			break
		}
	}
}

func days(t time.Time) float64 { return float64(t.Unix()) / (24 * 3600) }

// between is the days from one date to another.
func (e *encoded) between(columns []column, a, b int) {
	x, y := columns[a].moments, columns[b].moments
	out := make([]float64, len(x))
	for i := range out {
		if out[i] = math.NaN(); !x[i].IsZero() && !y[i].IsZero() {
			out[i] = days(y[i]) - days(x[i])
		}
	}
	e.add(b, fmt.Sprintf("days from %s to %s", columns[a].name, columns[b].name), out)
}
