package feature

import (
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
