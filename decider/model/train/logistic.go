package train

import (
	"context"
	"fmt"
	"math"

	"github.com/profferhq/proffer/decider/model/tree"
)

// Logistic is a logistic regression: the baseline. Each feature is standardised, a missing value counts as the mean and
// has a weight of its own.
type Logistic struct {
	Bias float64
	// Terms has one entry a feature.
	Terms []Term
}

// Term is what a feature adds to the margin: Weight (x - Mean) / Spread, or Missing when it is missing.
type Term struct {
	Mean    float64 `json:"mean"`
	Spread  float64 `json:"spread"`
	Weight  float64 `json:"weight"`
	Missing float64 `json:"missing"`
}

// Margin of a row, its log-odds.
func (l *Logistic) Margin(row []float64) float64 {
	m := l.Bias
	for i, t := range l.Terms {
		if x := row[i]; math.IsNaN(x) {
			m += t.Missing
		} else {
			m += float64(t.Weight * ((x - t.Mean) / t.Spread))
		}
	}
	return m
}

// Regress fits a logistic regression to the rows to learn from; split.Valid is not looked at. l2 pulls the weights of
// the standardised features to 0 as that many rows of mean 0 would; the bias is free. It fails with ErrSet, ErrOptions
// or the error of a cancelled context.
func Regress(ctx context.Context, s *Set, split Split, l2 float64) (*Logistic, error) {
	if !(l2 >= 0) || math.IsInf(l2, 1) {
		return nil, fmt.Errorf("%w: l2: %v", ErrOptions, l2)
	}
	if err := s.check(tree.Binary, 0); err != nil {
		return nil, err
	}
	if err := split.check(s, tree.Binary, 0); err != nil {
		return nil, err
	}
	d := newDesign(s, split.Train, max(l2, 1e-6))
	w, err := minimise(ctx, d.start(), d.lossAndSlope)
	if err != nil {
		return nil, fmt.Errorf("regress: %w", err)
	}
	return d.logistic(w), nil
}

// moments of the values that are there: their mean and spread (1 when they do not differ), and how many are missing.
func moments(column []float64, rows []int) (mean, spread float64, missing int) {
	n, sum := 0.0, 0.0
	for _, r := range rows {
		if v := column[r]; math.IsNaN(v) {
			missing++
		} else {
			n, sum = n+1, sum+v
		}
	}
	if n == 0 {
		return 0, 1, missing
	}
	mean = sum / n
	squares := 0.0
	for _, r := range rows {
		if v := column[r]; !math.IsNaN(v) {
			squares += float64((v - mean) * (v - mean))
		}
	}
	if spread = math.Sqrt(squares / n); !(spread > 1e-12*math.Abs(mean)) || spread == 0 {
		spread = 1
	}
	return mean, spread, missing
}

// design is the rows as the fit sees them: standardised columns, then 0 or 1 for each column with missing values.
type design struct {
	terms   []Term
	absent  []int // which feature each of the last columns is about
	columns [][]float64
	sign    []float64 // -1 for positive rows, so that the loss of a row is softplus(sign margin)
	weight  []float64
	l2      float64
	margin  []float64
}

func newDesign(s *Set, train []int32, l2 float64) *design {
	rows := make([]int, len(train))
	d := &design{l2: l2, terms: make([]Term, len(s.Columns)), margin: make([]float64, len(train))}
	for i, r := range train {
		rows[i] = int(r)
		d.sign = append(d.sign, 1-2*s.Label[r])
		d.weight = append(d.weight, s.weight(r))
	}
	var absences [][]float64
	for f, c := range s.Columns {
		mean, spread, missing := moments(c, rows)
		d.terms[f] = Term{Mean: mean, Spread: spread}
		column, absent := make([]float64, len(rows)), make([]float64, len(rows))
		for i, r := range rows {
			if math.IsNaN(c[r]) {
				absent[i] = 1
			} else {
				column[i] = (c[r] - mean) / spread
			}
		}
		d.columns = append(d.columns, column)
		if missing > 0 && missing < len(rows) {
			d.absent = append(d.absent, f)
			absences = append(absences, absent)
		}
	}
	d.columns = append(d.columns, absences...)
	return d
}

// start is no weights, and the base rate's log-odds for a bias, which comes last.
func (d *design) start() []float64 {
	yes, no := 0.0, 0.0
	for i, w := range d.weight {
		if d.sign[i] < 0 {
			yes += w
		} else {
			no += w
		}
	}
	out := make([]float64, len(d.columns)+1)
	out[len(d.columns)] = math.Log(yes / no)
	return out
}

func (d *design) lossAndSlope(w, slope []float64) float64 {
	bias := w[len(d.columns)]
	for i := range d.margin {
		d.margin[i] = bias
	}
	for k, c := range d.columns {
		if v := w[k]; v != 0 {
			for i, x := range c {
				d.margin[i] += float64(v * x)
			}
		}
	}
	loss, biasSlope := 0.0, 0.0
	for i, m := range d.margin { // margins become what each row pulls
		z := float64(d.sign[i] * m)
		e := exp(-math.Abs(z))
		loss += float64(d.weight[i] * (max(z, 0) + math.Log1p(e)))
		p := 1 / (1 + e)
		if z < 0 {
			p = 1 - p
		}
		d.margin[i] = d.weight[i] * d.sign[i] * p
		biasSlope += d.margin[i]
	}
	for k, c := range d.columns {
		sum := 0.0
		for i, x := range c {
			sum += float64(d.margin[i] * x)
		}
		slope[k] = sum + float64(d.l2*w[k])
		loss += d.l2 / 2 * w[k] * w[k]
	}
	slope[len(d.columns)] = biasSlope
	return loss
}

func (d *design) logistic(w []float64) *Logistic {
	l := &Logistic{Bias: w[len(d.columns)], Terms: d.terms}
	for f := range l.Terms {
		l.Terms[f].Weight = w[f]
	}
	for k, f := range d.absent {
		l.Terms[f].Missing = w[len(l.Terms)+k]
	}
	return l
}
