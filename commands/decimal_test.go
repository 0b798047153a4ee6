package commands

import (
	"errors"
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"
)

func TestParseMicros(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text string
		want int64
		err  error
	}{
		{"12.30", 12_300000, nil}, {"0", 0, nil}, {"-0.05", -50000, nil}, {"+1", 1_000000, nil}, {".5", 500000, nil}, {"5.", 5_000000, nil},
		{"0.30000000000000004", 300000, nil}, {"0.0000005", 1, nil}, {"0.00000049", 0, nil}, {"4.440892e-16", 0, nil},
		{"1.5e3", 1500_000000, nil}, {"1E+2", 100_000000, nil}, {"1e-6", 1, nil}, {"0e999999999", 0, nil}, {"1e-999999999", 0, nil},
		{"9223372036854.775807", math.MaxInt64, nil}, {"000000000000000000000000012", 12_000000, nil},
		{"9223372036854.775808", 0, errDecimalRange}, {"1e13", 0, errDecimalRange}, {"1e999999999", 0, errDecimalRange},
		{"", 0, errNotDecimal}, {"-", 0, errNotDecimal}, {".", 0, errNotDecimal}, {"1,5", 0, errNotDecimal}, {"NaN", 0, errNotDecimal},
		{"Inf", 0, errNotDecimal}, {"0x10", 0, errNotDecimal}, {"1e", 0, errNotDecimal}, {"1e1.5", 0, errNotDecimal}, {" 1", 0, errNotDecimal},
		{"1..2", 0, errNotDecimal}, {"١", 0, errNotDecimal},
	} {
		got, err := ParseMicros(c.text)
		if got != c.want || !errors.Is(err, c.err) {
			t.Errorf("%q: got %d, %v; want %d, %v", c.text, got, err, c.want, c.err)
		}
	}
	if got, err := ParseMilli("2.5"); got != 2500 || err != nil {
		t.Errorf("milli: got %d, %v", got, err)
	}
}

func TestParseMicrosAgreesWithRationals(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`-?[0-9]{1,12}(\.[0-9]{1,12})?(e-?[0-9])?`).Draw(t, "text")
		got, err := ParseMicros(text)
		r, ok := new(big.Rat).SetString(text)
		if !ok {
			t.Fatalf("%q is no rational", text)
		}
		r.Mul(r, big.NewRat(1_000_000, 1))
		half := big.NewRat(1, 2)
		if r.Sign() < 0 {
			half.Neg(half)
		}
		r.Add(r, half)
		want := new(big.Int).Quo(r.Num(), r.Denom()) // truncates towards zero: half away from zero in all
		if !want.IsInt64() {
			if !errors.Is(err, errDecimalRange) {
				t.Fatalf("%q: got %d, %v; want out of range", text, got, err)
			}
			return
		}
		if err != nil || got != want.Int64() {
			t.Fatalf("%q: got %d, %v; want %s", text, got, err, want)
		}
	})
}

func TestPriceTimes(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		price, quantity := rapid.Int64Range(0, math.MaxInt64).Draw(t, "price"), rapid.Int64Range(0, math.MaxInt64).Draw(t, "quantity")
		got, err := priceTimes(price, quantity)
		want := new(big.Int).Mul(big.NewInt(price), big.NewInt(quantity))
		want.Add(want, big.NewInt(500)).Quo(want, big.NewInt(1000))
		if !want.IsInt64() {
			if !errors.Is(err, errDecimalRange) {
				t.Fatalf("got %d, %v; want out of range", got, err)
			}
			return
		}
		if err != nil || got != want.Int64() {
			t.Fatalf("got %d, %v; want %s", got, err, want)
		}
	})
}

func FuzzParseMicros(f *testing.F) {
	for _, s := range []string{"1", "-1.5e-3", "9223372036854.775807", "1e", "..", "0e99999999999999999999"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		v, err := ParseMicros(text)
		if err != nil && v != 0 {
			t.Fatalf("%q: got %d with %v", text, v, err)
		}
	})
}
