package lab

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/profferhq/proffer/domain/value"
)

// LifetimeOptions say what lifetime values are computed from.
type LifetimeOptions struct {
	TransactionOptions
	// Summary says that the file has a row for each person: frequency, recency, T and, if known, value.
	Summary bool
	// Unit is day, week, month or year.
	Unit string
	// Horizon is for how many units the expectation is, mostYears at most; nil is a year.
	Horizon *float64
}

// LifetimeResult is the contract of `lab ltv --json`.
type LifetimeResult struct {
	BGNBD Purchasing `json:"bgnbd"`
	// GammaGamma is null where no values are known, or too few.
	GammaGamma *Spending        `json:"gamma_gamma"`
	Customers  []PersonLifetime `json:"customers"`

	Unit    string  `json:"unit"`
	Horizon float64 `json:"horizon"`
	Until   string  `json:"until,omitempty"`
	People  int     `json:"people"`
	// Repeating is how many bought again.
	Repeating int `json:"repeating"`
	Rows      int `json:"rows"`
	// Occasions are the days with a purchase of a person.
	Occasions  int      `json:"occasions"`
	ZeroValues int      `json:"zero_values"`
	LeftOut    LeftOut  `json:"left_out"`
	Warnings   []string `json:"warnings"`
}

// Purchasing has the parameters of BG/NBD.
type Purchasing struct {
	R             float64 `json:"r"`
	Alpha         float64 `json:"alpha"`
	A             float64 `json:"a"`
	B             float64 `json:"b"`
	LogLikelihood float64 `json:"log_likelihood"`
}

// Spending has the parameters of gamma-gamma, and what they were fitted to.
type Spending struct {
	P             float64 `json:"p"`
	Q             float64 `json:"q"`
	V             float64 `json:"v"`
	LogLikelihood float64 `json:"log_likelihood"`
	People        int     `json:"people"`
	Correlation   float64 `json:"correlation"`
}

// PersonLifetime is one person. Numbers that are not known are null.
type PersonLifetime struct {
	ID        string  `json:"id"`
	Frequency int     `json:"frequency"`
	Recency   float64 `json:"recency"`
	T         float64 `json:"T"`
	// Mean is the mean value of the purchases after the first.
	Mean              *float64 `json:"mean_value"`
	Alive             float64  `json:"p_alive"`
	ExpectedPurchases float64  `json:"expected_purchases"`
	// ExpectedMean is of one purchase to come, ExpectedValue of all within the horizon.
	ExpectedMean  *float64 `json:"expected_mean_value"`
	ExpectedValue *float64 `json:"expected_value"`
}

// unit is how many days a unit has, and how many units a year.
type unit struct {
	days, year float64
}

func unitOf(name string) (unit, error) {
	switch name {
	case "day":
		return unit{1, 365}, nil
	case "week", "":
		return unit{7, 52}, nil
	case "month":
		return unit{365.25 / 12, 12}, nil
	case "year":
		return unit{365.25, 1}, nil
	}
	return unit{}, fmt.Errorf("%w: --unit is day, week, month or year", ErrOptions)
}

// mostYears bounds a horizon: who buys so far ahead, no model knows.
const mostYears = 10

// Lifetime reads, fits and expects. It fails with ErrFile, ErrOptions, value.ErrHistory, value.ErrHopeless or the error
// of a cancelled context.
func Lifetime(ctx context.Context, o LifetimeOptions) (*LifetimeResult, error) {
	u, err := unitOf(o.Unit)
	if err != nil {
		return nil, err
	}
	r := &LifetimeResult{Unit: o.Unit, Horizon: u.year, Warnings: []string{}}
	if o.Horizon != nil {
		r.Horizon = *o.Horizon
	}
	if most := mostYears * u.year; !(r.Horizon > 0 && r.Horizon <= most) {
		return nil, fmt.Errorf("%w: --horizon must be above 0 and at most %g %ss", ErrOptions, most, cmp.Or(o.Unit, "week"))
	}
	histories, err := r.read(o, u)
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return r, r.fit(ctx, histories)
}

// read fills the people and returns their histories.
func (r *LifetimeResult) read(o LifetimeOptions, u unit) ([]value.History, error) {
	if o.Summary {
		return r.readSummary(o)
	}
	t, err := readTransactions(o.TransactionOptions)
	if err != nil {
		return nil, err
	}
	r.Until, r.Rows, r.ZeroValues, r.LeftOut = dateText(t.end), t.rows, t.zeros, t.left
	var out []value.History
	for _, b := range t.buyers {
		h := value.HistoryOf(b.occasions, t.end, u.days)
		if !t.valued {
			h.Mean = math.NaN()
		}
		out = append(out, h)
		r.Occasions += len(b.occasions)
		r.Customers = append(r.Customers, PersonLifetime{ID: b.id})
	}
	return out, nil
}

// readSummary reads a row for each person.
func (r *LifetimeResult) readSummary(o LifetimeOptions) ([]value.History, error) {
	t, err := ReadFile(o.In)
	if err != nil {
		return nil, err
	}
	id := t.first(o.Customer, "id", "customer", "customer_id", "customerid", "cust", "cust_id")
	if o.Customer != "" && t.find(o.Customer) < 0 {
		return nil, noColumn(t, o.Customer)
	}
	frequency, recency := t.first("frequency", "x"), t.first("recency", "t_x", "t.x", "tx")
	observed, worth := t.first("T", "T.cal", "T_cal", "age"), t.first(o.Value, "value", "monetary_value", "monetary", "mean_value", "m.x")
	if frequency < 0 || recency < 0 || observed < 0 {
		return nil, fmt.Errorf("%w: a summary has the columns frequency, recency and T, and value where it is known; this file has %s", ErrOptions, strings.Join(t.Columns, ", "))
	}
	r.Rows = len(t.Rows)
	var out []value.History
	for i, row := range t.Rows {
		h, err := summaryRow(row, frequency, recency, observed, worth)
		if err != nil {
			return nil, fmt.Errorf("%w: row %d: %w", ErrFile, i+1, err)
		}
		out = append(out, h)
		name := strconv.Itoa(i + 1)
		if id >= 0 {
			name = row[id]
		}
		r.Occasions += h.Repeats + 1
		r.Customers = append(r.Customers, PersonLifetime{ID: name})
	}
	return out, nil
}

// first is the place of the first of the names that is a column; -1 when none is.
func (t Table) first(names ...string) int {
	for _, n := range names {
		if n == "" {
			continue
		}
		if at := t.find(n); at >= 0 {
			return at
		}
	}
	return -1
}

// errCell: a cell of a summary is not what its column is for.
var errCell = errors.New("not a number that can be there")

func summaryRow(row []string, frequency, recency, observed, worth int) (value.History, error) {
	x, err := strconv.ParseFloat(row[frequency], 64)
	if err != nil || x != math.Trunc(x) || x < 0 || x > 1e9 {
		return value.History{}, fmt.Errorf("frequency: %w", errCell)
	}
	h := value.History{Repeats: int(x), Mean: math.NaN()}
	if h.Last, err = strconv.ParseFloat(row[recency], 64); err != nil {
		return h, fmt.Errorf("recency: %w", errCell)
	}
	if h.Observed, err = strconv.ParseFloat(row[observed], 64); err != nil {
		return h, fmt.Errorf("observed time T: %w", errCell)
	}
	if worth >= 0 && row[worth] != "" && h.Repeats > 0 {
		if h.Mean, err = strconv.ParseFloat(row[worth], 64); err != nil || h.Mean < 0 {
			return h, fmt.Errorf("value: %w", errCell)
		}
	}
	return h, h.Validate()
}

// fit fits both models and fills what is expected of each person.
func (r *LifetimeResult) fit(ctx context.Context, histories []value.History) error {
	r.People = len(histories)
	for _, h := range histories {
		if h.Repeats > 0 {
			r.Repeating++
		}
	}
	fitted, err := value.Fit(histories)
	if err != nil {
		return err
	}
	buys := fitted.Purchasing
	r.BGNBD = Purchasing{buys.R, buys.Alpha, buys.A, buys.B, buys.LogLikelihood}
	if s := fitted.Spending; s != nil {
		r.GammaGamma = &Spending{s.P, s.Q, s.V, s.LogLikelihood, s.People, s.Correlation}
	}
	r.Warnings = append(r.Warnings, fitted.Warnings...)
	for i, e := range fitted.Expect(histories, r.Horizon) {
		if i%1000 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		h, c := histories[i], &r.Customers[i]
		c.Frequency, c.Recency, c.T, c.Mean = h.Repeats, h.Last, h.Observed, known64(h.Mean)
		c.Alive, c.ExpectedPurchases = e.Alive, e.Purchases
		c.ExpectedMean, c.ExpectedValue = known64(e.Mean), known64(e.Value)
	}
	return nil
}

// known64 is null where a number is missing.
func known64(v float64) *float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return nil
	}
	return &v
}

// Best are the people in the order of what is expected of them: value, or purchases where no values are known.
func (r *LifetimeResult) Best(n int) []PersonLifetime {
	all := slices.Clone(r.Customers)
	worth := func(c PersonLifetime) float64 {
		if c.ExpectedValue != nil {
			return *c.ExpectedValue
		}
		return c.ExpectedPurchases
	}
	slices.SortStableFunc(all, func(a, b PersonLifetime) int {
		switch x, y := worth(a), worth(b); {
		case x > y:
			return -1
		case x < y:
			return 1
		}
		return 0
	})
	return all[:min(n, len(all))]
}
