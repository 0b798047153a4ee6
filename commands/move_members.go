package commands

import (
	"context"
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/segment"
)

// MoveMembers appends that people entered and left segments, each in the lane of its alias, in as few envelopes as hold them.
// Which moves there are is the caller's to know (segment.Members). It fails with the errors of the log: some of the
// moves may then be in it, each under its own id.
func (s *DefineSegments) MoveMembers(ctx context.Context, moves []segment.Move) error {
	var lanes []domain.Lane
	of := map[domain.Lane][]*event.Event{}
	for _, m := range moves {
		lane := domain.LaneOf(domain.Behaviour, m.Alias, s.ports.Log.Lanes())
		if of[lane] == nil {
			lanes = append(lanes, lane)
		}
		of[lane] = append(of[lane], s.moved(m))
	}
	for _, lane := range lanes {
		for events := of[lane]; len(events) > 0; {
			n := envelopeOf(events)
			if _, err := s.ports.Log.Append(ctx, lane, events[:n]...); err != nil {
				return fmt.Errorf("move members of segments: append to %s: %w", lane.Subject(), err)
			}
			events = events[n:]
		}
	}
	return nil
}

func (s *DefineSegments) moved(m segment.Move) *event.Event {
	id, now := m.ID(), s.ports.Now().UnixMilli()
	e := &event.Event{Id: id[:], Alias: m.Alias[:], OccurredMs: now, ReceivedMs: now, Source: OwnSource}
	if m.Entered {
		e.Body = &event.Event_SegmentEntered{SegmentEntered: &event.SegmentEntered{Definition: m.Definition, Segment: m.Segment, Version: m.Version}}
	} else {
		e.Body = &event.Event_SegmentLeft{SegmentLeft: &event.SegmentLeft{Definition: m.Definition, Segment: m.Segment, Version: m.Version}}
	}
	return e
}

// envelopeOf is how many of the events fit one envelope; one at least.
func envelopeOf(events []*event.Event) int {
	size := 0
	for i, e := range events {
		if size += domain.FrameSize(proto.Size(e)); i > 0 && (size > envelopeRoom || i == envelopeEvents) {
			return i
		}
	}
	return len(events)
}
