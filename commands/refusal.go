package commands

// Reasons for which an item is refused. They are part of the API: a sender branches on them.
const (
	ReasonUnknownType          = "UNKNOWN_TYPE"
	ReasonInvalidJSON          = "INVALID_JSON"
	ReasonTooDeep              = "TOO_DEEP"
	ReasonEventTooLarge        = "EVENT_TOO_LARGE"
	ReasonTooManyEvents        = "TOO_MANY_EVENTS"
	ReasonMissingIdentifier    = "MISSING_IDENTIFIER"
	ReasonInvalidIdentifier    = "INVALID_IDENTIFIER"
	ReasonIdentifierBlocked    = "IDENTIFIER_BLOCKED"
	ReasonTooManyIdentifiers   = "TOO_MANY_IDENTIFIERS"
	ReasonMessageIDTooLong     = "MESSAGE_ID_TOO_LONG"
	ReasonInvalidTime          = "INVALID_TIME"
	ReasonTimeOutOfRange       = "TIME_OUT_OF_RANGE"
	ReasonInvalidAmount        = "INVALID_AMOUNT"
	ReasonNegativeAmount       = "NEGATIVE_AMOUNT"
	ReasonAmountOutOfRange     = "AMOUNT_OUT_OF_RANGE"
	ReasonInvalidPropensity    = "INVALID_PROPENSITY"
	ReasonNotANumber           = "NOT_A_NUMBER"
	ReasonTextTooLong          = "TEXT_TOO_LONG"
	ReasonInvalidText          = "INVALID_TEXT"
	ReasonTooManyLines         = "TOO_MANY_LINES"
	ReasonTooManyValues        = "TOO_MANY_VALUES"
	ReasonMissingName          = "MISSING_NAME"
	ReasonMissingItem          = "MISSING_ITEM"
	ReasonMissingOffer         = "MISSING_OFFER"
	ReasonMissingGroup         = "MISSING_GROUP"
	ReasonMissingPurpose       = "MISSING_PURPOSE"
	ReasonInvalidPurpose       = "INVALID_PURPOSE"
	ReasonInvalidKind          = "INVALID_KIND"
	ReasonInvalidDecisionID    = "INVALID_DECISION_ID"
	ReasonInvalidValidity      = "INVALID_VALIDITY"
	ReasonInvalidRefusedReason = "INVALID_REFUSED_REASON"
)

// Refusal says why one item was not accepted. Its texts never hold a value of the item.
type Refusal struct {
	// Reason is UPPER_SNAKE.
	Reason string
	// Field is the field at fault, in the sender's terms.
	Field string
	// Message is for people.
	Message string
}

// Error is the message with its field.
func (r *Refusal) Error() string {
	if r.Field == "" {
		return "commands: " + r.Message
	}
	return "commands: " + r.Field + ": " + r.Message
}

// Refuse builds a refusal.
func Refuse(reason, field, message string) *Refusal {
	return &Refusal{Reason: reason, Field: field, Message: message}
}
