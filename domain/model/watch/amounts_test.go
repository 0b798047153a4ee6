package watch

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/profferhq/proffer/domain/model/card"
)

func TestErrorsByHand(t *testing.T) {
	t.Parallel()
	var a Amounts
	for _, row := range [][2]float64{{10, 12}, {20, 16}, {30, 30}, {-4, -2}} { // what was said, what came: off by 2, 4, 0 and 2
		a.add(int64(row[0]*1e6), row[1])
	}
	mae, rmse, baseline := 1., math.Sqrt(1.5), math.Sqrt(12)
	c := &card.Card{Figures: card.Figures{MAE: &mae, RMSE: &rmse}, Baseline: card.Figures{RMSE: &baseline}}
	// Outcomes: mean 14, squares of their distances 4 + 4 + 256 + 256 = 520, a standard deviation of the root of 130.
	want := Errors{
		MeanScore: 14, MeanOutcome: 14, MAE: 2, RMSE: math.Sqrt(6), R2: 1 - 24./520, Baseline: .5, Bias: 0, Calibration: 2, MAERatio: 2, RMSERatio: 2,
	}
	if diff := cmp.Diff(want, a.Errors(c), cmpopts.EquateApprox(1e-12, 1e-12)); diff != "" {
		t.Error(diff)
	}
	a.add(1e6, 41)
	if got, want := a.Errors(c).Bias, -8/math.Sqrt((4.+4+256+256+5*(14-19.4)*(14-19.4)-(14-19.4)*(14-19.4)+(41-19.4)*(41-19.4))/5); math.Abs(got-want) > 1e-12 {
		t.Errorf("bias %v, want %v", got, want)
	}
}

func TestWhatIsNotDefinedIsNaN(t *testing.T) {
	t.Parallel()
	var a Amounts
	nan := math.NaN()
	none := Errors{
		MeanScore: nan, MeanOutcome: nan, MAE: nan, RMSE: nan, R2: nan, Baseline: nan, Bias: nan, Calibration: nan, MAERatio: nan, RMSERatio: nan,
	}
	if diff := cmp.Diff(none, a.Errors(&card.Card{}), cmpopts.EquateNaNs()); diff != "" {
		t.Errorf("of nothing: %s", diff)
	}
	a.add(3e6, 5)
	a.add(6e6, 5)
	want := Errors{MeanScore: 4.5, MeanOutcome: 5, MAE: 1.5, RMSE: math.Sqrt(2.5), R2: nan, Baseline: nan, Bias: nan, Calibration: 1.5, MAERatio: nan, RMSERatio: nan}
	if diff := cmp.Diff(want, a.Errors(&card.Card{}), cmpopts.EquateNaNs()); diff != "" {
		t.Errorf("of one outcome, without a card: %s", diff)
	}
}

// Scores that are right on the whole and wrong in each part are not calibrated.
func TestCalibrationLooksAtTenthsOfTheScores(t *testing.T) {
	t.Parallel()
	var right, turned Amounts
	for i := range 1000 {
		said := float64(i)
		right.add(int64(said*1e6), said+float64(1-2*(i%2)))
		turned.add(int64(said*1e6), 999-said)
	}
	if r := right.Errors(&card.Card{}); r.Calibration > .5 || r.MAE != 1 {
		t.Errorf("%+v", r)
	}
	if r := turned.Errors(&card.Card{}); r.Bias != 0 || r.Calibration < 450 || r.R2 > -2 {
		t.Errorf("%+v", r)
	}
}

func TestBinsOfScoresAscend(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		scores := rapid.SliceOfN(rapid.Int64Range(-1<<62, 1<<62), 2, 20).Draw(rt, "scores")
		slices.Sort(scores)
		if !slices.IsSortedFunc(scores, func(x, y int64) int { return int(amountBinOf(x)) - int(amountBinOf(y)) }) {
			rt.Errorf("%v", scores)
		}
	})
}

// Any order of rows, in any parts, gives the same bits: a watch that starts anew sees what the one before it saw.
func TestErrorsDoNotDependOnTheOrder(t *testing.T) {
	t.Parallel()
	most := float64(mostMicros) / 1e6
	rapid.Check(t, func(rt *rapid.T) {
		type row struct {
			micros int64
			value  float64
		}
		rows := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) row {
			return row{
				rapid.OneOf(rapid.Int64Range(-1e9, 1e9), rapid.Int64Range(-mostMicros, mostMicros)).Draw(t, "micros"),
				rapid.OneOf(rapid.Float64Range(-1e3, 1e3), rapid.Float64Range(-2*most, 2*most)).Draw(t, "value"),
			}
		}), 1, 60).Draw(rt, "rows")
		var once Amounts
		for _, r := range rows {
			once.add(r.micros, r.value)
		}
		parts := make([]Amounts, rapid.IntRange(1, 5).Draw(rt, "parts"))
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 1))
		for _, i := range random.Perm(len(rows)) {
			parts[random.IntN(len(parts))].add(rows[i].micros, rows[i].value)
		}
		var merged Amounts
		for _, i := range random.Perm(len(parts)) {
			merged.merge(&parts[i])
		}
		if merged.Judged() != uint64(len(rows)) {
			rt.Errorf("%d rows of %d", merged.Judged(), len(rows))
		}
		mae := 1.
		c := &card.Card{Figures: card.Figures{MAE: &mae}}
		if diff := cmp.Diff(once.Errors(c), merged.Errors(c), cmpopts.EquateNaNs()); diff != "" {
			rt.Error(diff)
		}
	})
}
