package policy_test

import (
	"math"
	"strings"
	"testing"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/feature"
	"github.com/profferhq/proffer/domain/policy"
)

func TestRulesSeeTheScoresOfModels(t *testing.T) {
	t.Parallel()
	missing := math.NaN()
	for condition, c := range map[string]struct {
		scores []float64
		want   string
	}{
		`models.churn > 0.5`:                           {[]float64{0.7, missing}, ""},
		`models.churn >= 1`:                            {[]float64{0.7, missing}, policy.ReasonRuleFalse},
		`models.worth > 3`:                             {[]float64{0.7, missing}, policy.ReasonScoreMissing},
		`has(models.worth) || models.churn < 1`:        {[]float64{0.7, missing}, ""},
		`models.churn * 2 == 1`:                        {[]float64{0.5}, ""},
		`models.worth == 2 && features.views_7d == 3 `: {[]float64{0.5, 2}, ""},
	} {
		p := when(condition)
		p.Models = []*event.PolicyModel{{Name: "churn", Use: "churn_90d"}, {Name: "worth", Use: "spend_90d"}}
		compiled := compiled(t, p)
		scope := compiled.Scope(policy.Facts{Vector: vector(t, map[string]float64{"views_7d": 3}), Scores: c.scores})
		if failure := compiled.Offers()[0].Eligible(scope); failure.Reason != c.want {
			t.Errorf("%s: reason %q (%s), want %q", condition, failure.Reason, failure.Detail, c.want)
		}
	}
}

func TestModelsAreNamedBeforeTheyAreRead(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		models []*event.PolicyModel
		want   string
	}{
		"misspelt":     {[]*event.PolicyModel{{Name: "churned", Use: "churn_90d"}}, `did you mean "churned"?`},
		"twice":        {[]*event.PolicyModel{{Name: "churn", Use: "a"}, {Name: "churn", Use: "b"}}, "models[1].name"},
		"no use":       {[]*event.PolicyModel{{Name: "churn"}}, "models[0].use: must not be empty"},
		"no number":    {[]*event.PolicyModel{{Name: "churn", Use: "a", Fallback: new(math.Inf(1))}}, "models[0].fallback"},
		"unreadable":   {[]*event.PolicyModel{{Name: "churn", Use: "a"}, {Name: "my-churn", Use: "a"}}, "models[1].name"},
		"not as value": {[]*event.PolicyModel{{Name: "churn", Use: "a"}}, "models can only be read by name"},
	} {
		p := when("models.churn > 0.5")
		if name == "not as value" {
			p = when("models == models")
		}
		p.Models = c.models
		_, err := policy.Compile(p, feature.Core())
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want it to say %q", name, err, c.want)
		}
	}
}

// The draw decides who sees a challenger: it must not move, and must not follow the hold-out's.
func TestTheChallengersDrawIsFixedAndItsOwn(t *testing.T) {
	t.Parallel()
	profile := domain.Alias{1, 2, 3}
	if got, want := policy.ChallengerDraw("churn_90d", profile), policy.ChallengerDraw("churn_90d", profile); got != want {
		t.Errorf("%v and %v", got, want)
	}
	if policy.ChallengerDraw("churn_90d", profile) == policy.HoldoutDraw("churn_90d", profile) {
		t.Error("the challenger's draw is the hold-out's")
	}
	below := 0
	for i := range 10_000 {
		if policy.ChallengerDraw("churn_90d", domain.Alias{byte(i), byte(i >> 8)}) < 0.2 {
			below++
		}
	}
	if below < 1_850 || below > 2_150 {
		t.Errorf("%d of 10,000 profiles are below 0.2", below)
	}
}
