package domain

import (
	"encoding/hex"
	"math"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"github.com/profferhq/proffer/domain/event"
)

// goldenDecision touches every kind of field that a decision has.
func goldenDecision() *event.Decision {
	return &event.Decision{
		Id: []byte{0xde, 0xc1}, NowMs: -1, Placement: "home",
		Aliases: []*event.SeenAlias{{Alias: []byte{1}, Behaviour: &event.Position{Sequence: 300, Index: 2}}, {}},
		Context: []*event.ContextValue{
			{Name: "a", Value: &event.ContextValue_Text{Text: ""}},
			{Name: "b", Value: &event.ContextValue_Number{Number: math.Float64frombits(0xfff8000000000077)}},
			{Name: "c", Value: &event.ContextValue_Flag{Flag: true}},
		},
		PolicyVersion: 1 << 40,
		Vector:        []float64{0, math.Copysign(0, -1), 1.5, math.NaN()},
		HeldOut:       true,
		Candidates:    []*event.Candidate{{Offer: "o", Draw: 0x0102030405060708, Propensity: 0.1}},
	}
}

func TestCanonicalGolden(t *testing.T) {
	t.Parallel()
	if got := hex.EncodeToString(Canonical(goldenDecision())); got != goldenCanonical {
		t.Fatalf("got  %s\nwant %s", got, goldenCanonical)
	}
	offer := &event.Offer{Id: "o", Attributes: map[string]string{"b": "2", "a": "1", "aa": "", "": "x"}, ValidityMs: 5}
	if got := hex.EncodeToString(Canonical(offer)); got != goldenCanonicalOffer {
		t.Fatalf("got  %s\nwant %s", got, goldenCanonicalOffer)
	}
	if got := Canonical(&event.Decision{}); len(got) != 0 {
		t.Fatalf("an empty message is %x", got)
	}
}

func TestCanonicalLeavesUnknownFieldsOut(t *testing.T) {
	t.Parallel()
	d := goldenDecision()
	d.ProtoReflect().SetUnknown([]byte{0xd8, 0x3f, 1})
	if got := hex.EncodeToString(Canonical(d)); got != goldenCanonical {
		t.Fatalf("an unknown field changed the form: %s", got)
	}
}

func TestCanonicalHasOneNaN(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		bits := rapid.Uint64().Draw(t, "bits") | 0x7ff8000000000000
		got := Canonical(&event.Decision{Vector: []float64{math.Float64frombits(bits)}, LoggedPropensity: math.Float64frombits(bits)})
		want := Canonical(&event.Decision{Vector: []float64{CanonicalNaN}, LoggedPropensity: CanonicalNaN})
		if string(got) != string(want) {
			t.Fatalf("got %x, want %x", got, want)
		}
	})
}

// anyEvent draws an event with nested messages, lists, maps and packed numbers.
func anyEvent() *rapid.Generator[*event.Event] {
	text := rapid.StringN(0, 5, -1)
	line := rapid.Custom(func(t *rapid.T) *event.Line {
		return &event.Line{Item: text.Draw(t, "item"), Category: text.Draw(t, "category"),
			QuantityMilli: rapid.Int64().Draw(t, "quantity"), AmountMicros: rapid.Int64().Draw(t, "amount")}
	})
	offer := rapid.Custom(func(t *rapid.T) *event.Offer {
		return &event.Offer{Id: text.Draw(t, "id"), Attributes: rapid.MapOfN(text, text, 0, 5).Draw(t, "attributes"),
			ValidityMs: rapid.Int64().Draw(t, "validity")}
	})
	return rapid.Custom(func(t *rapid.T) *event.Event {
		e := &event.Event{
			Id: rapid.SliceOfN(rapid.Byte(), 0, 16).Draw(t, "id"), AliasType: text.Draw(t, "type"),
			OccurredMs: rapid.Int64().Draw(t, "occurred"), SourceSeq: rapid.Uint64().Draw(t, "source seq"),
		}
		if rapid.Bool().Draw(t, "sealed") {
			e.Sealed = &event.Sealed{Ciphertext: rapid.SliceOfN(rapid.Byte(), 0, 5).Draw(t, "ciphertext")}
		}
		switch rapid.IntRange(0, 3).Draw(t, "body") {
		case 0:
			e.Body = &event.Event_Purchased{Purchased: &event.Purchased{Lines: rapid.SliceOfN(line, 0, 4).Draw(t, "lines"), Coupon: rapid.Bool().Draw(t, "coupon")}}
		case 1:
			e.Body = &event.Event_OfferDefined{OfferDefined: &event.OfferDefined{Offer: offer.Draw(t, "offer")}}
		case 2:
			e.Body = &event.Event_Viewed{Viewed: &event.Viewed{Kind: event.Viewed_Kind(rapid.Int32().Draw(t, "kind"))}}
		case 3:
			e.Body = &event.Event_Decision{Decision: &event.Decision{
				Vector:           rapid.SliceOfN(rapid.Float64(), 0, 6).Draw(t, "vector"),
				LoggedPropensity: rapid.Float64().Draw(t, "propensity"),
				Candidates:       []*event.Candidate{{Draw: rapid.Uint64().Draw(t, "draw"), Offer: text.Draw(t, "offer")}},
			}}
		}
		return e
	})
}

func TestCanonicalIsTheMessage(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := anyEvent().Draw(t, "event")
		form := Canonical(want)
		got := new(event.Event)
		if err := proto.Unmarshal(form, got); err != nil {
			t.Fatal(err)
		}
		if !proto.Equal(got, want) {
			t.Fatalf("got %v, want %v", got, want)
		}
		if again := Canonical(got); string(again) != string(form) {
			t.Fatalf("the form of the form differs:\n%x\n%x", form, again)
		}
	})
}

// The bytes of goldenDecision and of an offer, for ever: recorded decisions are compared with them.
const (
	goldenCanonical      = "0a02dec118ffffffffffffffffff01320a0a0101120508ac02100232003a04686f6d654a050a016112004a0c0a016219010000000000f87f4a050a016320016080808080802082012000000000000000000000000000000080000000000000f83f010000000000f87f9001019a01150a016f319a9999999999b93f590807060504030201"
	goldenCanonicalOffer = "0a016f52050a0012017852060a016112013152060a026161120052060a01621201325805"
)

// A length takes one byte up to 127, two up to 16383, three beyond: the borders, in a message within a message.
func TestCanonicalAtTheBordersOfLengths(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 100, 120, 121, 122, 123, 124, 125, 126, 127, 128, 129, 16370, 16376, 16377, 16378, 16379, 16380, 16383, 16384, 16385} {
		in := &event.Event{Alias: []byte{9}, Body: &event.Event_Viewed{Viewed: &event.Viewed{
			Name: "n", Line: &event.Line{Item: strings.Repeat("x", n), AmountMicros: 7},
		}}}
		out := new(event.Event)
		b := Canonical(in)
		if err := proto.Unmarshal(b, out); err != nil {
			t.Fatalf("an item of %d bytes: %v", n, err)
		}
		if !proto.Equal(in, out) {
			t.Fatalf("an item of %d bytes came back as one of %d", n, len(out.GetViewed().GetLine().GetItem()))
		}
		if len(b) != proto.Size(in) {
			t.Fatalf("an item of %d bytes: %d bytes, want %d", n, len(b), proto.Size(in))
		}
	}
}
