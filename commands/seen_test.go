package commands

import (
	"encoding/binary"
	"reflect"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
)

func seenID(n int) (id [16]byte) {
	binary.BigEndian.PutUint64(id[:], uint64(n))
	return id
}

func TestGenerationsForgetTheOldest(t *testing.T) {
	t.Parallel()
	g := generations{limit: 10, keepMS: 1000}
	for i := range 100 {
		g.add(seenID(i), 1)
	}
	if g.has(seenID(0)) || !g.has(seenID(99)) || !g.has(seenID(60)) {
		t.Error("the last 40 of 100 are to be known, the first is not")
	}
	g.add(seenID(100), 5000) // starts a generation: everything older than a second goes
	if g.has(seenID(99)) || !g.has(seenID(100)) {
		t.Error("what is older than the time kept is to be forgotten")
	}
}

func TestReadStubAgreesWithTheEvent(t *testing.T) {
	t.Parallel()
	id := seenID(7)
	e := &event.Event{
		Id: id[:], Alias: make([]byte, 16), AliasType: "user_id", OccurredMs: 1, ReceivedMs: 2, Source: "s", SourceSeq: 3, CollectedMs: 4, Named: true,
		Sealed: &event.Sealed{Ciphertext: []byte{1}}, Body: &event.Event_Tracked{Tracked: &event.Tracked{Name: "x"}},
	}
	frame, err := proto.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	got, err := readStub(frame)
	if want := (stub{id: id, source: []byte("s"), seq: 3, receivedMS: 2, named: true}); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
	if _, err := readStub(frame[:len(frame)-1]); err == nil {
		t.Error("a frame that is cut off: got no error")
	}
}

func TestSeenKnowsFilesForEverAndByLane(t *testing.T) {
	t.Parallel()
	s := NewSeen()
	lane, other := domain.Lane{Stream: domain.Behaviour, Key: "0"}, domain.Lane{Stream: domain.Behaviour, Key: "1"}
	frame := func(seq uint64) []byte {
		b, err := proto.Marshal(&event.Event{Id: make([]byte, 16), Source: "import:x/f", SourceSeq: seq})
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	if err := s.Observe(domain.Envelope{Lane: lane, Frames: [][]byte{frame(512), frame(256)}}); err != nil {
		t.Fatal(err)
	}
	r := newReservation()
	claims := []claim{{seq: 512, lane: lane}, {seq: 768, lane: lane}, {seq: 256, lane: other}}
	s.reserve("import:x/f", claims, r)
	for i, want := range []bool{true, false, false} {
		if claims[i].known != want {
			t.Errorf("claim %d: known is %t, want %t", i, claims[i].known, want)
		}
	}
	again := []claim{{seq: 768, lane: lane}}
	s.reserve("import:y/f", again, r)
	if again[0].known {
		t.Error("another file's rows are taken for duplicates")
	}
}
