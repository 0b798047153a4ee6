package domain

import (
	"strconv"
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"
	"pgregory.net/rapid"

	"github.com/profferhq/proffer/domain/event"
)

func anyAlias() *rapid.Generator[Alias] {
	return rapid.Custom(func(t *rapid.T) Alias {
		return Alias(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "alias"))
	})
}

func TestStreamNames(t *testing.T) {
	t.Parallel()
	if len(AllStreams()) != Streams {
		t.Fatalf("%d streams are listed, want %d", len(AllStreams()), Streams)
	}
	for i, s := range AllStreams() {
		if got, err := ParseStream(s.String()); int(s) != i || err != nil || got != s {
			t.Errorf("%s: got %v, %v", s, got, err)
		}
	}
	if got := Stream(9).String(); got != "STREAM(9)" {
		t.Errorf("got %q for no stream", got)
	}
	if _, err := ParseStream("behaviour"); err == nil {
		t.Error("a name in small letters was read")
	}
}

// Partitions are computed here and never change: a lane's events would come to another lane.
func TestPartitionGolden(t *testing.T) {
	t.Parallel()
	for alias, want := range map[Alias]int{
		{}:                       5,
		{0: 1}:                   4,
		{15: 1}:                  50,
		{3: 7, 9: 200, 12: 0xff}: 7,
	} {
		if got := PartitionOf(alias); got != want {
			t.Errorf("%s: got partition %d, want %d", alias, got, want)
		}
	}
}

func TestLanesAreContiguousRangesOfPartitions(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, b := anyAlias().Draw(t, "a"), anyAlias().Draw(t, "b")
		lanes := rapid.IntRange(1, Partitions).Draw(t, "lanes")
		of := func(x Alias) int {
			n, err := strconv.Atoi(LaneOf(Behaviour, x, lanes).Key)
			if err != nil || n < 0 || n >= lanes {
				t.Fatalf("lane %q of %d", LaneOf(Behaviour, x, lanes).Key, lanes)
			}
			return n
		}
		if PartitionOf(a) <= PartitionOf(b) && of(a) > of(b) {
			t.Fatalf("partitions %d and %d are in lanes %d and %d", PartitionOf(a), PartitionOf(b), of(a), of(b))
		}
		if LaneOf(Identity, a, lanes).Key != LaneOf(Decision, a, lanes).Key {
			t.Fatal("an alias has different lanes in different streams")
		}
	})
	used := map[int]bool{}
	for i := range 4000 {
		used[PartitionOf(Alias{0: byte(i), 1: byte(i >> 8)})] = true
	}
	if len(used) != Partitions {
		t.Errorf("%d partitions of %d are used", len(used), Partitions)
	}
}

func TestSubjects(t *testing.T) {
	t.Parallel()
	for lane, want := range map[Lane]string{
		{Behaviour, "0"}:                      "behaviour.0",
		PolicyLane("policy", "Spring sale.1"): "policy.policy.Spring=20sale=2e1",
		PolicyLane("offer", ""):               "policy.offer.=",
		QuarantineLane("segment:web"):         "quarantine.segment=3aweb",
		QuarantineLane("*>="):                 "quarantine.=2a=3e=3d",
	} {
		if got := lane.Subject(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		if got, err := ParseSubject(want); err != nil || got != lane {
			t.Errorf("%q: got %v, %v, want %v", want, got, err, lane)
		}
	}
	for _, subject := range []string{"", "behaviour", "behaviour.", "nothing.0"} {
		if got, err := ParseSubject(subject); err == nil {
			t.Errorf("%q was read as %v", subject, got)
		}
	}
}

func TestDifferentNamesHaveDifferentLanes(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		kindA, idA := rapid.String().Draw(t, "kind a"), rapid.String().Draw(t, "id a")
		kindB, idB := rapid.String().Draw(t, "kind b"), rapid.String().Draw(t, "id b")
		same := kindA == kindB && idA == idB
		if (PolicyLane(kindA, idA) == PolicyLane(kindB, idB)) != same {
			t.Fatalf("%q %q and %q %q share %q", kindA, idA, kindB, idB, PolicyLane(kindA, idA).Key)
		}
		if back, err := ParseSubject(PolicyLane(kindA, idA).Subject()); err != nil || back != PolicyLane(kindA, idA) {
			t.Fatalf("got %v, %v", back, err)
		}
	})
}

// Every body of the catalogue has a stream and a name; the ranges of its numbers say which stream.
func TestEveryEventHasAStreamAndAType(t *testing.T) {
	t.Parallel()
	byNumber := map[Stream][2]protoreflect.FieldNumber{
		Behaviour: {20, 39}, Identity: {40, 59}, Decision: {60, 79}, Outcome: {80, 99}, Policy: {100, 119}, Quarantine: {120, 139},
	}
	bodies := (&event.Event{}).ProtoReflect().Descriptor().Oneofs().ByName("body").Fields()
	for i := range bodies.Len() {
		field := bodies.Get(i)
		e := &event.Event{}
		e.ProtoReflect().Set(field, e.ProtoReflect().NewField(field))
		s, known := StreamOf(e)
		if want := byNumber[s]; !known || field.Number() < want[0] || field.Number() > want[1] {
			t.Errorf("%s: got %s, %t", field.Name(), s, known)
		}
		if got := TypeOf(e); got != string(field.Name()) {
			t.Errorf("%s: is called %q", field.Name(), got)
		}
	}
	external := &event.Event{Body: &event.Event_Decision{Decision: &event.Decision{External: true}}}
	if got := TypeOf(external); got != "external_decision" {
		t.Errorf("an external decision is called %q", got)
	}
	for _, e := range []*event.Event{nil, {}} {
		if _, known := StreamOf(e); known || TypeOf(e) != "unknown" {
			t.Errorf("an event without body has a stream, or is called %q", TypeOf(e))
		}
	}
}
