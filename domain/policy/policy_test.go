package policy_test

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/feature"
	"github.com/profferhq/proffer/domain/policy"
)

func tea() *event.Policy {
	return &event.Policy{
		Id: "shop", View: "core@1", Salt: "s",
		Placements: []*event.Placement{{
			Id: "home", Channel: "web",
			Context: []*event.ContextField{
				{Name: "page", Type: "text"}, {Name: "cart", Type: "number"}, {Name: "member", Type: "flag"},
			},
		}},
		Offers: []*event.Offer{{
			Id: "tea", Category: "drinks",
			Treatments: []*event.Treatment{{Id: "banner", Channel: "web"}},
		}},
	}
}

// when is a policy whose only offer has this condition.
func when(condition string) *event.Policy {
	p := tea()
	p.Offers[0].Eligibility = []*event.Rule{{Name: "rule", When: condition}}
	return p
}

func compiled(t testing.TB, p *event.Policy) *policy.Compiled {
	t.Helper()
	c, err := policy.Compile(p, feature.Core())
	if err != nil {
		t.Fatalf("compile: %v", err)
	}
	return c
}

// vector is a vector of the core view with only these features known.
func vector(t testing.TB, known map[string]float64) []float64 {
	t.Helper()
	view := feature.Core()
	v := make([]float64, len(view.Specs()))
	for i := range v {
		v[i] = math.NaN()
	}
	for name, x := range known {
		i, ok := view.Index(name)
		if !ok {
			t.Fatalf("no feature %s", name)
		}
		v[i] = x
	}
	return v
}

func TestRulesSeeWhatIsKnown(t *testing.T) {
	t.Parallel()
	facts := policy.Facts{
		Placement: "home", Channel: "web", NowMS: time.Date(2026, 3, 1, 23, 30, 0, 0, time.UTC).UnixMilli(),
		Vector: vector(t, map[string]float64{"views_7d": 3, "spend_30d": 12.5}),
		Context: []*event.ContextValue{
			{Name: "cart", Value: &event.ContextValue_Number{Number: 2}},
			{Name: "page", Value: &event.ContextValue_Text{Text: "tea"}},
		},
	}
	for condition, want := range map[string]string{
		`features.views_7d >= 3`:                                 "",
		`features.views_7d > 3`:                                  policy.ReasonRuleFalse,
		`features.spend_30d == 12.5 && features.views_7d < 4.0`:  "",
		`features.days_since_purchase < 3`:                       policy.ReasonFeatureMissing,
		`has(features.days_since_purchase)`:                      policy.ReasonRuleFalse,
		`!has(features.days_since_purchase)`:                     "",
		`features.views_7d >= 3 || features.carts_7d > 0`:        "",
		`features.carts_7d > 0 || features.views_7d >= 3`:        "",
		`features.carts_7d > 0 && features.views_7d >= 3`:        policy.ReasonFeatureMissing,
		`context.page == "tea" && context.cart >= 2`:             "",
		`context.member`:                                         policy.ReasonContextMissing,
		`has(context.member) && context.member`:                  policy.ReasonRuleFalse,
		`placement == "home" && channel == "web"`:                "",
		`now.getHours() == 23 && now.getDayOfWeek() == 0`:        "",
		`now.getHours("+08:00") == 7`:                            "",
		`now > timestamp("2026-01-01T00:00:00Z")`:                "",
		`context.page in ["tea", "coffee"]`:                      "",
		`["tea", "coffee"].exists(p, p == context.page)`:         "",
		`context.page.startsWith("t") && context.page.size()==3`: "",
		`features.views_7d == 3 && 3 == features.views_7d`:       "",
		`features.views_7d * 2 + 1 == 7`:                         "",
		`features.views_7d / 2 == 3 / 2`:                         "", // the right side is beside a double: 1.5
		`features.views_7d in [1, 2, 3]`:                         "",
		`-features.views_7d == -3`:                               "",
		`(has(features.carts_7d) ? features.carts_7d : 4) == 4`:  "",
		`[1, 2].exists(x, x == 2) && context.cart != 3`:          "",
		`7 / 2 == 3`:                                       "",
		`1 / int(features.views_7d - 3.0) > 0`:             policy.ReasonRuleError,
		`9223372036854775807 + int(features.views_7d) > 0`: policy.ReasonRuleError,
	} {
		c := compiled(t, when(condition))
		failure := c.Offers()[0].Eligible(c.Scope(facts))
		if failure.Reason != want {
			t.Errorf("%s: reason %q (%s), want %q", condition, failure.Reason, failure.Detail, want)
		}
		if want != "" && failure.Rule != "rule" {
			t.Errorf("%s: the failure names the rule %q", condition, failure.Rule)
		}
	}
}

func TestScores(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		propensity, value, weight, cost string
		want                            policy.Score
		rule, reason                    string
	}{
		"left out":   {want: policy.Score{Propensity: 1, Weight: 1}},
		"constants":  {"0.5", "10", "2", "3", policy.Score{Propensity: 0.5, Value: 10, Weight: 2, Cost: 3, ExpectedValue: 7}, "", ""},
		"expression": {"features.views_7d / 10.0", "features.spend_30d", "", "1", policy.Score{Propensity: 0.3, Value: 12.5, Weight: 1, Cost: 1, ExpectedValue: 2.75}, "", ""},
		"an integer": {"", "1 + 2", "", "", policy.Score{Propensity: 1, Value: 3, Weight: 1, ExpectedValue: 3}, "", ""},
		"too likely": {"features.views_7d", "1", "", "", policy.Score{}, "propensity", policy.ReasonPropensityRange},
		"missing":    {"", "features.days_since_purchase", "", "", policy.Score{Propensity: 1}, "value", policy.ReasonFeatureMissing},
		"infinite":   {"", "", "1.0 / (features.views_7d - 3.0)", "", policy.Score{Propensity: 1}, "weight", policy.ReasonNotFinite},
		"overflow":   {"", "1e300", "1e300", "", policy.Score{Propensity: 1, Value: 1e300, Weight: 1e300}, "expected_value", policy.ReasonNotFinite},
	} {
		p := tea()
		p.Offers[0].Propensity, p.Offers[0].Value, p.Offers[0].Weight, p.Offers[0].Cost = c.propensity, c.value, c.weight, c.cost
		of := compiled(t, p)
		scope := of.Scope(policy.Facts{Vector: vector(t, map[string]float64{"views_7d": 3, "spend_30d": 12.5})})
		got, failure := of.Offers()[0].Score(scope)
		if failure.Rule != c.rule || failure.Reason != c.reason {
			t.Errorf("%s: failure %+v, want %s %s", name, failure, c.rule, c.reason)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: score (-want +got):\n%s", name, diff)
		}
	}
}

func TestAPlacementHasItsCandidates(t *testing.T) {
	t.Parallel()
	p := tea()
	p.Placements = append(p.Placements, &event.Placement{Id: "mail", Channel: "email", Offers: []string{"tea", "cake"}})
	p.Offers = append(p.Offers,
		&event.Offer{Id: "cake", Treatments: []*event.Treatment{{Id: "a", Channel: "email"}, {Id: "b", Channel: "email"}, {Id: "c", Channel: "web"}}},
		&event.Offer{Id: "pie", Treatments: []*event.Treatment{{Id: "x", Channel: "email"}}})
	c := compiled(t, p)
	names := func(placement string) []string {
		at, ok := c.Placement(placement)
		if !ok {
			t.Fatalf("no placement %s", placement)
		}
		var out []string
		for _, x := range at.Candidates {
			out = append(out, x.Offer.Event.GetId()+"/"+x.Treatment.GetId())
		}
		for _, x := range at.Excluded {
			out = append(out, x.Offer.Event.GetId()+" "+x.Stage)
		}
		return out
	}
	if diff := cmp.Diff([]string{"tea/banner", "cake/c", "pie CHANNEL"}, names("home")); diff != "" {
		t.Errorf("home (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"cake/a", "cake/b", "tea CHANNEL", "pie PLACEMENT"}, names("mail")); diff != "" {
		t.Errorf("mail (-want +got):\n%s", diff)
	}
	if _, ok := c.Placement("nowhere"); ok {
		t.Error("found a placement that is not there")
	}
}

func TestDrawsNeverChange(t *testing.T) {
	t.Parallel()
	id, err := domain.ParseAlias("019b76da94007a8b8c0d0e0f10111213")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := policy.Draw("salt", id, "tea", "banner"), uint64(0x36ed4431228b4f1c); got != want {
		t.Errorf("draw %#x, want %#x", got, want)
	}
	if got, want := policy.HoldoutDraw("salt", id), 0.293174270538922; got != want {
		t.Errorf("hold-out draw %v, want %v", got, want)
	}
	if policy.Draw("a", id, "bc", "d") == policy.Draw("a", id, "b", "cd") {
		t.Error("the parts of a draw run into one another")
	}
}

func TestTheHoldoutHasItsShare(t *testing.T) {
	t.Parallel()
	p := tea()
	p.Holdout = 0.1
	c := compiled(t, p)
	held := 0
	const n = 20_000
	for i := range n {
		id := domain.NewAlias(time.UnixMilli(int64(i)), [10]byte{byte(i), byte(i >> 8)})
		if _, out := c.HeldOut(id); out {
			held++
		}
	}
	// Four standard deviations of a binomial.
	if share := float64(held) / n; math.Abs(share-0.1) > 4*math.Sqrt(0.1*0.9/n) {
		t.Errorf("held out %v, want 0.1", share)
	}
}

func TestTheDigestIsOfTheContent(t *testing.T) {
	t.Parallel()
	p := tea()
	before := compiled(t, p).Digest()
	if policy.DigestOf(proto.CloneOf(p)) != before {
		t.Error("a copy has another digest")
	}
	p.Offers[0].Value = "1"
	if compiled(t, p).Digest() == before {
		t.Error("another policy has the same digest")
	}
}

func TestACompiledPolicyIsACopy(t *testing.T) {
	t.Parallel()
	p := tea()
	c := compiled(t, p)
	p.Offers[0].Id = "coffee"
	if c.Offers()[0].Event.GetId() != "tea" {
		t.Error("changing the policy changed what was compiled from it")
	}
}

func TestLimitsCountWhatConcernsThem(t *testing.T) {
	t.Parallel()
	contacts := []*event.Contact{
		{TimeMs: 1000, Channel: "web", Category: "drinks"}, {TimeMs: 2000, Channel: "email", Category: "drinks"},
		{TimeMs: 3000, Channel: "web", Category: "food"}, {TimeMs: 9000, Channel: "web", Category: "food"},
	}
	for _, c := range []struct {
		limit policy.Limit
		now   int64
		want  int
	}{
		{policy.Limit{WindowMS: 10_000}, 5000, 4},
		{policy.Limit{WindowMS: 4000}, 5000, 3},
		{policy.Limit{WindowMS: 4001}, 5000, 4},
		{policy.Limit{WindowMS: 10_000, Channel: "web"}, 5000, 3},
		{policy.Limit{WindowMS: 10_000, Category: "drinks"}, 5000, 2},
		{policy.Limit{WindowMS: 10_000, Channel: "email", Category: "food"}, 5000, 0},
	} {
		if got := c.limit.Count(contacts, c.now); got != c.want {
			t.Errorf("%+v at %d counts %d, want %d", c.limit, c.now, got, c.want)
		}
	}
	l := policy.Limit{Most: 3, WindowMS: 7 * 24 * 3600 * 1000, Channel: "email"}
	if l.Used(2) != "2 of 3 in 7d" || l.String() != "at most 3 contacts by email in 7d" {
		t.Errorf("texts %q and %q", l.Used(2), l.String())
	}
	for ms, want := range map[int64]string{
		1: "1ms", 1500: "1500ms", 90_000: "90s", 5_400_000: "90m", 36 * 3_600_000: "36h", 24 * 3_600_000: "1d", 720 * 3_600_000: "30d",
	} {
		if got := (policy.Limit{Most: 1, WindowMS: ms}).String(); got != "at most 1 contact in "+want {
			t.Errorf("a window of %d ms: %q, want %s", ms, got, want)
		}
	}
	if c := compiled(t, tea()); c.LongestWindow() != 0 {
		t.Errorf("longest window %d without limits", c.LongestWindow())
	}
}

func TestTheContextOfARequestIsChecked(t *testing.T) {
	t.Parallel()
	at, _ := compiled(t, tea()).Placement("home")
	text := func(name, v string) *event.ContextValue {
		return &event.ContextValue{Name: name, Value: &event.ContextValue_Text{Text: v}}
	}
	number := func(name string, v float64) *event.ContextValue {
		return &event.ContextValue{Name: name, Value: &event.ContextValue_Number{Number: v}}
	}
	got, err := at.Context([]*event.ContextValue{text("page", "tea"), number("cart", 1)})
	if err != nil || len(got) != 2 || got[0].GetName() != "cart" {
		t.Errorf("context %v, error %v; want cart before page", got, err)
	}
	for want, values := range map[string][]*event.ContextValue{
		`context.pag: the placement home declares no such fact (did you mean "page"?)`: {text("pag", "x")},
		`context.page: must be a text`:                           {number("page", 1)},
		`context.cart: must be a finite number`:                  {number("cart", math.Inf(1))},
		`context.page: is given twice`:                           {text("page", "a"), text("page", "b")},
		`context.page: must be valid text of at most 1000 bytes`: {text("page", strings.Repeat("x", 1001))},
		`context.member: must be a flag`:                         {{Name: "member"}},
	} {
		_, err := at.Context(values)
		var wrong *policy.ContextError
		if !errors.Is(err, policy.ErrContext) || !errors.As(err, &wrong) || err.Error() != want {
			t.Errorf("error %v, want %s", err, want)
		}
	}
}
