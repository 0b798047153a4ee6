package value

import "testing"

// BenchmarkFit fits 40,000 generated people by week.
func BenchmarkFit(b *testing.B) {
	p, s := published()
	people := crowd(7, 40_000, p, s)
	for b.Loop() {
		if _, err := FitPurchasing(people); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkExpected(b *testing.B) {
	p, _ := published()
	for b.Loop() {
		p.ExpectedAlive(3, 38.86, 52)
	}
}
