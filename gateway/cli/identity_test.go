package cli

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/profferhq/proffer/gateway"
	profferv1 "github.com/profferhq/proffer/gateway/api/proffer/v1"
)

func TestAProfileIsDrawnAsATree(t *testing.T) {
	t.Parallel()
	alias := func(name, kind, value string) *profferv1.ProfileAlias {
		return &profferv1.ProfileAlias{Alias: name, Type: kind, Value: value}
	}
	link := func(a, b, rule, state string) *profferv1.ProfileLink {
		return &profferv1.ProfileLink{Alias: a, Other: b, Rule: rule, State: state, Posterior: 1}
	}
	p := &profferv1.Profile{
		Profile: "a1",
		Aliases: []*profferv1.ProfileAlias{alias("a1", "user_id", "42"), alias("a2", "email", "x@y.z"), alias("a3", "phone", ""), alias("a4", "device_id", "d")},
		Links: []*profferv1.ProfileLink{
			link("a1", "a2", "identify", "ACTIVE"), link("a3", "a2", "operator", "ACTIVE"), link("a1", "a4", "alias", "ACTIVE"),
			link("a4", "a3", "import", "ACTIVE"), link("a1", "a9", "identify", "TAKEN_BACK"),
		},
		Consents: []*profferv1.ProfileConsent{
			{Purpose: "ads", State: "GIVEN", Alias: "a4", Rule: "source", Position: "IDENTITY/4/0"},
			{Purpose: "profiling", State: "WITHDRAWN", Alias: "a1", Rule: "operator", Position: "IDENTITY/9/0", Reason: "by phone"},
		},
		Households: []*profferv1.Household{{Alias: "a8", Type: "device_id", Profiles: []string{"a1", "a7"}}},
	}
	p.Links[1].Posterior = 0.93
	var out strings.Builder
	tellProfile(&out, p)
	want := `profile a1
user_id:42 (a1)
├─ email:x@y.z (a2)  by identify
│  └─ phone a3  by operator 0.9300
└─ device_id:d (a4)  by alias
also import joins device_id:d (a4) and phone a3

links that join nobody
STATE       FIRST       SECOND  RULE      GUARD  AT  POSITION  REASON
taken_back  user_id:42  a9      identify                       

PURPOSE    STATE      SAID BY      RULE      AT  POSITION      REASON
ads        given      device_id:d  source        IDENTITY/4/0  
profiling  withdrawn  user_id:42   operator      IDENTITY/9/0  "by phone"

household by device_id a8: 2 profiles
  a1
  a7
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestWhoIsReadAsItIsWritten(t *testing.T) {
	t.Parallel()
	const hex = "01a205ba91147960b0968e08f7c4f323"
	for text, want := range map[string]*profferv1.Identifier{
		"user_id:42":       {Type: "user_id", Value: "42"},
		"user_id=42":       {Type: "user_id", Value: "42"},
		"email:a@b.c":      {Type: "email", Value: "a@b.c"},
		"x:" + hex:         {Type: "x", Value: hex},
		"phone:tel:+49=30": {Type: "phone", Value: "tel:+49=30"},
	} {
		got, err := who(text)
		if err != nil || got.GetIdentifier().GetType() != want.GetType() || got.GetIdentifier().GetValue() != want.GetValue() {
			t.Errorf("%s: got %v, %v", text, got, err)
		}
	}
	if got, err := who(hex); err != nil || got.GetAlias() != hex {
		t.Errorf("an alias: got %v, %v", got, err)
	}
	for _, text := range []string{"", "42", ":42", "user_id:", "User:42", "a b:c"} {
		if _, err := who(text); !errors.Is(err, gateway.ErrUsage) {
			t.Errorf("%q: got %v, want a usage error", text, err)
		}
	}
}

func TestAsOfTakesTimesAndCuts(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"2026-05-03T10:00:00Z":      "2026-05-03T10:00:00Z",
		"2026-05-03T10:00:00+02:00": "2026-05-03T08:00:00Z",
		"2026-05-03 10:00":          "2026-05-03T10:00:00Z",
		"2026-05-03":                "2026-05-03T00:00:00Z",
	} {
		var r profferv1.GetRequest
		if err := asOf(text, &r); err != nil || r.GetTime().AsTime().Format("2006-01-02T15:04:05Z07:00") != want {
			t.Errorf("%s: got %v, %v", text, r.GetTime().AsTime(), err)
		}
	}
	var r profferv1.GetRequest
	if err := asOf("IDENTITY/12", &r); err != nil || r.GetCut() != "IDENTITY/12" {
		t.Errorf("a cut: got %v, %v", r.GetCut(), err)
	}
	if err := asOf("yesterday", &r); !errors.Is(err, gateway.ErrUsage) {
		t.Errorf("got %v, want a usage error", err)
	}
}

func TestAWaterfallIsDrawn(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	tellWaterfall(&out, &profferv1.Waterfall{
		Model: "m", PriorBits: -2, WeightBits: 3, Posterior: 0.888889,
		Terms: []*profferv1.WaterfallTerm{{Comparison: "name", Level: "exact", Bits: 4, FrequencyBits: 1}},
	})
	want := `  prior                         -2.000  ----
  name    exact                 +4.000  ++++++++
          how rare the value is  +1.000  ++
  weight                        +3.000  ++++++
  posterior 0.888889 by m
`
	if got := strings.Join(strings.Fields(out.String()), " "); got != strings.Join(strings.Fields(want), " ") {
		t.Errorf("got\n%s", out.String())
	}
}
