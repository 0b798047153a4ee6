package projections

import (
	"testing"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
)

// randomDecision fills every field of a decision's event.
func randomDecision(t *rapid.T) *event.Event {
	e, d := randomEvent(t), new(event.Decision)
	fillRandom(t, d.ProtoReflect(), 0)
	e.Body = &event.Event_Decision{Decision: d}
	return e
}

func TestDecisionsAreReadAsWhole(t *testing.T) {
	t.Parallel()
	vectors := decisionFields(true)
	rapid.Check(t, func(t *rapid.T) {
		records := newRecordDecoder()
		for range rapid.IntRange(1, 3).Draw(t, "families") {
			records.reuse()
			var got, want []*event.Event
			for range rapid.IntRange(1, 4).Draw(t, "decisions") {
				frame, err := proto.Marshal(randomDecision(t))
				if err != nil {
					t.Fatal(err)
				}
				kept, ok := appendKept(nil, frame, vectors)
				if !ok {
					t.Fatal("a decision is no message")
				}
				all, wholly := whole(kept)
				read, fast := records.fast(kept)
				if !wholly || !fast {
					t.Fatalf("read wholly %v, the fast way %v", wholly, fast)
				}
				got, want = append(got, read), append(want, all)
			}
			for i := range got {
				if !proto.Equal(got[i].GetDecision(), want[i].GetDecision()) || domain.TimeOf(got[i]) != domain.TimeOf(want[i]) {
					t.Fatalf("got  %v\nwant %v", got[i].GetDecision(), want[i].GetDecision())
				}
			}
		}
	})
}

func FuzzDecision(f *testing.F) {
	f.Add([]byte{0xe2, 0x03, 0x02, 0x10, 0x01, 0xe2, 0x03, 0x00})       // a decision twice: they are one
	f.Add([]byte{0xe2, 0x03, 0x04, 0x52, 0x00, 0x52, 0x00})             // two cuts are one
	f.Add([]byte{0xe2, 0x03, 0x06, 0x32, 0x04, 0x12, 0x02, 0x08, 0x07}) // an alias without a name
	f.Fuzz(func(t *testing.T, frame []byte) {
		kept, ok := appendKept(nil, frame, decisionFields(true))
		want, whole := whole(kept)
		if !ok || !whole || want.GetDecision() == nil {
			return
		}
		got, ok := newRecordDecoder().decode(kept)
		if !ok || !proto.Equal(got.GetDecision(), want.GetDecision()) || domain.TimeOf(got) != domain.TimeOf(want) {
			t.Fatalf("got %v, want %v", got, want)
		}
	})
}
