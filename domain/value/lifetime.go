package value

import (
	"errors"
	"fmt"
	"iter"
	"math"
	"strings"
)

// Lifetime is both models, fitted to the same people.
type Lifetime struct {
	Purchasing Purchasing
	// Spending is nil where no values are known, or too few to learn from.
	Spending *Spending
	// Warnings say where the models' assumptions do not hold.
	Warnings []string
}

// Fit fits both models. It fails with ErrHistory or, where even purchases cannot be learned from, with ErrHopeless.
func Fit(histories []History) (Lifetime, error) {
	purchasing, err := FitPurchasing(histories)
	if err != nil {
		return Lifetime{}, err
	}
	l := Lifetime{Purchasing: purchasing}
	spending, err := FitSpending(histories)
	switch {
	case errors.Is(err, ErrHopeless):
		l.warn("no values are expected: " + strings.TrimPrefix(err.Error(), ErrHopeless.Error()+": "))
	case err != nil:
		return Lifetime{}, err
	default:
		l.Spending = &spending
	}
	l.doubt()
	return l, nil
}

func (l *Lifetime) warn(text string) { l.Warnings = append(l.Warnings, text) }

func (l *Lifetime) doubt() {
	if l.Purchasing.Loose {
		l.warn("a parameter of BG/NBD ran to a bound: the histories do not show how people differ, or that anybody leaves")
	}
	if l.Spending == nil {
		return
	}
	if l.Spending.Loose {
		l.warn("a parameter of gamma-gamma ran to a bound: the histories do not show how people differ in what they spend")
	}
	if math.Abs(l.Spending.Correlation) > 0.3 {
		l.warn(fmt.Sprintf("how much people spend depends on how often they buy (correlation %.2f): gamma-gamma assumes that it does not", l.Spending.Correlation))
	}
	if l.Spending.Q <= 1 {
		l.warn("q is at most 1: what one who bought once will spend has no mean")
	}
}

// Expectation is what is expected of one person within a time.
type Expectation struct {
	// Alive is the chance that she still buys.
	Alive float64
	// Purchases to come; Mean is the value of one of them, and Value of all, NaN where values are not known.
	Purchases, Mean, Value float64
}

// Expect says what is expected of each person within the time after, in the unit of the histories. The purchases of one
// who is alive depend on two numbers of her history only: they are computed once for each pair.
func (l *Lifetime) Expect(histories []History, after float64) iter.Seq2[int, Expectation] {
	type pair struct {
		repeats  int
		observed float64
	}
	return func(yield func(int, Expectation) bool) {
		alive := map[pair]float64{}
		for i, h := range histories {
			p := pair{h.Repeats, h.Observed}
			purchases, known := alive[p]
			if !known {
				purchases = l.Purchasing.ExpectedAlive(h.Repeats, h.Observed, after)
				alive[p] = purchases
			}
			e := Expectation{Alive: l.Purchasing.Alive(h), Mean: math.NaN(), Value: math.NaN()}
			e.Purchases = e.Alive * purchases
			if l.Spending != nil {
				e.Mean = l.Spending.Expected(h)
				e.Value = e.Mean * e.Purchases
			}
			if !yield(i, e) {
				return
			}
		}
	}
}
