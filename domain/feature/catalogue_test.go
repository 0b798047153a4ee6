package feature

import (
	"strings"
	"testing"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
)

func TestAWithdrawnViewIsFoundByWhatReadIt(t *testing.T) {
	t.Parallel()
	c := NewCatalogue(Core())
	n := uint64(0)
	apply := func(e *event.Event) uint64 {
		n++
		e.OccurredMs = int64(n)
		c.Apply(domain.Recorded{At: domain.Position{Sequence: n}, Event: e})
		return n
	}
	publish := func(version string) uint64 {
		specs := `{"name":"habit","version":` + version + `,"description":"x","channels":[],"context":[],"features":[{"name":"a","description":"x","source":["purchased"],"aggregation":"count","window":"7d","unit":"orders","default":"0","owner":"x"}]}`
		return apply(&event.Event{Body: &event.Event_FeatureViewPublished{FeatureViewPublished: &event.FeatureViewPublished{Name: "habit@" + version, SpecsJson: []byte(specs)}}})
	}
	withdraw := func(name string) uint64 {
		return apply(&event.Event{Body: &event.Event_DefinitionWithdrawn{DefinitionWithdrawn: &event.DefinitionWithdrawn{Kind: event.DefinitionWithdrawn_KIND_FEATURE_VIEW, Name: name}}})
	}
	live := func(cut uint64) string {
		if p, is := c.At("habit", cut); is {
			return p.Name
		}
		return ""
	}
	first := publish("1")
	publish("2")
	withdraw("habit@2")
	if p, known := c.Version("habit@2"); !known || !p.Withdrawn() || live(n) != "habit@1" {
		t.Errorf("a version that is not live: %+v, and %q is", p, live(n))
	}
	gone := withdraw("habit@1")
	if live(n) != "" || live(gone-1) != "habit@1" || live(first) != "habit@1" {
		t.Errorf("the live one: now %q, before %q", live(n), live(gone-1))
	}
	if p, known := c.Version("habit@1"); !known || !p.Withdrawn() || p.Err != nil {
		t.Errorf("%+v", p)
	}
	if _, has := c.Before("habit"); !has {
		t.Error("what was live before is not known")
	}
	publish("2")
	if p, _ := c.Version("habit@2"); p.Withdrawn() || live(n) != "habit@2" || live(gone) != "" {
		t.Errorf("published again: %+v, and %q is live", p, live(n))
	}
	withdraw("core@1")
	if p, _ := c.Version("core@1"); p.Withdrawn() {
		t.Error("what comes with the product is withdrawn")
	}
}

// What a name means is the log's to say, whatever views a later program comes with.
func TestAnotherBuiltInVersionChangesNoName(t *testing.T) {
	t.Parallel()
	before, after := NewCatalogue(Core()), NewCatalogue(BuiltIn()...)
	apply := func(sequence uint64, e *event.Event) {
		for _, c := range []*Catalogue{before, after} {
			c.Apply(domain.Recorded{At: domain.Position{Sequence: sequence}, Event: e})
		}
	}
	same := func(name string, cut uint64, want string) {
		t.Helper()
		x, knownBefore := before.At(name, cut)
		y, known := after.At(name, cut)
		if !knownBefore || !known || x.Name != want || x.Fingerprint() != y.Fingerprint() {
			t.Errorf("%s at %d: %+v, and %+v with the later program", name, cut, x, y)
		}
	}
	same("core", 0, "core@1")
	if p, known := after.Before("core"); known {
		t.Errorf("before any switch it meant %s", p.Name)
	}
	own := strings.Replace(string(Core().Canonical()), `"version":1`, `"version":2`, 1)
	apply(1, &event.Event{Body: &event.Event_FeatureViewPublished{FeatureViewPublished: &event.FeatureViewPublished{
		Name: "core@2", SpecsJson: []byte(own),
	}}})
	same("core", 1, "core@1")
	same("core@2", 1, "core@2") // the log's, not the one that came later
	apply(2, &event.Event{Body: &event.Event_FeatureViewSwitched{FeatureViewSwitched: &event.FeatureViewSwitched{Name: "core", View: "core@2"}}})
	same("core", 1, "core@1")
	same("core", 2, "core@2")
	if got := len(after.Versions("core")); got != 2 {
		t.Errorf("%d versions of core, want 2", got)
	}
}
