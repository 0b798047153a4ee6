package domain

import "errors"

// Errors of the log that callers branch on. Whoever implements a port to the log wraps these.
var (
	// ErrLaneLost: another owner has appended to the lane. Nothing of this call is in the log; the lane must be
	// taken over again before anything else is appended to it.
	ErrLaneLost = errors.New("domain: the lane has another owner")
	// ErrUnavailable: the log cannot be reached. Whether the call took effect is unknown.
	ErrUnavailable = errors.New("domain: the log is unavailable")
	// ErrTooLarge: one call's events do not fit one envelope. Nothing was appended.
	ErrTooLarge = errors.New("domain: the events do not fit one envelope")
	// ErrLogFull: the log's disk or limit is full. Nothing was appended.
	ErrLogFull = errors.New("domain: the log is full")
	// ErrEndLost: a stream ends before a place up to which it was folded: messages that it had acknowledged are gone.
	ErrEndLost = errors.New("domain: the log has lost its end")
	// ErrNoEntry: the log holds nothing at that place.
	ErrNoEntry = errors.New("domain: the log holds nothing at that place")
)
