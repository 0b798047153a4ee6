package watch

import (
	"maps"
	"math"
	"math/big"
	"slices"

	"github.com/profferhq/proffer/domain/model/card"
)

// Amounts are judged scores that are amounts, as sums in whole numbers: in whatever order rows come, and however they are
// parted and merged, the figures have the same bits. The zero Amounts has none.
type Amounts struct {
	// off is the sum of the distances between scores and outcomes, in millionths; squares and outcomes are of the squared
	// distances and the squared outcomes.
	off, squares, outcomes big.Int
	bins                   map[int32]*amountBin
}

// amountBin is the rows whose scores are alike: their sums, in millionths.
type amountBin struct {
	rows       uint64
	said, came big.Int
}

// amountBits is how many bits of a score are told apart, beside its sign and its power of two: scores of one bin are
// within a thirtieth of one another.
const amountBits = 5

// amountBinOf is the bin of a score: ascending with it.
func amountBinOf(micros int64) int32 {
	const sign, mantissa = 1 << 63, 52
	bits := math.Float64bits(float64(micros))
	bin := int32(bits &^ sign >> (mantissa - amountBits))
	if bits&sign != 0 {
		return -bin
	}
	return bin
}

// mostMicros bounds an outcome: a score is within it.
const mostMicros = 1 << 62

// add takes a score, in millionths, and what came.
func (a *Amounts) add(micros int64, value float64) {
	came := big.NewInt(int64(math.RoundToEven(min(max(value*1e6, -mostMicros), mostMicros))))
	said := big.NewInt(micros)
	if a.bins == nil {
		a.bins = map[int32]*amountBin{}
	}
	at := amountBinOf(micros)
	if a.bins[at] == nil {
		a.bins[at] = &amountBin{}
	}
	bin := a.bins[at]
	bin.rows++
	bin.said.Add(&bin.said, said)
	bin.came.Add(&bin.came, came)
	off := new(big.Int).Sub(said, came)
	a.off.Add(&a.off, new(big.Int).Abs(off))
	a.squares.Add(&a.squares, off.Mul(off, off))
	a.outcomes.Add(&a.outcomes, came.Mul(came, came))
}

func (b *amountBin) add(other *amountBin) {
	b.rows += other.rows
	b.said.Add(&b.said, &other.said)
	b.came.Add(&b.came, &other.came)
}

func (a *Amounts) merge(other *Amounts) {
	a.off.Add(&a.off, &other.off)
	a.squares.Add(&a.squares, &other.squares)
	a.outcomes.Add(&a.outcomes, &other.outcomes)
	for at, bin := range other.bins {
		if a.bins == nil {
			a.bins = map[int32]*amountBin{}
		}
		if a.bins[at] == nil {
			a.bins[at] = &amountBin{}
		}
		a.bins[at].add(bin)
	}
}

// sum is all rows in one bin.
func (a *Amounts) sum() *amountBin {
	all := &amountBin{}
	for _, bin := range a.bins {
		all.add(bin)
	}
	return all
}

// Judged is how many decisions are judged.
func (a *Amounts) Judged() uint64 {
	rows := uint64(0)
	for _, bin := range a.bins {
		rows += bin.rows
	}
	return rows
}

// Errors are how far amounts were from what came, in units of the label. What is not defined is NaN: all of them when nothing
// is judged, those of one kind when all outcomes are the same, or where the card has no figure to compare with.
type Errors struct {
	MeanScore, MeanOutcome float64
	// MAE is the mean distance, RMSE the root of the mean squared one.
	MAE, RMSE float64
	// R2 is 1 less the squared error over that of the outcomes' own mean; Baseline has the squared error of the card's baseline
	// in its place. Below 0 the model is worse than it.
	R2, Baseline float64
	// Bias is by how much the scores are too high, in standard deviations of the outcomes.
	Bias float64
	// Calibration is the mean distance between mean score and mean outcome within each tenth of the scores.
	Calibration float64
	// MAERatio and RMSERatio are over those of the card.
	MAERatio, RMSERatio float64
}

// Errors of what is judged, beside the figures of a card.
func (a *Amounts) Errors(c *card.Card) Errors {
	all := a.sum()
	n := new(big.Int).SetUint64(all.rows)
	squares, off := quotient(&a.squares, n)/1e12, quotient(&a.off, n)/1e6
	// The outcomes' squared distance from their mean is (n times their squares, less the square of their sum) over n.
	spread := new(big.Int).Mul(n, &a.outcomes)
	spread.Sub(spread, new(big.Int).Mul(&all.came, &all.came))
	deviation := math.Sqrt(quotient(spread, new(big.Int).Mul(n, n)) / 1e12)
	out := Errors{
		MeanScore: quotient(&all.said, n) / 1e6, MeanOutcome: quotient(&all.came, n) / 1e6, MAE: off, RMSE: math.Sqrt(squares),
		R2: 1 - quotient(new(big.Int).Mul(n, &a.squares), spread), Calibration: a.calibration(all.rows),
		Bias:     over(quotient(new(big.Int).Sub(&all.said, &all.came), n)/1e6, &deviation),
		MAERatio: over(off, c.MAE), RMSERatio: over(math.Sqrt(squares), c.RMSE), Baseline: math.NaN(),
	}
	if r := over(math.Sqrt(squares), c.Baseline.RMSE); !math.IsNaN(r) {
		out.Baseline = 1 - float64(r*r)
	}
	return out
}

// calibration adds up the tenths of the rows by score; the rows of a bin stay together.
func (a *Amounts) calibration(rows uint64) float64 {
	const tenths = 10
	var of [tenths]amountBin
	before := uint64(0)
	for _, at := range slices.Sorted(maps.Keys(a.bins)) {
		bin := a.bins[at]
		of[(2*before+bin.rows)*tenths/(2*rows)].add(bin)
		before += bin.rows
	}
	off := new(big.Int)
	for i := range of {
		apart := new(big.Int).Sub(&of[i].said, &of[i].came)
		off.Add(off, apart.Abs(apart))
	}
	return quotient(off, new(big.Int).SetUint64(rows)) / 1e6
}

// quotient is the nearest float to a quotient; NaN when there is nothing to divide by.
func quotient(of, by *big.Int) float64 {
	if by.Sign() == 0 {
		return math.NaN()
	}
	out, _ := new(big.Rat).SetFrac(of, by).Float64()
	return out
}

// over is a quotient; NaN when there is nothing to divide by.
func over(of float64, by *float64) float64 {
	if by == nil || !(*by > 0) {
		return math.NaN()
	}
	return of / *by
}
