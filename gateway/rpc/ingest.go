package rpc

import (
	"context"

	"connectrpc.com/connect"

	"github.com/profferhq/proffer/commands"
	"github.com/profferhq/proffer/domain"
	profferv1 "github.com/profferhq/proffer/gateway/api/proffer/v1"
)

// Ingest implements IngestService.
type Ingest struct {
	Ingesting *commands.Ingest
}

// Ingest implements IngestService.
func (s *Ingest) Ingest(ctx context.Context, r *profferv1.IngestRequest) (*profferv1.IngestResponse, error) {
	verdicts, err := s.take(ctx, r)
	if err != nil {
		return nil, err
	}
	out := &profferv1.IngestResponse{Verdicts: make([]*profferv1.Verdict, len(verdicts))}
	for i, v := range verdicts {
		out.Verdicts[i] = verdictMessage(v)
	}
	return out, nil
}

// IngestStream implements IngestService. Each batch is durable before the next is read; when one fails, those before
// it stand, and sending all of them again adds nothing twice.
func (s *Ingest) IngestStream(ctx context.Context, stream *connect.ClientStream[profferv1.IngestStreamRequest]) (*profferv1.IngestStreamResponse, error) {
	out := &profferv1.IngestStreamResponse{}
	for stream.Receive() {
		verdicts, err := s.take(ctx, stream.Msg().GetBatch())
		if err != nil {
			return nil, err
		}
		for _, v := range verdicts {
			switch v.Status {
			case commands.Accepted:
				out.Accepted++
			case commands.Duplicate:
				out.Duplicates++
			case commands.Rejected:
				out.Rejected++
			}
		}
	}
	return out, stream.Err()
}

func (s *Ingest) take(ctx context.Context, r *profferv1.IngestRequest) ([]commands.Verdict, error) {
	items := make([]commands.Item, len(r.GetItems()))
	for i, m := range r.GetItems() {
		items[i] = itemOf(r.GetSource(), m)
	}
	return s.Ingesting.Ingest(ctx, r.GetSource(), items, r.GetValidateOnly())
}

func verdictMessage(v commands.Verdict) *profferv1.Verdict {
	out := &profferv1.Verdict{Reason: v.Reason, Field: v.Field, Message: v.Message}
	switch v.Status {
	case commands.Accepted:
		out.Status = profferv1.Verdict_STATUS_ACCEPTED
	case commands.Duplicate:
		out.Status = profferv1.Verdict_STATUS_DUPLICATE
	case commands.Rejected:
		out.Status = profferv1.Verdict_STATUS_REJECTED
	}
	if v.Place != (domain.Place{}) {
		out.Position = v.Place.String()
	}
	return out
}
