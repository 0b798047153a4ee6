package importer

import (
	"errors"
	"strings"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// Reasons with which the importer itself refuses a row; a mapping adds its own.
const (
	// ReasonMappingError: an expression failed on the row, or gave a value of the wrong kind for its field.
	ReasonMappingError = "MAPPING_ERROR"
	// ReasonUnmappedRow: no entry of emit applied, and no rule skips or refuses the row.
	ReasonUnmappedRow = "UNMAPPED_ROW"
	// ReasonMalformedRow: the row is not CSV or JSON, or has another number of columns than the header.
	ReasonMalformedRow = "MALFORMED_ROW"
	// ReasonRowTooLarge: the line is longer than MaxLineBytes; only its beginning is kept.
	ReasonRowTooLarge = "ROW_TOO_LARGE"
	// ReasonInvalidUTF8: the row is kept as "base64:" and its bytes in base 64.
	ReasonInvalidUTF8 = "INVALID_UTF8"
	// ReasonTooManyItems: the row becomes more than MaxItemsPerRow items.
	ReasonTooManyItems = "TOO_MANY_ITEMS"
	// ReasonGroupTooLarge: the row belongs to a group of more than MaxGroupRows rows.
	ReasonGroupTooLarge = "GROUP_TOO_LARGE"
)

// fault is why a row is refused. Its texts never hold a value of the row.
type fault struct {
	reason  string
	field   string
	message string
}

// plainError is an error of ours whose text is constant, so that it may be shown.
type plainError struct{ error }

// Unwrap gives the error itself, for errors.Is.
func (e plainError) Unwrap() error { return e.error }

// fail is the CEL value of an error whose text may be shown.
func fail(err error) ref.Val { return types.WrapErr(plainError{err}) }

// failText is fail for a constant text.
func failText(text string) ref.Val { return fail(errors.New(text)) }

// explain says why an expression failed without repeating a value of the row: texts of our own functions and
// names that stand in the expression itself are shown, everything else is not.
func explain(err error, expression string) string {
	if plain, ok := errors.AsType[plainError](err); ok {
		return plain.Error()
	}
	text := err.Error()
	if key, missing := strings.CutPrefix(text, "no such key: "); missing {
		if strings.Contains(expression, key) {
			return "no such column or key: " + key
		}
		return "a key is missing"
	}
	for _, known := range []string{"no such overload", "division by zero", "modulus by zero", "integer overflow", "index out of bounds"} {
		if strings.HasPrefix(text, known) {
			return known
		}
	}
	return "the expression failed on this row"
}
