package rpc

import (
	"cmp"
	"errors"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/profferhq/proffer/commands"
	"github.com/profferhq/proffer/commands/jsontext"
	"github.com/profferhq/proffer/domain/identity"
	profferv1 "github.com/profferhq/proffer/gateway/api/proffer/v1"
)

// ingestFormat names our own items in quarantine: the JSON of proffer.v1.Item.
const ingestFormat = "ingest"

// itemOf is the command's form of a message. It always returns an item; one that makes no sense is refused in it.
func itemOf(source string, m *profferv1.Item) commands.Item {
	it := commands.Item{
		MessageID: m.GetMessageId(), SourceSeq: m.GetSourceSeq(), Type: m.GetType(), Channel: m.GetChannel(),
		Name: m.GetName(), Kind: m.GetKind(), Amount: m.GetAmount(), Currency: m.GetCurrency(), Order: m.GetOrder(),
		Coupon: m.GetCoupon(), DecisionID: m.GetDecisionId(), Offer: m.GetOffer(), Treatment: m.GetTreatment(),
		Placement: m.GetPlacement(), Cost: m.GetCost(), Category: m.GetCategory(), Policy: m.GetPolicy(),
		Candidates: m.GetCandidates(), Propensity: m.GetPropensity(), PropensityEstimated: m.GetPropensityEstimated(),
		Attributes: m.GetAttributes(), ValidityMS: m.GetValidityMs(), Channels: m.GetChannels(),
		Format: ingestFormat, Original: func() []byte { return original(m) },
	}
	for _, id := range m.GetIdentifiers() {
		it.Identifiers = append(it.Identifiers, identity.Identifier{Type: id.GetType(), Value: id.GetValue()})
	}
	for _, l := range m.GetLines() {
		it.Lines = append(it.Lines, commands.Line{
			Item: l.GetItem(), Category: l.GetCategory(), Quantity: l.GetQuantity(), Amount: l.GetAmount(),
		})
	}
	for _, c := range m.GetConsents() {
		it.Consents = append(it.Consents, commands.Consent{Purpose: c.GetPurpose(), Given: c.GetGiven()})
	}
	if m.GetRefusedReason() != "" {
		it.Refused, it.Format = refusedBySender(m), importFormat(source)
		it.Original = func() []byte { return []byte(m.GetOriginal()) }
		return it
	}
	if it.OccurredMS, it.Refused = momentOf("time", m.GetTime()); it.Refused == nil {
		it.CollectedMS, it.Refused = momentOf("received", m.GetReceived())
	}
	if it.Refused == nil && m.GetProperties() != nil {
		setProperties(&it, m.GetProperties())
	}
	return it
}

// original is the JSON of the item, as Repair reads it again.
func original(m *profferv1.Item) []byte {
	text, err := protojson.Marshal(m)
	if err != nil {
		return nil // a message that came over the wire can be written again
	}
	return text
}

// importFormat names the mapping of an import's source: "import:shop/orders.csv" is of "import:shop".
func importFormat(source string) string {
	mapping, _, _ := strings.Cut(source, "/")
	return mapping
}

// refusedBySender is why a file import could not map the row.
func refusedBySender(m *profferv1.Item) *commands.Refusal {
	r := &commands.Refusal{
		Reason: m.GetRefusedReason(), Field: clip(m.GetRefusedField()), Message: clip(m.GetRefusedMessage()),
	}
	if !isReason(r.Reason) {
		r.Reason = commands.ReasonInvalidRefusedReason
	}
	return r
}

// isReason says whether the text is UPPER_SNAKE and short enough to branch on.
func isReason(text string) bool {
	if len(text) > 63 {
		return false
	}
	for i := range len(text) {
		if c := text[i]; (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '_' {
			return false
		}
	}
	return true
}

func clip(text string) string {
	if len(text) <= commands.MaxTextBytes {
		return text
	}
	return strings.ToValidUTF8(text[:commands.MaxTextBytes], "")
}

// momentOf is a time as an item has it; 0 for none.
func momentOf(field string, t *timestamppb.Timestamp) (int64, *commands.Refusal) {
	switch {
	case t == nil:
		return 0, nil
	case t.CheckValid() != nil:
		return 0, commands.Refuse(commands.ReasonInvalidTime, field, "not a time")
	}
	return cmp.Or(t.AsTime().UnixMilli(), 1), nil // the epoch is a time, and out of range; 0 would mean now
}

func setProperties(it *commands.Item, properties *structpb.Struct) {
	text, err := appendStruct(nil, properties, 1)
	if err == nil {
		it.Properties, err = jsontext.Parse(text, commands.MaxDepth)
	}
	switch {
	case errors.Is(err, jsontext.ErrTooDeep):
		it.Refused = commands.Refuse(commands.ReasonTooDeep, "properties", "nested deeper than "+strconv.Itoa(commands.MaxDepth))
	case errors.Is(err, errNotANumber):
		it.Refused = commands.Refuse(commands.ReasonNotANumber, "properties", "a property is not a number")
	case err != nil:
		it.Refused = commands.Refuse(commands.ReasonInvalidJSON, "properties", "not a JSON object")
	}
}

var errNotANumber = errors.New("rpc: NaN and infinities have no JSON")

// appendStruct writes a Struct as JSON, its members by name. protojson would do it at fifteen times the cost.
func appendStruct(b []byte, s *structpb.Struct, depth int) ([]byte, error) {
	if depth > commands.MaxDepth {
		return nil, jsontext.ErrTooDeep
	}
	var err error
	b = append(b, '{')
	for i, name := range slices.Sorted(maps.Keys(s.GetFields())) {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(jsontext.AppendString(b, name), ':')
		if b, err = appendValue(b, s.GetFields()[name], depth); err != nil {
			return nil, err
		}
	}
	return append(b, '}'), nil
}

func appendValue(b []byte, v *structpb.Value, depth int) ([]byte, error) {
	switch k := v.GetKind().(type) {
	case *structpb.Value_StringValue:
		return jsontext.AppendString(b, k.StringValue), nil
	case *structpb.Value_BoolValue:
		return strconv.AppendBool(b, k.BoolValue), nil
	case *structpb.Value_NumberValue:
		return appendNumber(b, k.NumberValue)
	case *structpb.Value_StructValue:
		return appendStruct(b, k.StructValue, depth+1)
	case *structpb.Value_ListValue:
		return appendList(b, k.ListValue, depth+1)
	}
	return append(b, "null"...), nil
}

func appendList(b []byte, l *structpb.ListValue, depth int) ([]byte, error) {
	if depth > commands.MaxDepth {
		return nil, jsontext.ErrTooDeep
	}
	var err error
	b = append(b, '[')
	for i, v := range l.GetValues() {
		if i > 0 {
			b = append(b, ',')
		}
		if b, err = appendValue(b, v, depth); err != nil {
			return nil, err
		}
	}
	return append(b, ']'), nil
}

func appendNumber(b []byte, f float64) ([]byte, error) {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return nil, errNotANumber
	}
	return strconv.AppendFloat(b, f, 'g', -1, 64), nil
}

// readItem reads the JSON of an item.
func readItem(text []byte) (commands.Item, error) {
	var m profferv1.Item
	if !utf8.Valid(text) || len(text) > commands.MaxOriginalBytes || protojson.Unmarshal(text, &m) != nil {
		return commands.Item{}, commands.Refuse(commands.ReasonInvalidJSON, "", "not the JSON of an item")
	}
	m.RefusedReason, m.RefusedField, m.RefusedMessage = "", "", ""
	it := itemOf("", &m)
	if it.Refused != nil {
		return commands.Item{}, it.Refused
	}
	return it, nil
}
