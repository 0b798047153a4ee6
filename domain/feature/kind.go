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

	kinds = 13
)

// kindFacts says of each kind how a view's document names it, which part it lives in, and whether its events are
// kept one by one.
var kindFacts = [kinds]struct {
	name   string
	stream domain.Stream
	listed bool
}{
	Viewed:     {"viewed", domain.Behaviour, true},
	Carted:     {"carted", domain.Behaviour, true},
	Purchased:  {"purchased", domain.Behaviour, true},
	Refunded:   {"refunded", domain.Behaviour, true},
	Tracked:    {"tracked", domain.Behaviour, true},
	Offered:    {"offered", domain.Decision, true},
	Withheld:   {"withheld", domain.Decision, false},
	Delivered:  {"delivered", domain.Outcome, true},
	Exposed:    {"exposed", domain.Outcome, true},
	Clicked:    {"clicked", domain.Outcome, true},
	Converted:  {"converted", domain.Outcome, true},
	Identified: {"identified", domain.Identity, false},
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

// firstKind is the lowest kind of a part: an encoded entry carries the distance to it.
func firstKind(s domain.Stream) Kind {
	switch s {
	case domain.Behaviour:
		return Viewed
	case domain.Decision:
		return Offered
	case domain.Outcome:
		return Delivered
	}
	return Identified
}

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
