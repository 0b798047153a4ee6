package policy

import (
	"fmt"
	"strings"

	"github.com/profferhq/proffer/domain/expression"
)

// Problem is one fault of a policy, in its author's terms.
type Problem struct {
	// Field is the path in the document: offers[2].eligibility[0].when
	Field string
	// Reason is UPPER_SNAKE, one of the Fault constants.
	Reason string
	// Message is for people and says what would be right.
	Message string
}

// Faults of a policy.
const (
	FaultRequired          = "REQUIRED"
	FaultInvalid           = "INVALID"
	FaultTooLong           = "TOO_LONG"
	FaultTooMany           = "TOO_MANY"
	FaultOutOfRange        = "OUT_OF_RANGE"
	FaultDuplicate         = "DUPLICATE"
	FaultUnknown           = "UNKNOWN"
	FaultConflict          = "CONFLICT"
	FaultUnknownFeature    = "UNKNOWN_FEATURE"
	FaultUnknownModel      = "UNKNOWN_MODEL"
	FaultUnknownContext    = "UNKNOWN_CONTEXT"
	FaultExpression        = expression.Invalid
	FaultExpressionType    = expression.WrongType
	FaultExpressionTooDear = expression.TooExpensive
)

// Problems is every fault that was found in a policy, in the order of the document. It is an error.
type Problems []Problem

// Error lists the faults, one a line.
func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, one := range p {
		lines[i] = fmt.Sprintf("%s: %s", one.Field, one.Message)
	}
	return "policy: " + strings.Join(lines, "\n")
}

// maxProblems keeps a hostile document from filling an answer.
const maxProblems = 100

// findings gathers faults while a policy is checked.
type findings struct {
	problems Problems
	// fatal: going on would only repeat the fault.
	fatal bool
}

func (f *findings) add(field, reason, format string, args ...any) {
	if len(f.problems) < maxProblems {
		f.problems = append(f.problems, Problem{Field: field, Reason: reason, Message: fmt.Sprintf(format, args...)})
	}
}

func (f *findings) err() error {
	if len(f.problems) == 0 {
		return nil
	}
	return f.problems
}
