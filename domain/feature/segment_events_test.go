package feature

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/problem"
)

const movesView = `{"name":"moves","version":1,"description":"d","channels":[],"features":[
	{"name":"won_30d","description":"d","source":["segment_entered"],"filter":"event.segment == 'champions' && event.definition == 'rfm'","aggregation":"count","window":"30d","unit":"times","default":"0","owner":"o"},
	{"name":"days_since_left","description":"d","source":["segment_left"],"aggregation":"days_since_last","window":"lifetime","unit":"days","default":"missing","owner":"o"},
	{"name":"acts","description":"d","source":["viewed","segment_entered"],"aggregation":"count","window":"lifetime","unit":"events","default":"0","owner":"o"},
	{"name":"seen","description":"d","source":["viewed"],"aggregation":"count","window":"lifetime","unit":"events","default":"0","owner":"o"}]}`

// moved is one who entered a segment, or left it.
func moved(sequence uint64, ms int64, entered bool, definition, segment string) domain.Recorded {
	e := &event.Event{OccurredMs: ms, Body: &event.Event_SegmentLeft{SegmentLeft: &event.SegmentLeft{Definition: definition, Segment: segment, Version: 1}}}
	if entered {
		e.Body = &event.Event_SegmentEntered{SegmentEntered: &event.SegmentEntered{Definition: definition, Segment: segment, Version: 1}}
	}
	return domain.Recorded{At: domain.Position{Sequence: sequence}, Event: e}
}

func TestSegmentEventsAreReadByTheViewsThatAskForThem(t *testing.T) {
	t.Parallel()
	view, err := ParseView([]byte(movesView))
	if err != nil {
		t.Fatal(err)
	}
	const now = 100 * dayMS
	a := LayoutOf(view).Empty()
	for _, r := range []domain.Recorded{
		moved(1, now-40*dayMS, true, "rfm", "champions"), moved(2, now-20*dayMS, true, "rfm", "champions"),
		moved(3, now-20*dayMS, true, "rfm", "loyal"), moved(4, now-20*dayMS, true, "other", "champions"),
		moved(5, now-5*dayMS, false, "rfm", "champions"),
		{At: domain.Position{Sequence: 6}, Event: &event.Event{OccurredMs: now - dayMS, Body: &event.Event_Viewed{Viewed: &event.Viewed{}}}},
	} {
		a = Fold(a, r)
	}
	want := []float64{1, 5, 5, 1}
	if got := view.Read(a, now, nil); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	again, err := LayoutOf(view).Decode(Encode(a))
	if err != nil || !slices.Equal(view.Read(again, now, nil), want) {
		t.Errorf("after a round trip: %v, %v", view.Read(again, now, nil), err)
	}
}

func TestSegmentEventsAreNoDeeds(t *testing.T) {
	t.Parallel()
	deeds := Fold(Activity{}, domain.Recorded{At: domain.Position{Sequence: 1}, Event: &event.Event{
		OccurredMs: dayMS, Body: &event.Event_Viewed{Viewed: &event.Viewed{Name: "home"}},
	}})
	a := deeds
	for i := range uint64(2 * MaxEntries) {
		a = Fold(a, moved(2+i, 2*dayMS, i%2 == 0, "rfm", "loyal"))
	}
	if a.Applied(domain.Behaviour).Sequence != 1+2*MaxEntries {
		t.Errorf("applied %v", a.Applied(domain.Behaviour))
	}
	if got, want := Core().Read(a, 3*dayMS, nil), Core().Read(deeds, 3*dayMS, nil); !slices.EqualFunc(got, want, func(x, y float64) bool { return x == y || x != x && y != y }) {
		t.Errorf("got %v, want %v", got, want)
	}
	if before, after := len(Encode(deeds)), len(Encode(a)); after > before+4 {
		t.Errorf("an activity of %d bytes grew to %d", before, after)
	}
}

func TestSegmentEventsAreASourceOnly(t *testing.T) {
	t.Parallel()
	for name, spec := range map[string]string{
		"per": `{"name":"x","description":"d","source":["viewed"],"per":["segment_left"],"aggregation":"ratio","window":"30d","unit":"u","default":"0","owner":"o"}`,
		"gap": `{"name":"x","description":"d","source":["segment_entered"],"per":["viewed"],"aggregation":"gap_hours","window":"30d","unit":"u","default":"0","owner":"o"}`,
	} {
		_, err := ParseView([]byte(`{"name":"v","version":1,"description":"d","channels":[],"features":[` + spec + `]}`))
		if list := (problem.List)(nil); !errors.As(err, &list) || !strings.Contains(err.Error(), "features[0]") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestEveryKindHasACodeOfItsOwn(t *testing.T) {
	t.Parallel()
	for k := Viewed; k < kinds; k++ {
		if got := coded[k.Stream()][kindFacts[k].code]; got != k {
			t.Errorf("the code of %s is that of %s", k, got)
		}
	}
}
