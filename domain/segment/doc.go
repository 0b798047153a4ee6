// Package segment puts people into groups: by likeness (k-means over their features), by what they bought (recency,
// frequency and money), and by rules (CEL). All of it is a pure function of its input and a seed: the same rows in the
// same order give the same groups, to the bit, on one kind of machine.
package segment

import "errors"

// Errors of the package.
var (
	// ErrRows: there are no rows, or too few for so many groups, or a value is infinite.
	ErrRows = errors.New("segment: these rows cannot be grouped")
	// ErrOptions: a number of groups or a range that cannot be.
	ErrOptions = errors.New("segment: these options cannot be")
	// ErrDefinition: a segment definition is not valid; the text names the field.
	ErrDefinition = errors.New("segment: the definition is not valid")
)

// Bounds.
const (
	MaxGroups  = 64
	MaxColumns = 256
)
