package policyfile

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/profferhq/proffer/domain/event"
)

const sample = `
policy: shop
view: core@1
holdout: 5%
placements:
  - id: home
    channel: web
    context: {cart_total: number, page: text}
    consent: [marketing]
    unless_withdrawn: [profiling]
offers:
  - id: ten
    category: discount
    propensity: 0.25
    value: features.average_order_value_90d
    cost: 1
    validity: 7d
    consent: [partners]
    unless_withdrawn: [discounts]
    eligibility:
      - {name: bought before, when: "features.purchases_90d > 0.0"}
    treatments:
      - {id: banner, channel: web, content: {headline: "Ten off"}}
models:
  churn: churn_90d
  worth: {use: spend_90d, fallback: 12.5}
contact_limits:
  - {name: weekly, channel: web, most: 3, window: 168h}
`

func TestParseKeepsWhatTheOperatorWrote(t *testing.T) {
	t.Parallel()
	got, err := Parse([]byte(sample))
	if err != nil {
		t.Fatal(err)
	}
	want := &event.Policy{
		Id: "shop", View: "core@1", Salt: "shop", Holdout: 0.05,
		Placements: []*event.Placement{{
			Id: "home", Channel: "web",
			Context: []*event.ContextField{{Name: "cart_total", Type: "number"}, {Name: "page", Type: "text"}},
			Consent: []string{"marketing"}, UnlessWithdrawn: []string{"profiling"},
		}},
		Offers: []*event.Offer{{
			Id: "ten", Category: "discount", Propensity: "0.25", Value: "features.average_order_value_90d", Cost: "1",
			ValidityMs:  7 * 24 * 3600 * 1000,
			Eligibility: []*event.Rule{{Name: "bought before", When: "features.purchases_90d > 0.0"}},
			Consent:     []string{"partners"}, UnlessWithdrawn: []string{"discounts"},
			Treatments: []*event.Treatment{{Id: "banner", Channel: "web", Content: map[string]string{"headline": "Ten off"}}},
		}},
		Models: []*event.PolicyModel{
			{Name: "churn", Use: "churn_90d"}, {Name: "worth", Use: "spend_90d", Fallback: new(12.5)},
		},
		ContactLimits: []*event.ContactLimit{{Name: "weekly", Channel: "web", Most: 3, WindowMs: 7 * 24 * 3600 * 1000}},
	}
	if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestParseNamesTheLineOfAMistake(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"unknown key":      "policy: a\nofers: []\n",
		"wrong kind":       "policy: a\noffers:\n  - id: x\n    propensity: [1]\n",
		"bad share":        "policy: a\nholdout: many\n",
		"bad window":       "policy: a\ncontact_limits:\n  - {name: x, window: soon}\n",
		"negative window":  "policy: a\ncontact_limits:\n  - {name: x, window: -1h}\n",
		"context not map":  "policy: a\nplacements:\n  - {id: x, context: [a]}\n",
		"a second":         "policy: a\n---\npolicy: b\n",
		"nothing":          "",
		"not yaml":         "\t:::",
		"an alias bomb":    "policy: &a [*a]\n",
		"an over-long one": "policy: " + strings.Repeat("x", MaxBytes),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := Parse([]byte(text))
			if !errors.Is(err, ErrInvalid) {
				t.Errorf("got %v, want ErrInvalid", err)
			}
		})
	}
}

func TestMistakesAreToldInTheWordsOfTheDocument(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"policy: a\nofers: []\n":                                   `line 2: there is no field "ofers" (did you mean "offers"?)`,
		"policy: a\noffers:\n  - {id: x, tretments: []}\n":         `line 3: there is no field "tretments" (did you mean "treatments"?)`,
		"policy: a\noffers:\n  - {id: x, eligibility: {a: b}}\n":   "line 3: want a list, not fields",
		"policy: a\ncontact_limits:\n  - {name: x, most: often}\n": `line 3: want a whole number, not "often"`,
	} {
		_, err := Parse([]byte(text))
		if err == nil || !strings.HasSuffix(err.Error(), ": "+want) || strings.Contains(err.Error(), "policyfile.") {
			t.Errorf("%v, want it to end in %q", err, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(sample))
	f.Add([]byte("policy: a\nholdout: 5%"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if p, err := Parse(text); (p == nil) == (err == nil) || err != nil && !errors.Is(err, ErrInvalid) {
			t.Errorf("Parse = %v, %v", p, err)
		}
	})
}
