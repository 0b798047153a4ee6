package segment

import (
	"unicode/utf8"

	"github.com/profferhq/proffer/commands"
	"github.com/profferhq/proffer/commands/jsontext"
	"github.com/profferhq/proffer/domain/identity"
)

// Format names Segment's events in quarantine.
const Format = "segment"

// MaxEventBytes is how large one event may be, as text.
const MaxEventBytes = commands.MaxItemBytes

// message is one Segment event, its members found but not yet understood.
type message struct {
	kind, event, name                         string
	userID, anonymousID, previousID           string
	groupID, messageID, channel               string
	timestamp, originalTimestamp, sentAt      jsontext.Value
	properties, traits, context, integrations jsontext.Value
	category                                  jsontext.Value
}

// envelope is what a batch says about all its events, and where they are put.
type envelope struct {
	room *room
	// kind is the type of event that the path names; empty for batches.
	kind                  string
	context, integrations jsontext.Value
	sentAt                sending
	receivedMS            int64
	// garbled: somewhere in the body is a byte that is not UTF-8. To read a text puts U+FFFD in its place.
	garbled bool
}

// usualKinds are Segment's types of events, the most frequent first.
var usualKinds = [...]string{"track", "page", "identify", "screen", "group", "alias"}

func readMessage(v jsontext.Value) message {
	var m message
	for name, member := range v.Members() {
		switch string(name) {
		case "type":
			m.kind, _ = member.TextAmong(usualKinds[:])
		case "event":
			m.event, _ = member.Text()
		case "name":
			m.name, _ = member.Text()
		case "category":
			m.category = member
		case "userId":
			m.userID = word(member)
		case "anonymousId":
			m.anonymousID = word(member)
		case "previousId":
			m.previousID = word(member)
		case "groupId":
			m.groupID = word(member)
		case "messageId":
			m.messageID = word(member)
		case "channel":
			m.channel, _ = member.Text()
		case "timestamp":
			m.timestamp = member
		case "originalTimestamp":
			m.originalTimestamp = member
		case "sentAt":
			m.sentAt = member
		case "properties":
			m.properties = member
		case "traits":
			m.traits = member
		case "context":
			m.context = member
		case "integrations":
			m.integrations = member
		}
	}
	return m
}

// word is a string's or a number's text: some clients send numeric user ids.
func word(v jsontext.Value) string {
	if text, ok := v.Text(); ok {
		return text
	}
	text, _ := v.NumberText()
	return text
}

// item turns one event into what ingest takes. It always adds an item; one that makes no sense is refused in it.
func (e *envelope) item(v jsontext.Value) {
	e.room.items = append(e.room.items, commands.Item{})
	it := &e.room.items[len(e.room.items)-1]
	it.Original, it.Format, it.Rename = func() []byte { return e.original(v) }, Format, rename
	it.Refused = e.read(v, it)
}

func (e *envelope) read(v jsontext.Value, it *commands.Item) *commands.Refusal {
	if len(v.Raw()) > MaxEventBytes {
		return commands.Refuse(commands.ReasonEventTooLarge, "", "an event may have 32 KB")
	}
	if v.Kind() != jsontext.Object {
		return commands.Refuse(commands.ReasonInvalidJSON, "", "an event is a JSON object")
	}
	if e.garbled && !utf8.Valid(v.Raw()) {
		return commands.Refuse(commands.ReasonInvalidText, "", "an event is text in UTF-8")
	}
	m := readMessage(v)
	if m.kind == "" || e.kind != "" {
		m.kind = e.kind
	}
	it.MessageID = m.messageID
	body := m.properties
	if m.kind == "identify" || m.kind == "group" {
		body = m.traits
	}
	if k := body.Kind(); k != jsontext.Object && k != jsontext.Null && k != jsontext.None {
		return commands.Refuse(commands.ReasonInvalidJSON, bodyName(m.kind), "an object is required")
	}
	var ok bool
	if it.OccurredMS, ok = e.occurred(&m); !ok {
		return commands.Refuse(commands.ReasonInvalidTime, "timestamp", "a time in ISO 8601 is required")
	}
	context := m.context.Over(e.context)
	it.Channel = channel(&m, context)
	it.Identifiers = identifiers(&m)
	if it.Consents, ok = consents(context); !ok {
		return commands.Refuse(commands.ReasonInvalidPurpose, consentField, "want categories with a name in Latin letters or digits, each true or false")
	}
	m.understand(it, body)
	if !m.category.Empty() && body.Member("category").IsZero() {
		body = e.with(body, "category", m.category)
	}
	it.Properties = e.sealed(body, context, m.integrations.Over(e.integrations))
	return nil
}

// original is the event so that it can be read alone: with the type that its path named, and with what its batch
// said about all of its events.
func (e *envelope) original(v jsontext.Value) []byte {
	if v.Kind() != jsontext.Object {
		return v.Raw()
	}
	if e.kind != "" && v.Member("type").IsZero() {
		v = v.With("type", jsontext.Quote(e.kind))
	}
	for _, m := range [...]struct {
		name  string
		value jsontext.Value
	}{{"context", e.context}, {"integrations", e.integrations}, {"sentAt", e.sentAt.text}} {
		if !m.value.IsZero() && v.Member(m.name).IsZero() {
			v = v.With(m.name, m.value)
		}
	}
	return v.Raw()
}

// bodyName is what Segment calls the object that an event of the type carries.
func bodyName(kind string) string {
	if kind == "identify" || kind == "group" {
		return "traits"
	}
	return "properties"
}

// sealed is the event's object with its surroundings beside it: "$context" and "$integrations".
func (e *envelope) sealed(body, context, integrations jsontext.Value) jsontext.Value {
	if body.Kind() != jsontext.Object {
		body = jsontext.Value{}
	}
	if !context.Empty() {
		body = e.with(body, "$context", context)
	}
	if !integrations.Empty() {
		body = e.with(body, "$integrations", integrations)
	}
	return body
}

// with is the object with one member more.
func (e *envelope) with(object jsontext.Value, name string, member jsontext.Value) jsontext.Value {
	e.room.texts, object = object.AppendWith(e.room.texts, name, member)
	return object
}

// identifiers are whom the event is about, the strongest first.
func identifiers(m *message) []identity.Identifier {
	ids := make([]identity.Identifier, 0, 3)
	add := func(kind, value string) {
		if value != "" {
			ids = append(ids, identity.Identifier{Type: kind, Value: value})
		}
	}
	if m.kind == "alias" {
		add(identity.UserID, m.userID)
		add(identity.UserID, m.previousID)
		if m.previousID == "" {
			add(identity.AnonymousID, m.anonymousID)
		}
		return ids
	}
	add(identity.UserID, m.userID)
	add(identity.AnonymousID, m.anonymousID)
	if m.kind == "group" {
		add(identity.GroupID, m.groupID)
	}
	return ids
}

// ReadItem reads one event that names its type, as quarantine kept it. It fails with *commands.Refusal.
func ReadItem(text []byte, receivedMS int64) (commands.Item, error) {
	root, err := jsontext.Parse(text, len(text))
	if err != nil {
		return commands.Item{}, commands.Refuse(commands.ReasonInvalidJSON, "", "an event is a JSON object")
	}
	e := envelope{room: new(room), receivedMS: receivedMS, garbled: !utf8.Valid(text)}
	e.item(root)
	it := e.room.items[0]
	if it.Refused != nil {
		return commands.Item{}, it.Refused
	}
	return it, nil
}
