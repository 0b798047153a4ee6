package stat

import "math"

// Exp is e to the x within two units in the last place, and the same bits on every machine: math.Exp is assembler on
// some, and compilers may fuse a multiplication with an addition on others. Beyond what float64 holds it is 0 or +Inf.
func Exp(x float64) float64 {
	switch {
	case math.IsNaN(x):
		return x
	case x > 709.8:
		return math.Inf(1)
	case x < -745.2:
		return 0
	}
	// x = k ln 2 + r with |r| <= ln 2 / 2; ln 2 in two parts, the first short enough that k times it is exact.
	const (
		log2e  = 1.44269504088896338700
		ln2Hi  = 6.93147180369123816490e-01
		ln2Lo  = 1.90821492927058770002e-10
		degree = 13
	)
	k := math.Floor(float64(x*log2e) + 0.5)
	r := float64(x-float64(k*ln2Hi)) - float64(k*ln2Lo)
	// The Taylor polynomial by Horner's rule, the last division first: 1 + r (1 + r/2 (1 + r/3 (...))).
	sum := 1.0
	for i := degree; i >= 1; i-- {
		sum = 1 + float64(r*sum)/float64(i)
	}
	return math.Ldexp(sum, int(k))
}

// Sigmoid is 1 / (1 + e^-x), the probability whose log-odds are x; the same bits on every machine.
func Sigmoid(x float64) float64 {
	if x < 0 { // the small tail keeps its digits
		e := Exp(x)
		return e / (1 + e)
	}
	return 1 / (1 + Exp(-x))
}
