package label

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/feature"
	"github.com/profferhq/proffer/domain/problem"
)

// day in milliseconds.
const day = int64(24 * 3600 * 1000)

func churn() Document {
	return Document{
		Name: "churn", Description: "No order.", Owner: "growth",
		Population: Population{AtLeast: []AtLeast{{Count: 1, Source: []string{"purchased"}, Within: "365d"}}},
		Source:     []string{"purchased"}, Aggregation: None, Horizon: "90d", Attribution: OfPerson,
	}
}

func TestALabelIsRefusedWithItsFieldAndASuggestion(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change             func(*Document)
		field, reason, say string
	}{
		"into the past":         {func(d *Document) { d.Horizon = "-90d" }, "horizon", FaultPast, `did you mean "90d"?`},
		"begins in the past":    {func(d *Document) { d.Starts = "-1d" }, "starts", FaultPast, "is no forecast"},
		"a horizon of nothing":  {func(d *Document) { d.Horizon = "0d" }, "horizon", problem.OutOfRange, "is nothing"},
		"minus nothing":         {func(d *Document) { d.Horizon = "-0d" }, "horizon", problem.OutOfRange, "is nothing"},
		"no horizon":            {func(d *Document) { d.Horizon = "" }, "horizon", problem.Required, "90d"},
		"a horizon of words":    {func(d *Document) { d.Horizon = "soon" }, "horizon", problem.Invalid, "not a number of m, h or d"},
		"starts at the end":     {func(d *Document) { d.Starts = "90d" }, "starts", problem.Conflict, "nothing would be looked at"},
		"an unknown kind":       {func(d *Document) { d.Source = []string{"purchase"} }, "source[0]", feature.FaultUnknownEvent, `did you mean "purchased"?`},
		"no kind":               {func(d *Document) { d.Source = nil }, "source", problem.Required, "empty"},
		"an unknown field":      {func(d *Document) { d.Filter = "event.amont > 1.0" }, "filter", feature.FaultUnknownField, `did you mean "amount"?`},
		"a filter of a number":  {func(d *Document) { d.Filter = "event.amount" }, "filter", "WRONG_TYPE", "true or false"},
		"an aggregation":        {func(d *Document) { d.Aggregation = "exist" }, "aggregation", FaultUnknownAggregation, `did you mean "exists"?`},
		"a value to count":      {func(d *Document) { d.Value = "event.amount" }, "value", problem.Conflict, "only counts"},
		"a sum of nothing":      {func(d *Document) { d.Source, d.Aggregation = []string{"viewed"}, Sum }, "value", problem.Required, "no amount"},
		"whose offer":           {func(d *Document) { d.Attribution = OfOffer }, "source[0]", problem.Conflict, "do not say which offer"},
		"validity of nothing":   {func(d *Document) { d.Horizon = Validity }, "horizon", problem.Conflict, "attribution"},
		"no attribution":        {func(d *Document) { d.Attribution = "" }, "attribution", problem.Required, "person or offer"},
		"an attribution":        {func(d *Document) { d.Attribution = "persons" }, "attribution", problem.Unknown, `did you mean "person"?`},
		"a name":                {func(d *Document) { d.Name = "Churn!" }, "name", problem.Invalid, "lower case"},
		"nobody's":              {func(d *Document) { d.Owner = " " }, "owner", problem.Required, "empty"},
		"a condition's kind":    {func(d *Document) { d.Population.AtLeast[0].Source[0] = "buys" }, "population.at_least[0].source[0]", feature.FaultUnknownEvent, "no kind"},
		"a condition's time":    {func(d *Document) { d.Population.AtLeast[0].Within = "1y" }, "population.at_least[0].within", problem.Invalid, "365d"},
		"a condition of none":   {func(d *Document) { d.Population.AtLeast[0].Count = 0 }, "population.at_least[0].count", problem.OutOfRange, "at least 1"},
		"a condition's filters": {func(d *Document) { d.Population.AtLeast[0].Filter = "event.nam == 'x'" }, "population.at_least[0].filter", feature.FaultUnknownField, "no field"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := churn()
			c.change(&d)
			_, err := New(d)
			var found problem.List
			if !errors.Is(err, ErrInvalid) || !errors.As(err, &found) {
				t.Fatalf("error %v, want problems", err)
			}
			if p := found[0]; p.Field != c.field || p.Reason != c.reason || !strings.Contains(p.Message, c.say) {
				t.Errorf("found %+v, want %s of %s saying %q", p, c.reason, c.field, c.say)
			}
		})
	}
}

func TestAPopulationIsCheckedAgainstTheView(t *testing.T) {
	t.Parallel()
	for when, c := range map[string]struct{ reason, say string }{
		"features.purchses_90d > 1":    {feature.FaultUnknownFeature, `did you mean "purchases_90d"?`},
		"decision.offr == 'x'":         {feature.FaultUnknownField, `did you mean "offer"?`},
		"features.purchases_90d":       {"WRONG_TYPE", "true or false"},
		"features.purchases_90d > 'x'": {"INVALID_EXPRESSION", "no matching overload"},
	} {
		d := churn()
		d.Population.When = when
		l, err := New(d)
		if err != nil {
			t.Fatal(err)
		}
		_, err = l.For(feature.Core())
		var found problem.List
		if !errors.As(err, &found) || found[0].Field != "population.when" || found[0].Reason != c.reason || !strings.Contains(found[0].Message, c.say) {
			t.Errorf("%s: %v, want %s saying %q", when, err, c.reason, c.say)
		}
	}
}

func TestAPopulationHoldsOnlyOnWhatIsKnown(t *testing.T) {
	t.Parallel()
	core := feature.Core()
	vector := core.Read(feature.Activity{}, 0, nil)
	at, _ := core.Index("tenure_days")
	known := append([]float64(nil), vector...)
	known[at] = 40
	made := Decided{Record: &event.Decision{Offer: "tea", Category: "drinks"}, Attributes: map[string]string{"type": "bogo"}}
	for _, c := range []struct {
		when    string
		vector  []float64
		decided Decided
		want    bool
	}{
		{"", vector, Decided{}, true},
		{"features.tenure_days > 30", known, Decided{}, true},
		{"features.tenure_days > 50", known, Decided{}, false},
		{"features.tenure_days > 30", vector, Decided{}, false},
		{"!has(features.tenure_days)", vector, Decided{}, true},
		{"decision.category == 'drinks'", vector, made, true},
		{"decision.category == 'drinks'", vector, Decided{}, false},
		{"decision.attributes['type'] == 'bogo'", vector, made, true},
		{"decision.attributes['kind'] == 'bogo'", vector, made, false},
		{"!has(decision.category) || decision.category != 'informational'", vector, made, true},
		{"!has(decision.category) || decision.category != 'informational'", vector, Decided{Record: &event.Decision{Category: "informational"}}, false},
		{"decision.external", vector, Decided{Record: &event.Decision{External: true}}, true},
	} {
		d := churn()
		d.Population.When = c.when
		l, err := New(d)
		if err != nil {
			t.Fatal(err)
		}
		rule, err := l.For(core)
		if err != nil {
			t.Fatalf("%s: %v", c.when, err)
		}
		if got := rule.Holds(c.vector, c.decided); got != c.want {
			t.Errorf("%s is %v, want %v", c.when, got, c.want)
		}
		if reads := strings.Contains(c.when, "features."); rule.ReadsFeatures() != reads {
			t.Errorf("%s reads features: %v", c.when, !reads)
		}
	}
}

func TestShippedLabelsReadBackAndSuitCore(t *testing.T) {
	t.Parallel()
	for _, l := range Shipped() {
		again, err := Parse(l.Canonical())
		if err != nil || !bytes.Equal(again.Canonical(), l.Canonical()) || again.Fingerprint() != l.Fingerprint() {
			t.Errorf("%s reads back otherwise: %v", l.Name(), err)
		}
		if _, err := l.For(feature.Core()); err != nil {
			t.Errorf("%s: %v", l.Name(), err)
		}
	}
	for _, name := range []string{"churn_90d", "conversion_7d", "repeat_purchase_30d", "spend_90d", "offer_completion"} {
		if _, there := ShippedAs(name); !there {
			t.Errorf("there is no %s", name)
		}
	}
}

func TestValueAndWindow(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		aggregation    string
		events, micros int64
		want           float64
	}{
		{Exists, 0, 0, 0}, {Exists, 3, 9, 1}, {None, 0, 0, 1}, {None, 3, 9, 0}, {Count, 3, 9, 3}, {Sum, 3, 2_500_000, 2.5},
	} {
		d := churn()
		d.Aggregation = c.aggregation
		l, err := New(d)
		if err != nil {
			t.Fatal(err)
		}
		if got := l.Value(c.events, c.micros); got != c.want {
			t.Errorf("%s of %d events is %v, want %v", c.aggregation, c.events, got, c.want)
		}
	}
	d := churn()
	d.Starts = "7d"
	l, err := New(d)
	if err != nil {
		t.Fatal(err)
	}
	if after, until, ok := l.Window(day, 0); after != 8*day || until != 91*day || !ok {
		t.Errorf("window (%d, %d] %v", after/day, until/day, ok)
	}
	completion, _ := ShippedAs("offer_completion")
	if _, _, ok := completion.Window(day, 0); ok {
		t.Error("an offer that is valid for ever has a horizon")
	}
	if after, until, ok := completion.Window(day, 7*day); after != day || until != 8*day || !ok {
		t.Errorf("window (%d, %d] %v", after/day, until/day, ok)
	}
	if l.conditions[0].WithinMS != 365*day {
		t.Error("the condition has another width")
	}
}

func FuzzParse(f *testing.F) {
	for _, l := range Shipped() {
		f.Add(l.Canonical())
	}
	f.Add([]byte(`{"name":"x","horizon":"-1d"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		l, err := Parse(data)
		if err != nil {
			return
		}
		if again, err := Parse(l.Canonical()); err != nil || again.Fingerprint() != l.Fingerprint() {
			t.Fatalf("reads back otherwise: %v", err)
		}
	})
}
