package feature

import "github.com/profferhq/proffer/domain"

// Kind is what an event counts as. The numbers stand in encoded activities: they never change.
type Kind uint8

// The kinds of BEHAVIOUR, DECISION, OUTCOME and IDENTITY.
const (
	Viewed    Kind = 1
	Carted    Kind = 2
	Purchased Kind = 3
	Refunded  Kind = 4
	Tracked   Kind = 5
	// Offered is a decision, own or external, that gave an offer: an offer received.
	Offered Kind = 6
	// Withheld is a decision that gave nothing. It is counted for life, but not kept one by one: views read only when
	// the first was.
	Withheld  Kind = 7
	Delivered Kind = 8
	// Exposed is an offer seen.
	Exposed Kind = 9
	Clicked Kind = 10
	// Converted is an offer redeemed.
	Converted Kind = 11
	// Identified is any event of the IDENTITY stream; kept as Withheld is.
	Identified Kind = 12
	// SegmentEntered and SegmentLeft follow from what a person did and from the time; they are no deeds of hers. Only the
	// series that ask for them keep them.
	SegmentEntered Kind = 13
	SegmentLeft    Kind = 14

	kinds = 15
)

// kindFacts says of each kind how a view's document names it, which part it lives in, whether its events are kept one by
// one, whether in series only, and the code of its encoded entries among those of its part.
var kindFacts = [kinds]struct {
	name          string
	stream        domain.Stream
	listed, apart bool
	code          byte
}{
	Viewed:         {"viewed", domain.Behaviour, true, false, 0},
	Carted:         {"carted", domain.Behaviour, true, false, 1},
	Purchased:      {"purchased", domain.Behaviour, true, false, 2},
	Refunded:       {"refunded", domain.Behaviour, true, false, 3},
	Tracked:        {"tracked", domain.Behaviour, true, false, 4},
	SegmentEntered: {"segment_entered", domain.Behaviour, true, true, 5},
	SegmentLeft:    {"segment_left", domain.Behaviour, true, true, 6},
	Offered:        {"offered", domain.Decision, true, false, 0},
	Withheld:       {"withheld", domain.Decision, false, false, 1},
	Delivered:      {"delivered", domain.Outcome, true, false, 0},
	Exposed:        {"exposed", domain.Outcome, true, false, 1},
	Clicked:        {"clicked", domain.Outcome, true, false, 2},
	Converted:      {"converted", domain.Outcome, true, false, 3},
	Identified:     {"identified", domain.Identity, false, false, 0},
}

// coded are the kinds of each part by their codes.
var coded = [parts][kindBits + 1]Kind{
	domain.Behaviour: {Viewed, Carted, Purchased, Refunded, Tracked, SegmentEntered, SegmentLeft},
	domain.Identity:  {Identified},
	domain.Decision:  {Offered, Withheld},
	domain.Outcome:   {Delivered, Exposed, Clicked, Converted},
}

// String is the kind as a view's document names it: "purchased".
func (k Kind) String() string {
	if !k.valid() {
		return "unknown"
	}
	return kindFacts[k].name
}

// Stream is the stream whose events count as this kind.
func (k Kind) Stream() domain.Stream { return kindFacts[k].stream }

func (k Kind) valid() bool { return k > 0 && k < kinds }

// parseKind reads what String wrote.
func parseKind(name string) (Kind, bool) {
	for k := Viewed; k < kinds; k++ {
		if kindFacts[k].name == name {
			return k, true
		}
	}
	return 0, false
}

func kindNames() []string {
	var names []string
	for k := Viewed; k < kinds; k++ {
		names = append(names, k.String())
	}
	return names
}
