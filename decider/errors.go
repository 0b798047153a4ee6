package decider

import "errors"

// Errors of deciding that callers branch on. A context that does not fit the placement is policy.ErrContext, and
// errors of the log are those of package domain.
var (
	// ErrUnknownPlacement: no policy in effect has the placement.
	ErrUnknownPlacement = errors.New("decider: no policy has this placement")
	// ErrNotYetVisible: the place that the decision must not be earlier than was not reached in time. Nothing was
	// decided.
	ErrNotYetVisible = errors.New("decider: the position is not visible yet")
	// ErrNoSuchPlace: not_before names a stream that decisions do not depend on.
	ErrNoSuchPlace = errors.New("decider: decisions do not depend on this stream")
	// ErrPolicyUnusable: the policy in effect cannot be evaluated by this version of the program.
	ErrPolicyUnusable = errors.New("decider: the policy in effect cannot be evaluated")
	// ErrViewNotReady: the views do not keep yet what the feature view is read from; they are folding the log for it.
	ErrViewNotReady = errors.New("decider: the feature view is not ready: the log is being folded for it")
	// ErrNotFound: there is no such decision, or no such policy version, in the log.
	ErrNotFound = errors.New("decider: not in the log")
	// ErrModelView: the model reads a view, or features of it, that there are not.
	ErrModelView = errors.New("decider: the model reads a view that is not there, or not as it was")
	// ErrNoModelBytes: the bytes of a model are not where they are kept.
	ErrNoModelBytes = errors.New("decider: the model's bytes are not kept")
	// ErrExternal: another system made the decision; there is nothing here to make again.
	ErrExternal = errors.New("decider: another system decided")
)
