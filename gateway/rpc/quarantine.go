package rpc

import (
	"cmp"
	"context"
	"encoding/hex"
	"strings"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/profferhq/proffer/commands"
	"github.com/profferhq/proffer/domain"
	profferv1 "github.com/profferhq/proffer/gateway/api/proffer/v1"
	"github.com/profferhq/proffer/gateway/segment"
)

// refusedPage is how long a page of the quarantine is when nothing else is said.
const refusedPage = 50

// Quarantine implements QuarantineService.
type Quarantine struct {
	Quarantine *commands.Quarantine
}

// ListRefused implements QuarantineService.
func (s *Quarantine) ListRefused(ctx context.Context, r *profferv1.ListRefusedRequest) (*profferv1.ListRefusedResponse, error) {
	page := commands.RefusedPage{Size: cmp.Or(int(r.GetPageSize()), refusedPage), Source: r.GetSource(), Reason: r.GetReason()}
	if r.GetPageToken() != "" {
		parts, ok := tokenParts(r.GetPageToken(), 3)
		if !ok || parts[1] != r.GetSource() || parts[2] != r.GetReason() {
			return nil, refusal(connect.CodeInvalidArgument, "PAGE_TOKEN_INVALID", "the page token is not of this list")
		}
		place, err := domain.ParsePlace(parts[0])
		if err != nil {
			return nil, refusal(connect.CodeInvalidArgument, "PAGE_TOKEN_INVALID", "the page token is not of this list")
		}
		page.After = place.Position
	}
	items, more, err := s.Quarantine.List(ctx, page)
	if err != nil {
		return nil, err
	}
	originals, err := s.Quarantine.Originals(ctx, items)
	if err != nil {
		return nil, err
	}
	out := &profferv1.ListRefusedResponse{Refused: make([]*profferv1.Refused, len(items))}
	for i, item := range items {
		out.Refused[i] = refusedMessage(item, originals[i])
	}
	if more {
		last := domain.Place{Stream: domain.Quarantine, Position: items[len(items)-1].At}
		out.NextPageToken = token(last.String(), r.GetSource(), r.GetReason())
	}
	return out, nil
}

func refusedMessage(r commands.Refused, original []byte) *profferv1.Refused {
	return &profferv1.Refused{
		Id: hex.EncodeToString(r.ID[:]), Source: r.Source, SourceLine: r.SourceSeq >> 8,
		ReceivedAt: timestamppb.New(time.UnixMilli(r.ReceivedMS)), Reason: r.Reason, Field: r.Field, Message: r.Message,
		Format: r.Format, Original: strings.ToValidUTF8(string(original), "\uFFFD"),
	}
}

// Repair implements QuarantineService.
func (s *Quarantine) Repair(ctx context.Context, r *profferv1.RepairRequest) (*profferv1.RepairResponse, error) {
	id, err := refusedID(r.GetId())
	if err != nil {
		return nil, err
	}
	v, err := s.Quarantine.Repair(ctx, id, []byte(r.GetRepaired()))
	if err != nil {
		return nil, err
	}
	return &profferv1.RepairResponse{
		Accepted: v.Status != commands.Rejected, Reason: v.Reason, Field: v.Field, Message: v.Message,
	}, nil
}

// Discard implements QuarantineService.
func (s *Quarantine) Discard(ctx context.Context, r *profferv1.DiscardRequest) (*profferv1.DiscardResponse, error) {
	id, err := refusedID(r.GetId())
	if err != nil {
		return nil, err
	}
	if err := s.Quarantine.Discard(ctx, id, r.GetReason()); err != nil {
		return nil, err
	}
	return &profferv1.DiscardResponse{}, nil
}

func refusedID(text string) ([16]byte, error) {
	raw, err := hex.DecodeString(text)
	if err != nil || len(raw) != 16 {
		return [16]byte{}, refusal(connect.CodeInvalidArgument, "ID_INVALID", "an id of the quarantine is 32 hexadecimal digits")
	}
	return [16]byte(raw), nil
}

// ItemReader implements commands.ItemReader for the formats of this server: Segment's events, our own items, and
// rows of imports, which are repaired as items.
type ItemReader struct{}

// ReadItem implements commands.ItemReader.
func (ItemReader) ReadItem(format string, text []byte, repaired bool, receivedMS int64) (commands.Item, error) {
	switch {
	case format == segment.Format:
		return segment.ReadItem(text, receivedMS)
	case format == ingestFormat, repaired:
		return readItem(text)
	}
	return commands.Item{}, commands.ErrNotReplayable
}
