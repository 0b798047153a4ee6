package importer_test

import (
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	profferv1 "github.com/profferhq/proffer/gateway/api/proffer/v1"
)

// The figures are those counted from the public files, independently of this importer.
func TestStarbucksGivesTheCountedFigures(t *testing.T) {
	t.Parallel()
	sink := newCountingSink()
	nothing, aliases, missing := map[string]int{}, map[string]bool{}, 0
	decisions, delivered := map[string]bool{}, 0
	shares := map[string]float64{}
	sink.each = func(_ string, item *profferv1.Item) {
		if item.GetRefusedReason() != "" {
			t.Errorf("%s at %s: %s", item.GetRefusedReason(), item.GetRefusedField(), item.GetRefusedMessage())
		}
		for _, id := range item.GetIdentifiers() {
			aliases[id.GetType()+"/"+id.GetValue()] = true
		}
		switch item.GetType() {
		case "identify":
			if f := item.GetProperties().GetFields(); f["age"] == nil && f["gender"] == nil && f["income"] == nil {
				missing++
			}
		case "external_decision":
			decisions[item.GetDecisionId()] = true
			at := item.GetTime().AsTime().Format("01-02T15")
			if item.GetOffer() == "" {
				nothing[at]++
				shares[at] = item.GetPropensity()
			}
			if len(item.GetCandidates()) != 11 || item.GetPolicy() != "logged-v0" || !item.GetPropensityEstimated() {
				t.Errorf("a decision with %d candidates of %q, estimated %v", len(item.GetCandidates()), item.GetPolicy(), item.GetPropensityEstimated())
			}
		case "deliver":
			if decisions[item.GetDecisionId()] {
				delivered++
			}
		}
	}
	began := time.Now()
	summary := importAll(t, "starbucks", sink, dataFolder(t, "starbucks"))
	t.Logf("%d rows and %d items in %s", summary.Total().Rows, summary.Total().Items, time.Since(began))

	if n := total(summary.Total().Refused); n != 0 {
		t.Errorf("%d rows refused: %v", n, summary.Total().Refused)
	}
	want := map[string]int{
		"offer": 10, "identify": 17_000, "purchase": 138_953, "external_decision": 102_000,
		"deliver": 76_277, "expose": 57_725, "convert": 33_579,
	}
	if diff := cmp.Diff(want, sink.types); diff != "" {
		t.Errorf("items by type (-want +got):\n%s", diff)
	}
	wantNothing := map[string]int{"07-27T00": 4350, "08-03T00": 4331, "08-10T00": 4289, "08-13T00": 4222, "08-17T00": 4296, "08-20T00": 4235}
	if diff := cmp.Diff(wantNothing, nothing); diff != "" {
		t.Errorf("decisions for nothing by wave (-want +got):\n%s", diff)
	}
	for at, n := range wantNothing {
		if want := float64(n) / 17_000; math.Abs(shares[at]-want) > 1e-12 {
			t.Errorf("propensity of nothing at %s = %v, want %v", at, shares[at], want)
		}
	}
	if got := sink.sum("purchase", 2); got != "1775451.97" {
		t.Errorf("sum of purchases = %s", got)
	}
	if got := sink.costs.FloatString(0); got != "164676" {
		t.Errorf("sum of rewards = %s", got)
	}
	if len(aliases) != 34_000 || missing != 2175 || len(decisions) != 102_000 || delivered != 76_277 {
		t.Errorf("identifiers %d, without traits %d, decision ids %d, deliveries of a decision %d", len(aliases), missing, len(decisions), delivered)
	}
	last := summary.Files[2]
	if last.Lines != 306_648 || last.Blank != 114 || last.Mapped != 306_534 || last.Source != "import:starbucks/transcript.json" {
		t.Errorf("the transcript: %+v", last)
	}
}
