package importer

import (
	"slices"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"google.golang.org/protobuf/types/known/timestamppb"

	profferv1 "github.com/profferhq/proffer/gateway/api/proffer/v1"
)

// commonFields may be set on an item of any type.
const commonFields = "message_id time received channel"

// consentFields must be set on an item of type consent: a yes or no that a row leaves open is neither.
const consentFields = "purpose given"

// fieldsOf lists what else an item of a type may carry; "" for a type that does not exist.
func fieldsOf(itemType string) string {
	const outcome = "decision_id offer treatment placement"
	switch itemType {
	case "view":
		return "name kind lines"
	case "cart":
		return "lines"
	case "purchase":
		return "amount currency order coupon lines"
	case "refund":
		return "amount currency order lines"
	case "track", "identify", "link", "group":
		return "name"
	case "deliver", "expose", "click":
		return outcome
	case "convert":
		return outcome + " amount currency cost"
	case "consent":
		return consentFields
	case "offer":
		return "offer name category attributes validity_ms channels"
	case "external_decision":
		return outcome + " category policy candidates propensity propensity_estimated"
	}
	return ""
}

func itemTypes() []string {
	return []string{"view", "cart", "purchase", "refund", "track", "identify", "link", "group", "deliver", "expose",
		"click", "convert", "offer", "external_decision", "consent"}
}

// fieldSpec sets one field of an item to the value of an expression.
type fieldSpec struct {
	name string
	expression
	set func(*profferv1.Item, ref.Val, *Mapping) error
}

type setter = func(*profferv1.Item, ref.Val, *Mapping) error

// intoText sets a text field; null leaves it empty.
func intoText(field func(*profferv1.Item) *string) setter {
	return func(item *profferv1.Item, v ref.Val, _ *Mapping) error {
		s, err := textOf(v)
		if err != nil {
			return plainError{err}
		}
		*field(item) = s
		return nil
	}
}

// intoMoney sets a field that holds an amount as text; null and blank leave it empty.
func intoMoney(field func(*profferv1.Item) *string) setter {
	return func(item *profferv1.Item, v ref.Val, _ *Mapping) error {
		s, err := moneyText(v)
		if err != nil {
			return plainError{err}
		}
		*field(item) = s
		return nil
	}
}

func intoBool(field func(*profferv1.Item) *bool) setter {
	return func(item *profferv1.Item, v ref.Val, _ *Mapping) error {
		if v == types.NullValue {
			return nil
		}
		b, ok := v.(types.Bool)
		if !ok {
			return plainError{errNotBool}
		}
		*field(item) = bool(b)
		return nil
	}
}

func intoTexts(field func(*profferv1.Item) *[]string) setter {
	return func(item *profferv1.Item, v ref.Val, _ *Mapping) error {
		texts, err := textList(v)
		if err != nil {
			return plainError{err}
		}
		*field(item) = texts
		return nil
	}
}

func intoTime(field func(*profferv1.Item) **timestamppb.Timestamp) setter {
	return func(item *profferv1.Item, v ref.Val, m *Mapping) error {
		switch x := v.(type) {
		case types.Timestamp:
			*field(item) = timestamppb.New(x.Time)
			return nil
		case types.String:
			t, err := timeOf(string(x), m.zone)
			if err != nil {
				return plainError{err}
			}
			*field(item) = timestamppb.New(t)
			return nil
		}
		return plainError{errNotTime}
	}
}

// intoReceived is intoTime for a time that may be unknown: null and blank leave it out.
func intoReceived(item *profferv1.Item, v ref.Val, m *Mapping) error {
	if isBlank(v) {
		return nil
	}
	return intoTime(func(i *profferv1.Item) **timestamppb.Timestamp { return &i.Received })(item, v, m)
}

// intoMessageID sets the message id, which a row may not leave empty: without one a repeat would count twice.
func intoMessageID(item *profferv1.Item, v ref.Val, _ *Mapping) error {
	if isBlank(v) {
		return plainError{errNoMessageID}
	}
	return intoText(func(i *profferv1.Item) *string { return &i.MessageId })(item, v, nil)
}

func setPropensity(item *profferv1.Item, v ref.Val, _ *Mapping) error {
	f, err := floatOf(v)
	if err != nil {
		return plainError{err}
	}
	item.Propensity = f
	return nil
}

func setValidity(item *profferv1.Item, v ref.Val, _ *Mapping) error {
	n, ok := v.(types.Int)
	if d, isDecimal := v.(decimal); isDecimal && d.scale == 0 {
		n, ok = types.Int(d.mantissa), true
	}
	if !ok && v != types.NullValue {
		return plainError{errNotDecimal}
	}
	item.ValidityMs = int64(n)
	return nil
}

// consentOf is the one consent of an item.
func consentOf(item *profferv1.Item) *profferv1.Consent {
	if len(item.GetConsents()) == 0 {
		item.Consents = []*profferv1.Consent{{}}
	}
	return item.GetConsents()[0]
}

func setGiven(item *profferv1.Item, v ref.Val, _ *Mapping) error {
	b, ok := v.(types.Bool)
	if !ok {
		return plainError{errNotBool}
	}
	consentOf(item).Given = bool(b)
	return nil
}

// compileFields compiles what the document gives, in the order of the list below.
func compileFields(p place, d emitDocument) ([]fieldSpec, error) {
	all := []struct {
		name string
		text text
		set  setter
	}{
		{"message_id", d.MessageID, intoMessageID},
		{"time", d.Time, intoTime(func(i *profferv1.Item) **timestamppb.Timestamp { return &i.Time })},
		{"received", d.Received, intoReceived},
		{"channel", d.Channel, intoText(func(i *profferv1.Item) *string { return &i.Channel })},
		{"name", d.Name, intoText(func(i *profferv1.Item) *string { return &i.Name })},
		{"kind", d.Kind, intoText(func(i *profferv1.Item) *string { return &i.Kind })},
		{"amount", d.Amount, intoMoney(func(i *profferv1.Item) *string { return &i.Amount })},
		{"currency", d.Currency, intoText(func(i *profferv1.Item) *string { return &i.Currency })},
		{"order", d.Order, intoText(func(i *profferv1.Item) *string { return &i.Order })},
		{"coupon", d.Coupon, intoBool(func(i *profferv1.Item) *bool { return &i.Coupon })},
		{"decision_id", d.DecisionID, intoText(func(i *profferv1.Item) *string { return &i.DecisionId })},
		{"offer", d.Offer, intoText(func(i *profferv1.Item) *string { return &i.Offer })},
		{"treatment", d.Treatment, intoText(func(i *profferv1.Item) *string { return &i.Treatment })},
		{"placement", d.Placement, intoText(func(i *profferv1.Item) *string { return &i.Placement })},
		{"cost", d.Cost, intoMoney(func(i *profferv1.Item) *string { return &i.Cost })},
		{"category", d.Category, intoText(func(i *profferv1.Item) *string { return &i.Category })},
		{"policy", d.Policy, intoText(func(i *profferv1.Item) *string { return &i.Policy })},
		{"candidates", d.Candidates, intoTexts(func(i *profferv1.Item) *[]string { return &i.Candidates })},
		{"propensity", d.Propensity, setPropensity},
		{"propensity_estimated", d.PropensityEstimated, intoBool(func(i *profferv1.Item) *bool { return &i.PropensityEstimated })},
		{"validity_ms", d.ValidityMS, setValidity},
		{"purpose", d.Purpose, intoText(func(i *profferv1.Item) *string { return &consentOf(i).Purpose })},
		{"given", d.Given, setGiven},
		{"channels", d.Channels, intoTexts(func(i *profferv1.Item) *[]string { return &i.Channels })},
	}
	out := make([]fieldSpec, 0, len(all))
	for _, f := range all {
		e, err := p.compile(f.name, f.text)
		if err != nil {
			return nil, err
		}
		if e.program != nil {
			out = append(out, fieldSpec{f.name, e, f.set})
		}
	}
	return slices.Clip(out), nil
}
