package policy_test

import (
	"errors"
	"math"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/feature"
	"github.com/profferhq/proffer/domain/policy"
	"github.com/profferhq/proffer/domain/problem"
)

// FuzzCompile: no policy, however malformed, makes Compile or an evaluation panic; what compiles has a placement to
// decide for and evaluates without an end.
func FuzzCompile(f *testing.F) {
	for _, p := range []*event.Policy{tea(), when("features.views_7d > 1"), when("has(context.page) && context.cart > 2"), {}} {
		b, err := proto.Marshal(p)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	view := feature.Core()
	f.Fuzz(func(t *testing.T, data []byte) {
		p := new(event.Policy)
		if proto.Unmarshal(data, p) != nil {
			return
		}
		c, err := policy.Compile(p, view)
		var problems problem.List
		if err != nil {
			if !errors.As(err, &problems) || len(problems) == 0 {
				t.Fatalf("error %v is no problem.List", err)
			}
			return
		}
		evaluate(t, c)
	})
}

// FuzzCondition: the same for one expression.
func FuzzCondition(f *testing.F) {
	for _, s := range []string{
		"true", "features.views_7d >= 3", "now.getHours(\"+08:00\") < 20", "[1,2].exists(x, x == 1)",
		"context.page.contains('a') ? context.cart > 1.0 : context.member", "duration('1h') > duration('2h')", "{'a': 1}['b'] == 1",
		"string(features.views_7d) == '1'", "b'a' == b'b'", "-9223372036854775808 / -1 == 1", "int(1e30) > 0", "size('a') == 1u",
	} {
		f.Add(s)
	}
	view := feature.Core()
	f.Fuzz(func(t *testing.T, condition string) {
		if c, err := policy.Compile(when(condition), view); err == nil {
			evaluate(t, c)
		}
	})
}

func evaluate(t *testing.T, c *policy.Compiled) {
	t.Helper()
	known := make([]float64, len(c.View().Specs()))
	for i := range known {
		known[i] = math.NaN()
		if i%2 == 0 {
			known[i] = float64(i)
		}
	}
	scope := c.Scope(policy.Facts{Placement: "home", Channel: "web", NowMS: 1, Vector: known})
	for _, o := range c.Offers() {
		failure := o.Eligible(scope)
		again := o.Eligible(scope)
		if failure.Reason != again.Reason || failure.Rule != again.Rule {
			t.Fatalf("the same rules gave %+v and %+v", failure, again)
		}
		score, failure := o.Score(scope)
		if failure.Reason == "" && (math.IsNaN(score.ExpectedValue) || math.IsInf(score.ExpectedValue, 0)) {
			t.Fatalf("a score without a fault is %v", score)
		}
	}
}

func BenchmarkEligible(b *testing.B) {
	for name, condition := range map[string]string{
		"simple": "features.views_7d >= 3",
		"ten_clauses": "features.views_7d >= 3 && features.spend_30d > 10 && features.carts_7d < 5 && features.views_1d < 9 && " +
			"features.purchases_90d > 0 && features.views_30d > 2 && features.spend_90d < 900 && features.refunds_90d < 2 && " +
			"has(features.days_since_purchase) && features.days_since_purchase > 2",
	} {
		b.Run(name, func(b *testing.B) {
			c := compiled(b, when(condition))
			scope := c.Scope(policy.Facts{Vector: vector(b, map[string]float64{
				"views_7d": 4, "spend_30d": 20, "carts_7d": 0, "views_1d": 1, "purchases_90d": 3, "views_30d": 8, "spend_90d": 99,
				"refunds_90d": 0, "days_since_purchase": 9,
			})})
			b.ReportAllocs()
			for b.Loop() {
				if failure := c.Offers()[0].Eligible(scope); failure.Reason != "" {
					b.Fatal(failure)
				}
			}
		})
	}
}
