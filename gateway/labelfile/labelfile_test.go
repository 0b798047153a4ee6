package labelfile

import (
	"errors"
	"strings"
	"testing"

	"github.com/profferhq/proffer/domain/feature"
	"github.com/profferhq/proffer/domain/label"
)

const sample = `name: big_order_30d
description: An order of more than 100 within 30 days.
owner: commerce
population:
  at_least:
    - {count: 2, source: [purchased], within: 365d}
  when: features.tenure_days > 30
source: [purchased]
filter: event.amount > 100
aggregation: exists
horizon: 30d
attribution: person
`

func TestParseReadsWhatIsWritten(t *testing.T) {
	t.Parallel()
	l, err := Parse([]byte(sample), feature.Core())
	if err != nil {
		t.Fatal(err)
	}
	d := l.Document()
	if l.Name() != "big_order_30d" || d.Population.AtLeast[0].Count != 2 || d.Filter != "event.amount > 100" || d.Horizon != "30d" || !l.Binary() {
		t.Errorf("read %+v", d)
	}
	if shipped, err := Parse([]byte("churn_90d\n"), feature.Core()); err != nil || shipped.Name() != "churn_90d" {
		t.Errorf("a shipped label: %v", err)
	}
}

func TestParseNamesTheLine(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ old, new, says string }{
		"the past":        {"horizon: 30d", "horizon: -30d", `line 11: horizon "-30d" lies before the row`},
		"a kind":          {"source: [purchased]\nfilter", "source: [purchase]\nfilter", `line 8: "purchase" is no kind of event (did you mean "purchased"?)`},
		"a field":         {"horizon:", "horizn:", `line 11: there is no field "horizn", or it stands twice (did you mean "horizon"?)`},
		"twice":           {"owner: commerce", "name: x", `line 3: there is no field "name", or it stands twice`},
		"within":          {"within: 365d", "within: 1y", "line 6: within"},
		"no number":       {"count: 2", "count: two", `line 6: population.at_least[0].count: "two" is no whole number`},
		"an inner field":  {"count: 2", "cont: 2", `line 6: there is no field "population.at_least[0].cont"`},
		"event's field":   {"event.amount", "event.amnt", `did you mean "amount"?`},
		"a feature":       {"features.tenure_days", "features.tenure_dys", `line 7: the view core@1 has no feature "tenure_dys" (did you mean "tenure_days"?)`},
		"an alias":        {"owner: commerce", "owner: &o commerce\n# x\ndescription2: *o", "line 5"},
		"a mapping":       {"owner: commerce", "owner: {a: b}", "line 3: owner takes no fields"},
		"a second":        {"attribution: person", "attribution: person\n---\nname: y", "one document"},
		"nothing":         {sample, "", "empty"},
		"an unknown name": {sample, "churn_9d", `did you mean "churn_90d"?`},
		"a list":          {sample, "- a", "line 1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text := strings.Replace(sample, c.old, c.new, 1)
			if text == sample {
				t.Fatal("nothing was changed")
			}
			_, err := Parse([]byte(text), feature.Core())
			if err == nil || !(errors.Is(err, ErrInvalid) || errors.Is(err, label.ErrInvalid)) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("error %v, want %q", err, c.says)
			}
		})
	}
}

const ofOffers = `{name: a, description: d, owner: o, source: [converted], value: event.cost * 2, aggregation: sum, horizon: validity,
  starts: 1d, attribution: offer, population: {when: decision.offer == 'x' && !has(decision.attributes.y)}}`

func FuzzParse(f *testing.F) {
	for _, valid := range []string{sample, ofOffers, "churn_90d"} {
		if _, err := Parse([]byte(valid), feature.Core()); err != nil {
			f.Fatal(err)
		}
		f.Add([]byte(valid))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		l, err := Parse(text, feature.Core())
		if err == nil && len(l.Canonical()) == 0 {
			t.Error("a label without a canonical form")
		}
		if err != nil && !errors.Is(err, ErrInvalid) && !errors.Is(err, label.ErrInvalid) {
			t.Errorf("an error of another kind: %v", err)
		}
	})
}
