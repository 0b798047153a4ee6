package rpc

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/profferhq/proffer/commands"
	"github.com/profferhq/proffer/decider"
	"github.com/profferhq/proffer/decider/model"
	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/feature"
	"github.com/profferhq/proffer/domain/identity"
	"github.com/profferhq/proffer/domain/identity/match"
	"github.com/profferhq/proffer/domain/label"
	"github.com/profferhq/proffer/domain/model/registry"
	"github.com/profferhq/proffer/domain/policy"
	"github.com/profferhq/proffer/domain/problem"
	"github.com/profferhq/proffer/domain/segment"
	"github.com/profferhq/proffer/domain/value"
	"github.com/profferhq/proffer/gateway/guardsfile"
	"github.com/profferhq/proffer/gateway/labelfile"
	"github.com/profferhq/proffer/gateway/policyfile"
	"github.com/profferhq/proffer/gateway/viewfile"
	"github.com/profferhq/proffer/projections"
)

// errorDomain names us in ErrorInfo: (reason, domain) is the stable contract of an error (AIP-193).
const errorDomain = "proffer"

// row is one line of the table of errors: what a caller sees for a domain error.
type row struct {
	err    error
	code   connect.Code
	reason string
	// retry tells callers when it makes sense to come again; 0 is never.
	retry time.Duration
}

// table is the one place where domain errors become Connect codes. The first match wins.
var table = []row{
	{decider.ErrNotYetVisible, connect.CodeDeadlineExceeded, "NOT_YET_VISIBLE", 100 * time.Millisecond},
	{context.Canceled, connect.CodeCanceled, "CANCELED", 0},
	{domain.ErrLaneLost, connect.CodeUnavailable, "LANE_LOST", time.Second},
	{domain.ErrLogFull, connect.CodeResourceExhausted, "LOG_FULL", time.Minute},
	{domain.ErrUnavailable, connect.CodeUnavailable, "LOG_UNAVAILABLE", time.Second},
	// After those of the log: a log that is away ends its own attempts with a deadline.
	{context.DeadlineExceeded, connect.CodeDeadlineExceeded, "DEADLINE_EXCEEDED", 0},
	{domain.ErrTooLarge, connect.CodeInvalidArgument, "TOO_LARGE", 0},
	{domain.ErrEndLost, connect.CodeFailedPrecondition, "LOG_END_LOST", 0},

	{ErrIdentifierBlocked, connect.CodeInvalidArgument, "IDENTIFIER_BLOCKED", 0},
	{errTimeout, connect.CodeInvalidArgument, "TIMEOUT_OUT_OF_RANGE", 0},
	{errPosition, connect.CodeInvalidArgument, "POSITION_INVALID", 0},
	{errContext, connect.CodeInvalidArgument, "CONTEXT_INVALID", 0},
	{policy.ErrContext, connect.CodeInvalidArgument, "CONTEXT_INVALID", 0},
	{decider.ErrNoSuchPlace, connect.CodeInvalidArgument, "POSITION_INVALID", 0},
	{decider.ErrUnknownPlacement, connect.CodeNotFound, "UNKNOWN_PLACEMENT", 0},
	{decider.ErrViewNotReady, connect.CodeUnavailable, "VIEW_NOT_READY", 2 * time.Second},
	{commands.ErrUnknownView, connect.CodeNotFound, "UNKNOWN_VIEW", 0},
	{commands.ErrViewTaken, connect.CodeAlreadyExists, "VIEW_VERSION_TAKEN", 0},
	{viewfile.ErrInvalid, connect.CodeInvalidArgument, "VIEW_UNREADABLE", 0},
	{feature.ErrViewInvalid, connect.CodeInvalidArgument, "VIEW_INVALID", 0},
	{errNoLineage, connect.CodeNotFound, "NO_LINEAGE", 0},
	{decider.ErrPolicyUnusable, connect.CodeFailedPrecondition, "POLICY_UNUSABLE", 0},

	{errWhichDecision, connect.CodeInvalidArgument, "DECISION_ID_INVALID", 0},
	{errWhichIdentity, connect.CodeInvalidArgument, "IDENTITY_CUT_INVALID", 0},
	{projections.ErrTrainingRequest, connect.CodeInvalidArgument, "TRAINING_INVALID", 0},
	{labelfile.ErrInvalid, connect.CodeInvalidArgument, "LABEL_UNREADABLE", 0},
	{label.ErrInvalid, connect.CodeInvalidArgument, "LABEL_INVALID", 0},
	{decider.ErrNotFound, connect.CodeNotFound, "NOT_FOUND", 0},
	{decider.ErrRecord, connect.CodeFailedPrecondition, "RECORD_UNREADABLE", 0},

	{policyfile.ErrInvalid, connect.CodeInvalidArgument, "POLICY_UNREADABLE", 0},
	{match.ErrModel, connect.CodeInvalidArgument, "MODEL_INVALID", 0},
	{match.ErrTooFew, connect.CodeFailedPrecondition, "TOO_FEW_RECORDS", 0},
	{guardsfile.ErrInvalid, connect.CodeInvalidArgument, "GUARDS_INVALID", 0},
	{commands.ErrNotDefined, connect.CodeNotFound, "NOT_DEFINED", 0},
	{commands.ErrInUse, connect.CodeFailedPrecondition, "IN_USE", 0},
	{commands.ErrBuiltIn, connect.CodeFailedPrecondition, "BUILT_IN", 0},
	{commands.ErrNoPolicyID, connect.CodeInvalidArgument, "POLICY_ID_REQUIRED", 0},

	{commands.ErrTooManyItems, connect.CodeInvalidArgument, "TOO_MANY_ITEMS", 0},
	{commands.ErrOutOfOrder, connect.CodeInvalidArgument, "ITEMS_OUT_OF_ORDER", 0},
	{commands.ErrNoSource, connect.CodeInvalidArgument, "SOURCE_REQUIRED", 0},
	{commands.ErrNotInQuarantine, connect.CodeNotFound, "NOT_IN_QUARANTINE", 0},
	{commands.ErrNotReplayable, connect.CodeFailedPrecondition, "REPAIR_NEEDED", 0},
	{commands.ErrReasonTooLong, connect.CodeInvalidArgument, "REASON_TOO_LONG", 0},

	{commands.ErrChangeInvalid, connect.CodeInvalidArgument, "CHANGE_INVALID", 0},
	{commands.ErrRequestReused, connect.CodeAlreadyExists, "REQUEST_REUSED", 0},
	{commands.ErrSameAlias, connect.CodeInvalidArgument, "SAME_IDENTIFIER", 0},
	{commands.ErrMarkInvalid, connect.CodeInvalidArgument, "MARK_INVALID", 0},
	{commands.ErrPurposeInvalid, connect.CodeInvalidArgument, "PURPOSE_INVALID", 0},
	{commands.ErrModelInvalid, connect.CodeInvalidArgument, "MODEL_INVALID", 0},
	{commands.ErrBarred, connect.CodeFailedPrecondition, "BARRED", 0},
	{commands.ErrBlocked, connect.CodeFailedPrecondition, "IDENTIFIER_BLOCKED", 0},
	{commands.ErrProfileTooLarge, connect.CodeFailedPrecondition, "PROFILE_TOO_LARGE", 0},
	{commands.ErrNothingToUnlink, connect.CodeFailedPrecondition, "NOTHING_TO_UNLINK", 0},
	{commands.ErrNotProposed, connect.CodeNotFound, "NOT_PROPOSED", 0},

	{model.ErrGolden, connect.CodeInvalidArgument, "GOLDEN_ROWS_DIFFER", 0},
	{model.ErrFile, connect.CodeInvalidArgument, "MODEL_INVALID", 0},
	{model.ErrTooLarge, connect.CodeInvalidArgument, "TOO_LARGE", 0},
	{commands.ErrModelName, connect.CodeInvalidArgument, "MODEL_NAME_INVALID", 0},
	{registry.ErrUnknownModel, connect.CodeNotFound, "MODEL_NOT_REGISTERED", 0},
	{registry.ErrWithdrawn, connect.CodeFailedPrecondition, "MODEL_WITHDRAWN", 0},
	{registry.ErrRole, connect.CodeInvalidArgument, "ROLE_INVALID", 0},
	{registry.ErrShare, connect.CodeInvalidArgument, "SHARE_INVALID", 0},
	{registry.ErrNoChampion, connect.CodeFailedPrecondition, "NO_CHAMPION", 0},
	{registry.ErrNothingBefore, connect.CodeFailedPrecondition, "NO_CHAMPION", 0},
	{registry.ErrChampion, connect.CodeFailedPrecondition, "IS_CHAMPION", 0},
	{decider.ErrNoModelBytes, connect.CodeFailedPrecondition, "MODEL_UNAVAILABLE", 0},
	{decider.ErrModelView, connect.CodeFailedPrecondition, "MODEL_UNAVAILABLE", 0},

	{projections.ErrView, connect.CodeUnavailable, "VIEW_NOT_READY", 2 * time.Second},
	{segment.ErrDefinition, connect.CodeInvalidArgument, "SEGMENTS_UNREADABLE", 0},
	{value.ErrHopeless, connect.CodeFailedPrecondition, "TOO_LITTLE_TO_LEARN_FROM", 0},
	{commands.ErrSegmentView, connect.CodeNotFound, "UNKNOWN_VIEW", 0},

	{ErrTablesAway, connect.CodeUnavailable, "DATABASE_UNAVAILABLE", 5 * time.Second},
}

// ErrIdentifierBlocked: whoever asks gave only identifiers that mean nobody.
var ErrIdentifierBlocked = errors.New("every identifier given is one that the guards block: it means nobody")

// ErrTablesAway: the analysts' tables cannot be reached; everything else goes on.
var ErrTablesAway = errors.New("the database of the analysts' tables is away")

// asConnect turns an error into what the caller may see. What the table does not know is internal: its text
// goes to the operator's log, never to the caller.
func asConnect(procedure string, err error) error {
	if err == nil {
		return nil
	}
	if already, ok := errors.AsType[*connect.Error](err); ok {
		return withReason(already)
	}
	if refused := refusedField(err); refused != nil {
		return refused
	}
	for _, r := range table {
		if errors.Is(err, r.err) {
			return refusalWithRetry(r.code, r.reason, told(err), r.retry)
		}
	}
	slog.Error("call failed", "procedure", procedure, "error", err)
	return refusal(connect.CodeInternal, "INTERNAL", "internal error: the server's log has the cause")
}

// packages are the names of those whose errors begin with it.
var packages = []string{
	"bench", "calibration", "card", "cli", "commands", "decider", "domain", "expression", "feature", "guardsfile",
	"identity", "importer", "jsontext", "lab", "label", "labelfile", "lease", "lightgbm", "match", "metrics",
	"model", "modelfile", "modelmaker", "natskv", "natslog", "normal", "policy", "policyfile", "postgres",
	"projections", "registry", "rowfile", "rpc", "segment", "train", "tree", "value", "viewfile", "xgboost",
}

// told is an error's text without the packages that it and what it wraps begin with: those are for the program's readers.
func told(err error) string {
	text := err.Error()
	var wrapped []error
	switch e := err.(type) { //nolint:errorlint // it is what the error itself wraps that is asked
	case interface{ Unwrap() error }:
		wrapped = []error{e.Unwrap()}
	case interface{ Unwrap() []error }:
		wrapped = e.Unwrap()
	}
	for _, part := range wrapped {
		if part != nil {
			text = strings.Replace(text, part.Error(), told(part), 1)
		}
	}
	if name, rest, found := strings.Cut(text, ": "); found && slices.Contains(packages, name) {
		return rest
	}
	return text
}

// refusedField is for errors that name the field at fault.
func refusedField(err error) error {
	var problems problem.List
	var malformed *identity.Malformed
	var guards *identity.GuardsInvalid
	switch {
	case errors.As(err, &problems):
		return refusedProblems("POLICY_INVALID", problems)
	case errors.As(err, &guards):
		out := refusal(connect.CodeInvalidArgument, "GUARDS_INVALID", told(err))
		violation := &errdetails.BadRequest_FieldViolation{Field: guards.Field, Reason: "GUARDS_INVALID", Description: guards.Message}
		if d, e := connect.NewErrorDetail(&errdetails.BadRequest{
			FieldViolations: []*errdetails.BadRequest_FieldViolation{violation},
		}); e == nil {
			out.AddDetail(d)
		}
		return out
	case errors.As(err, &malformed):
		return refusal(connect.CodeInvalidArgument, "IDENTIFIER_INVALID", told(err))
	}
	return nil
}

// refusedProblems lists the faults of a document by their fields.
func refusedProblems(reason string, problems problem.List) *connect.Error {
	out := refusal(connect.CodeInvalidArgument, reason, problems.Error())
	violations := &errdetails.BadRequest{}
	for _, p := range problems {
		violations.FieldViolations = append(violations.FieldViolations, &errdetails.BadRequest_FieldViolation{
			Field: p.Field, Reason: p.Reason, Description: p.Message,
		})
	}
	if d, e := connect.NewErrorDetail(violations); e == nil {
		out.AddDetail(d)
	}
	return out
}

// refusal is an error with its stable reason.
func refusal(code connect.Code, reason, message string) *connect.Error {
	return refusalWithRetry(code, reason, message, 0)
}

func refusalWithRetry(code connect.Code, reason, message string, retry time.Duration) *connect.Error {
	out := connect.NewError(code, errors.New(message))
	if d, err := connect.NewErrorDetail(&errdetails.ErrorInfo{Reason: reason, Domain: errorDomain}); err == nil {
		out.AddDetail(d)
	}
	if retry > 0 {
		if d, err := connect.NewErrorDetail(&errdetails.RetryInfo{RetryDelay: durationpb.New(retry)}); err == nil {
			out.AddDetail(d)
		}
	}
	return out
}

// unread is the table of what connect refuses by itself because it cannot be read.
var unread = []struct {
	is, code connect.Code
	reason   string
}{
	{connect.CodeInvalidArgument, connect.CodeInvalidArgument, "MALFORMED"},
	{connect.CodeResourceExhausted, connect.CodeInvalidArgument, "TOO_LARGE"},
}

// notCalled is the table of what is no call of a procedure, by its HTTP status.
var notCalled = []struct {
	status          int
	code            connect.Code
	reason, message string
}{
	{http.StatusNotFound, connect.CodeUnimplemented, "UNKNOWN_PROCEDURE", "there is no such procedure"},
	{http.StatusMethodNotAllowed, connect.CodeUnimplemented, "METHOD_UNSUPPORTED", "call it by POST"},
	{http.StatusUnsupportedMediaType, connect.CodeInvalidArgument, "CONTENT_TYPE_UNSUPPORTED", "say by Content-Type what the body is"},
}

// refusedCall is for a request that is no call of a procedure; takes are the content types that would be, if known.
func refusedCall(status int, takes string) *connect.Error {
	for _, r := range notCalled {
		switch {
		case r.status != status:
		case takes != "":
			return refusal(r.code, r.reason, r.message+": "+takes)
		default:
			return refusal(r.code, r.reason, r.message)
		}
	}
	return withReason(connect.NewError(connect.CodeUnknown, errors.New(http.StatusText(status))))
}

// withReason gives an error of connect's own a reason: that of the table if a message could not be read, else its code's
// name. One that does not validate has details: what is wrong with it.
func withReason(err *connect.Error) *connect.Error {
	if reasonOf(err) != "" {
		return err
	}
	for _, r := range unread {
		if r.is == err.Code() && len(err.Details()) == 0 {
			return refusal(r.code, r.reason, strings.TrimPrefix(err.Message(), "unmarshal message: "))
		}
	}
	if d, e := connect.NewErrorDetail(&errdetails.ErrorInfo{
		Reason: strings.ToUpper(err.Code().String()), Domain: errorDomain,
	}); e == nil {
		err.AddDetail(d)
	}
	return err
}

// reasonOf reads the reason back from an error of this package.
func reasonOf(err *connect.Error) string {
	for _, d := range err.Details() {
		if v, e := d.Value(); e == nil {
			if info, ok := v.(*errdetails.ErrorInfo); ok {
				return info.GetReason()
			}
		}
	}
	return ""
}

// translator applies the table to every call.
type translator struct{}

// WrapUnary implements connect.Interceptor.
func (translator) WrapUnary(next connect.UnaryFunc) connect.UnaryFunc {
	return func(ctx context.Context, r connect.AnyRequest) (connect.AnyResponse, error) {
		response, err := next(ctx, r)
		return response, asConnect(r.Spec().Procedure, err)
	}
}

// WrapStreamingClient implements connect.Interceptor; a server makes no calls.
func (translator) WrapStreamingClient(next connect.StreamingClientFunc) connect.StreamingClientFunc {
	return next
}

// WrapStreamingHandler implements connect.Interceptor.
func (translator) WrapStreamingHandler(next connect.StreamingHandlerFunc) connect.StreamingHandlerFunc {
	return func(ctx context.Context, conn connect.StreamingHandlerConn) error {
		return asConnect(conn.Spec().Procedure, next(ctx, conn))
	}
}
