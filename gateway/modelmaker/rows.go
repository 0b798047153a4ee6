// Package modelmaker makes a model of exported rows: a split by time, trees, calibration, the baseline beside it, and
// the card that says how good it is on rows that came later.
package modelmaker

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/profferhq/proffer/domain/label"
)

// ErrRows is wrapped when rows cannot be learnt from: the message says what there is of what.
var ErrRows = errors.New("modelmaker: these rows cannot be learnt from")

// Rows are what was exported, with what it is.
type Rows struct {
	View            string
	ViewFingerprint [32]byte
	Features        []string
	Label           label.Label
	Cut             string
	// AtDecisions: each row is a decision.
	AtDecisions bool
	// Counts of moments without a row, and of rows whose vector is not the one that was served.
	Outside, Unfinished, Skewed uint64

	profiles []string
	ids      []string
	atMS     []int64
	labels   []float64
	columns  [][]float64
}

// Add takes some rows, values row after row.
func (r *Rows) Add(profiles []string, atMS []int64, ids []string, labels, values []float64) {
	if r.columns == nil {
		r.columns = make([][]float64, len(r.Features))
	}
	n := len(r.Features)
	for i := range atMS {
		for c := range n {
			r.columns[c] = append(r.columns[c], values[i*n+c])
		}
	}
	r.profiles, r.atMS, r.labels = append(r.profiles, profiles...), append(r.atMS, atMS...), append(r.labels, labels...)
	if ids == nil {
		ids = make([]string, len(atMS))
	}
	r.ids = append(r.ids, ids...)
}

// Len is how many rows there are.
func (r *Rows) Len() int { return len(r.atMS) }

// sort puts the rows in the order of time; those of one moment by whose they are.
func (r *Rows) sort() {
	order := make([]int, r.Len())
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(x, y int) int {
		return cmp.Or(cmp.Compare(r.atMS[x], r.atMS[y]), cmp.Compare(r.profiles[x], r.profiles[y]), cmp.Compare(r.ids[x], r.ids[y]))
	})
	r.profiles, r.ids = inOrder(order, r.profiles), inOrder(order, r.ids)
	r.atMS, r.labels = inOrder(order, r.atMS), inOrder(order, r.labels)
	for c := range r.columns {
		r.columns[c] = inOrder(order, r.columns[c])
	}
}

func inOrder[T any](order []int, of []T) []T {
	out := make([]T, len(order))
	for i, from := range order {
		out[i] = of[from]
	}
	return out
}

// split are the parts of the rows, by time: what is learnt from, what says when to stop and is learnt from thereafter, and what the
// model is judged on.
type split struct {
	learn, stop, test []int32
	// purged rows lie before the test but look into it: their horizon ends later than it begins.
	purged   int
	warnings []string
}

// before are the rows before the test, in their order.
func (s *split) before() []int32 {
	out := slices.Concat(s.learn, s.stop)
	slices.Sort(out)
	return out
}

// Shares of the rows, by time.
const (
	testShare = .2
	stopShare = .2
)

// splitByTime never cuts a moment in two. When the rows before the test whose horizon ends before it begins are enough,
// only those are learnt from: the others could not have been known then.
func (r *Rows) splitByTime() (split, error) {
	var s split
	n := r.Len()
	test := r.boundary(n - int(math.Ceil(testShare*float64(n))))
	if test == 0 || test == n {
		return s, fmt.Errorf("%w: all %d rows are of one moment or nearly so: there is nothing later to judge on", ErrRows, n)
	}
	s.test = sequence(test, n)
	before := test
	if after, until, ok := r.Label.Window(0, 0); ok && until > after {
		known, _ := slices.BinarySearchFunc(r.atMS[:test], r.atMS[test]-until, func(at, limit int64) int {
			if at <= limit {
				return -1
			}
			return 1
		})
		if 2*known >= test && r.bothOutcomes(0, known) {
			before, s.purged = known, test-known
		} else {
			s.warnings = append(s.warnings, fmt.Sprintf(
				"of the %d rows before %s only %d have a horizon that ends by then: rows that look into the test are learnt from, too",
				test, day(r.atMS[test]), known))
		}
	}
	stop := r.boundary(before - int(math.Ceil(stopShare*float64(before))))
	if stop == 0 || stop >= before || !r.bothOutcomes(0, stop) || !r.bothOutcomes(stop, before) {
		// Too few moments to part by time: by person, so that nobody is on both sides.
		s.warnings = append(s.warnings, "too few moments to stop on later ones: people are put aside instead")
		for i := range int32(before) {
			if byPerson(r.profiles[i]) {
				s.stop = append(s.stop, i)
			} else {
				s.learn = append(s.learn, i)
			}
		}
		return s, nil
	}
	s.learn, s.stop = sequence(0, stop), sequence(stop, before)
	return s, nil
}

// boundary is the place nearest to one where a new moment begins.
func (r *Rows) boundary(at int) int {
	at = min(max(at, 0), r.Len()-1)
	from, to := at, at
	for from > 0 && r.atMS[from-1] == r.atMS[at] {
		from--
	}
	for to < r.Len() && r.atMS[to] == r.atMS[at] {
		to++
	}
	if from > 0 && (at-from <= to-at || to == r.Len()) {
		return from
	}
	return to
}

func sequence(from, to int) []int32 {
	out := make([]int32, 0, to-from)
	for i := from; i < to; i++ {
		out = append(out, int32(i))
	}
	return out
}

// bothOutcomes says whether some rows have both labels; of a number anything will do.
func (r *Rows) bothOutcomes(from, to int) bool {
	if !r.Label.Binary() {
		return to > from
	}
	ones := 0.0
	for _, y := range r.labels[from:to] {
		ones += y
	}
	return ones > 0 && ones < float64(to-from)
}

// byPerson chooses about a fifth of people.
func byPerson(profile string) bool { return personFold(profile, 5) == 0 }

// personFold is which of so many parts of the people somebody belongs to.
func personFold(profile string, folds uint32) int {
	h := uint32(2166136261)
	for i := range len(profile) {
		h = (h ^ uint32(profile[i])) * 16777619
	}
	return int((h >> 16) % folds)
}

func day(ms int64) string { return time.UnixMilli(ms).UTC().Format("2006-01-02") }
