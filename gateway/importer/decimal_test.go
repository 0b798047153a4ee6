package importer

import (
	"errors"
	"math/big"
	"strings"
	"testing"

	"cel.dev/cel-go/common/types"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestParseDecimalIsExactAndCanonical(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"0": "0", "-0": "0", "0.00": "0", "00012.50": "12.5", "+7": "7", ".5": "0.5", "-0.001": "-0.001",
		"4.440892e-16": "0.0000000000000004440892", "1E3": "1000", "12.5e1": "125", "999999999999999999": "999999999999999999",
		"1062.28": "1062.28", "-11062.06": "-11062.06", "0e99": "0", "0.1e-39": "0.0000000000000000000000000000000000000001",
	} {
		d, err := parseDecimal(text)
		if err != nil || d.text() != want {
			t.Errorf("parseDecimal(%q) = %q, %v, want %q", text, d.text(), err, want)
		}
	}
}

func TestParseDecimalRefuses(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]error{
		"": errNotDecimal, " 1": errNotDecimal, "1 ": errNotDecimal, "-": errNotDecimal, ".": errNotDecimal, "1.": errNotDecimal,
		"1,5": errNotDecimal, "1e": errNotDecimal, "e5": errNotDecimal, "0x10": errNotDecimal, "NaN": errNotDecimal, "Inf": errNotDecimal,
		"1_000": errNotDecimal, "١": errNotDecimal, "--1": errNotDecimal,
		"99999999999999999999": errDecimalOverflow, "1e30": errDecimalOverflow, "1e-41": errDecimalOverflow, "1e999": errDecimalOverflow,
	} {
		if d, err := parseDecimal(text); !errors.Is(err, want) {
			t.Errorf("parseDecimal(%q) = %q, %v, want %v", text, d.text(), err, want)
		}
	}
}

func drawDecimal(t *rapid.T, name string) decimal {
	d, err := newDecimal(rapid.Int64Range(-1e9, 1e9).Draw(t, name), rapid.IntRange(0, 6).Draw(t, name+" scale"))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestDecimalArithmeticIsThatOfRationals(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, b := drawDecimal(t, "a"), drawDecimal(t, "b")
		sum, sumErr := a.add(b)
		product, productErr := a.times(b)
		if sumErr != nil || productErr != nil {
			t.Fatal(sumErr, productErr)
		}
		if want := new(big.Rat).Add(a.rational(), b.rational()); sum.rational().Cmp(want) != 0 {
			t.Errorf("%s + %s = %s", a.text(), b.text(), sum.text())
		}
		if want := new(big.Rat).Mul(a.rational(), b.rational()); product.rational().Cmp(want) != 0 {
			t.Errorf("%s * %s = %s", a.text(), b.text(), product.text())
		}
		if got := a.compare(b); got != a.rational().Cmp(b.rational()) {
			t.Errorf("%s <=> %s = %d", a.text(), b.text(), got)
		}
		again, err := parseDecimal(a.text())
		if err != nil || again != a {
			t.Errorf("%s reads as %s, %v", a.text(), again.text(), err)
		}
		places := rapid.IntRange(0, 6).Draw(t, "places")
		if got, want := a.round(places).rational().FloatString(places), a.rational().FloatString(places); got != want && want != "-"+strings.TrimPrefix(got, "-") {
			t.Errorf("round(%s, %d) = %s, want %s", a.text(), places, got, want)
		}
	})
}

func TestDecimalOverflowIsAnErrorNotAWrap(t *testing.T) {
	t.Parallel()
	big := decimal{1<<63 - 1, 0}
	if v := big.Add(types.Int(1)); !types.IsError(v) {
		t.Errorf("largest + 1 = %v", v)
	}
	if v := big.Multiply(types.Int(10)); !types.IsError(v) {
		t.Errorf("largest * 10 = %v", v)
	}
	if v := (decimal{1, 30}).Compare(big); v != types.Int(-1) {
		t.Errorf("tiny <=> largest = %v", v)
	}
	if v := big.Add(types.String("1")); !types.IsError(v) {
		t.Errorf("a number + a text = %v", v)
	}
}

// FuzzParseDecimal: what is read is written as something that reads as the same.
func FuzzParseDecimal(f *testing.F) {
	for _, seed := range []string{"0", "-1.50", "4.440892e-16", "1e-41", "9223372036854775807", "9223372036854775808", ".", "1e+5"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, err := parseDecimal(text)
		if err != nil {
			return
		}
		again, err := parseDecimal(d.text())
		if diff := cmp.Diff(d.text(), again.text()); err != nil || diff != "" {
			t.Errorf("%q: %v %s", text, err, diff)
		}
		if want, ok := new(big.Rat).SetString(text); !ok || want.Cmp(d.rational()) != 0 {
			t.Errorf("%q reads as %s", text, d.text())
		}
	})
}
