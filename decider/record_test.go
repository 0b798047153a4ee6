package decider

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"
	"pgregory.net/rapid"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/feature"
)

// What is reserved for a decision is what the views will have of it: otherwise a limit would count it differently
// before and after it is folded.
func TestAContactIsReservedAsItIsFolded(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.SampledFrom([]string{"", "web", "sms", "a word"})
		ms := rapid.SampledFrom([]int64{0, 1, 1_700_000_000_000, -5})
		e := &event.Event{
			OccurredMs: ms.Draw(t, "occurred"), ReceivedMs: ms.Draw(t, "received"), Channel: text.Draw(t, "channel"),
			Body: &event.Event_Decision{Decision: &event.Decision{
				NowMs: ms.Draw(t, "now"), Channel: text.Draw(t, "decision's channel"), External: rapid.Bool().Draw(t, "external"),
				Category: text.Draw(t, "category"), Offer: text.Draw(t, "offer"),
			}},
		}
		var want *event.Contact
		first := domain.Recorded{At: domain.Position{Sequence: 1}, Event: e}
		if folded := feature.Fold(feature.Activity{}, first).Contacts(math.MinInt64); len(folded) > 0 {
			want = folded[0]
		}
		if d := cmp.Diff(want, contactOf(e), protocmp.Transform()); d != "" {
			t.Fatal(d)
		}
	})
}
