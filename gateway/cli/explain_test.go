package cli

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	profferv1 "github.com/profferhq/proffer/gateway/api/proffer/v1"
)

func TestTheCandidatesAreATable(t *testing.T) {
	t.Parallel()
	chosen := &profferv1.ExplainedCandidate{Offer: "tea", Treatment: "banner", ExpectedValue: 2.5, Draw: 1}
	refused := &profferv1.ExplainedCandidate{Offer: "gift", Treatment: "banner", Stage: "ELIGIBILITY", Reason: "RULE_FALSE", Rule: "buyer"}
	lower := &profferv1.ExplainedCandidate{Offer: "milk", Treatment: "banner", Stage: "ARBITRATION", Reason: "LOWER_VALUE", Draw: 3}
	lost := &profferv1.ExplainedCandidate{Offer: "coffee", Treatment: "banner", Stage: "ARBITRATION", Reason: "LOST_DRAW", ExpectedValue: 2.5, Draw: 0xfe}
	for name, c := range map[string]struct {
		explained *profferv1.ExplainResponse
		want      string
	}{
		"values decide": {
			&profferv1.ExplainResponse{Candidates: []*profferv1.ExplainedCandidate{chosen, refused, lower}}, `
OFFER  TREATMENT  LEFT AT      WHY               EXPECTED VALUE
tea    banner     chosen                         2.5000
gift   banner     ELIGIBILITY  RULE_FALSE buyer
milk   banner     ARBITRATION  LOWER_VALUE       0.0000
`,
		},
		"the draw decides": {
			&profferv1.ExplainResponse{Candidates: []*profferv1.ExplainedCandidate{chosen, refused, lost}}, `
OFFER   TREATMENT  LEFT AT      WHY               EXPECTED VALUE  DRAW
tea     banner     chosen                         2.5000          0000000000000001
gift    banner     ELIGIBILITY  RULE_FALSE buyer
coffee  banner     ARBITRATION  LOST_DRAW         2.5000          00000000000000fe
`,
		},
		"a held-out profile": {
			&profferv1.ExplainResponse{HeldOut: true, Candidates: []*profferv1.ExplainedCandidate{chosen}}, `
OFFER  TREATMENT  LEFT AT    WHY  EXPECTED VALUE
tea    banner     not given       2.5000
`,
		},
	} {
		var out bytes.Buffer
		tellCandidates(&out, c.explained)
		lines := strings.Split(out.String(), "\n")
		for i := range lines {
			lines[i] = strings.TrimRight(lines[i], " ")
		}
		if diff := cmp.Diff(strings.TrimPrefix(c.want, "\n"), strings.Join(lines, "\n")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
