package projections

import "github.com/profferhq/proffer/domain"

// Moment is a place in IDENTITY and when Proffer accepted the event there. The zero Moment is the start of the log,
// or never.
type Moment struct {
	At domain.Position
	Ms int64
}

func momentOf(p Place) Moment { return Moment{At: p.At, Ms: p.ReceivedMs} }

// IsZero says whether it is no event's moment.
func (m Moment) IsZero() bool { return m == Moment{} }

// Pair names two aliases, the smaller first.
type Pair struct{ Alias, Other domain.Alias }

// Compare orders pairs: negative, zero or positive.
func (p Pair) Compare(q Pair) int {
	if c := p.Alias.Compare(q.Alias); c != 0 {
		return c
	}
	return p.Other.Compare(q.Other)
}

// PairRow is what IDENTITY says about two aliases: what claims that they are one person, what a match proposed and a
// person answered, and whether they are barred from each other.
type PairRow struct {
	Pair
	// AliasType and OtherType are the kinds of identifiers the two stand for.
	AliasType, OtherType string
	Claim                Claim
	Proposal             Proposal
	Review               Review
	Bar                  Bar
}

// Claim is the state of what claims that two aliases are one person. Whether a link counts also hangs on the marks of
// its ends, which stand with the aliases.
type Claim struct {
	// First and Last are the first and the last event about it; First is zero when nothing ever claimed it.
	First, Last Moment
	// Links is how many links between the two are active, whatever the marks.
	Links int
	// Withheld tells that guards keep the claim from becoming a link. Links is 0 then.
	Withheld bool
	// Rule is what claimed it last; guards that make a withheld link again are not a claim of their own.
	Rule string
	// Match is on what it rests.
	Match Match
	// ChangedBy is the rule of the last event, Actor and Reason who asked for it and why.
	ChangedBy, Actor, Reason string
	// Guard and GuardType say why guards refused it since it was last linked: TYPE_LIMIT of a type, BARRED,
	// PROFILE_TOO_LARGE; empty when they did not.
	Guard, GuardType string
}

// Match is the evidence of a claim or a proposal.
type Match struct {
	Posterior float64
	// Message is the id of the first event of the message that named both; zero when there is none.
	Message domain.Alias
	// EvidenceJSON lists the places in the log that speak for it; "" is none.
	EvidenceJSON string
	// Model to WaterfallJSON tell how a probabilistic match was weighed; empty for deterministic rules.
	Model         string
	ModelVersion  uint64
	WeightBits    float64
	WaterfallJSON string
}

// Proposal is the last time a match was put up for review; At is zero when it never was.
type Proposal struct {
	At Moment
	// Open until a person answers it, or the two are linked.
	Open  bool
	Match Match
}

// Review is the last answer of a person; At is zero when there is none.
type Review struct {
	At        Moment
	Confirmed bool
	// Posterior and the model are those of what was reviewed.
	Posterior     float64
	Model         string
	ModelVersion  uint64
	Actor, Reason string
}

// Bar is whether the two may ever be joined, as last said; At is zero when nothing was.
type Bar struct {
	At                  Moment
	Lifted              bool
	Rule, Actor, Reason string
}

// HistoryRow is a stretch of IDENTITY in which an alias belonged to a profile: from the event at From, included, to
// the one at To, excluded. From is zero from the start of the log on, To is zero up to now. An alias that never
// belonged to another profile than its own has no rows.
type HistoryRow struct {
	Alias, Profile domain.Alias
	From, To       Moment
}

// HistoryEnd ends the stored stretch of an alias that is still open, if there is one.
type HistoryEnd struct {
	Alias domain.Alias
	To    Moment
}

// GuardsRow is one version of the guards.
type GuardsRow struct {
	At      Moment
	Version uint64
	// Document is what its author wrote, GuardsJSON what it says.
	Document, GuardsJSON string
	ProfileMost          int64
	Actor, Reason        string
}

// MatchModelRow is one version of a model for probabilistic matching.
type MatchModelRow struct {
	At      Moment
	Name    string
	Version uint64
	Digest  []byte
	// DocumentJSON is "" when this version turned matching off.
	DocumentJSON  string
	Actor, Reason string
}
