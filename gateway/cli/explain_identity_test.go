package cli

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	profferv1 "github.com/profferhq/proffer/gateway/api/proffer/v1"
)

func TestTheComparisonIsATable(t *testing.T) {
	t.Parallel()
	ann, bob, cid := strings.Repeat("a", 32), strings.Repeat("b", 32), strings.Repeat("c", 32)
	var out bytes.Buffer
	tellComparison(&out, &profferv1.ExplainResponse{
		Offer: "tea", Treatment: "banner", Reason: "OFFERED", Contacts: []string{"yesterday"},
		Consents: []*profferv1.ExplainedConsent{{Purpose: "ads", State: "GIVEN", Position: "IDENTITY/3/0"}},
		Identity: &profferv1.IdentityComparison{
			Then:      &profferv1.KnownIdentity{Profile: ann, Aliases: []string{ann, bob}},
			Now:       &profferv1.KnownIdentity{Position: "IDENTITY/7", Profile: bob, Aliases: []string{bob, cid}},
			Different: true, Reason: "NO_ELIGIBLE_OFFER", Summary: "It would be nothing.",
			Features: []*profferv1.ChangedFeature{
				{Name: "purchases_90d", Then: 2, Now: 1}, {Name: "days_since_view", ThenMissing: true, Now: 0.5},
			},
			Contacts: []string{"yesterday", "today"},
			Consents: []*profferv1.ExplainedConsent{{Purpose: "ads"}},
		},
	})
	want := `
It would be nothing.

                   THEN                              UNDER THE OTHER IDENTITY
identity           before the first link             IDENTITY/7                        *
profile            AAA  BBB  *
  alias            AAA  -                                 *
  alias            BBB  BBB
  alias            -                                 CCC  *
offer              tea                               nothing                           *
treatment          banner                            -                                 *
reason             OFFERED                           NO_ELIGIBLE_OFFER                 *
contacts           1                                 2                                 *
  consent ads      given IDENTITY/3/0                never stated                      *
  purchases_90d    2                                 1                                 *
  days_since_view  missing                           0.5                               *

contacts under the other identity:
  yesterday
  today
`
	want = strings.NewReplacer("AAA", ann, "BBB", bob, "CCC", cid).Replace(want)
	lines := strings.Split(out.String(), "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	if diff := cmp.Diff(want, strings.Join(lines, "\n")); diff != "" {
		t.Errorf("the table (-want +got):\n%s", diff)
	}
}
