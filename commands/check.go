package commands

import (
	"encoding/hex"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/profferhq/proffer/commands/jsontext"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/identity"
)

// EarliestMS is 1990-01-01: a time before it is a mistake of the sender's clock or of a unit.
const EarliestMS int64 = 631_152_000_000

// aheadMS is how far in the future a time may be.
const aheadMS = int64(24 * time.Hour / time.Millisecond)

// checked is an item that will be accepted: its texts parsed, its identifiers in normal form.
type checked struct {
	item *Item
	// ids are the person's identifiers, the subject first; group follows them where there is one.
	ids        []identity.Identifier
	group      bool
	occurredMS int64
	amount     int64
	cost       int64
	lines      []*event.Line
	decisionID []byte
	traits     []string
}

// checker checks items against one time.
type checker struct {
	normalizer Normalizer
	guards     *identity.Guards
	nowMS      int64
}

// check parses an item into out, or says why it is refused. The field is in Item's terms.
func (c checker) check(it *Item, out *checked) *Refusal {
	if it.Refused != nil {
		return it.Refused
	}
	out.item = it
	for _, step := range [...]func(*checked) *Refusal{
		checkSize, c.checkTime, checkTexts, checkAmounts, checkType, checkConsents, c.checkIdentifiers, checkProperties,
	} {
		if r := step(out); r != nil {
			return r
		}
	}
	return nil
}

// size is what the item's texts and properties weigh.
func (it *Item) size() int {
	n := len(it.MessageID) + len(it.Type) + len(it.Channel) + len(it.Name) + len(it.Order) + len(it.Currency) +
		len(it.Offer) + len(it.Treatment) + len(it.Placement) + len(it.Category) + len(it.Policy) +
		len(it.Properties.Raw()) + len(it.Amount) + len(it.Cost)
	for _, id := range it.Identifiers {
		n += len(id.Type) + len(id.Value)
	}
	for _, l := range it.Lines {
		n += len(l.Item) + len(l.Category) + len(l.Amount) + len(l.Quantity) + len(l.Price)
	}
	for _, s := range it.Candidates {
		n += len(s)
	}
	for _, s := range it.Channels {
		n += len(s)
	}
	for k, v := range it.Attributes {
		n += len(k) + len(v)
	}
	for _, s := range it.Consents {
		n += len(s.Purpose)
	}
	return n
}

func checkSize(c *checked) *Refusal {
	if c.item.size() > MaxItemBytes {
		return Refuse(ReasonEventTooLarge, "", "an event may have "+strconv.Itoa(MaxItemBytes>>10)+" KB")
	}
	return nil
}

func (c checker) checkTime(out *checked) *Refusal {
	out.occurredMS = out.item.OccurredMS
	if out.occurredMS == 0 {
		out.occurredMS = c.nowMS
	}
	if r := c.checkRange("time", out.occurredMS); r != nil || out.item.CollectedMS == 0 {
		return r
	}
	return c.checkRange("received", out.item.CollectedMS)
}

func (c checker) checkRange(field string, ms int64) *Refusal {
	if ms < EarliestMS || ms > c.nowMS+aheadMS {
		return Refuse(ReasonTimeOutOfRange, field, "the time is before 1990 or more than a day ahead")
	}
	return nil
}

func checkTexts(c *checked) *Refusal {
	it := c.item
	if len(it.MessageID) > MaxTextBytes {
		return Refuse(ReasonMessageIDTooLong, "message_id", "a message id may have "+strconv.Itoa(MaxTextBytes)+" bytes")
	}
	for _, f := range [...]struct{ name, text string }{
		{"channel", it.Channel}, {"name", it.Name}, {"currency", it.Currency}, {"order", it.Order},
		{"offer", it.Offer}, {"treatment", it.Treatment}, {"placement", it.Placement},
		{"category", it.Category}, {"policy", it.Policy},
	} {
		if r := checkText(f.name, f.text); r != nil {
			return r
		}
	}
	if r := checkList("candidates", it.Candidates); r != nil {
		return r
	}
	if r := checkList("channels", it.Channels); r != nil {
		return r
	}
	return checkAttributes(it.Attributes)
}

func checkList(field string, list []string) *Refusal {
	if len(list) > MaxValues {
		return Refuse(ReasonTooManyValues, field, "at most "+strconv.Itoa(MaxValues))
	}
	for i, s := range list {
		if r := checkText(index(field, i), s); r != nil {
			return r
		}
	}
	return nil
}

func checkAttributes(attributes map[string]string) *Refusal {
	if len(attributes) > MaxValues {
		return Refuse(ReasonTooManyValues, "attributes", "at most "+strconv.Itoa(MaxValues))
	}
	for k, v := range attributes {
		if r := checkText("attributes", k); r != nil {
			return r
		}
		if !utf8.ValidString(v) {
			return Refuse(ReasonInvalidText, "attributes", "not UTF-8")
		}
	}
	return nil
}

// checkText bounds a name or code, and keeps control characters out of tables and terminals.
func checkText(field, text string) *Refusal {
	if len(text) > MaxTextBytes {
		return Refuse(ReasonTextTooLong, field, "at most "+strconv.Itoa(MaxTextBytes)+" bytes")
	}
	ascii := true
	for i := range len(text) {
		if c := text[i]; c < ' ' || c == 0x7f {
			return Refuse(ReasonInvalidText, field, "a control character")
		} else if c >= utf8.RuneSelf {
			ascii = false
		}
	}
	if !ascii && !utf8.ValidString(text) {
		return Refuse(ReasonInvalidText, field, "not UTF-8")
	}
	return nil
}

// checkType asks of each type what it cannot do without.
func checkType(c *checked) *Refusal {
	it := c.item
	switch it.Type {
	case TypeView:
		if it.Kind != "" && it.Kind != "page" && it.Kind != "screen" && it.Kind != "item" {
			return Refuse(ReasonInvalidKind, "kind", `a view is of a "page", a "screen" or an "item"`)
		}
		if it.Kind == "item" {
			return needLineItem(c)
		}
	case TypeCart:
		return needLineItem(c)
	case TypePurchase, TypeRefund, TypeIdentify, TypeLink, TypeConsent, TypeGroup:
	case TypeTrack:
		return needText(ReasonMissingName, "name", it.Name)
	case TypeDeliver, TypeExpose, TypeClick, TypeConvert:
		return checkOutcome(c)
	case TypeOffer:
		if it.ValidityMS < 0 {
			return Refuse(ReasonInvalidValidity, "validity_ms", "the validity is negative")
		}
		return needText(ReasonMissingOffer, "offer", it.Offer)
	case TypeExternalDecision:
		return parseDecisionID(c)
	default:
		return Refuse(ReasonUnknownType, "type", "no such type of event")
	}
	return nil
}

func needText(reason, field, text string) *Refusal {
	if strings.TrimSpace(text) == "" {
		return Refuse(reason, field, "it is required")
	}
	return nil
}

func needLineItem(c *checked) *Refusal {
	if len(c.lines) != 1 || c.lines[0].GetItem() == "" {
		return Refuse(ReasonMissingItem, "lines[0].item", "one item is required")
	}
	return nil
}

// checkOutcome: an outcome belongs to a decision or at least to an offer.
func checkOutcome(c *checked) *Refusal {
	if r := parseDecisionID(c); r != nil {
		return r
	}
	if c.decisionID == nil {
		return needText(ReasonMissingOffer, "offer", c.item.Offer)
	}
	return nil
}

func parseDecisionID(c *checked) *Refusal {
	if c.item.DecisionID == "" {
		return nil
	}
	id, err := hex.DecodeString(c.item.DecisionID)
	if err != nil || len(id) != 16 {
		return Refuse(ReasonInvalidDecisionID, "decision_id", "32 hexadecimal digits")
	}
	c.decisionID = id
	return nil
}

func checkProperties(c *checked) *Refusal {
	p := c.item.Properties
	if p.IsZero() {
		return nil
	}
	if p.Kind() != jsontext.Object {
		return Refuse(ReasonInvalidJSON, "properties", "an object is required")
	}
	if !utf8.Valid(p.Raw()) {
		return Refuse(ReasonInvalidText, "properties", "not UTF-8")
	}
	if p.Deeper(MaxDepth) {
		return Refuse(ReasonTooDeep, "properties", "nested deeper than "+strconv.Itoa(MaxDepth))
	}
	if c.item.Type == TypeIdentify {
		return checkTraits(c)
	}
	return nil
}

// checkTraits collects the names of the traits; names that start with $ are not traits but their surroundings.
func checkTraits(c *checked) *Refusal {
	for name := range c.item.Properties.Members() {
		if len(name) > 0 && name[0] == '$' {
			continue
		}
		if len(c.traits) == MaxValues {
			return Refuse(ReasonTooManyValues, "properties", "at most "+strconv.Itoa(MaxValues))
		}
		if r := checkText("properties", string(name)); r != nil {
			return r
		}
		c.traits = append(c.traits, string(name))
	}
	return nil
}

// index names an element: lines[2].
func index(field string, i int) string { return field + "[" + strconv.Itoa(i) + "]" }
