package rpc

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/profferhq/proffer/decider"
	"github.com/profferhq/proffer/decider/model"
	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	profferv1 "github.com/profferhq/proffer/gateway/api/proffer/v1"
)

var errWhichDecision = errors.New("name a decision by its id (32 hexadecimal digits) or its position (DECISION/sequence/index)")

// Audit implements AuditService.
type Audit struct{ Replayer *decider.Replayer }

// find reads the decision that a request names; a position finds it at once, an id by a search from the end.
func (s *Audit) find(ctx context.Context, id, position string) (decider.Logged, error) {
	if position != "" {
		place, err := domain.ParsePlace(position)
		if err != nil || place.Stream != domain.Decision {
			return decider.Logged{}, errWhichDecision
		}
		found, err := s.Replayer.At(ctx, place.Position)
		if err == nil && id != "" && aliasText(found.Record.GetId()) != id {
			err = decider.ErrNotFound
		}
		return found, err
	}
	wanted, err := domain.ParseAlias(id)
	if err != nil {
		return decider.Logged{}, errWhichDecision
	}
	return s.Replayer.Find(ctx, wanted)
}

// Explain implements AuditService.
func (s *Audit) Explain(ctx context.Context, r *profferv1.ExplainRequest) (*profferv1.ExplainResponse, error) {
	logged, err := s.find(ctx, r.GetDecisionId(), r.GetPosition())
	if err != nil {
		return nil, err
	}
	cut, err := identityCut(r.GetIdentity())
	if err != nil {
		return nil, err
	}
	e, err := s.Replayer.Explain(logged)
	if err != nil {
		return nil, err
	}
	out := explanationOf(e)
	if err := s.addReasons(ctx, e, out.GetScores()); err != nil {
		return nil, err
	}
	if r.GetIdentity() == "" || e.Record.GetExternal() {
		return out, nil
	}
	supposed, err := s.Replayer.Suppose(ctx, logged, decider.Supposition{Cut: cut})
	if err != nil {
		return nil, err
	}
	out.Identity = comparisonOf(supposed)
	return out, nil
}

// addReasons says what moved the margins, as far as the models are to be had.
func (s *Audit) addReasons(ctx context.Context, e decider.Explanation, scores []*profferv1.ExplainedScore) error {
	for i, score := range e.Scores {
		if score.GetFailure() != "" {
			continue
		}
		expected, reasons, err := s.Replayer.Why(ctx, e.Record, score)
		if errors.Is(err, decider.ErrNoModelBytes) || errors.Is(err, decider.ErrRecord) {
			continue
		}
		if err != nil {
			return err
		}
		scores[i].ExpectedMargin = expected
		for _, r := range reasons {
			reason := &profferv1.ScoreReason{Feature: r.Feature, Value: r.Value, Contribution: r.Contribution}
			if math.IsNaN(r.Value) {
				reason.Missing, reason.Value = true, 0
			}
			scores[i].Reasons = append(scores[i].Reasons, reason)
		}
	}
	return nil
}

func explanationOf(e decider.Explanation) *profferv1.ExplainResponse {
	d := e.Record
	out := &profferv1.ExplainResponse{
		DecisionId: aliasText(d.GetId()), Position: placeOf(e.Logged), DecidedAt: timestamppb.New(time.UnixMilli(d.GetNowMs())),
		Placement: d.GetPlacement(), Offer: d.GetOffer(), Treatment: d.GetTreatment(), Reason: d.GetReason(),
		Policy: d.GetPolicy(), PolicyVersion: d.GetPolicyVersion(), View: d.GetView(), Profile: aliasText(d.GetProfile()),
		External: d.GetExternal(), HeldOut: d.GetHeldOut(), HoldoutDraw: e.HoldoutDraw, Holdout: e.Holdout,
		Contacts: e.Contacts, Summary: e.Summary,
	}
	for _, a := range d.GetAliases() {
		out.Aliases = append(out.Aliases, aliasText(a.GetAlias()))
	}
	for _, c := range e.Candidates {
		out.Candidates = append(out.Candidates, candidateOf(c))
	}
	for _, score := range e.Scores {
		out.Scores = append(out.Scores, scoreMessage(score))
	}
	for _, s := range e.Segments {
		out.Segments = append(out.Segments, &profferv1.ExplainedSegments{
			Definition: s.GetDefinition(), Version: s.GetVersion(), Sha256: hex.EncodeToString(s.GetDigest()),
			Segments: s.GetSegments(), Failure: s.GetFailure(),
		})
	}
	out.Consents = consentsSeen(e.Consents)
	for _, f := range e.Features {
		value := f.Value
		if f.Missing {
			value = 0
		}
		out.Features = append(out.Features, &profferv1.ExplainedFeature{Name: f.Name, Missing: f.Missing, Value: value})
	}
	return out
}

func consentsSeen(list []*event.SeenConsent) []*profferv1.ExplainedConsent {
	var out []*profferv1.ExplainedConsent
	for _, c := range list {
		out = append(out, &profferv1.ExplainedConsent{
			Purpose: c.GetPurpose(), State: c.GetState(), Position: identityPlace(domain.PositionOf(c.GetAt())),
		})
	}
	return out
}

func scoreMessage(s *event.ModelScore) *profferv1.ExplainedScore {
	return &profferv1.ExplainedScore{
		Name: s.GetName(), Use: s.GetUse(), Model: s.GetModel(), Version: s.GetVersion(), Sha256: hex.EncodeToString(s.GetDigest()),
		Role: s.GetRole(), Effective: s.GetEffective(), Margin: s.GetMargin(), Score: float64(s.GetMicros()) / model.Micro,
		Failure: s.GetFailure(),
	}
}

func candidateOf(c decider.ExplainedCandidate) *profferv1.ExplainedCandidate {
	out := &profferv1.ExplainedCandidate{
		Offer: c.GetOffer(), Treatment: c.GetTreatment(), Stage: c.GetStage(), Rule: c.GetRule(), Reason: c.GetReason(),
		Propensity: c.GetPropensity(), Value: c.GetValue(), Weight: c.GetWeight(), Cost: c.GetCost(),
		ExpectedValue: c.GetExpectedValue(), Draw: c.GetDraw(),
	}
	for _, r := range c.Rules {
		out.Rules = append(out.Rules, &profferv1.ExplainedRule{
			Name: r.Name, Expression: r.Expression, Result: r.Result, Values: r.Values,
		})
	}
	return out
}

func placeOf(l decider.Logged) string {
	return domain.Place{Stream: domain.Decision, Position: l.At}.String()
}

// Replay implements AuditService.
func (s *Audit) Replay(ctx context.Context, r *profferv1.ReplayRequest) (*profferv1.ReplayResponse, error) {
	logged, err := s.find(ctx, r.GetDecisionId(), r.GetPosition())
	if err != nil {
		return nil, err
	}
	again, err := s.Replayer.One(ctx, logged)
	if err != nil {
		return nil, err
	}
	return &profferv1.ReplayResponse{
		Identical: again.Identical(), External: again.External, Differences: differencesOf(again), RecordSha256: again.Digest.String(),
	}, nil
}

func differencesOf(r decider.Replayed) []*profferv1.Difference {
	var out []*profferv1.Difference
	for _, d := range r.Differences {
		out = append(out, &profferv1.Difference{
			DecisionId: r.ID.String(), Position: domain.Place{Stream: domain.Decision, Position: r.At}.String(),
			From: d.From, Field: d.Field, Recorded: d.Recorded, Replayed: d.Replayed,
		})
	}
	return out
}

// maxListed bounds the differences that one answer lists.
const maxListed = 100

// ReplayAll implements AuditService.
func (s *Audit) ReplayAll(ctx context.Context, r *profferv1.ReplayAllRequest, stream *connect.ServerStream[profferv1.ReplayAllResponse]) error {
	// When the caller has gone, sending fails and the replay is stopped.
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	started := time.Now()
	var sending sync.Mutex
	var sendErr error
	tally, err := s.Replayer.All(ctx, decider.AllOptions{RecordsOnly: r.GetRecordsOnly(), Progress: func(t decider.Tally) {
		sending.Lock()
		defer sending.Unlock()
		if sendErr = stream.Send(tallyOf(t, time.Since(started))); sendErr != nil {
			cancel()
		}
	}})
	if sendErr != nil {
		return fmt.Errorf("send the progress: %w", sendErr)
	}
	if err != nil {
		return err
	}
	last := tallyOf(tally, time.Since(started))
	last.Done = true
	for _, d := range tally.Differing {
		last.Differences = append(last.Differences, differencesOf(d)...)
	}
	last.Differences = last.Differences[:min(len(last.Differences), maxListed)]
	return stream.Send(last)
}

func tallyOf(t decider.Tally, took time.Duration) *profferv1.ReplayAllResponse {
	return &profferv1.ReplayAllResponse{
		Replayed: t.Replayed, Identical: t.Identical, Different: t.Different, External: t.External, Total: t.Total,
		DecisionsPerSecond: float64(t.Replayed) / max(took.Seconds(), 1e-6),
	}
}
