package commands

import (
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
)

// BenchmarkObserve is what loading and following the log costs de-duplication, per event.
func BenchmarkObserve(b *testing.B) {
	frames := make([][]byte, 1000)
	for i := range frames {
		id := seenID(i)
		frame, err := proto.Marshal(&event.Event{
			Id: id[:], Alias: id[:], AliasType: "user_id", OccurredMs: 1777795200000, ReceivedMs: 1777795200000, Source: "import:shop/orders.csv",
			SourceSeq: uint64(i+1) << 8, Body: &event.Event_Purchased{Purchased: &event.Purchased{AmountMicros: 12_300000, Order: "o-1"}},
		})
		if err != nil {
			b.Fatal(err)
		}
		frames[i] = frame
	}
	s, e := NewSeen(), domain.Envelope{Lane: domain.Lane{Stream: domain.Behaviour, Key: "0"}, Frames: frames}
	for b.Loop() {
		if err := s.Observe(e); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)*float64(len(frames))/b.Elapsed().Seconds(), "events/s")
}
