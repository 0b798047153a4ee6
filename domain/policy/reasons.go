package policy

// The stages of the funnel, in order. A candidate leaves at the first that refuses it; the winner has none.
const (
	// StagePlacement: the placement does not list the offer. Only explanations show it.
	StagePlacement = "PLACEMENT"
	// StageChannel: the offer has no treatment for the placement's channel. Only explanations show it.
	StageChannel = "CHANNEL"
	// StageConsent: the person did not say yes to a purpose, or said no.
	StageConsent = "CONSENT"
	// StageEligibility: a rule did not hold.
	StageEligibility = "ELIGIBILITY"
	// StageContactLimit: as many contacts as a limit allows are known.
	StageContactLimit = "CONTACT_LIMIT"
	// StageScore: a part of the score could not be computed.
	StageScore = "SCORE"
	// StageArbitration: another candidate was worth more, or this one less than nothing.
	StageArbitration = "ARBITRATION"
)

// Reasons for which a candidate leaves.
const (
	ReasonNotAtPlacement = "NOT_AT_PLACEMENT"
	ReasonNoTreatment    = "NO_TREATMENT_FOR_CHANNEL"
	// ReasonNoConsent: a consent is needed, and nothing was ever said about it.
	ReasonNoConsent = "CONSENT_NEVER_STATED"
	// ReasonConsentWithdrawn: the person said no, or took her yes back.
	ReasonConsentWithdrawn = "CONSENT_WITHDRAWN"
	// ReasonRuleFalse: the rule was evaluated and is false.
	ReasonRuleFalse = "RULE_FALSE"
	// ReasonFeatureMissing: the expression needs a feature that has no value.
	ReasonFeatureMissing = "FEATURE_MISSING"
	// ReasonScoreMissing: the expression needs the score of a model that gave none.
	ReasonScoreMissing = "SCORE_MISSING"
	// ReasonSegmentsMissing: the expression needs the segments of a definition that could not be told.
	ReasonSegmentsMissing = "SEGMENTS_MISSING"
	// ReasonContextMissing: the expression needs a fact that the request does not carry.
	ReasonContextMissing = "CONTEXT_MISSING"
	// ReasonCostExceeded: the expression was stopped at MaxCost.
	ReasonCostExceeded = "COST_EXCEEDED"
	// ReasonRuleError: the expression failed (an overflow, a division by zero, ...).
	ReasonRuleError = "RULE_ERROR"
	// ReasonLimitReached: the contact limit is used up.
	ReasonLimitReached = "LIMIT_REACHED"
	// ReasonNotFinite: a part of the score, or the expected value, is NaN or infinite.
	ReasonNotFinite = "NOT_FINITE"
	// ReasonPropensityRange: the propensity is below 0 or above 1.
	ReasonPropensityRange = "PROPENSITY_OUT_OF_RANGE"
	// ReasonNegativeValue: the expected value is below zero: better to offer nothing.
	ReasonNegativeValue = "NEGATIVE_VALUE"
	// ReasonLowerValue: the winner's expected value is higher.
	ReasonLowerValue = "LOWER_VALUE"
	// ReasonLostDraw: the winner's expected value is the same and its draw lower.
	ReasonLostDraw = "LOST_DRAW"
)

// Reasons of an answer.
const (
	// AnswerOffered: the answer is an offer.
	AnswerOffered = "OFFERED"
	// AnswerHeldOut: the profile belongs to the policy's hold-out. Nothing was evaluated.
	AnswerHeldOut = "HELD_OUT"
	// AnswerNoCandidate: no offer has a treatment for this placement.
	AnswerNoCandidate = "NO_CANDIDATE"
	// AnswerNoConsent: every candidate left at StageConsent.
	AnswerNoConsent = "NO_CONSENT"
	// AnswerNotEligible: the candidates for which there is consent left at StageEligibility.
	AnswerNotEligible = "NO_ELIGIBLE_OFFER"
	// AnswerContactLimit: the candidates that were eligible left at StageContactLimit.
	AnswerContactLimit = "CONTACT_LIMIT"
	// AnswerNoScore: the candidates within the limits left at StageScore.
	AnswerNoScore = "NO_SCORE"
	// AnswerNegativeValue: every candidate that has a score is worth less than nothing.
	AnswerNegativeValue = "NEGATIVE_VALUE"
)
