// Package problem is what is wrong with a document that somebody wrote: a policy, a feature view, a label, in the terms
// of its author, all of it at once.
package problem

import (
	"fmt"
	"strings"
)

// Problem is one fault of a document.
type Problem struct {
	// Field is the path in the document: offers[2].eligibility[0].when
	Field string
	// Reason is UPPER_SNAKE.
	Reason string
	// Message is for people and says what would be right.
	Message string
}

// List is every fault that was found, in the order of the document. It is an error when it is not empty.
type List []Problem

// Error lists the faults, one a line.
func (l List) Error() string {
	lines := make([]string, len(l))
	for i, one := range l {
		lines[i] = fmt.Sprintf("%s: %s", one.Field, one.Message)
	}
	return strings.Join(lines, "\n")
}

// most keeps a hostile document from filling an answer.
const most = 100

// Add appends a fault, unless there are too many.
func (l *List) Add(field, reason, format string, args ...any) {
	if len(*l) < most {
		*l = append(*l, Problem{Field: field, Reason: reason, Message: fmt.Sprintf(format, args...)})
	}
}

// Err is the list, or nil when it is empty.
func (l List) Err() error {
	if len(l) == 0 {
		return nil
	}
	return l
}

// Reasons that documents of every kind share.
const (
	Required   = "REQUIRED"
	Invalid    = "INVALID"
	TooLong    = "TOO_LONG"
	TooMany    = "TOO_MANY"
	OutOfRange = "OUT_OF_RANGE"
	Duplicate  = "DUPLICATE"
	Unknown    = "UNKNOWN"
	Conflict   = "CONFLICT"
)
