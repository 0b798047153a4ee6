package commands

import (
	"context"
	"fmt"
	"time"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/segment"
)

// MemberMoves appends who entered and who left a segment.
type MemberMoves struct {
	log SharedLog
	now func() time.Time
}

// NewMemberMoves returns the commands.
func NewMemberMoves(log SharedLog, now func() time.Time) *MemberMoves { return &MemberMoves{log, now} }

// TakeMoves makes this process the one that moves people between segments, and returns the sequence of BEHAVIOUR of the
// last move so far: who moves somebody must know all moves up to there. It fails as an append to the log does.
func (m *MemberMoves) TakeMoves(ctx context.Context) (uint64, error) {
	last, err := m.log.TakeOver(ctx, domain.MovesLane())
	if err != nil {
		return 0, fmt.Errorf("move members of segments: %w", err)
	}
	return last, nil
}

// MoveMembers appends that people entered and left segments, in as few envelopes as hold them. Which moves there are is
// the caller's to know (segment.Members). It fails with domain.ErrLaneLost when another process moved people since
// TakeMoves, and with the other errors of the log. However it fails, some of the moves may be in the log: TakeMoves comes
// before the next ones.
func (m *MemberMoves) MoveMembers(ctx context.Context, moves []segment.Move) error {
	events := make([]*event.Event, len(moves))
	for i, move := range moves {
		events[i] = moved(move, m.now().UnixMilli())
	}
	for lane := domain.MovesLane(); len(events) > 0; {
		n := envelopeOf(events)
		if _, err := m.log.Append(ctx, lane, events[:n]...); err != nil {
			return fmt.Errorf("move members of segments: append to %s: %w", lane.Subject(), err)
		}
		events = events[n:]
	}
	return nil
}

func moved(m segment.Move, nowMS int64) *event.Event {
	id := m.ID()
	e := &event.Event{Id: id[:], Alias: m.Alias[:], OccurredMs: nowMS, ReceivedMs: nowMS, Source: OwnSource}
	if m.Entered {
		e.Body = &event.Event_SegmentEntered{SegmentEntered: &event.SegmentEntered{Definition: m.Definition, Segment: m.Segment, Version: m.Version}}
	} else {
		e.Body = &event.Event_SegmentLeft{SegmentLeft: &event.SegmentLeft{Definition: m.Definition, Segment: m.Segment, Version: m.Version}}
	}
	return e
}
