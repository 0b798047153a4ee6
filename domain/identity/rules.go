package identity

// Rules name what made a link, an unlink, a mark or a bar.
const (
	// RuleIdentify: one message named both identifiers.
	RuleIdentify = "identify"
	// RuleAlias: a source said that the two are one person.
	RuleAlias = "alias"
	// RuleImport: one line of a file named both identifiers.
	RuleImport = "import"
	// RuleOperator: an operator decided it.
	RuleOperator = "operator"
	// RuleMatch: the two were found to be probably one person.
	RuleMatch = "match"
	// RuleReview: a person answered a proposed match.
	RuleReview = "review"
	// RuleGuards: guards brought older links in line.
	RuleGuards = "guards"
)

// Guards that withhold a claim: what IdentityWithheld.guard says.
const (
	// GuardTypeLimit: the profile would hold more identifiers of a type than it may.
	GuardTypeLimit = "TYPE_LIMIT"
	// GuardBarred: the profile would hold two aliases that are barred from each other.
	GuardBarred = "BARRED"
	// GuardTooLarge: the profile would hold more aliases than it may. It is an alarm, too.
	GuardTooLarge = "PROFILE_TOO_LARGE"
)

// Explicit says whether a rule is a statement of sameness by somebody who knows: limits of types do not hold for it,
// bars and the cap on a profile's size do.
func Explicit(rule string) bool {
	return rule == RuleAlias || rule == RuleOperator || rule == RuleReview
}
