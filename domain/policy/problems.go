package policy

import (
	"github.com/profferhq/proffer/domain/expression"
	"github.com/profferhq/proffer/domain/problem"
)

// Faults of a policy.
const (
	FaultRequired          = problem.Required
	FaultInvalid           = problem.Invalid
	FaultTooLong           = problem.TooLong
	FaultTooMany           = problem.TooMany
	FaultOutOfRange        = problem.OutOfRange
	FaultDuplicate         = problem.Duplicate
	FaultUnknown           = problem.Unknown
	FaultConflict          = problem.Conflict
	FaultUnknownFeature    = "UNKNOWN_FEATURE"
	FaultUnknownModel      = "UNKNOWN_MODEL"
	FaultUnknownContext    = "UNKNOWN_CONTEXT"
	FaultUnknownSegments   = "UNKNOWN_SEGMENTS"
	FaultUnknownSegment    = "UNKNOWN_SEGMENT"
	FaultExpression        = expression.Invalid
	FaultExpressionType    = expression.WrongType
	FaultExpressionTooDear = expression.TooExpensive
)

// findings gathers faults while a policy is checked.
type findings struct {
	problems problem.List
	// fatal: going on would only repeat the fault.
	fatal bool
}

func (f *findings) add(field, reason, format string, args ...any) {
	f.problems.Add(field, reason, format, args...)
}

func (f *findings) err() error { return f.problems.Err() }
