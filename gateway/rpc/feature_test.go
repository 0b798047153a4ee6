package rpc

import (
	"errors"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/profferhq/proffer/domain/feature"
)

func TestNoLineageNamesWhatMayBeMeant(t *testing.T) {
	t.Parallel()
	edges := []feature.Edge{{From: "event:purchased", To: "feature:core@1/spend_30d"}, {From: "feature:core@1/spend_30d", To: "policy:shop"}}
	for of, want := range map[string]string{
		"event:purchsed": `"event:purchsed", and it reads nothing (did you mean "event:purchased"?)`,
		"policy:retain":  `want event:purchased, feature:retail@1/spend_30d, model:churn@1, use:churn_90d, segments:rfm or policy:shop`,
	} {
		if err := noLineage(edges, of); !errors.Is(err, errNoLineage) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want it to say %s", of, err, want)
		}
	}
}

func TestATimeOutOfRangeIsNamed(t *testing.T) {
	t.Parallel()
	at := func(text string) *timestamppb.Timestamp {
		v, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
		return timestamppb.New(v)
	}
	for _, fine := range []*timestamppb.Timestamp{nil, at("1970-01-01T00:00:00Z"), at("9999-12-31T23:59:59Z")} {
		if err := checkMoment("at", fine); err != nil {
			t.Errorf("%v: %v", fine, err)
		}
	}
	for _, wrong := range []*timestamppb.Timestamp{at("1969-12-31T23:59:59Z"), {Seconds: 1 << 60}} {
		if err := checkMoment("at", wrong); err == nil || !strings.Contains(err.Error(), "at is out of range") {
			t.Errorf("%v: %v", wrong, err)
		}
	}
}

func TestAFeatureIsShownWithAllThatItIsMadeFrom(t *testing.T) {
	t.Parallel()
	m := definitionMessage(feature.Spec{
		Source: []string{"purchased"}, Per: []string{"purchased"}, Aggregation: feature.Ratio, Filter: "event.coupon",
		Prior: &feature.Prior{Share: 0.2, Weight: 5},
	})
	if strings.Join(m.GetSources(), ",") != "purchased" || strings.Join(m.GetPer(), ",") != "purchased" || m.GetPrior() != "share 0.2, weight 5" {
		t.Errorf("%v", m)
	}
	if m := definitionMessage(feature.Spec{Aggregation: feature.DecayedSum, HalfLife: "30d"}); m.GetHalfLife() != "30d" || m.GetPrior() != "" {
		t.Errorf("%v", m)
	}
}
