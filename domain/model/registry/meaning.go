package registry

// Meaning is what a score is.
type Meaning int

// The meanings.
const (
	// Unsaid: the model registered no objective that this version knows.
	Unsaid Meaning = iota
	// Chance: from 0 to 1. A class of several is chosen when a model is imported: its score is a chance too.
	Chance
	// Amount: a value, or a count.
	Amount
	// Order: a higher score goes before a lower one, and nothing else.
	Order
)

// MeaningOf is what the scores of a model with an objective are.
func MeaningOf(objective string) Meaning {
	switch objective {
	case "binary", "multiclass":
		return Chance
	case "regression", "log":
		return Amount
	case "ranking":
		return Order
	}
	return Unsaid
}
