package projections

import (
	"fmt"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"pgregory.net/rapid"

	"github.com/google/go-cmp/cmp"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/feature"
)

// randomEvent fills every field of an event, with a body of any kind, so that a fold which begins to read a field that
// is not kept is found out.
func randomEvent(t *rapid.T) *event.Event {
	e := new(event.Event)
	m := e.ProtoReflect()
	bodies := m.Descriptor().Oneofs().ByName("body").Fields()
	body := bodies.Get(rapid.IntRange(0, bodies.Len()-1).Draw(t, "body"))
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		if fd := fields.Get(i); fd.ContainingOneof() == nil || fd == body {
			setRandom(t, m, fd, 0)
		}
	}
	a := rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "alias")
	e.Alias = a
	return e
}

func setRandom(t *rapid.T, m protoreflect.Message, fd protoreflect.FieldDescriptor, depth int) {
	switch {
	case depth > 4:
	case fd.IsMap():
	case fd.IsList():
		list := m.Mutable(fd).List()
		for range rapid.IntRange(0, 3).Draw(t, "n") {
			if fd.Kind() == protoreflect.MessageKind {
				fillRandom(t, list.AppendMutable().Message(), depth+1)
			} else {
				list.Append(randomScalar(t, fd))
			}
		}
	case fd.Kind() == protoreflect.MessageKind:
		fillRandom(t, m.Mutable(fd).Message(), depth+1)
	default:
		m.Set(fd, randomScalar(t, fd))
	}
}

func fillRandom(t *rapid.T, m protoreflect.Message, depth int) {
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		if rapid.IntRange(0, 9).Draw(t, "set") > 0 {
			setRandom(t, m, fields.Get(i), depth)
		}
	}
}

func randomScalar(t *rapid.T, fd protoreflect.FieldDescriptor) protoreflect.Value {
	switch fd.Kind() {
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(rapid.Bool().Draw(t, "bool"))
	case protoreflect.StringKind:
		return protoreflect.ValueOfString(rapid.StringMatching(`[a-z]{0,200}`).Draw(t, "text"))
	case protoreflect.BytesKind:
		return protoreflect.ValueOfBytes(rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(t, "bytes"))
	case protoreflect.EnumKind:
		return protoreflect.ValueOfEnum(protoreflect.EnumNumber(rapid.IntRange(0, 3).Draw(t, "enum")))
	case protoreflect.DoubleKind:
		return protoreflect.ValueOfFloat64(rapid.Float64().Draw(t, "number"))
	case protoreflect.Uint32Kind:
		return protoreflect.ValueOfUint32(rapid.Uint32().Draw(t, "number"))
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		return protoreflect.ValueOfUint64(rapid.Uint64().Draw(t, "number"))
	}
	return protoreflect.ValueOfInt64(rapid.Int64Range(0, 1<<45).Draw(t, "number"))
}

// decoderToTest is the decoder with or without its fast way.
func decoderToTest(t *rapid.T) *leanDecoder {
	d := activityDecoder(nil)
	if rapid.Bool().Draw(t, "general") {
		d.fast = nil
	}
	return d
}

func TestLeanEventsFoldAsWholeOnes(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		lean, full := decoderToTest(t), feature.Activity{}
		var frames [][]byte
		for range rapid.IntRange(1, 6).Draw(t, "events") {
			frame, err := proto.Marshal(randomEvent(t))
			if err != nil {
				t.Fatal(err)
			}
			frames = append(frames, frame)
		}
		var memory slab
		used := domain.Envelope{}
		for range rapid.IntRange(0, 4).Draw(t, "used before") {
			frame, err := proto.Marshal(randomEvent(t))
			if err != nil {
				t.Fatal(err)
			}
			used.Frames = append(used.Frames, frame)
		}
		if _, err := lean.recorded(&memory, used); err != nil {
			t.Fatal(err)
		}
		envelope := domain.Envelope{Sequence: 3, Frames: frames}
		whole, err := envelope.Recorded()
		if err != nil {
			t.Fatal(err)
		}
		parts, err := lean.recorded(&memory, envelope)
		if err != nil {
			t.Fatal(err)
		}
		folded := feature.Activity{}
		for i := range whole {
			full, folded = feature.Fold(full, whole[i]), feature.Fold(folded, parts[i])
			if parts[i].At != whole[i].At {
				t.Fatalf("event %d is at %v, want %v", i, parts[i].At, whole[i].At)
			}
		}
		if diff := cmp.Diff(feature.Encode(full), feature.Encode(folded)); diff != "" {
			t.Fatalf("activity (-whole +lean):\n%s", diff)
		}
	})
}

// What series read is there, too: folding for a layout from what was decoded gives what the whole events give.
func TestLeanFoldsSeriesAsWhole(t *testing.T) {
	t.Parallel()
	layout := feature.LayoutOf(feature.Retail())
	rapid.Check(t, func(t *rapid.T) {
		lean, memory := activityDecoder(layout), new(slab)
		whole, parts := feature.NewFolder(layout.Empty()), feature.NewFolder(layout.Empty())
		for i := range rapid.IntRange(1, 20).Draw(t, "events") {
			frame, err := proto.Marshal(randomEvent(t))
			if err != nil {
				t.Fatal(err)
			}
			envelope := domain.Envelope{Sequence: uint64(i + 1), Frames: [][]byte{frame}}
			full, err := envelope.Recorded()
			if err != nil {
				t.Fatal(err)
			}
			some, err := lean.recorded(memory, envelope)
			if err != nil {
				t.Fatal(err)
			}
			whole.Fold(full[0])
			parts.Fold(some[0])
		}
		if diff := cmp.Diff(feature.Encode(whole.Activity()), feature.Encode(parts.Activity())); diff != "" {
			t.Fatalf("activity (-whole +lean):\n%s", diff)
		}
	})
}

// BenchmarkFoldForALayout decodes and folds what a backfill of retail@1 reads: views mostly, some purchases and offers.
func BenchmarkFoldForALayout(b *testing.B) {
	line := func(i int) *event.Line {
		return &event.Line{Item: fmt.Sprintf("article-%d", i%50), Category: "shoes", QuantityMilli: 1000, AmountMicros: 9_990_000}
	}
	var frames [][]byte
	for i := range 1000 {
		e := &event.Event{Id: make([]byte, 16), Alias: make([]byte, 16), AliasType: "user_id", OccurredMs: int64(1_770_000_000_000 + i*60_000), Source: "shop", Channel: "web"}
		switch {
		case i%10 == 0:
			e.Body = &event.Event_Purchased{Purchased: &event.Purchased{AmountMicros: 29_970_000, Currency: "EUR", Lines: []*event.Line{line(i), line(i + 1)}}}
		case i%10 == 1:
			e.Body = &event.Event_Exposed{Exposed: &event.Exposed{Of: &event.OutcomeOf{Offer: "spring"}}}
		default:
			e.Body = &event.Event_Viewed{Viewed: &event.Viewed{Kind: event.Viewed_KIND_ITEM, Line: line(i)}}
		}
		frame, err := proto.Marshal(e)
		if err != nil {
			b.Fatal(err)
		}
		frames = append(frames, frame)
	}
	for name, layout := range map[string]*feature.Layout{"core": nil, "retail": feature.LayoutOf(feature.Retail())} {
		b.Run(name, func(b *testing.B) {
			lean, memory := activityDecoder(layout), new(slab)
			sequence := uint64(0)
			for b.Loop() {
				sequence++
				folder := feature.NewFolder(layout.Empty())
				events, err := lean.recorded(memory, domain.Envelope{Sequence: sequence, Frames: frames[:200]})
				if err != nil {
					b.Fatal(err)
				}
				for _, r := range events {
					folder.Fold(r)
				}
			}
			b.ReportMetric(float64(b.N)*200/b.Elapsed().Seconds(), "events/s")
		})
	}
}

func TestLeanCountsAsWhole(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		lean := typeDecoder()
		if rapid.Bool().Draw(t, "general") {
			lean.fast = nil
		}
		e := randomEvent(t)
		frame, err := proto.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		parts, err := lean.recorded(new(slab), domain.Envelope{Frames: [][]byte{frame}})
		if err != nil {
			t.Fatal(err)
		}
		if got, want := domain.TypeOf(parts[0].Event), domain.TypeOf(e); got != want {
			t.Fatalf("type %q, want %q", got, want)
		}
	})
}

func FuzzLean(f *testing.F) {
	for _, e := range []*event.Event{
		{Alias: make([]byte, 16), Body: &event.Event_Tracked{Tracked: &event.Tracked{Name: "x"}}},
		{Body: &event.Event_Decision{Decision: &event.Decision{Offer: "a", Vector: []float64{1, 2}}}},
	} {
		frame, err := proto.Marshal(e)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(frame)
	}
	f.Add([]byte{0xa2, 0x01, 0xff})
	f.Add([]byte{0xe2, 0x03, 0x02, 0x10, 0x01, 0xe2, 0x03, 0x00}) // a decision twice: they are one, and external
	f.Add([]byte{0xe2, 0x03, 0x04, 0x10, 0x01, 0x10, 0x00})       // external, and not
	f.Fuzz(func(t *testing.T, frame []byte) {
		lean := activityDecoder(nil)
		envelope := domain.Envelope{Frames: [][]byte{frame}}
		parts, err := lean.recorded(new(slab), envelope)
		whole, wholeErr := envelope.Recorded()
		if wholeErr != nil {
			return // what is not kept is not looked into
		}
		if err != nil {
			t.Fatalf("the whole event decodes, its parts do not: %v", err)
		}
		a := feature.Encode(feature.Fold(feature.Activity{}, whole[0]))
		b := feature.Encode(feature.Fold(feature.Activity{}, parts[0]))
		if string(a) != string(b) {
			t.Fatal("the parts fold to something else")
		}
		types, err := typeDecoder().recorded(new(slab), envelope)
		if err != nil {
			t.Fatalf("the whole event decodes, its type does not: %v", err)
		}
		if got, want := domain.TypeOf(types[0].Event), domain.TypeOf(whole[0].Event); got != want {
			t.Fatalf("type %q, want %q", got, want)
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	line := &event.Line{Item: "article-a", Category: "shoes", QuantityMilli: 1000, AmountMicros: 9_990_000}
	shopping, err := proto.Marshal(&event.Event{
		Id: make([]byte, 16), Alias: make([]byte, 16), AliasType: "user_id", Channel: "web", Source: "segment:web",
		OccurredMs: 1_700_000_000_000, ReceivedMs: 1_700_000_000_000,
		Body: &event.Event_Purchased{Purchased: &event.Purchased{AmountMicros: 1, Currency: "EUR", Lines: []*event.Line{line}}},
	})
	if err != nil {
		b.Fatal(err)
	}
	candidate := &event.Candidate{Offer: "offer", Treatment: "treatment", Stage: "ELIGIBILITY", Rule: "rule", Reason: "NOT_ELIGIBLE"}
	decision, err := proto.Marshal(&event.Event{
		Id: make([]byte, 16), Alias: make([]byte, 16), AliasType: "user_id", OccurredMs: 1,
		Body: &event.Event_Decision{Decision: &event.Decision{
			Id: make([]byte, 16), Vector: make([]float64, 60), Offer: "offer", Channel: "web", Category: "discount",
			Candidates: []*event.Candidate{candidate, candidate, candidate, candidate, candidate, candidate},
		}},
	})
	if err != nil {
		b.Fatal(err)
	}
	for name, frame := range map[string][]byte{"shopping": shopping, "decision": decision} {
		envelope := domain.Envelope{Frames: make([][]byte, 100)}
		for i := range envelope.Frames {
			envelope.Frames[i] = frame
		}
		b.Run(name+"/lean", func(b *testing.B) {
			d, memory := activityDecoder(nil), new(slab)
			for b.Loop() {
				if _, err := d.recorded(memory, envelope); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/100, "ns/event")
		})
		b.Run(name+"/whole", func(b *testing.B) {
			for b.Loop() {
				if _, err := envelope.Recorded(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/100, "ns/event")
		})
	}
}

// A watch sees of a decision that models had a part in what it reads of the whole one, and of another nothing.
func TestLeanDecisionsAreWatchedAsWholeOnes(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		e := randomEvent(t)
		d := e.GetDecision()
		if d != nil && rapid.Bool().Draw(t, "unscored") {
			d.Scores = nil
		}
		frame, err := proto.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		lean, err := watchDecoder().recorded(new(slab), domain.Envelope{Sequence: 3, Frames: [][]byte{frame}})
		if err != nil {
			t.Fatal(err)
		}
		got := lean[0].Event.GetDecision()
		if len(d.GetScores()) == 0 {
			if got != nil || lean[0].Event.GetBody() != nil && d != nil {
				t.Fatalf("of a decision without scores a watch reads %v", lean[0].Event)
			}
			return
		}
		want := &event.Decision{
			Id: d.GetId(), External: d.GetExternal(), NowMs: d.GetNowMs(), RequestedAlias: d.GetRequestedAlias(), View: d.GetView(),
			Vector: d.GetVector(), Scores: d.GetScores(),
		}
		if !proto.Equal(got, want) {
			t.Fatalf("a watch reads %v, want %v", got, want)
		}
	})
}
