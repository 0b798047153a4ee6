package gateway

import (
	"context"
	"log/slog"

	"github.com/profferhq/proffer/commands"
	"github.com/profferhq/proffer/decider"
	"github.com/profferhq/proffer/domain/segment"
	"github.com/profferhq/proffer/projections"
)

// followSegments finds who entered and who left a segment, as soon as a definition is in effect.
func (n *Node) followSegments(context.Context) error {
	moves := projections.NewSegmentMoves(
		n.parts.log, n.parts.segments, n.parts.views.Applied, currentSegments{n.parts.policies}, commands.NewMemberMoves(n.route(), n.now),
		projections.SegmentMovesOptions{Now: n.now, Log: slog.Default()},
	)
	n.runOnOne("follow the segments", "segments", moves.Run)
	return nil
}

// currentSegments are the definitions that decisions read.
type currentSegments struct{ policies *decider.Policies }

// InEffect implements projections.SegmentDefinitions.
func (c currentSegments) InEffect() ([]projections.CurrentSegments, uint64) {
	at := c.policies.Applied() // before they are read: they may be later ones
	var out []projections.CurrentSegments
	for _, d := range c.policies.Segments() {
		if compiled, _, err := d.Compiled(); err == nil {
			out = append(out, projections.CurrentSegments{Compiled: compiled, Version: d.Version.Version})
		}
	}
	return out, at
}

// Withdrawn implements projections.SegmentDefinitions.
func (c currentSegments) Withdrawn() []segment.Found {
	var out []segment.Found
	for _, v := range c.policies.WithdrawnSegments() {
		out = append(out, segment.Found{Definition: v.ID, Version: v.Version})
	}
	return out
}

// WaitFor implements projections.SegmentDefinitions.
func (c currentSegments) WaitFor(ctx context.Context, sequence uint64) error {
	return c.policies.WaitFor(ctx, sequence)
}
