package feature_test

import (
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/feature"
	"github.com/profferhq/proffer/domain/problem"
)

// viewOf is a view of these features, which need not say what every feature must.
func viewOf(t testing.TB, context []feature.Fact, specs ...feature.Spec) feature.View {
	t.Helper()
	v, err := parseViewOf(t, context, specs...)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func parseViewOf(t testing.TB, context []feature.Fact, specs ...feature.Spec) (feature.View, error) {
	t.Helper()
	for i := range specs {
		s := &specs[i]
		s.Description, s.Owner, s.Unit = "d", "o", "u"
		if s.Default == "" {
			s.Default = "0"
		}
	}
	document, err := json.Marshal(map[string]any{
		"name": "small", "version": 1, "description": "d", "channels": []string{"web"}, "context": context, "features": specs,
	})
	if err != nil {
		t.Fatal(err)
	}
	return feature.ParseView(document)
}

// Series are kept as parts are: whatever the split between aliases, and stored in between.
func TestSeriesMergeAndKeep(t *testing.T) {
	t.Parallel()
	v := everything(t)
	layout := feature.LayoutOf(feature.Core(), v)
	rapid.Check(t, func(t *rapid.T) {
		all := drawn(t)
		want := fold(layout.Empty(), all)
		merged := feature.Activity{}
		for _, own := range split(t, all) {
			half := fold(layout.Empty(), own[:len(own)/2])
			stored, err := layout.Decode(feature.Encode(half))
			if err != nil {
				t.Fatal(err)
			}
			merged = feature.Merge(merged, fold(stored, own[len(own)/2:]))
		}
		same(t, "merged", merged, want)
		sameVector(t, v, v.Read(merged, noon, nil), v.Read(want, noon, nil))
		base := fold(feature.Activity{}, all)
		sameVector(t, feature.Core(), feature.Core().Read(want, noon, nil), feature.Core().Read(base, noon, nil))
	})
}

func TestALayoutIsTheUnionOfWhatViewsNeed(t *testing.T) {
	t.Parallel()
	web := feature.Spec{Name: "web", Source: []string{"viewed"}, Filter: "event.channel == 'web'", Aggregation: feature.Count, Window: "7d"}
	app := feature.Spec{Name: "app", Source: []string{"viewed"}, Filter: "event.channel == 'mobile'", Aggregation: feature.Count, Window: "7d"}
	sum := feature.Spec{Name: "spent", Source: []string{"purchased"}, Aggregation: feature.Sum, Window: "7d"}
	a, b, both := viewOf(t, nil, web), viewOf(t, nil, app, web), viewOf(t, nil, app)
	if feature.LayoutOf(viewOf(t, nil, sum)) != nil || feature.LayoutOf(feature.Core()) != nil {
		t.Error("a view without filters needs a layout")
	}
	if x, y := feature.LayoutOf(a, both), feature.LayoutOf(b); x.Digest() != y.Digest() || x.Series() != 2 {
		t.Errorf("layouts %x of %d and %x of %d series", x.Digest(), x.Series(), y.Digest(), y.Series())
	}
	if l := feature.LayoutOf(a); l.Serves(b) || !l.Serves(a) || !l.Serves(feature.Core()) || (*feature.Layout)(nil).Serves(a) {
		t.Error("a layout serves what it does not keep, or does not serve what it keeps")
	}
	if kinds := feature.LayoutOf(b).Kinds(); len(kinds) != 1 || kinds[0] != feature.Viewed {
		t.Errorf("kinds %v", kinds)
	}
	blob := feature.Encode(fold(feature.LayoutOf(a).Empty(), []domain.Recorded{at(1, noon, viewed("x"))}))
	for name, l := range map[string]*feature.Layout{"no layout": nil, "another": feature.LayoutOf(b)} {
		if _, err := l.Decode(blob); !errors.Is(err, feature.ErrActivitySchema) {
			t.Errorf("decoded as %s: %v", name, err)
		}
	}
}

// Of the events of a series no more is kept than the views look at: another view of the same series may need another layout.
func TestALayoutKeepsWhatViewsLookAt(t *testing.T) {
	t.Parallel()
	of := func(aggregation string) feature.View {
		return viewOf(t, nil, feature.Spec{Name: aggregation, Source: []string{"viewed"}, Filter: "event.channel != ''", Aggregation: aggregation, Window: "7d"})
	}
	counted, items, channel := of(feature.Count), of(feature.Distinct), of(feature.PreferredChannel)
	events := []domain.Recorded{at(1, noon-day, viewed("x")), at(2, noon-day, viewed("y"))}
	for name, c := range map[string]struct {
		layout *feature.Layout
		// what it gives, 0 where it does not serve
		counted, items, channel float64
	}{
		"counts":              {feature.LayoutOf(counted), 2, 0, 0},
		"items":               {feature.LayoutOf(items), 2, 2, 0},
		"items and counts":    {feature.LayoutOf(counted, items), 2, 2, 0},
		"channels":            {feature.LayoutOf(channel), 2, 0, 1},
		"all, one by another": {feature.LayoutOf(items, counted, channel), 2, 2, 1},
	} {
		if c.layout.Series() != 1 {
			t.Errorf("%s: %d series", name, c.layout.Series())
		}
		a := fold(c.layout.Empty(), events)
		for v, want := range map[*feature.View]float64{&counted: c.counted, &items: c.items, &channel: c.channel} {
			if got := v.Read(a, noon, nil)[0]; c.layout.Serves(*v) != (want != 0) || got != want {
				t.Errorf("%s gives %v for %s, want %v", name, got, v.Specs()[0].Name, want)
			}
		}
	}
	if x, y := feature.LayoutOf(items), feature.LayoutOf(counted); x.Digest() == y.Digest() {
		t.Error("layouts that keep different things have the same digest")
	}
	if x, y := feature.LayoutOf(items), feature.LayoutOf(items, counted); x.Digest() != y.Digest() {
		t.Error("layouts that keep the same have different digests")
	}
}

func TestWhatAFilterCannotSeeDoesNotCount(t *testing.T) {
	t.Parallel()
	v := viewOf(t, nil,
		feature.Spec{Name: "known", Source: []string{"viewed"}, Filter: "has(event.channel)", Aggregation: feature.Count, Window: "7d"},
		feature.Spec{Name: "not_web", Source: []string{"viewed"}, Filter: "event.channel != 'web'", Aggregation: feature.Count, Window: "7d"},
		feature.Spec{Name: "bounded", Source: []string{"purchased"}, Value: "event.amount * 1e300", Aggregation: feature.Sum, Window: "7d", Default: "missing"},
		feature.Spec{Name: "sunday", Source: []string{"viewed"}, Filter: "event.weekday == 7 && event.hour == 12", Aggregation: feature.Count, Window: "7d"},
	)
	a := fold(feature.LayoutOf(v).Empty(), []domain.Recorded{
		at(1, noon, viewed("x")), // noon is a Sunday
		at(2, noon-day, &event.Event{Body: &event.Event_Viewed{Viewed: &event.Viewed{}}}),
		at(3, noon, purchased(5_000_000, "x")),
	})
	got := v.Read(a, noon, nil)
	if got[0] != 1 || got[1] != 0 || !math.IsNaN(got[2]) || got[3] != 1 {
		t.Errorf("read %v, want 1 of a known channel, 0 of another, nothing too large, 1 on a Sunday", got)
	}
}

func TestOnDemandFeaturesSeeTheRequest(t *testing.T) {
	t.Parallel()
	v := viewOf(t, []feature.Fact{{"cart_value", "number"}, {"device", "text"}},
		feature.Spec{Name: "twice", Aggregation: feature.OnDemand, Expression: "features.more * 2"},
		feature.Spec{Name: "more", Aggregation: feature.OnDemand, Expression: "features.spent + context.cart_value", Default: "-1"},
		feature.Spec{Name: "spent", Source: []string{"purchased"}, Aggregation: feature.Sum, Window: "7d"},
		feature.Spec{Name: "hour", Aggregation: feature.OnDemand, Expression: "now.getHours('+08:00')"},
		feature.Spec{Name: "phone", Aggregation: feature.OnDemand, Expression: "context.device == 'phone' && placement == 'home'", Default: "missing"},
	)
	a := mustFold(t, at(1, noon-hour, purchased(5_000_000, "x")))
	got := v.ReadAt(a, feature.Moment{NowMS: noon, Placement: "home", Context: []*event.ContextValue{
		{Name: "cart_value", Value: &event.ContextValue_Number{Number: 7}},
		{Name: "device", Value: &event.ContextValue_Text{Text: "phone"}},
		{Name: "not_declared", Value: &event.ContextValue_Flag{Flag: true}},
	}}, nil)
	if got[0] != 24 || got[1] != 12 || got[3] != 20 || got[4] != 1 {
		t.Errorf("with a request: %v", got)
	}
	if got = v.Read(a, noon, nil); got[0] != -2 || got[1] != -1 || got[4] != 0 {
		t.Errorf("without one: %v (the placement alone says that it is no phone at home)", got)
	}
}

func TestParseViewNamesFieldAndRemedy(t *testing.T) {
	t.Parallel()
	stored := feature.Spec{Name: "x", Source: []string{"viewed"}, Aggregation: feature.Count, Window: "7d"}
	demand := func(name, expression string) feature.Spec {
		return feature.Spec{Name: name, Aggregation: feature.OnDemand, Expression: expression}
	}
	with := func(change func(*feature.Spec)) []feature.Spec {
		s := stored
		change(&s)
		return []feature.Spec{s}
	}
	for name, c := range map[string]struct {
		specs         []feature.Spec
		field, reason string
		say           string
	}{
		"event":        {with(func(s *feature.Spec) { s.Source = []string{"view"} }), "features[0].source[0]", feature.FaultUnknownEvent, `did you mean "viewed"?`},
		"field":        {with(func(s *feature.Spec) { s.Filter = "event.chanel == 'web'" }), "features[0].filter", feature.FaultUnknownField, `did you mean "channel"?`},
		"other's":      {with(func(s *feature.Spec) { s.Filter = "event.coupon" }), "features[0].filter", feature.FaultUnknownField, "viewed events have no field"},
		"ill-typed":    {with(func(s *feature.Spec) { s.Filter = "event.hour" }), "features[0].filter", "WRONG_TYPE", "must give true or false"},
		"no CEL":       {with(func(s *feature.Spec) { s.Filter = "event.hour ==" }), "features[0].filter", "INVALID_EXPRESSION", "column"},
		"aggregation":  {with(func(s *feature.Spec) { s.Aggregation = "counts" }), "features[0].aggregation", feature.FaultUnknownAggregation, `did you mean "count"?`},
		"useless":      {with(func(s *feature.Spec) { s.Value = "1" }), "features[0].value", problem.Conflict, "only counts events"},
		"text summed":  {with(func(s *feature.Spec) { s.Aggregation, s.Value = feature.Sum, "event.channel" }), "features[0].value", "WRONG_TYPE", "must give a number"},
		"no half-life": {with(func(s *feature.Spec) { s.Aggregation = feature.DecayedSum }), "features[0].half_life", problem.Conflict, "goes with"},
		"two streams": {with(func(s *feature.Spec) { s.Source, s.Filter = []string{"viewed", "offered"}, "event.hour > 3" }),
			"features[0].source", problem.Conflict, "one stream"},
		"no lines": {with(func(s *feature.Spec) { s.Source, s.Lines = []string{"tracked"}, "line.item == 'x'" }),
			"features[0].lines", problem.Conflict, "have no lines"},
		"cycle":   {[]feature.Spec{demand("a", "features.b"), demand("b", "features.a")}, "features[0].expression", feature.FaultCycle, "a reads b reads a"},
		"itself":  {[]feature.Spec{demand("a", "features.a + 1")}, "features[0].expression", feature.FaultCycle, "a reads a"},
		"unknown": {[]feature.Spec{stored, demand("a", "features.z")}, "features[1].expression", feature.FaultUnknownFeature, "no feature"},
		"fact":    {[]feature.Spec{demand("a", "context.devise")}, "features[0].expression", feature.FaultUnknownContext, `did you mean "device"?`},
		"window":  {[]feature.Spec{{Name: "a", Aggregation: feature.OnDemand, Expression: "1", Window: "7d"}}, "features[0]", problem.Conflict, "no window"},
	} {
		_, err := parseViewOf(t, []feature.Fact{{"device", "text"}}, c.specs...)
		var problems problem.List
		if !errors.Is(err, feature.ErrViewInvalid) || !errors.As(err, &problems) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if p := problems[0]; p.Field != c.field || p.Reason != c.reason || !strings.Contains(p.Message, c.say) {
			t.Errorf("%s: %+v, want %s %s %q", name, p, c.field, c.reason, c.say)
		}
	}
}
