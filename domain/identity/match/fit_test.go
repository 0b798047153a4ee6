package match

import (
	"bytes"
	"errors"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFitRecoversPlantedChances(t *testing.T) {
	t.Parallel()
	want := [4]float64{.9, .8, .7, .85}
	records := plant(1200, 5, want)
	_, p := prepared(t, planted(), records)
	fitted, report, err := Fit(planted(), p, 0, 1)
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range fitted.Comparisons {
		if got := c.Levels[0].M; math.Abs(got-want[i]) > .05 {
			t.Errorf("m of %s is %.3f, want %.3f", c.Name, got, want[i])
		}
	}
	for i, u := range []float64{1.0 / 49, 1.0 / (60 * 12 * 28), 1.0 / 500, 1.0 / 20} {
		if got := fitted.Comparisons[i].Levels[0].U; got > u*1.3+1e-5 || got < u*.7-1e-5 {
			t.Errorf("u of %s is %g, want %g", fitted.Comparisons[i].Name, got, u)
		}
	}
	if math.Abs(report.Matches-600) > 60 {
		t.Errorf("%.0f matches expected, 600 planted", report.Matches)
	}
}

func TestFitIsAFunctionOfRecordsAndSeed(t *testing.T) {
	t.Parallel()
	_, p := prepared(t, planted(), plant(900, 6, [4]float64{.9, .8, .7, .8}))
	document := func(seed uint64) []byte {
		m, _, err := Fit(planted(), p, 0, seed)
		if err != nil {
			t.Fatal(err)
		}
		b, err := m.Encode()
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	first := document(1)
	if !bytes.Equal(first, document(1)) {
		t.Error("the same call gives another model")
	}
	if bytes.Equal(first, document(2)) {
		t.Error("the seed decides nothing")
	}
}

func TestFitRefusesTooFewRecords(t *testing.T) {
	t.Parallel()
	_, p := prepared(t, planted(), plant(5, 1, [4]float64{1, 1, 1, 1}))
	if _, _, err := Fit(planted(), p, 0, 1); !errors.Is(err, ErrTooFew) {
		t.Fatalf("%v", err)
	}
}

func TestTwoFilesAreMatchedAcrossOnly(t *testing.T) {
	t.Parallel()
	records := plant(300, 9, [4]float64{.95, .95, .95, .95})
	m, p := prepared(t, planted(), records)
	split := len(p) / 2
	for pair := range NewBlocking(m, p, split).Pairs() {
		if pair.A >= split || pair.B < split {
			t.Fatalf("%v is within one file", pair)
		}
	}
}

func TestAPairIsMetOnceWithEveryBlockThatFindsIt(t *testing.T) {
	t.Parallel()
	m, p := prepared(t, planted(), plant(200, 4, [4]float64{.9, .9, .9, .9}))
	b := NewBlocking(m, p, 0)
	got := map[Pair]uint32{}
	for worker := range 3 {
		for pair, mask := range b.Share(worker, 3) {
			if _, twice := got[pair]; twice {
				t.Fatalf("%v comes twice", pair)
			}
			got[pair] = mask
		}
	}
	want := map[Pair]uint32{}
	for i := range p {
		for j := i + 1; j < len(p); j++ {
			for f := range p[i].forms {
				if p[i].forms[f].text != "" && p[i].forms[f].text == p[j].forms[f].text {
					want[Pair{i, j}] |= 1 << f
				}
			}
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestTooCommonValuesAreLeftOutAndCounted(t *testing.T) {
	t.Parallel()
	m := planted()
	m.Blocks = [][]string{{"town"}}
	records := plant(2000, 4, [4]float64{.9, .9, .9, .9})
	for i := range records {
		records[i].Values[3] = []string{"one town"}
	}
	matcher, p := prepared(t, m, records)
	report := NewBlocking(matcher, p, 0).Report()[0]
	n := uint64(len(p))
	want := BlockReport{Block: []string{"town"}, SkippedGroups: 1, SkippedPairs: n * (n - 1) / 2}
	if diff := cmp.Diff(want, report); diff != "" {
		t.Error(diff)
	}
}
