package feature_test

import (
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"
	"pgregory.net/rapid"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/feature"
)

func TestFoldOfTwoPartsIsFoldOfTheWhole(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		all := drawn(t)
		cut := rapid.IntRange(0, len(all)).Draw(t, "cut")
		want := fold(feature.Activity{}, all)
		half := fold(feature.Activity{}, all[:cut])
		before := feature.Encode(half)
		same(t, "in memory", fold(half, all[cut:]), want)
		if string(feature.Encode(half)) != string(before) {
			t.Fatalf("folding on changed the state it started from")
		}
		stored, err := feature.Decode(before)
		if err != nil {
			t.Fatalf("decoding a prefix: %v", err)
		}
		same(t, "through the codec", fold(stored, all[cut:]), want)
	})
}

func TestFoldIsTheFolderStepByStep(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := source(rapid.Uint64().Draw(t, "seed"))
		all := history(&s, rapid.IntRange(0, 60).Draw(t, "events"), 90*day)
		var a feature.Activity
		f := feature.NewFolder(a)
		for _, r := range all {
			a = feature.Fold(a, r)
			f.Fold(r)
			if string(f.AppendEncode(nil)) != string(feature.Encode(a)) {
				t.Fatalf("the folder and the function differ at %v", r.At)
			}
		}
	})
}

// A folder that begins again folds as a new one does, and what it gave before stays; a peek is what it would give.
func TestAFolderThatBeginsAgainIsAsNew(t *testing.T) {
	t.Parallel()
	layout := feature.LayoutOf(feature.Retail())
	rapid.Check(t, func(t *rapid.T) {
		f := feature.NewFolder(layout.Empty())
		var given []feature.Activity
		var encoded []string
		for range rapid.IntRange(1, 4).Draw(t, "lives") {
			f.Restart()
			fresh := feature.NewFolder(layout.Empty())
			s := source(rapid.Uint64().Draw(t, "seed"))
			for _, r := range history(&s, rapid.IntRange(0, 60).Draw(t, "events"), 90*day) {
				f.Fold(r)
				fresh.Fold(r)
				if rapid.IntRange(0, 9).Draw(t, "given") == 0 {
					given = append(given, f.Activity())
					encoded = append(encoded, string(feature.Encode(given[len(given)-1])))
				}
			}
			want := string(fresh.AppendEncode(nil))
			if string(f.AppendEncode(nil)) != want || string(feature.Encode(f.Peek())) != want {
				t.Fatal("the folder that began again holds something else than a new one")
			}
		}
		for i, a := range given {
			if string(feature.Encode(a)) != encoded[i] {
				t.Fatal("an activity that was given has changed")
			}
		}
	})
}

func TestRedeliveryChangesNothing(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		all := drawn(t)
		want := fold(feature.Activity{}, all)
		again := all[:0:0]
		for i, r := range all {
			again = append(again, r)
			if i%3 == 0 {
				again = append(again, all[i/2], r)
			}
		}
		same(t, "redelivered", fold(feature.Activity{}, again), want)
		f := feature.NewFolder(want)
		for _, r := range all {
			if f.Fold(r) {
				t.Fatalf("an event at %v changed the state again", r.At)
			}
		}
	})
}

// Two futures of one state do not meet in memory, wherever it came from.
func TestForksDoNotShareMemory(t *testing.T) {
	t.Parallel()
	s := source(21)
	f := feature.NewFolder(feature.Activity{})
	for i, r := range history(&s, 700, 30*day) {
		f.Fold(r)
		if i%7 != 0 {
			continue
		}
		base := f.Activity()
		before := string(feature.Encode(base))
		fork := func(name string) (feature.Activity, string) {
			a := base
			for i := range 3 {
				text := name + strconv.Itoa(i)
				a = feature.Fold(a, at(a.Applied(domain.Decision).Sequence+1, noon, offered(text, text, text)))
				a = feature.Fold(a, at(a.Applied(domain.Behaviour).Sequence+1, noon-20*day, purchased(1, text, text+"b")))
			}
			return a, string(feature.Encode(a))
		}
		left, leftBlob := fork("left")
		right, rightBlob := fork("right")
		for name, pair := range map[string][2]string{
			"the base": {before, string(feature.Encode(base))}, "left": {leftBlob, string(feature.Encode(left))},
			"right": {rightBlob, string(feature.Encode(right))}, "the folder": {before, string(f.AppendEncode(nil))},
		} {
			if pair[0] != pair[1] {
				t.Fatalf("%s changed after event %v", name, r.At)
			}
		}
	}
}

func TestASnapshotStays(t *testing.T) {
	t.Parallel()
	s := source(22)
	f := feature.NewFolder(feature.Activity{})
	var snapshot feature.Activity
	var blob string
	for i, r := range history(&s, 3000, 30*day) {
		if i%50 == 0 {
			snapshot = f.Activity()
			blob = string(feature.Encode(snapshot))
		}
		f.Fold(r)
		if i%10 == 0 && string(feature.Encode(snapshot)) != blob {
			t.Fatalf("the snapshot changed with event %d", i)
		}
	}
}

// The content of a part is a function of the set of its events. To deliver them in another order their positions
// are dealt anew, ascending; where times are equal positions decide, so times are made different first.
func TestArrivalOrderDoesNotMatter(t *testing.T) {
	t.Parallel()
	v := everything(t)
	rapid.Check(t, func(t *rapid.T) {
		s := source(rapid.Uint64().Draw(t, "seed"))
		n := rapid.IntRange(1, 1500).Draw(t, "events")
		span := rapid.SampledFrom([]int64{day, 30 * day, 500 * day}).Draw(t, "span")
		bodies := make([]*event.Event, n)
		for i := range bodies {
			for {
				bodies[i] = happening(&s)
				if stream, _ := domain.StreamOf(bodies[i]); stream == domain.Behaviour {
					break
				}
			}
			bodies[i].OccurredMs = noon - int64(s.next()%uint64(span/int64(n)/2+1)) - int64(i)*(span/int64(n))
		}
		deliver := func() feature.Activity {
			f := feature.NewFolder(feature.Activity{})
			for i, ev := range bodies {
				f.Fold(domain.Recorded{At: domain.Position{Sequence: uint64(i + 1)}, Event: ev})
			}
			return f.Activity()
		}
		first := deliver()
		for i := n - 1; i > 0; i-- {
			j := s.below(i + 1)
			bodies[i], bodies[j] = bodies[j], bodies[i]
		}
		second := deliver()
		if diff := cmp.Diff(first.Totals(), second.Totals()); diff != "" {
			t.Fatalf("totals differ (-first +second)\n%s", diff)
		}
		for _, now := range []int64{noon, noon + 3*day, noon - span/2} {
			sameVector(t, v, v.Read(second, now, nil), v.Read(first, now, nil))
		}
	})
}

func TestFoldLeavesOtherEventsAlone(t *testing.T) {
	t.Parallel()
	known := mustFold(t, at(5, noon, viewed("a")))
	for name, r := range map[string]domain.Recorded{
		"no body":    {At: domain.Position{Sequence: 9}, Event: &event.Event{AliasType: "aaa"}},
		"no event":   {At: domain.Position{Sequence: 9}},
		"of POLICY":  at(9, noon, &event.Event{Body: &event.Event_PolicyPublished{}}),
		"zero place": {Event: viewed("b")},
		"same place": at(5, noon, viewed("b")),
		"earlier":    at(4, noon, viewed("b")),
	} {
		same(t, name, feature.Fold(known, r), known)
	}
}

func TestAppliedIsByStream(t *testing.T) {
	t.Parallel()
	a := mustFold(t,
		at(7, noon, viewed("a")),
		at(3, noon, offered("email", "x", "y")),
		at(9, noon, &event.Event{Body: &event.Event_TraitsChanged{TraitsChanged: &event.TraitsChanged{}}}),
		at(4, noon, offered("email", "", "")))
	want := map[domain.Stream]uint64{domain.Behaviour: 7, domain.Identity: 9, domain.Decision: 4, domain.Outcome: 0,
		domain.Policy: 0, domain.Quarantine: 0}
	blob := feature.Encode(a)
	for s, sequence := range want {
		peeked, err := feature.AppliedOf(blob, s)
		if err != nil || a.Applied(s).Sequence != sequence || peeked != a.Applied(s) {
			t.Errorf("applied of %s is %v, and %v when peeked (%v); want sequence %d", s, a.Applied(s), peeked, err, sequence)
		}
	}
	if !a.TraitsKnown() || a.AliasType() != "anonymous_id" {
		t.Errorf("traits known: %v, alias type %q", a.TraitsKnown(), a.AliasType())
	}
}

func TestTimeOfAnEvent(t *testing.T) {
	t.Parallel()
	unsaid := viewed("a")
	unsaid.ReceivedMs = noon + 5
	own := offered("sms", "c", "o")
	own.GetDecision().NowMs = noon - 7
	a := mustFold(t, at(1, 0, unsaid), at(1, noon, own))
	first, ok := a.FirstMS()
	last, _ := a.LastMS()
	if !ok || first != noon-7 || last != noon+5 {
		t.Errorf("first %d and last %d, want a decision's own time and the time of acceptance", first-noon, last-noon)
	}
	if _, ok := (feature.Activity{}).FirstMS(); ok {
		t.Error("an activity of no events has a first")
	}
}

func TestContacts(t *testing.T) {
	t.Parallel()
	byEvent := offered("", "loyalty", "points")
	byEvent.Channel = "store"
	a := mustFold(t,
		at(1, noon, offered("email", "discount", "ten-off")),
		at(2, noon-hour, byEvent),
		at(3, noon, offered("email", "", "")),
		at(4, noon+hour, offered("push", "bogo", "two-for-one")))
	want := []*event.Contact{
		{TimeMs: noon, Channel: "email", Category: "discount", Offer: "ten-off"},
		{TimeMs: noon + hour, Channel: "push", Category: "bogo", Offer: "two-for-one"},
	}
	if diff := cmp.Diff(want, a.Contacts(noon-hour), protocmp.Transform()); diff != "" {
		t.Errorf("contacts after, exclusively (-want +got)\n%s", diff)
	}
	want = append([]*event.Contact{{TimeMs: noon - hour, Channel: "store", Category: "loyalty", Offer: "points"}}, want...)
	if diff := cmp.Diff(want, a.Contacts(noon-hour-1), protocmp.Transform()); diff != "" {
		t.Errorf("all contacts (-want +got)\n%s", diff)
	}
	if got := a.Contacts(noon + hour); len(got) != 0 {
		t.Errorf("%d contacts after the last", len(got))
	}
}

func TestContactsAreKeptUpToTheirBound(t *testing.T) {
	t.Parallel()
	f := feature.NewFolder(feature.Activity{})
	const all = 6 * feature.MaxContacts
	for i := range all {
		f.Fold(at(uint64(i+1), noon+int64(i)*minute, offered("email", "c"+strconv.Itoa(i%7), "offer-"+strconv.Itoa(i))))
	}
	a, err := feature.Decode(f.AppendEncode(nil))
	if err != nil {
		t.Fatal(err)
	}
	for name, a := range map[string]feature.Activity{"folded": f.Activity(), "stored": a} {
		got := a.Contacts(0)
		if len(got) != feature.MaxContacts {
			t.Fatalf("%s: %d contacts, want %d", name, len(got), feature.MaxContacts)
		}
		for j, c := range got {
			i := all - feature.MaxContacts + j
			if c.Offer != "offer-"+strconv.Itoa(i) || c.Category != "c"+strconv.Itoa(i%7) || c.TimeMs != noon+int64(i)*minute {
				t.Fatalf("%s: contact %d is %v", name, j, c)
			}
		}
		if n := a.Totals().OffersReceived; n != all {
			t.Errorf("%s: %d offers received for life, want %d", name, n, all)
		}
	}
}
