package commands

import (
	"github.com/profferhq/proffer/commands/jsontext"
	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/identity"
)

// Types of items: what Item.Type may be.
const (
	TypeView             = "view"
	TypeCart             = "cart"
	TypePurchase         = "purchase"
	TypeRefund           = "refund"
	TypeTrack            = "track"
	TypeIdentify         = "identify"
	TypeLink             = "link"
	TypeGroup            = "group"
	TypeDeliver          = "deliver"
	TypeExpose           = "expose"
	TypeClick            = "click"
	TypeConvert          = "convert"
	TypeOffer            = "offer"
	TypeExternalDecision = "external_decision"
	TypeConsent          = "consent"
)

// Limits of one call and of one item.
const (
	// MaxItems is how many items one call may carry.
	MaxItems = 2500
	// MaxItemBytes is how large an item may be, all its texts and properties together.
	MaxItemBytes = 32 << 10
	// MaxOriginalBytes is how much of a refused item is kept; more is cut off.
	MaxOriginalBytes = 512 << 10
	// MaxDepth is how deep an item's properties may be nested.
	MaxDepth = 32
	// MaxIdentifiers is how many identifiers an item may name.
	MaxIdentifiers = 10
	// MaxTextBytes bounds each name, code and id of the catalogue.
	MaxTextBytes = 250
	// MaxAmountMicros bounds one amount, and what the lines of one item come to: a hundred billion of the currency unit. Sums
	// over a person are kept in as many bits, and a time in milliseconds that got into an amount would soon turn them negative.
	MaxAmountMicros = 100_000_000_000 * 1_000_000
	// MaxLines is how many articles a basket may have.
	MaxLines = 2_000
	// MaxValues bounds the lists of an item: trait names, candidates, attributes, channels.
	MaxValues = 1000
)

// Item is one thing that a source says happened, before it is checked. Amounts and quantities are decimal texts
// as the source wrote them, so that no float touches money.
type Item struct {
	// MessageID de-duplicates within the source, in file imports within all files of the mapping. Empty: one is
	// drawn, and a retry counts twice.
	MessageID string
	// SourceSeq is the place in a file (line << 8 | index in the line), increasing within the source; 0 for
	// live sources. No place is taken twice, with a MessageID or without.
	SourceSeq uint64
	// Type is one of the types above.
	Type string
	// Identifiers, strongest first: the first is whom the item is about.
	Identifiers []identity.Identifier
	// Hints are identifiers that also belong to the person if they are well formed, and are dropped otherwise.
	Hints []identity.Identifier
	// OccurredMS is Unix milliseconds, skew corrected; 0 is now.
	OccurredMS int64
	// CollectedMS is when another system received it first, Unix milliseconds; 0 is unknown.
	CollectedMS int64
	Channel     string
	// Name of the event, page or screen.
	Name string
	// Kind of a view: "page", "screen", "item" or empty.
	Kind     string
	Amount   string
	Currency string
	Order    string
	Coupon   bool
	Lines    []Line

	// Outcomes and external decisions. DecisionID is 32 hexadecimal digits or empty.
	DecisionID          string
	Offer               string
	Treatment           string
	Placement           string
	Cost                string
	Category            string
	Policy              string
	Candidates          []string
	Propensity          float64
	PropensityEstimated bool

	// Offers: facts, validity and one treatment for each channel.
	Attributes map[string]string
	ValidityMS int64
	Channels   []string

	// Consents that the item states. One of type consent states one, and it is kept. Others may say along what holds
	// anyway, time and again: only what differs from what the person's identifier says already is kept. What is older than
	// what was said since adds nothing.
	Consents []Consent

	// Properties is a JSON object of all else the source says, or zero. It is sealed under the person's data key.
	Properties jsontext.Value

	// Original returns the item as received; it is called only when the item is refused. Nil keeps nothing.
	Original func() []byte
	// Format says how to read the original again: "segment", "ingest" or "import:<mapping>".
	Format string
	// Refused is set by a reader that could not make sense of the item: it goes to quarantine for this reason.
	Refused *Refusal
	// Rename turns a field of Item into the sender's term for it; nil keeps it.
	Rename func(item *Item, field string) string
}

// named says whether the item of a file has a message id of its own.
func (it *Item) named() bool { return it.SourceSeq != 0 && it.MessageID != "" }

// Line is one article of a basket; amounts as in Item.
type Line struct {
	Item     string
	Category string
	// Quantity as decimal text; empty is 1.
	Quantity string
	// Amount for all of the quantity together.
	Amount string
	// Price of one, used when Amount is empty.
	Price string
}

// Status is what became of an item.
type Status uint8

// The statuses.
const (
	// Accepted: it is durable in the log. (With validateOnly: it would be accepted.)
	Accepted Status = iota + 1
	// Duplicate: it was in the log before.
	Duplicate
	// Rejected: it is durable in quarantine with its reason.
	Rejected
)

// String is the status in capitals.
func (s Status) String() string {
	switch s {
	case Accepted:
		return "ACCEPTED"
	case Duplicate:
		return "DUPLICATE"
	case Rejected:
		return "REJECTED"
	}
	return "UNSPECIFIED"
}

// Verdict is what became of one item.
type Verdict struct {
	Status Status
	// Reason, Field and Message are set when it was rejected.
	Reason, Field, Message string
	// Place is where the item's first event stands. It is zero for duplicates and for items that were not appended.
	Place domain.Place
}
