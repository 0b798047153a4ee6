package projections

import (
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"github.com/profferhq/proffer/domain"
)

// Whatever an event is and however its fields are ordered, the share of its alias looks at it, and no alias is in two.
func TestEveryEventIsSeenByTheShareOfItsAlias(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		e := randomEvent(t)
		frame, err := proto.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		if n := rapid.IntRange(0, len(frame)).Draw(t, "cut"); rapid.Bool().Draw(t, "in another order") {
			if head, tail := frame[:n], frame[n:]; proto.Unmarshal(head, e) == nil && proto.Unmarshal(tail, e) == nil {
				frame = slices.Concat(tail, head)
			}
		}
		if err := proto.Unmarshal(frame, e); err != nil {
			t.Fatal(err)
		}
		alias := domain.Alias(e.GetAlias())
		stream, _ := domain.StreamOf(e)
		of, owners := rapid.IntRange(1, mostShares).Draw(t, "shares"), 0
		for n := range of {
			s := share{number: n, of: of}
			if s.has(alias) {
				owners++
				if !s.mayHave(stream, frame) {
					t.Errorf("share %d of %d does not look at an event of its alias %v", n, of, alias)
				}
			}
		}
		if owners != 1 {
			t.Errorf("alias %v is in %d of %d shares", alias, owners, of)
		}
	})
}
