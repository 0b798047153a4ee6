package policy

import "math"

// Score is what arbitration compares.
type Score struct {
	Propensity, Value, Weight, Cost float64
	// ExpectedValue is propensity * value * weight - cost.
	ExpectedValue float64
}

// Score evaluates the offer's score. When a part of it cannot be computed, that part and those after it are
// zero, and the failure names the part and the reason.
func (o *Offer) Score(s *Scope) (Score, Failure) {
	var score Score
	parts := [...]struct {
		name string
		of   *Expression
	}{{"propensity", &o.Propensity}, {"value", &o.Value}, {"weight", &o.Weight}, {"cost", &o.Cost}}
	// Beside the expressions, whose memory escapes: the score's does not.
	to := [...]*float64{&score.Propensity, &score.Value, &score.Weight, &score.Cost}
	for i, p := range parts {
		n, failure := p.of.Number(s)
		if failure.Reason == "" {
			failure = outOfBounds(p.name, n)
		}
		if failure.Reason != "" {
			failure.Rule = p.name
			return score, failure
		}
		*to[i] = n
	}
	// The conversions keep the compiler from fusing the operations: the same bits on every platform.
	score.ExpectedValue = float64(float64(float64(score.Propensity*score.Value)*score.Weight)) - score.Cost
	if notFinite(score.ExpectedValue) {
		score.ExpectedValue = 0
		return score, Failure{Rule: "expected_value", Reason: ReasonNotFinite}
	}
	return score, Failure{}
}

func outOfBounds(part string, n float64) Failure {
	switch {
	case notFinite(n):
		return Failure{Reason: ReasonNotFinite}
	case part == "propensity" && (n < 0 || n > 1):
		return Failure{Reason: ReasonPropensityRange}
	}
	return Failure{}
}

func notFinite(n float64) bool { return math.IsNaN(n) || math.IsInf(n, 0) }
