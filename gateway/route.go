package gateway

import (
	"context"
	"errors"

	"github.com/profferhq/proffer/decider"
	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/gateway/natslog"
)

// route sends DECISION through the decider, who owns its lanes, and everything else straight to the log.
type route struct {
	*natslog.Log
	decisions *decider.Decider
	fresh     *freshness
	room      func() error
}

func (n *Node) route() route {
	return route{Log: n.parts.log, decisions: n.parts.decider, fresh: n.parts.fresh, room: n.diskRoom}
}

// Append implements commands.Log.
func (r route) Append(ctx context.Context, lane domain.Lane, events ...*event.Event) (domain.Position, error) {
	if lane.Stream == domain.Decision {
		return r.decisions.Append(ctx, lane, events...)
	}
	if err := r.room(); err != nil {
		return domain.Position{}, err
	}
	at, err := r.Log.Append(ctx, lane, events...)
	if err != nil {
		return at, errors.Join(err, r.room())
	}
	r.fresh.appendedTo(lane.Stream, at.Sequence)
	return at, nil
}
