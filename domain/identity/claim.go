package identity

import (
	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
)

// Named is an identifier that a claim names: its alias and its type.
type Named struct {
	Alias domain.Alias
	Type  string
}

// Claim says that the identifiers of one message, or of one statement, stand for one person.
type Claim struct {
	// Named in any order; the guards' order decides which is the strongest.
	Named []Named
	Rule  string
	// AtMS is when it was accepted (Unix milliseconds): the end of the windows of limits.
	AtMS int64
	// Posterior is 1 for deterministic rules.
	Posterior float64
	Evidence  *event.LinkEvidence
}

// Link is one link to be made, or one that is withheld when Guard is not empty.
type Link struct {
	// First is the stronger identifier.
	First, Second Named
	Rule          string
	Posterior     float64
	Evidence      *event.LinkEvidence
	// Guard and GuardType say why it is withheld, as in IdentityWithheld.
	Guard, GuardType string
	// Times is how many links it stands for where they are taken back; otherwise 0.
	Times int
	// OccurredMS and ReceivedMS are those of the claim, where it is an older one; otherwise 0.
	OccurredMS, ReceivedMS int64
}

// Marking is a mark to be set or lifted.
type Marking struct {
	Named
	Mark Mark
	// Reason is for people.
	Reason string
}

// Admission is what the guards make of a claim. It is empty, but for Who, when the claim says nothing new.
type Admission struct {
	// Who is the strongest identifier that was not left out: whom the message is about.
	Who Named
	// Marks come first: links on an alias that they mark join nobody.
	Marks []Marking
	// Links are to be made; those of rule "guards" were withheld before.
	Links []Link
	// Withheld are kept, so that other guards can admit them later.
	Withheld []Link
}

// Empty says whether there is nothing to append.
func (a *Admission) Empty() bool { return len(a.Marks)+len(a.Links)+len(a.Withheld) == 0 }

// Part names one event of an admission or a realignment by what it says, so that a retry after a crash gives the same
// event the same id. The parts of one admission differ.
type Part struct {
	// Kind is 'm' for a mark, 'l' for a link, 'w' for one that is withheld, 'u' for one that is taken back.
	Kind byte
	// First and Second are the ends; a mark has no second.
	First, Second domain.Alias
	// Times tells the events that take several links between the same two back.
	Times int
}

// Stamp is what the events of one admission share.
type Stamp struct {
	// ID is the id of a part's event: 16 bytes.
	ID func(Part) []byte
	// OccurredMS and ReceivedMS are Unix milliseconds.
	OccurredMS, ReceivedMS int64
	Source                 string
	SourceSeq              uint64
}
