package feature_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/profferhq/proffer/domain/feature"
)

const oneFeature = `{"name":"small","version":3,"description":"d","channels":["web"],"features":[
	{"name":"views_1h","description":"d","source":["viewed"],"aggregation":"count","window":"1h","unit":"events","default":"0","owner":"o"}]}`

func TestParseViewRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ from, to, want string }{
		"no JSON":             {oneFeature, "", "reading JSON"},
		"more than one":       {oneFeature, oneFeature + "{}", "something follows"},
		"unknown field":       {`"unit"`, `"units"`, "unknown field"},
		"no view name":        {`"small"`, `"Small"`, "name must be"},
		"version 0":           {`"version":3`, `"version":0`, "version must be"},
		"no description":      {`"version":3,"description":"d"`, `"version":3,"description":""`, "description is empty"},
		"channel twice":       {`["web"]`, `["web","web"]`, "channel 2"},
		"no features":         {oneFeature[strings.Index(oneFeature, `"features"`):], `"features":[]}`, "0 features"},
		"bad name":            {"views_1h", "views-1h", "features[0].name: name must"},
		"no owner":            {`"owner":"o"`, `"owner":" "`, "owner is empty"},
		"no unit":             {`"unit":"events"`, `"unit":""`, "unit is empty"},
		"no source":           {`["viewed"]`, `[]`, "source is empty"},
		"source unknown":      {`["viewed"]`, `["glanced"]`, `"glanced" is no kind`},
		"source twice":        {`["viewed"]`, `["viewed","viewed"]`, "named twice"},
		"source not listed":   {`["viewed"]`, `["withheld"]`, "of withheld events only days_since_first"},
		"aggregation":         {`"count"`, `"median"`, `"median" is unknown`},
		"ratio of one":        {`"count"`, `"ratio"`, "per goes with"},
		"count per":           {`["viewed"]`, `["viewed"],"per":["carted"]`, "per goes with"},
		"window":              {`"1h"`, `"1w"`, `window "1w"`},
		"window of nothing":   {`"1h"`, `"0h"`, `window "0h"`},
		"window too wide":     {`"1h"`, `"401d"`, "wider than 400d"},
		"recency in a window": {`"count"`, `"days_since_last"`, `over "lifetime" only`},
		"items of offers":     {`["viewed"],"aggregation":"count"`, `["offered"],"aggregation":"distinct"`, "of BEHAVIOUR only"},
		"default":             {`"default":"0"`, `"default":"NaN"`, `default "NaN"`},
		"infinite default":    {`"default":"0"`, `"default":"1e999"`, `default "1e999"`},
		"name taken":          {`[` + "\n", `[{"name":"views_1h"},`, "the name is taken"},
	} {
		document := strings.Replace(oneFeature, c.from, c.to, 1)
		_, err := feature.ParseView([]byte(document))
		if !errors.Is(err, feature.ErrViewInvalid) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	if _, err := feature.ParseView([]byte(oneFeature)); err != nil {
		t.Errorf("the document that the faults were put into: %v", err)
	}
}

func TestCore(t *testing.T) {
	t.Parallel()
	v := feature.Core()
	if v.Name() != "core@1" || v.Len() < 48 || v.Len() != len(v.Specs()) {
		t.Errorf("%s has %d features", v.Name(), v.Len())
	}
	for i, s := range v.Specs() {
		if at, ok := v.Index(s.Name); !ok || at != i {
			t.Errorf("%s is at %d, %v; want %d", s.Name, at, ok, i)
		}
	}
	if _, ok := v.Index("shoe_size"); ok {
		t.Error("a feature that is not there has an index")
	}
	if v.ChannelCode("web") != 1 || v.ChannelCode("carrier-pigeon") != 0 {
		t.Errorf("codes of channels are %d and %d", v.ChannelCode("web"), v.ChannelCode("carrier-pigeon"))
	}
}

func TestCanonicalFormKeepsTheView(t *testing.T) {
	t.Parallel()
	v := feature.Core()
	again, err := feature.ParseView(v.Canonical())
	if err != nil {
		t.Fatal(err)
	}
	if again.Fingerprint() != v.Fingerprint() || again.Name() != v.Name() {
		t.Error("the canonical form has another fingerprint")
	}
	if diff := cmp.Diff(v.Specs(), again.Specs()); diff != "" {
		t.Errorf("specs (-view +canonical)\n%s", diff)
	}
	spaced, err := feature.ParseView([]byte(strings.ReplaceAll(oneFeature, ",", " ,\n")))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := feature.ParseView([]byte(oneFeature))
	if err != nil {
		t.Fatal(err)
	}
	other, err := feature.ParseView([]byte(strings.Replace(oneFeature, `"1h"`, `"2h"`, 1)))
	if err != nil {
		t.Fatal(err)
	}
	if spaced.Fingerprint() != plain.Fingerprint() || other.Fingerprint() == plain.Fingerprint() {
		t.Error("the fingerprint is not that of the content")
	}
}

func TestSpecsAreACopy(t *testing.T) {
	t.Parallel()
	v := feature.Core()
	v.Specs()[0].Source[0] = "changed"
	if v.Specs()[0].Source[0] == "changed" {
		t.Error("the view was changed through its specs")
	}
}

// manyWays is a small view with whatever a feature may have.
const manyWays = `{"name":"v","version":1,"description":"d","channels":["web","app"],"context":[{"name":"cart","type":"number"}],"features":[
{"name":"a","description":"d","source":["purchased"],"filter":"event.coupon || event.amount >= 9.5","aggregation":"sum","window":"30d","unit":"u","default":"0","owner":"o"},
{"name":"b","description":"d","source":["purchased"],"lines":"line.item in ['x']","value":"line.quantity*2","aggregation":"max","window":"lifetime","unit":"u","default":"missing","owner":"o"},
{"name":"c","description":"d","source":["viewed"],"value":"event.categories","aggregation":"distinct","window":"7d","unit":"u","default":"0","owner":"o","tags":["t"],"pii":"none"},
{"name":"e","description":"d","source":["refunded"],"per":["purchased"],"aggregation":"ratio","window":"5m","prior":{"share":0.2,"weight":5},"unit":"u","default":"0","owner":"o"},
{"name":"f","description":"d","source":["purchased"],"aggregation":"decayed_sum","window":"9d","half_life":"9h","unit":"u","default":"0","owner":"o"},
{"name":"g","description":"d","source":["viewed"],"aggregation":"preferred_channel","window":"9d","unit":"u","default":"0","owner":"o"},
{"name":"h","description":"d","aggregation":"on_demand","expression":"has(context.cart) ? context.cart/features.a : features.b","unit":"u","default":"1","owner":"o"}]}`

// FuzzParseView: whatever the bytes, ParseView answers; what it accepts reads, prepared or not, and is its canonical form.
func FuzzParseView(f *testing.F) {
	for _, valid := range []string{oneFeature, manyWays} {
		if _, err := feature.ParseView([]byte(valid)); err != nil {
			f.Fatal(err)
		}
		f.Add([]byte(valid))
	}
	s := source(2)
	events := history(&s, 30, 30*day)
	f.Fuzz(func(t *testing.T, document []byte) {
		v, err := feature.ParseView(document)
		if err != nil {
			return
		}
		a := fold(feature.LayoutOf(v).Empty(), events)
		prepared, holds := v.Prepare(a, noon).ReadAt(feature.Moment{NowMS: noon}, nil)
		if !holds {
			t.Fatal("what was just prepared does not hold")
		}
		sameVector(t, v, prepared, v.Read(a, noon, nil))
		if again, err := feature.ParseView(v.Canonical()); err != nil || again.Fingerprint() != v.Fingerprint() {
			t.Fatalf("the canonical form is another view (%v)", err)
		}
	})
}

func TestRetail(t *testing.T) {
	t.Parallel()
	v := feature.Retail()
	if v.Name() != "retail@1" || v.Len() < 120 {
		t.Errorf("%s has %d features, want 120 at least", v.Name(), v.Len())
	}
	s := source(4)
	layout := feature.LayoutOf(v)
	a := fold(layout.Empty(), history(&s, 250, 90*day))
	if got := v.Read(a, noon, nil); len(got) != v.Len() {
		t.Errorf("%d values for %d features", len(got), v.Len())
	}
	if layout.Series() > 32 {
		t.Errorf("%d series to keep for everybody, at most 32", layout.Series())
	}
}
