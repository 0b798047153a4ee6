package segment

import (
	"testing"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
)

func TestTheCatalogueKnowsWhatWasInEffectAtEveryCut(t *testing.T) {
	t.Parallel()
	var c Catalogue
	for i, s := range []*event.SegmentDefined{
		{Id: "tags", Version: 1, DefinitionJson: []byte("{1}")}, {Id: "rfm", Version: 1, DefinitionJson: []byte("{2}")},
		{Id: "tags", Version: 2, DefinitionJson: []byte("{3}")}, {Id: "rfm", Version: 2}, // withdrawn
	} {
		c.Apply(domain.Recorded{At: at(uint64(10 * (i + 1))), Event: &event.Event{Body: &event.Event_SegmentDefined{SegmentDefined: s}}})
	}
	if c.Apply(domain.Recorded{At: at(50), Event: &event.Event{}}) != nil {
		t.Error("an event that concerns no segments is a version")
	}
	for _, want := range []struct {
		id       string
		cut      uint64
		document string
	}{
		{"tags", 9, ""}, {"tags", 10, "{1}"}, {"tags", 29, "{1}"}, {"tags", 30, "{3}"}, {"rfm", 20, "{2}"}, {"rfm", 39, "{2}"}, {"rfm", 40, ""}, {"other", 99, ""},
	} {
		got := ""
		if v, has := c.At(want.id, want.cut); has {
			got = string(v.Document)
		}
		if got != want.document {
			t.Errorf("%s at %d: %q, want %q", want.id, want.cut, got, want.document)
		}
	}
	if in := c.InEffect(); len(in) != 1 || in[0].ID != "tags" || in[0].Version != 2 {
		t.Errorf("in effect: %v", in)
	}
}

func TestWhatIsWithdrawnComesBackWithTheNextVersion(t *testing.T) {
	t.Parallel()
	var c Catalogue
	defined := func(sequence, version uint64) {
		c.Apply(domain.Recorded{At: at(sequence), Event: &event.Event{Body: &event.Event_SegmentDefined{SegmentDefined: &event.SegmentDefined{Id: "tags", Version: version, DefinitionJson: []byte("{}")}}}})
	}
	withdrawn := func(sequence uint64, kind event.DefinitionWithdrawn_Kind, version uint64) {
		c.Apply(domain.Recorded{At: at(sequence), Event: &event.Event{Body: &event.Event_DefinitionWithdrawn{DefinitionWithdrawn: &event.DefinitionWithdrawn{Kind: kind, Name: "tags", Version: version}}}})
	}
	defined(1, 1)
	withdrawn(2, event.DefinitionWithdrawn_KIND_POLICY, 1) // another "tags"
	if _, has := c.Latest("tags"); !has {
		t.Error("a policy of the same name was withdrawn")
	}
	withdrawn(3, event.DefinitionWithdrawn_KIND_SEGMENTS, 1)
	if v, has := c.Latest("tags"); has || v == nil || v.Version != 1 || len(c.InEffect()) != 0 || len(c.Withdrawn()) != 1 {
		t.Errorf("withdrawn: %v, %v", v, has)
	}
	defined(4, 2)
	if v, has := c.Latest("tags"); !has || v.Version != 2 || len(c.Withdrawn()) != 0 {
		t.Errorf("back: %v, %v", v, has)
	}
	for cut, want := range map[uint64]bool{1: true, 2: true, 3: false, 4: true} {
		if _, has := c.At("tags", cut); has != want {
			t.Errorf("in effect at %d: %t", cut, has)
		}
	}
}
