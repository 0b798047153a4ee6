package rpc

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/profferhq/proffer/decider"
	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/identity"
	profferv1 "github.com/profferhq/proffer/gateway/api/proffer/v1"
)

// longestTimeout bounds how long one decision may hold a connection.
const longestTimeout = 30 * time.Second

// Errors of a request for a decision.
var (
	errTimeout  = errors.New("timeout must be longer than 0 and at most 30 s")
	errPosition = errors.New("not_before is no position: want STREAM/sequence/index")
	errContext  = errors.New("a fact of the context must be text, a number or a flag")
)

// Person finds who is meant: the first identifier that is known; if none is, the first becomes known. With
// validateOnly nothing becomes known, and a stranger is a zero alias.
type Person interface {
	Person(ctx context.Context, ids []identity.Identifier, validateOnly bool) (domain.Alias, error)
}

// Deciding is the decider.
type Deciding interface {
	Decide(ctx context.Context, r decider.Request) (decider.Answer, error)
	// Staleness is how far what decisions know is behind the log.
	Staleness() time.Duration
}

// Decisions implements DecisionService.
type Decisions struct {
	Persons  Person
	Deciding Deciding
	// Timeout is how long a decision may take when the request does not say.
	Timeout time.Duration
}

// Decide implements DecisionService.
func (s *Decisions) Decide(ctx context.Context, r *profferv1.DecideRequest) (*profferv1.DecideResponse, error) {
	timeout := s.Timeout
	if r.GetTimeout() != nil {
		timeout = r.GetTimeout().AsDuration()
	}
	if timeout <= 0 || timeout > longestTimeout {
		return nil, errTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()

	question, err := questionOf(r)
	if err != nil {
		return nil, err
	}
	if question.Alias, err = s.Persons.Person(ctx, identifiersOf(r.GetIdentifiers()), r.GetValidateOnly()); err != nil {
		return nil, err
	}
	answer, err := s.Deciding.Decide(ctx, question)
	if err != nil {
		return nil, err
	}
	return s.answerOf(answer), nil
}

// questionOf maps a request but for who asks.
func questionOf(r *profferv1.DecideRequest) (decider.Request, error) {
	out := decider.Request{Placement: r.GetPlacement(), ValidateOnly: r.GetValidateOnly()}
	if r.GetNotBefore() != "" {
		place, err := domain.ParsePlace(r.GetNotBefore())
		if err != nil {
			return out, errPosition
		}
		out.NotBefore = []domain.Place{place}
	}
	var err error
	out.Context, err = contextOf(r.GetContext())
	return out, err
}

// contextOf maps the request's facts, ascending by name.
func contextOf(s *structpb.Struct) ([]*event.ContextValue, error) {
	out := make([]*event.ContextValue, 0, len(s.GetFields()))
	for name, value := range s.GetFields() {
		fact := &event.ContextValue{Name: name}
		switch v := value.GetKind().(type) {
		case *structpb.Value_StringValue:
			fact.Value = &event.ContextValue_Text{Text: v.StringValue}
		case *structpb.Value_NumberValue:
			fact.Value = &event.ContextValue_Number{Number: v.NumberValue}
		case *structpb.Value_BoolValue:
			fact.Value = &event.ContextValue_Flag{Flag: v.BoolValue}
		default:
			return nil, fmt.Errorf("%w: %s", errContext, name)
		}
		out = append(out, fact)
	}
	slices.SortFunc(out, func(a, b *event.ContextValue) int { return strings.Compare(a.GetName(), b.GetName()) })
	return out, nil
}

func identifiersOf(ids []*profferv1.Identifier) []identity.Identifier {
	out := make([]identity.Identifier, len(ids))
	for i, id := range ids {
		out[i] = identity.Identifier{Type: id.GetType(), Value: id.GetValue()}
	}
	return out
}

func (s *Decisions) answerOf(a decider.Answer) *profferv1.DecideResponse {
	r := a.Record
	out := &profferv1.DecideResponse{
		DecisionId: aliasText(r.GetId()), Offer: r.GetOffer(), Treatment: r.GetTreatment(), Content: a.Treatment.GetContent(),
		Reason: r.GetReason(), DecidedAt: timestamppb.New(time.UnixMilli(r.GetNowMs())), Policy: r.GetPolicy(),
		PolicyVersion: r.GetPolicyVersion(), Profile: aliasText(r.GetProfile()), Staleness: durationpb.New(s.Deciding.Staleness()),
	}
	if a.At != (domain.Place{}) {
		out.Position = a.At.String()
	}
	return out
}

// aliasText writes the 16 bytes of an alias or a decision's id; "" for none, and for a stranger's, who has no alias yet.
func aliasText(b []byte) string {
	a, err := domain.AliasFromBytes(b)
	if err != nil || a.IsZero() {
		return ""
	}
	return a.String()
}

// batchWorkers is how many decisions of one batch are made at a time: their appends share envelopes.
const batchWorkers = 32

// DecideBatch implements DecisionService.
func (s *Decisions) DecideBatch(ctx context.Context, r *profferv1.DecideBatchRequest) (*profferv1.DecideBatchResponse, error) {
	out := &profferv1.DecideBatchResponse{Results: make([]*profferv1.DecideResult, len(r.GetRequests()))}
	next := make(chan int)
	var workers sync.WaitGroup
	for range min(batchWorkers, len(r.GetRequests())) {
		workers.Go(func() {
			for i := range next {
				out.Results[i] = s.result(ctx, r.GetRequests()[i])
			}
		})
	}
	for i := range r.GetRequests() {
		next <- i
	}
	close(next)
	workers.Wait()
	return out, nil
}

func (s *Decisions) result(ctx context.Context, r *profferv1.DecideRequest) *profferv1.DecideResult {
	answer, err := s.member(ctx, r)
	if err == nil {
		return &profferv1.DecideResult{Result: &profferv1.DecideResult_Answer{Answer: answer}}
	}
	var refused *connect.Error
	errors.As(asConnect("DecideBatch", err), &refused)
	return &profferv1.DecideResult{Result: &profferv1.DecideResult_Error{Error: &profferv1.DecideError{
		Code: refused.Code().String(), Reason: reasonOf(refused), Message: refused.Message(),
	}}}
}

func (s *Decisions) member(ctx context.Context, r *profferv1.DecideRequest) (*profferv1.DecideResponse, error) {
	if err := validMember(r); err != nil {
		return nil, err
	}
	return s.Decide(ctx, r)
}
