package viewfile_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/profferhq/proffer/domain/feature"
	"github.com/profferhq/proffer/domain/problem"
	"github.com/profferhq/proffer/gateway/viewfile"
)

const coffee = `view: coffee@1
description: What a coffee shop adds.
owner: growth
channels: [web, store]
context:
  cart_value: number
features:
  - name: beans_90d
    description: Orders of beans in 90 days.
    source: purchased
    lines: line.category == 'beans'
    aggregation: count
    window: 90d
    unit: orders
    default: 0
  - name: cart
    description: Value of the cart.
    aggregation: on_demand
    expression: context.cart_value
    unit: currency
    default: missing
`

func TestParse(t *testing.T) {
	t.Parallel()
	v, err := viewfile.Parse([]byte(coffee))
	if err != nil {
		t.Fatal(err)
	}
	specs := v.Specs()
	if v.Name() != "coffee@1" || len(specs) != 2 || specs[0].Owner != "growth" || specs[0].Default != "0" || specs[0].Source[0] != "purchased" {
		t.Errorf("%s: %+v", v.Name(), specs)
	}
	if again, err := feature.ParseView(v.Canonical()); err != nil || again.Fingerprint() != v.Fingerprint() {
		t.Errorf("its canonical form is another view: %v", err)
	}
}

func TestParseNamesLines(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ from, to, want string }{
		"event":        {"source: purchased", "source: purchase", `line 10: "purchase" is no kind of event (did you mean "purchased"?)`},
		"field":        {"line.category", "line.kategory", "line 11: there is no field line.kategory (did you mean \"category\"?)"},
		"fact":         {"context.cart_value", "context.cart", "line 19: the view's context declares no \"cart\""},
		"prior":        {"aggregation: count", "aggregation: count\n    prior: {share: 0.2, weight: 5}", "prior goes with ratio"},
		"key":          {"window:", "windows:", `line 13: there is no field "windows" (did you mean "window"?)`},
		"top key":      {"owner:", "ownr:", `line 3: there is no field "ownr" (did you mean "owner"?)`},
		"prior key":    {"default: 0", "default: 0\n    prior: {shar: 1, weight: 1}", `there is no field "shar" (did you mean "share"?)`},
		"not a number": {"default: 0", "default: 0\n    prior: {share: .nan, weight: 5}", `line 16: ".nan" is no finite number`},
		"a list":       {"owner: growth", "owner: [growth]", "line 3: want a text, not a list"},
		"no list":      {"features:", "features: 3\nfeaturs:", `want a list, not "3"`},
		"no name":      {"coffee@1", "coffee", "view: retail@2"},
		"two":          {"view:", "a: 1\n---\nview:", "one view"},
		"empty":        {coffee, "", "it is empty"},
		"not a map":    {coffee, "- 1", "line 1: want fields, not a list"},
	} {
		_, err := viewfile.Parse([]byte(strings.Replace(coffee, c.from, c.to, 1)))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want it to say %q", name, err, c.want)
		}
		var problems problem.List
		if !errors.Is(err, viewfile.ErrInvalid) && !errors.As(err, &problems) {
			t.Errorf("%s: %v is of no kind", name, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(coffee))
	f.Add([]byte("view: a@1\nfeatures: &a [*a]"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if v, err := viewfile.Parse(text); err == nil && v.Len() == 0 {
			t.Error("a view without features")
		}
	})
}
