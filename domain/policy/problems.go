package policy

import (
	"fmt"
	"strings"
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
	FaultExpression        = "INVALID_EXPRESSION"
	FaultExpressionType    = "WRONG_TYPE"
	FaultExpressionTooDear = "TOO_EXPENSIVE"
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

// suggestion is ` (did you mean "x"?)` for the known name nearest to an unknown one, or nothing.
func suggestion(name string, known []string) string {
	best, bestDistance := "", max(2, len(name)/3)+1
	for _, k := range known {
		if d := distance(name, k, bestDistance); d < bestDistance {
			best, bestDistance = k, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf(" (did you mean %q?)", best)
}

// distance is the Levenshtein distance of two names, by bytes; at least limit when it is no smaller.
func distance(a, b string, limit int) int {
	if abs(len(a)-len(b)) >= limit || len(a) > 200 {
		return limit
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

func abs(n int) int { return max(n, -n) }
