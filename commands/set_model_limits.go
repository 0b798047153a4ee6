package commands

import (
	"context"
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/model/watch"
)

// SetModelLimits says from when on alerts are raised about the models that answer for a use. What is empty is as it comes
// with the product.
type SetModelLimits struct {
	Use    string
	Limits []*event.ModelLimit
	Days   uint32
	Least  uint64
	Change Change
}

// ModelLimits are the limits that are, or would be, set.
type ModelLimits struct {
	*event.ModelLimitsSet
	At domain.Place
	// Unchanged: they were set so already, and nothing was written.
	Unchanged bool
}

// SetLimits sets the limits of a use, unless they are so already. It fails with ErrModelName, ErrChangeInvalid, a
// problem.List and the errors of the log.
func (m *Models) SetLimits(ctx context.Context, s SetModelLimits) (ModelLimits, error) {
	if !modelName.MatchString(s.Use) {
		return ModelLimits{}, ErrModelName
	}
	if err := s.Change.check(); err != nil {
		return ModelLimits{}, err
	}
	next := &event.ModelLimitsSet{
		Use: s.Use, Limits: s.Limits, Days: s.Days, Least: s.Least, Reason: s.Change.Reason, Actor: s.Change.Actor,
	}
	if err := watch.CheckLimits(next); err != nil {
		return ModelLimits{}, err
	}
	out := ModelLimits{ModelLimitsSet: next}
	at, err := m.ports.Definitions.change(ctx, domain.PolicyLane("use", s.Use), s.Change.ValidateOnly, func(c *Catalogue) ([]*event.Event, error) {
		before := c.limits[s.Use]
		next.Version = before.GetVersion() + 1
		if out.Unchanged = sameLimits(before, next); out.Unchanged {
			out.ModelLimitsSet = before
			return nil, nil
		}
		return []*event.Event{{Body: &event.Event_ModelLimitsSet{ModelLimitsSet: next}}}, nil
	})
	if err != nil {
		return ModelLimits{}, fmt.Errorf("set limits of models: %w", err)
	}
	out.At = at
	return out, nil
}

// sameLimits says whether two mean the same; none are the limits that come with the product.
func sameLimits(before, next *event.ModelLimitsSet) bool {
	bare := func(s *event.ModelLimitsSet) *event.ModelLimitsSet {
		return &event.ModelLimitsSet{Limits: s.GetLimits(), Days: s.GetDays(), Least: s.GetLeast()}
	}
	return proto.Equal(bare(before), bare(next))
}

// ModelLimits are the limits set for a use; nil when none are.
func (c *Catalogue) ModelLimits(use string) *event.ModelLimitsSet {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.limits[use]
}
