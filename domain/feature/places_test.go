package feature

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

const placed = `{"name":"rich","version":1,"description":"d","channels":["web","app"],"context":[{"name":"page","type":"text"}],"features":[
	{"name":"large_30d","description":"d","source":["purchased"],"filter":"event.amount >= 100.0","aggregation":"count","window":"30d","unit":"events","default":"0","owner":"o"},
	{"name":"channel","description":"d","source":["purchased"],"aggregation":"preferred_channel","window":"30d","unit":"code","default":"0","owner":"o"},
	{"name":"at_start","description":"d","source":[],"aggregation":"on_demand","window":"","expression":"context.page == 'start'","unit":"flag","default":"0","owner":"o"},
	{"name":"large_now","description":"d","source":[],"aggregation":"on_demand","window":"","expression":"features.large_30d > 2.0","unit":"flag","default":"0","owner":"o"}]}`

func placedView(t *testing.T, changes ...string) View {
	t.Helper()
	v, err := ParseView([]byte(strings.NewReplacer(changes...).Replace(placed)))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestFeaturesThatMeanTheSameAreFoundInAnotherVersion(t *testing.T) {
	t.Parallel()
	all := []string{"large_30d", "channel", "at_start", "large_now"}
	const second = `"version":1`
	before := placedView(t)
	for name, c := range map[string]struct {
		changes []string
		same    []string // that can be found by themselves
	}{
		"another version":         {nil, all},
		"described otherwise":     {[]string{`"description":"d","source":["purchased"],"f`, `"description":"better","source":["purchased"],"f`}, all},
		"another filter":          {[]string{"100.0", "500.0"}, []string{"channel", "at_start"}},
		"other channels":          {[]string{`["web","app"]`, `["web"]`}, []string{"large_30d", "at_start", "large_now"}},
		"another fact":            {[]string{`"type":"text"`, `"type":"text"},{"name":"more","type":"flag"`}, all},
		"another family":          {[]string{`"rich"`, `"poor"`}, nil},
		"a feature before":        {[]string{`"features":[`, `"features":[{"name":"new","description":"d","source":["viewed"],"aggregation":"count","window":"1d","unit":"events","default":"0","owner":"o"},`}, all},
		"another name":            {[]string{`"at_start"`, `"begins"`}, []string{"large_30d", "channel", "large_now"}},
		"what an expression asks": {[]string{"> 2.0", "> 3.0"}, []string{"large_30d", "channel", "at_start"}},
	} {
		after := placedView(t, append([]string{second, `"version":2`}, c.changes...)...)
		for _, f := range all {
			places, ok := before.PlacesIn(after, []string{f})
			if ok != slices.Contains(c.same, f) {
				t.Errorf("%s: %s is found: %t", name, f, ok)
			}
			if want, _ := after.Index(f); ok && places[0] != want {
				t.Errorf("%s: %s stands at %d, want %d", name, f, places[0], want)
			}
		}
		places, ok := before.PlacesIn(after, []string{"channel", "large_30d"})
		if want := slices.Contains(c.same, "channel") && slices.Contains(c.same, "large_30d"); ok != want {
			t.Errorf("%s: two of them are found: %t, %v", name, ok, places)
		}
	}
	if places, ok := before.PlacesIn(before, all); !ok || fmt.Sprint(places) != "[0 1 2 3]" {
		t.Errorf("in itself: %v", places)
	}
	if _, ok := before.PlacesIn(before, []string{"nobody"}); ok {
		t.Error("a feature of nobody is found")
	}
}

func BenchmarkPlacesInAnotherVersion(b *testing.B) {
	core := Core()
	names := make([]string, 0, core.Len())
	for _, s := range core.Specs() {
		names = append(names, s.Name)
	}
	for b.Loop() {
		if _, ok := core.PlacesIn(core, names); !ok {
			b.Fatal("not found")
		}
	}
}
