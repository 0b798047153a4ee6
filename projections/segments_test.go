package projections_test

import (
	"bytes"
	"errors"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/feature"
	"github.com/profferhq/proffer/domain/recommend"
	"github.com/profferhq/proffer/domain/segment"
	"github.com/profferhq/proffer/projections"
	"github.com/profferhq/proffer/projections/projectionstest"
)

// town holds activities, and who is one person, in memory.
type town struct {
	blobs  map[domain.Alias][]byte
	people map[domain.Alias][]domain.Alias
}

// Blob implements projections.Activities.
func (t town) Blob(a domain.Alias) ([]byte, *feature.Layout, bool) {
	blob, known := t.blobs[a]
	return blob, nil, known
}

// Range implements projections.Activities.
func (t town) Range(yield func(domain.Alias, []byte) bool) { maps.All(t.blobs)(yield) }

// Profile implements projections.Linked.
func (t town) Profile(a domain.Alias) (domain.Alias, uint64) { return t.Aliases(a)[0], 0 }

// Aliases implements projections.Linked.
func (t town) Aliases(a domain.Alias) []domain.Alias {
	if all, linked := t.people[a]; linked {
		return all
	}
	return []domain.Alias{a}
}

func alias(n byte) domain.Alias { return domain.Alias{15: n} }

const noon = int64(1_700_000_000_000)

func bought(n byte, at int64, sequence uint64, micros int64, items ...string) domain.Recorded {
	a := alias(n)
	p := &event.Purchased{AmountMicros: micros}
	for _, item := range items {
		p.Lines = append(p.Lines, &event.Line{Item: item})
	}
	return domain.Recorded{At: domain.Position{Sequence: sequence}, Event: &event.Event{
		Id: bytes.Repeat([]byte{n}, 16), Alias: a[:], AliasType: "user_id", OccurredMs: at, ReceivedMs: at, Body: &event.Event_Purchased{Purchased: p},
	}}
}

// smallTown has four aliases; 1 and 2 are one person, as are 3 and 9, of whom 9 did nothing and comes first.
func smallTown() town {
	t := town{blobs: map[domain.Alias][]byte{}, people: map[domain.Alias][]domain.Alias{}}
	for n, r := range map[byte]domain.Recorded{1: bought(1, noon, 1, 60e6), 2: bought(2, noon, 2, 50e6), 3: bought(3, noon, 3, 500e6), 4: bought(4, noon, 4, 5e6)} {
		t.blobs[alias(n)] = feature.Encode(feature.Fold(feature.Activity{}, r))
	}
	for _, pair := range [][]domain.Alias{{alias(1), alias(2)}, {alias(0), alias(3)}} {
		for _, a := range pair {
			t.people[a] = pair
		}
	}
	return t
}

// core knows one view.
func core(name string) (feature.View, bool) { return feature.Core(), name == "core@1" }

func tags(t *testing.T) *segment.Compiled {
	t.Helper()
	var features []string
	for _, f := range feature.Core().Specs() {
		features = append(features, f.Name)
	}
	c, err := segment.Compile(segment.Definition{ID: "tags", View: "core@1", Rules: []segment.Rule{
		{Segment: "rich", When: "features.spend_lifetime >= 110.0"}, {Segment: "lately", When: "features.spend_7d > 0.0"},
	}}, features)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestMembershipIsOfWholePeopleAndMovesWithTime(t *testing.T) {
	t.Parallel()
	s := projections.NewSegments(smallTown(), smallTown(), core)
	c := tags(t)
	read := func(now int64) map[byte][]string {
		out := map[byte][]string{}
		err := s.Everybody(t.Context(), now, []*segment.Compiled{c}, func(p domain.Alias, segments [][]string) {
			if _, twice := out[p[15]]; twice {
				t.Errorf("profile %d twice", p[15])
			}
			out[p[15]] = segments[0]
			of, err := s.Of(p, now, []*segment.Compiled{c})
			if err != nil || !slices.Equal(of[0], segments[0]) {
				t.Errorf("profile %d alone is in %v: %v", p[15], of, err)
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	if diff := cmp.Diff(map[byte][]string{1: {"lately", "rich"}, 0: {"lately", "rich"}, 4: {"lately"}}, read(noon+1)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[byte][]string{1: {"rich"}, 0: {"rich"}, 4: nil}, read(noon+30*86_400_000)); diff != "" {
		t.Errorf("nothing happened for a month: %s", diff)
	}
}

func TestMembersComeInPages(t *testing.T) {
	t.Parallel()
	s := projections.NewSegments(smallTown(), smallTown(), core)
	c := tags(t)
	one, more, err := s.Members(t.Context(), noon+1, c, "lately", domain.Alias{}, 1)
	if err != nil || !more || !slices.Equal(one, []domain.Alias{alias(1)}) {
		t.Fatalf("%v %v %v", one, more, err)
	}
	two, more, err := s.Members(t.Context(), noon+1, c, "lately", alias(1), 5)
	if err != nil || more || !slices.Equal(two, []domain.Alias{alias(4)}) {
		t.Fatalf("%v %v %v", two, more, err)
	}
	broken := smallTown()
	broken.blobs[alias(4)] = []byte{255}
	if _, _, err := projections.NewSegments(broken, broken, core).Members(t.Context(), noon, c, "rich", domain.Alias{}, 5); !errors.Is(err, feature.ErrActivitySchema) {
		t.Errorf("an activity that cannot be read: %v", err)
	}
}

// changing takes on another layout after some reads.
type changing struct {
	town
	before, after *feature.Layout
	blobs         map[*feature.Layout]map[domain.Alias][]byte
	reads         int
}

// Blob implements projections.Activities.
func (c *changing) Blob(a domain.Alias) ([]byte, *feature.Layout, bool) {
	layout := c.after
	if c.reads--; c.reads >= 0 {
		layout = c.before
	}
	blob, known := c.blobs[layout][a]
	return blob, layout, known
}

func TestAPersonIsReadInOneLayout(t *testing.T) {
	t.Parallel()
	view := func(more string) feature.View {
		v, err := feature.ParseView([]byte(`{"name":"v","version":1,"description":"d","channels":[],"features":[
			{"name":"large","description":"d","source":["purchased"],"filter":"event.amount >= 40.0` + more + `","aggregation":"sum","window":"lifetime","unit":"u","default":"0","owner":"o"}]}`))
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	v := view("")
	c := &changing{town: smallTown(), before: feature.LayoutOf(v), after: feature.LayoutOf(v, view(" && true")), blobs: map[*feature.Layout]map[domain.Alias][]byte{}}
	for _, layout := range []*feature.Layout{c.before, c.after} {
		c.blobs[layout] = map[domain.Alias][]byte{}
		for n := range byte(2) {
			a := feature.Fold(layout.Empty(), bought(1+n, noon, 1, 60e6))
			c.blobs[layout][alias(1+n)] = feature.Encode(a)
		}
	}
	compiled, err := segment.Compile(segment.Definition{ID: "tags", View: "v@1", Rules: []segment.Rule{{Segment: "rich", When: "features.large >= 120.0"}}}, []string{"large"})
	if err != nil {
		t.Fatal(err)
	}
	s := projections.NewSegments(c, c.town, func(string) (feature.View, bool) { return v, true })
	for c.reads = range 5 {
		of, err := s.Of(alias(1), noon, []*segment.Compiled{compiled})
		if err != nil || len(of[0]) != 1 {
			t.Errorf("in %v: %v", of, err)
		}
	}
}

func TestAViewThatCannotBeReadIsNoEmptySegment(t *testing.T) {
	t.Parallel()
	s := projections.NewSegments(smallTown(), smallTown(), func(string) (feature.View, bool) { return feature.View{}, false })
	if _, err := s.Of(alias(1), noon, []*segment.Compiled{tags(t)}); !errors.Is(err, projections.ErrView) {
		t.Errorf("got %v", err)
	}
}

func framed(t *testing.T, lane domain.Lane, sequence uint64, e *event.Event) domain.Envelope {
	t.Helper()
	frame, err := proto.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	return domain.Envelope{Lane: lane, Sequence: sequence, Frames: [][]byte{frame}}
}

func envelope(t *testing.T, sequence uint64, r domain.Recorded) domain.Envelope {
	t.Helper()
	return framed(t, domain.Lane{Stream: domain.Behaviour, Key: "0"}, sequence, r.Event)
}

func TestWhatGoesTogetherIsRecommended(t *testing.T) {
	t.Parallel()
	r := projections.NewRecommendations()
	for n := range byte(20) {
		items := []string{"tea", "cup"}
		if n%2 == 1 {
			items = []string{"nail", "hammer"}
		}
		if n >= 18 {
			items = items[:1]
		}
		for range 2 { // a redelivery changes nothing
			if err := r.Apply(envelope(t, uint64(n)+1, bought(n, noon, uint64(n)+1, 1, items...))); err != nil {
				t.Fatal(err)
			}
		}
	}
	for n, want := range map[byte]string{18: "cup", 19: "hammer"} {
		got, learned := r.Top([]domain.Alias{alias(n)}, noon, recommend.Ask{N: 1, New: true})
		if len(got) != 1 || got[0].Item != want || got[0].Score <= 0 || learned.People != 20 || learned.Items != 4 {
			t.Errorf("%d: %v, %+v", n, got, learned)
		}
	}
	if got, _ := r.Top([]domain.Alias{alias(18), alias(19)}, noon, recommend.Ask{N: 2, New: true}); len(got) != 2 || got[0].Score <= 0 || got[1].Score <= 0 {
		t.Errorf("two aliases of one person: %v", got)
	}
	if got, _ := r.Top(nil, noon, recommend.Ask{N: 9}); len(got) != 4 {
		t.Errorf("nobody in particular: %v", got)
	}
}

func TestALotThatIsNewIsLearned(t *testing.T) {
	t.Parallel()
	r := projections.NewRecommendations()
	if got, learned := r.Top(nil, noon, recommend.Ask{N: 3}); len(got) != 0 || learned.People != 0 {
		t.Fatalf("nothing is known: %v", got)
	}
	if err := r.Apply(envelope(t, 1, bought(1, noon, 1, 1, "tea"))); err != nil {
		t.Fatal(err)
	}
	if got, _ := r.Top(nil, noon, recommend.Ask{N: 3}); len(got) != 1 {
		t.Fatalf("all of it is new: %v", got)
	}
	for n := range byte(9) {
		if err := r.Apply(envelope(t, uint64(n)+2, bought(n+2, noon, 1, 1, "tea"))); err != nil {
			t.Fatal(err)
		}
	}
	_, before := r.Top(nil, noon, recommend.Ask{N: 3})
	if err := r.Apply(envelope(t, 50, bought(50, noon, 1, 1, "cup"))); err != nil {
		t.Fatal(err)
	}
	_, soon := r.Top(nil, noon+1, recommend.Ask{N: 3})
	_, later := r.Top(nil, noon+2*time.Hour.Milliseconds(), recommend.Ask{N: 3})
	if before.People != 10 || soon != before || later.People != 10 {
		t.Errorf("%+v, %+v, %+v", before, soon, later)
	}
}

func TestHostileHistoriesAreFollowed(t *testing.T) {
	t.Parallel()
	sample := projectionstest.NewSample(3, 30)
	r := projections.NewRecommendations()
	for n := uint64(1); n < 3000; n++ {
		lane, e := sample.Next()
		if err := r.Apply(framed(t, lane, n, e)); err != nil {
			t.Fatal(err)
		}
	}
	for n := range 30 {
		got, _ := r.Top([]domain.Alias{sample.Alias(n)}, noon, recommend.Ask{N: 10})
		for i, x := range got {
			if x.Score != x.Score || i > 0 && x.Score > got[i-1].Score {
				t.Fatalf("scores %v", got)
			}
		}
	}
}
