package segment

import (
	"cmp"
	"strings"

	"github.com/profferhq/proffer/commands"
	"github.com/profferhq/proffer/commands/jsontext"
	"github.com/profferhq/proffer/domain/identity"
)

// understand sets the item's type and what belongs to it. Events of Segment's e-commerce specification become ours;
// every other name stays a tracked event.
func (m *message) understand(it *commands.Item, body jsontext.Value) {
	switch m.kind {
	case "identify":
		it.Type = commands.TypeIdentify
		it.Hints = contacts(body)
	case "alias":
		it.Type = commands.TypeLink
	case "group":
		it.Type = commands.TypeGroup
	case "page", "screen":
		it.Type, it.Kind, it.Name = commands.TypeView, m.kind, m.name
		if it.Name == "" {
			it.Name, _ = body.Member("name").Text()
		}
	case "track":
		it.Name = m.event
		m.commerce(it, body)
	default:
		it.Type = m.kind
	}
}

// contacts are the identifiers among the traits.
func contacts(traits jsontext.Value) []identity.Identifier {
	var ids []identity.Identifier
	for name, v := range traits.Members() {
		switch string(name) {
		case "email", "phone":
			if text := word(v); text != "" {
				ids = append(ids, identity.Identifier{Type: string(name), Value: text})
			}
		}
	}
	return ids
}

func (m *message) commerce(it *commands.Item, body jsontext.Value) {
	switch strings.ToLower(m.event) {
	case "product viewed":
		it.Type, it.Kind, it.Name = commands.TypeView, "item", ""
		it.Lines = []commands.Line{line(body)}
	case "product added":
		it.Type = commands.TypeCart
		it.Lines = []commands.Line{line(body)}
	case "order completed":
		it.Type = commands.TypePurchase
		order(it, body)
	case "order refunded":
		it.Type = commands.TypeRefund
		order(it, body)
		it.Amount = strings.TrimPrefix(it.Amount, "-") // some send what goes back as a negative
	default:
		it.Type = commands.TypeTrack
	}
}

// order reads what was paid. Segment's total includes tax and shipping, its revenue does not; what was paid is the
// total where it is given.
func order(it *commands.Item, body jsontext.Value) {
	var total, revenue, value string
	for name, v := range body.Members() {
		switch string(name) {
		case "total":
			total = number(v)
		case "revenue":
			revenue = number(v)
		case "value":
			value = number(v)
		case "currency":
			it.Currency, _ = v.Text()
		case "order_id", "orderId":
			it.Order = word(v)
		case "coupon":
			text, _ := v.Text()
			it.Coupon = text != "" || v.True()
		case "products":
			it.Lines = lines(v)
		}
	}
	it.Amount = cmp.Or(total, revenue, value)
}

func lines(products jsontext.Value) []commands.Line {
	var out []commands.Line
	for p := range products.Elements() {
		if out = append(out, line(p)); len(out) > commands.MaxLines {
			break // refused for it
		}
	}
	return out
}

// line reads a product. Its price is that of one.
func line(product jsontext.Value) commands.Line {
	var l commands.Line
	var sku jsontext.Value
	for name, v := range product.Members() {
		switch string(name) {
		case "product_id", "productId", "id":
			l.Item = word(v)
		case "sku":
			sku = v
		case "category":
			l.Category, _ = v.Text()
		case "quantity":
			l.Quantity = number(v)
		case "price":
			l.Price = number(v)
		}
	}
	if l.Item == "" {
		l.Item = word(sku)
	}
	return l
}

// number is a number's text, also when it was sent as a string. Anything else is kept as text that is no number, so
// that it is refused and not taken for nothing.
func number(v jsontext.Value) string {
	switch v.Kind() {
	case jsontext.Number, jsontext.String:
		return strings.TrimSpace(word(v))
	case jsontext.Null, jsontext.None:
		return ""
	}
	return "not a number"
}

// channel is where the event happened: what the context says, or what its library tells.
func channel(m *message, context jsontext.Value) string {
	var library jsontext.Value
	for name, v := range context.Members() {
		switch string(name) {
		case "channel":
			if text, _ := v.Text(); text != "" {
				return text
			}
		case "library":
			library = v.Member("name")
		}
	}
	switch {
	case m.channel != "":
		return m.channel
	case m.kind == "screen":
		return "mobile"
	case m.kind == "page":
		return "web"
	}
	return libraryChannel(library)
}

func libraryChannel(library jsontext.Value) string {
	name, _ := library.Text()
	if name == "" {
		return ""
	}
	name = strings.ToLower(name)
	for _, l := range [...]struct{ part, channel string }{
		{"ios", "mobile"}, {"android", "mobile"}, {"react-native", "mobile"}, {"flutter", "mobile"}, {"kotlin", "mobile"},
		{"swift", "mobile"}, {"analytics.js", "web"}, {"analytics-next", "web"}, {"rudderlabs javascript", "web"},
	} {
		if strings.Contains(name, l.part) {
			return l.channel
		}
	}
	return "server"
}

// rename says in Segment's terms which field of the event an item's field came from.
func rename(it *commands.Item, field string) string {
	name, rest, _ := strings.Cut(field, "[")
	if rest != "" {
		rest = "[" + rest
	}
	switch name {
	case "message_id":
		return "messageId"
	case "time":
		return "timestamp"
	case "identifiers":
		return renameIdentifier(it, rest)
	case "name":
		if it.Kind != "" {
			return "name"
		}
		return "event"
	case "amount":
		return "properties." + amountName(it.Properties)
	case "order":
		return "properties.order_id"
	case "currency":
		return "properties.currency"
	case "lines":
		if it.Type == commands.TypeCart || it.Kind == "item" {
			if rest == "[0].item" {
				return "properties.product_id"
			}
			return "properties" + strings.TrimPrefix(rest, "[0]")
		}
		return "properties.products" + rest
	case "properties":
		if it.Type == commands.TypeIdentify || it.Type == commands.TypeGroup {
			return "traits"
		}
	case "channel":
		return "context.channel"
	case "consents", "purpose":
		return consentField
	}
	return field
}

// amountName is which member of the properties the amount was read from, see order.
func amountName(properties jsontext.Value) string {
	for _, name := range [...]string{"revenue", "value"} {
		if number(properties.Member("total")) == "" && number(properties.Member(name)) != "" {
			return name
		}
	}
	return "total"
}

func renameIdentifier(it *commands.Item, index string) string {
	i := 0
	if len(index) >= 3 {
		i = int(index[1] - '0')
	}
	switch {
	case i < 0 || i >= len(it.Identifiers):
		if it.Type == commands.TypeLink {
			return "previousId"
		}
		if it.Type == commands.TypeGroup && len(it.Identifiers) > 0 {
			return "groupId"
		}
		return "userId"
	case it.Type == commands.TypeLink && i == 1 && it.Identifiers[1].Type == identity.UserID:
		return "previousId"
	case it.Identifiers[i].Type == identity.AnonymousID:
		return "anonymousId"
	case it.Identifiers[i].Type == identity.GroupID && index != "": // without one it is the person who is missing
		return "groupId"
	}
	return "userId"
}
