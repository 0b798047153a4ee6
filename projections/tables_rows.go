package projections

import "github.com/profferhq/proffer/domain"

// The rows of the analysts' tables. Times are Unix milliseconds, money is millionths of the currency unit and
// quantities are thousandths; the store writes them in its own types. Every row of something that happened carries
// its place in the log, which is its key.

// Place tells where in the log the event of a row stands and how it came there; rows embed it.
type Place struct {
	At         domain.Position
	Alias      domain.Alias
	OccurredMs int64
	ReceivedMs int64
	Source     string
	Channel    string
}

// BehaviourRow is one event of BEHAVIOUR; Type is "unknown" for one this version does not know.
type BehaviourRow struct {
	Place
	Type string
	// Name is the page's or screen's name, or what the source calls the event.
	Name         string
	AmountMicros int64
	// HasAmount tells an amount of zero from an event that has none.
	HasAmount bool
	Currency  string
	Order     string
	Coupon    bool
	// Lines is how many lines the basket has; of a single one seen or carted, the item stands here.
	Lines          int
	Item, Category string
	QuantityMilli  int64
}

// LineRow is one line of a purchase or a refund.
type LineRow struct {
	Place
	// Type is "purchased" or "refunded".
	Type string
	Line int
	// Order, Item and Category are as the source calls them.
	Order, Item, Category string
	QuantityMilli         int64
	AmountMicros          int64
	Currency              string
}

// IdentityRow is one event of IDENTITY.
type IdentityRow struct {
	Place
	Type string
	// Other is the other alias of a link, or the group joined; zero when there is none.
	Other     domain.Alias
	OtherType string
	Rule      string
	Posterior float64
	// Guard and GuardType say which guard withheld a link.
	Guard, GuardType string
	// Mark is that of a marked alias: none, shared or blocked.
	Mark string
	// Confirmed is a review's answer; Lifted tells that a bar was taken away.
	Confirmed, Lifted bool
	// Version is that of guards or of a model.
	Version uint64
	Actor   string
	Reason  string
	// Names are the names of the traits that changed.
	Names []string
}

// ConsentRow is one statement about consent.
type ConsentRow struct {
	Place
	Purpose string
	Given   bool
	Rule    string
	Actor   string
	Reason  string
}

// DecisionRow is one decision, own or external.
type DecisionRow struct {
	Place
	ID       domain.Alias
	External bool
	// NowMs is the decision's time.
	NowMs int64
	// Profile is the profile as it was known then.
	Profile     domain.Alias
	Placement   string
	ContextJSON string
	// Policy to View name what decided; empty for external decisions.
	Policy               string
	PolicyVersion        uint64
	PolicyDigest         []byte
	View                 string
	ViewFingerprint      []byte
	HeldOut              bool
	Offer, Treatment     string
	Category, Reason     string
	LoggedPropensity     float64
	PropensityEstimated  bool
	Candidates, Contacts int
}

// CandidateRow is one offer and treatment that a decision considered.
type CandidateRow struct {
	At        domain.Position
	Candidate int
	Decision  domain.Alias
	DecidedMs int64
	// Stage is where it left; "" is the winner.
	Offer, Treatment, Stage, Rule, Reason string
	Propensity, Value, Weight, Cost       float64
	ExpectedValue                         float64
	// Draw is the tie-break's draw as a share of 2^64.
	Draw float64
}

// OutcomeRow is one event of OUTCOME.
type OutcomeRow struct {
	Place
	Type string
	// Decision is zero when the source does not name it.
	Decision                    domain.Alias
	Offer, Treatment, Placement string
	ValueMicros, CostMicros     int64
}

// PolicyEventRow is one event of POLICY.
type PolicyEventRow struct {
	Place
	Type string
}

// OfferRow is an offer as last defined: by a policy, or by an import (Policy is "").
type OfferRow struct {
	At                   domain.Position
	Offer, Policy        string
	PolicyVersion        uint64
	Description          string
	Category             string
	Propensity, Value    string
	Weight, Cost         string
	Treatments, Rules    int
	ValidityMs           int64
	AttributesJSON       string
	DefinedMs            int64
	DefinedBy            string
	TreatmentsJSON       string
	EligibilityRulesJSON string
}

// PolicyRow is one version of a policy.
type PolicyRow struct {
	At          domain.Position
	Policy      string
	Version     uint64
	Description string
	View        string
	Holdout     float64
	Placements  int
	Offers      int
	Limits      int
	// Digest is the SHA-256 of the canonical policy, Document what its author wrote.
	Digest      []byte
	Document    string
	PublishedMs int64
	PublishedBy string
}

// FeatureViewRow is one feature view as published.
type FeatureViewRow struct {
	At          domain.Position
	Name        string
	Fingerprint []byte
	SpecsJSON   string
	PublishedMs int64
}

// DefinitionRow is what is defined under POLICY, as it stands after the last event that says so.
type DefinitionRow struct {
	At domain.Position
	// Kind is "policy", "feature_view", "segments" or "model"; the name of a model has its version: "churn@2".
	Kind, Name string
	// Version of a policy, segments or a model; 0 for a feature view, whose name has it.
	Version   uint64
	Withdrawn bool
	// SinceMs is from when on it is so.
	SinceMs int64
	Reason  string
}

// QuarantineRow is something that was refused; the original stays sealed in the log.
type QuarantineRow struct {
	Place
	// ID is what a resolution names.
	ID                     domain.Alias
	Reason, Field, Message string
	Format                 string
}

// ResolutionRow tells that something refused was repaired or discarded.
type ResolutionRow struct {
	At         domain.Position
	Of         domain.Alias
	Replayed   bool
	Note       string
	ResolvedMs int64
}

// UnknownRow is an event of a later version, or one that stands in a stream where it does not belong. Of BEHAVIOUR
// they are behaviour rows, of IDENTITY identity rows, of OUTCOME outcome rows and of POLICY rows of its events, all of
// type "unknown".
type UnknownRow struct {
	Place
	Stream domain.Stream
}

// AliasRow is an alias with its profile and totals, as of the batch.
type AliasRow struct {
	Alias, Profile domain.Alias
	// Mark says that its links join nobody: "shared" or "blocked"; "" when they count.
	Mark   string
	Totals Totals
}

// ProfileRow is a profile: the totals of its aliases together, as of the batch.
type ProfileRow struct {
	Profile domain.Alias
	Aliases int
	Totals  Totals
}

// Rows is what one batch changes, table by table. Behaviour to Unknown are new rows in the order of their stream;
// the rest have each key once, ascending, and replace what is stored under it.
type Rows struct {
	Behaviour    []BehaviourRow
	Lines        []LineRow
	Identity     []IdentityRow
	Consents     []ConsentRow
	Decisions    []DecisionRow
	Candidates   []CandidateRow
	Outcomes     []OutcomeRow
	PolicyEvents []PolicyEventRow
	Quarantined  []QuarantineRow
	Unknown      []UnknownRow

	Resolutions  []ResolutionRow
	Offers       []OfferRow
	Policies     []PolicyRow
	FeatureViews []FeatureViewRow
	Definitions  []DefinitionRow
	Guards       []GuardsRow
	MatchModels  []MatchModelRow
	Pairs        []PairRow
	Aliases      []AliasRow
	Profiles     []ProfileRow
	// GoneProfiles are ids that are no profile any more, because their component changed.
	GoneProfiles []domain.Alias

	// HistoryEnds end stored stretches; History are new ones, which are left out where one of the same alias and
	// beginning is stored.
	HistoryEnds []HistoryEnd
	History     []HistoryRow

	// In this order: SegmentFirsts are stays in segments that are new unless one of the same alias and segment is stored and
	// still open; SegmentEnds end stored stays that are still open; SegmentStays are new ones.
	SegmentFirsts []SegmentStay
	SegmentEnds   []SegmentEnd
	SegmentStays  []SegmentStay
}
