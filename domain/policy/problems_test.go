package policy_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/feature"
	"github.com/profferhq/proffer/domain/policy"
	"github.com/profferhq/proffer/domain/problem"
)

func problemsOf(t testing.TB, p *event.Policy) problem.List {
	t.Helper()
	_, err := policy.Compile(p, feature.Core())
	var problems problem.List
	if err != nil && !errors.As(err, &problems) {
		t.Fatalf("error %v is no problem.List", err)
	}
	return problems
}

func TestFaultsAreNamedByTheirField(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change        func(*event.Policy)
		field, reason string
		message       string
	}{
		"no id":               {func(p *event.Policy) { p.Id = "" }, "id", policy.FaultRequired, "empty"},
		"a bad id":            {func(p *event.Policy) { p.Id = "a b" }, "id", policy.FaultInvalid, `"a b"`},
		"no view":             {func(p *event.Policy) { p.View = "" }, "view", policy.FaultRequired, "core@1"},
		"another view":        {func(p *event.Policy) { p.View = "core@2" }, "view", policy.FaultUnknown, "core@1"},
		"hold-out of all":     {func(p *event.Policy) { p.Holdout = 1 }, "holdout", policy.FaultOutOfRange, "less than 1"},
		"no placements":       {func(p *event.Policy) { p.Placements = nil }, "placements", policy.FaultRequired, ""},
		"no offers":           {func(p *event.Policy) { p.Offers = nil }, "offers", policy.FaultRequired, ""},
		"no treatments":       {func(p *event.Policy) { p.Offers[0].Treatments = nil }, "offers[0].treatments", policy.FaultRequired, ""},
		"an offer twice":      {func(p *event.Policy) { p.Offers = append(p.Offers, p.Offers[0]) }, "offers[1].id", policy.FaultDuplicate, "tea"},
		"a placement twice":   {func(p *event.Policy) { p.Placements = append(p.Placements, p.Placements[0]) }, "placements[1].id", policy.FaultDuplicate, "home"},
		"an unknown offer":    {func(p *event.Policy) { p.Placements[0].Offers = []string{"tee"} }, "placements[0].offers[0]", policy.FaultUnknown, `did you mean "tea"?`},
		"a bad fact type":     {func(p *event.Policy) { p.Placements[0].Context[0].Type = "date" }, "placements[0].context[0].type", policy.FaultInvalid, "text, number or flag"},
		"a bad fact name":     {func(p *event.Policy) { p.Placements[0].Context[0].Name = "a-b" }, "placements[0].context[0].name", policy.FaultInvalid, ""},
		"a bad purpose":       {func(p *event.Policy) { p.Placements[0].Consent = []string{"E-mail Ads"} }, "placements[0].consent[0]", policy.FaultInvalid, `did you mean "e-mail-ads"?`},
		"an empty purpose":    {func(p *event.Policy) { p.Offers[0].Consent = []string{""} }, "offers[0].consent[0]", policy.FaultRequired, "marketing"},
		"a purpose twice":     {func(p *event.Policy) { p.Offers[0].Consent, p.Offers[0].UnlessWithdrawn = []string{"a"}, []string{"a"} }, "offers[0].unless_withdrawn[0]", policy.FaultDuplicate, `"a"`},
		"an unnamed limit":    {func(p *event.Policy) { p.ContactLimits = []*event.ContactLimit{{Most: 1, WindowMs: 1}} }, "contact_limits[0].name", policy.FaultRequired, ""},
		"a limit of none":     {limit(0, 1), "contact_limits[0].most", policy.FaultOutOfRange, "512"},
		"a limit of many":     {limit(513, 1), "contact_limits[0].most", policy.FaultOutOfRange, "512"},
		"no window":           {limit(1, 0), "contact_limits[0].window", policy.FaultOutOfRange, ""},
		"a window of years":   {limit(1, policy.MaxWindow.Milliseconds()+1), "contact_limits[0].window", policy.FaultOutOfRange, "9600h"},
		"likely beyond doubt": {func(p *event.Policy) { p.Offers[0].Propensity = "1.5" }, "offers[0].propensity", policy.FaultOutOfRange, "between 0 and 1"},
		"text for a value":    {func(p *event.Policy) { p.Offers[0].Value = `"five"` }, "offers[0].value", policy.FaultExpressionType, "must give a number"},
		"no condition":        {rule(" "), "offers[0].eligibility[0].when", policy.FaultRequired, ""},
		"half a condition":    {rule("features.views_7d >"), "offers[0].eligibility[0].when", policy.FaultExpression, "column"},
		"no truth":            {rule("features.views_7d"), "offers[0].eligibility[0].when", policy.FaultExpressionType, "true or false"},
		"an unknown feature":  {rule("features.view_7d > 1"), "offers[0].eligibility[0].when", policy.FaultUnknownFeature, `did you mean "views_7d"?`},
		"an unknown has":      {rule("has(features.view_7d)"), "offers[0].eligibility[0].when", policy.FaultUnknownFeature, ""},
		"an unknown fact":     {rule("context.pages == ''"), "offers[0].eligibility[0].when", policy.FaultUnknownContext, `did you mean "page"?`},
		"an unknown variable": {rule("user == 'x'"), "offers[0].eligibility[0].when", policy.FaultExpression, "undeclared"},
		"a type mistake":      {rule("context.page > 3"), "offers[0].eligibility[0].when", policy.FaultExpression, "overload"},
	} {
		p := tea()
		c.change(p)
		problems := problemsOf(t, p)
		found := false
		for _, x := range problems {
			found = found || x.Field == c.field && x.Reason == c.reason && strings.Contains(x.Message, c.message)
		}
		if !found {
			t.Errorf("%s: problems %+v, want %s %s %q", name, problems, c.field, c.reason, c.message)
		}
	}
}

func limit(most uint32, window int64) func(*event.Policy) {
	return func(p *event.Policy) {
		p.ContactLimits = []*event.ContactLimit{{Name: "l", Most: most, WindowMs: window}}
	}
}

func rule(condition string) func(*event.Policy) {
	return func(p *event.Policy) { p.Offers[0].Eligibility = []*event.Rule{{Name: "r", When: condition}} }
}

func TestAllFaultsAreReportedAtOnce(t *testing.T) {
	t.Parallel()
	p := when("features.nothing > 1")
	p.Id, p.Offers[0].Value = "", `"x"`
	p.Placements[0].Offers = []string{"coffee"}
	problems := problemsOf(t, p)
	if len(problems) != 4 {
		t.Errorf("%d problems, want 4:\n%v", len(problems), problems)
	}
	if text := problems.Error(); !strings.Contains(text, "offers[0].value: ") {
		t.Errorf("the text %q does not name the field", text)
	}
}

func TestAFactHasOneType(t *testing.T) {
	t.Parallel()
	p := tea()
	p.Placements = append(p.Placements, &event.Placement{
		Id: "cart", Channel: "web", Context: []*event.ContextField{{Name: "page", Type: "number"}},
	})
	problems := problemsOf(t, p)
	if len(problems) != 1 || problems[0].Field != "placements[1].context[0].type" || problems[0].Reason != policy.FaultConflict {
		t.Errorf("problems %+v, want a conflict at placements[1].context[0].type", problems)
	}
}

func TestHostileExpressionsAreRefused(t *testing.T) {
	t.Parallel()
	for name, condition := range map[string]string{
		"long":               "true" + strings.Repeat(" && true", 400),
		"deep":               strings.Repeat("(", 200) + "true" + strings.Repeat(")", 200),
		"deep negation":      strings.Repeat("-(", 200) + "1" + strings.Repeat(")", 200) + " > 0",
		"nested loops":       `[1,2,3,4,5,6,7,8,9].all(a, [1,2,3,4,5,6,7,8,9].all(b, [1,2,3,4,5,6,7,8,9].all(c, [1,2,3,4,5,6,7,8,9].all(d, a+b+c+d > 0))))`,
		"loops over text":    `[1,2,3,4,5,6,7,8,9].all(a, [1,2,3,4,5,6,7,8,9].all(b, [1,2,3,4,5,6,7,8,9].all(c, context.page + context.page != context.page)))`,
		"regular expression": `context.page.matches("(a+)+$")`,
		"map":                `[1, 2].map(x, x * 2).size() > 0`,
		"filter":             `[1, 2].filter(x, x > 1).size() > 0`,
		"dyn":                `dyn(features).secret == 1`,
		"type":               `type(features) == type(context)`,
		"the whole vector":   `features == features`,
		"a made object":      `proffer.Features{views_7d: 1.0}.views_7d > 0.0`,
		"a named time zone":  `now.getHours("Europe/Paris") == 3`,
		"a computed zone":    `now.getHours(context.page) == 3`,
		"mixed list":         `1 in [1, "a"]`,
		"not text":           "\xff\xfe",
	} {
		started := time.Now()
		if problems := problemsOf(t, when(condition)); len(problems) == 0 {
			t.Errorf("%s was accepted: %.80s", name, condition)
		}
		if took := time.Since(started); took > 2*time.Second {
			t.Errorf("%s took %s to refuse", name, took)
		}
	}
}

func TestADearExpressionWithinTheBoundRuns(t *testing.T) {
	t.Parallel()
	// Below the static bound, above the bound for running without a meter: it runs, and gives its answer.
	c := compiled(t, when(`[1,2,3,4,5,6,7,8].all(a, [1,2,3,4,5,6,7,8].all(b, a + b > 0))`))
	if failure := c.Offers()[0].Eligible(c.Scope(policy.Facts{Vector: vector(t, nil)})); failure.Reason != "" {
		t.Errorf("failure %+v, want none", failure)
	}
}

func TestABigPolicyIsRefused(t *testing.T) {
	t.Parallel()
	p := tea()
	p.Description = strings.Repeat("x", policy.MaxBytes)
	if problems := problemsOf(t, p); len(problems) != 1 || problems[0].Reason != policy.FaultTooLong {
		t.Errorf("problems %+v, want TOO_LONG", problems)
	}
	if problems := problemsOf(t, nil); len(problems) != 1 || problems[0].Reason != policy.FaultRequired {
		t.Errorf("problems of nothing: %+v, want REQUIRED", problems)
	}
	many := tea()
	for range policy.MaxOffers + 1 {
		many.Offers = append(many.Offers, &event.Offer{})
	}
	if problems := problemsOf(t, many); len(problems) != 1 || problems[0].Reason != policy.FaultTooMany {
		t.Errorf("problems of too many offers: %+v, want TOO_MANY", problems)
	}
}
