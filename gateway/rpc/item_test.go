package rpc

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"
	"pgregory.net/rapid"

	"github.com/profferhq/proffer/commands"
	profferv1 "github.com/profferhq/proffer/gateway/api/proffer/v1"
)

// messageOf is the inverse of itemOf for items that are not refused: it exists to show that nothing is lost.
func messageOf(t *rapid.T, it commands.Item) *profferv1.Item {
	m := &profferv1.Item{
		MessageId: it.MessageID, SourceSeq: it.SourceSeq, Type: it.Type, Channel: it.Channel, Name: it.Name, Kind: it.Kind,
		Amount: it.Amount, Currency: it.Currency, Order: it.Order, Coupon: it.Coupon, DecisionId: it.DecisionID,
		Offer: it.Offer, Treatment: it.Treatment, Placement: it.Placement, Cost: it.Cost, Category: it.Category,
		Policy: it.Policy, Candidates: it.Candidates, Propensity: it.Propensity, PropensityEstimated: it.PropensityEstimated,
		Attributes: it.Attributes, ValidityMs: it.ValidityMS, Channels: it.Channels,
	}
	for _, id := range it.Identifiers {
		m.Identifiers = append(m.Identifiers, &profferv1.Identifier{Type: id.Type, Value: id.Value})
	}
	for _, l := range it.Lines {
		m.Lines = append(m.Lines, &profferv1.Line{Item: l.Item, Category: l.Category, Quantity: l.Quantity, Amount: l.Amount})
	}
	for _, c := range it.Consents {
		m.Consents = append(m.Consents, &profferv1.Consent{Purpose: c.Purpose, Given: c.Given})
	}
	if it.OccurredMS != 0 {
		m.Time = timestamppb.New(time.UnixMilli(it.OccurredMS))
	}
	if it.CollectedMS != 0 {
		m.Received = timestamppb.New(time.UnixMilli(it.CollectedMS))
	}
	if !it.Properties.IsZero() {
		m.Properties = &structpb.Struct{}
		if err := protojson.Unmarshal(it.Properties.Raw(), m.Properties); err != nil {
			t.Fatal(err)
		}
	}
	return m
}

func drawMessage(t *rapid.T) *profferv1.Item {
	text := func(name string) string { return rapid.String().Draw(t, name) }
	m := &profferv1.Item{
		MessageId: text("message_id"), Type: text("type"), Channel: text("channel"), Name: text("name"), Kind: text("kind"),
		Amount: text("amount"), Currency: text("currency"), Order: text("order"), Coupon: rapid.Bool().Draw(t, "coupon"),
		DecisionId: text("decision"), Offer: text("offer"), Treatment: text("treatment"), Placement: text("placement"),
		Cost: text("cost"), Category: text("category"), Policy: text("policy"), Propensity: rapid.Float64().Draw(t, "propensity"),
		PropensityEstimated: rapid.Bool().Draw(t, "estimated"), ValidityMs: rapid.Int64().Draw(t, "validity"),
		SourceSeq:  rapid.Uint64().Draw(t, "seq"),
		Candidates: rapid.SliceOfN(rapid.String(), 0, 3).Draw(t, "candidates"),
		Channels:   rapid.SliceOfN(rapid.String(), 0, 3).Draw(t, "channels"),
		Attributes: rapid.MapOfN(rapid.String(), rapid.String(), 0, 3).Draw(t, "attributes"),
	}
	if rapid.Bool().Draw(t, "received") {
		m.Received = timestamppb.New(time.UnixMilli(rapid.Int64Range(1, 1<<45).Draw(t, "received at")))
	}
	for range rapid.IntRange(0, 3).Draw(t, "identifiers") {
		m.Identifiers = append(m.Identifiers, &profferv1.Identifier{Type: text("id type"), Value: text("id")})
		m.Consents = append(m.Consents, &profferv1.Consent{Purpose: text("purpose"), Given: rapid.Bool().Draw(t, "given")})
		m.Lines = append(m.Lines, &profferv1.Line{Item: text("item"), Category: text("c"), Quantity: text("q"), Amount: text("a")})
	}
	if rapid.Bool().Draw(t, "has time") {
		m.Time = timestamppb.New(time.UnixMilli(rapid.Int64Range(1, 1<<42).Draw(t, "time")))
	}
	if rapid.Bool().Draw(t, "has properties") {
		fields := map[string]any{}
		for range rapid.IntRange(0, 3).Draw(t, "properties") {
			fields[text("property")] = rapid.SampledFrom([]any{
				nil, true, "é\"\\\n\x00", 1.5, -1e300, 0.1, []any{1.0, "x", nil}, map[string]any{"b": []any{}, "a": map[string]any{}},
			}).Draw(t, "value")
		}
		var err error
		if m.Properties, err = structpb.NewStruct(fields); err != nil {
			t.Fatal(err)
		}
	}
	return m
}

func TestItemRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := drawMessage(t)
		it := itemOf("s", want)
		if it.Refused != nil {
			t.Fatalf("refused: %v", it.Refused)
		}
		if diff := cmp.Diff(want, messageOf(t, it), protocmp.Transform()); diff != "" {
			t.Fatalf("round trip (-want +got):\n%s", diff)
		}
		again, err := readItem(it.Original())
		if err != nil {
			t.Fatalf("the original does not read: %v", err)
		}
		if diff := cmp.Diff(want, messageOf(t, again), protocmp.Transform()); diff != "" {
			t.Fatalf("through quarantine (-want +got):\n%s", diff)
		}
	})
}

// Every field of the message is mapped: a new one makes this fail until it is.
func TestItemMapsEveryField(t *testing.T) {
	t.Parallel()
	var names []string
	fields := (&profferv1.Item{}).ProtoReflect().Descriptor().Fields()
	for i := range fields.Len() {
		names = append(names, string(fields.Get(i).Name()))
	}
	want := []string{
		"message_id", "type", "identifiers", "time", "channel", "name", "kind", "amount", "currency", "order", "coupon", "lines",
		"decision_id", "offer", "treatment", "placement", "cost", "category", "policy", "candidates", "propensity",
		"propensity_estimated", "attributes", "validity_ms", "channels", "properties", "source_seq", "original",
		"refused_reason", "refused_field", "refused_message", "received", "consents",
	}
	if !slices.Equal(names, want) {
		t.Errorf("the message's fields changed: got %v", names)
	}
}

func TestItemRefuses(t *testing.T) {
	t.Parallel()
	deep := &structpb.Value{Kind: &structpb.Value_NumberValue{NumberValue: 1}}
	for range 40 {
		deep = structpb.NewListValue(&structpb.ListValue{Values: []*structpb.Value{deep}})
	}
	for _, c := range []struct {
		name   string
		item   *profferv1.Item
		reason string
		format string
	}{
		{"NaN", &profferv1.Item{Properties: &structpb.Struct{Fields: map[string]*structpb.Value{"a": structpb.NewNumberValue(math.NaN())}}}, "NOT_A_NUMBER", "ingest"},
		{"deep", &profferv1.Item{Properties: &structpb.Struct{Fields: map[string]*structpb.Value{"a": deep}}}, "TOO_DEEP", "ingest"},
		{"time", &profferv1.Item{Time: &timestamppb.Timestamp{Seconds: math.MaxInt64}}, "INVALID_TIME", "ingest"},
		{"by the sender", &profferv1.Item{RefusedReason: "STOCK_ADJUSTMENT", Original: "1;2"}, "STOCK_ADJUSTMENT", "import:retail"},
		{"by the sender, for no reason", &profferv1.Item{RefusedReason: "because"}, "INVALID_REFUSED_REASON", "import:retail"},
	} {
		it := itemOf("import:retail/file.csv", c.item)
		if it.Refused == nil || it.Refused.Reason != c.reason || it.Format != c.format {
			t.Errorf("%s: got %v as %s, want %s as %s", c.name, it.Refused, it.Format, c.reason, c.format)
		}
		if c.item.GetOriginal() != "" && string(it.Original()) != c.item.GetOriginal() {
			t.Errorf("%s: kept %q", c.name, it.Original())
		}
	}
}

func TestItemReader(t *testing.T) {
	t.Parallel()
	r := ItemReader{}
	if it, err := r.ReadItem("segment", []byte(`{"type":"track","userId":"u","event":"x"}`), false, 7); err != nil || it.OccurredMS != 7 || it.Name != "x" {
		t.Errorf("segment: got %+v, %v", it, err)
	}
	if it, err := r.ReadItem("import:x", []byte(`{"type":"track","name":"x","refusedReason":"R"}`), true, 7); err != nil || it.Refused != nil || it.Type != "track" {
		t.Errorf("a repaired row: got %+v, %v", it, err)
	}
	for format, text := range map[string]string{"segment": `{`, "ingest": `{"nonsense":1}`} {
		if _, err := r.ReadItem(format, []byte(text), false, 7); err == nil {
			t.Errorf("%s: got no error", format)
		}
	}
	if _, err := r.ReadItem("import:x", []byte(`1;2`), false, 7); err == nil {
		t.Error("a row of an import as it was: got no error")
	}
}

func TestStructsAreWrittenAsJSON(t *testing.T) {
	t.Parallel()
	s, err := structpb.NewStruct(map[string]any{"b": 1.0, "a": []any{nil, true, "\""}, "c": map[string]any{}})
	if err != nil {
		t.Fatal(err)
	}
	got, err := appendStruct(nil, s, 1)
	if err != nil || string(got) != `{"a":[null,true,"\""],"b":1,"c":{}}` {
		t.Errorf("got %s, %v", got, err)
	}
}
