package commands

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/expression"
	"github.com/profferhq/proffer/domain/model/registry"
	"github.com/profferhq/proffer/domain/problem"
)

// AssignModel gives a version of a model a role for a use, or takes a role back.
type AssignModel struct {
	registry.Wish
	Change Change
}

// ModelsAssigned is who answers for a use, now or if it were done.
type ModelsAssigned struct {
	// Roles in effect: champion, challenger, shadow, as far as somebody has them. With ValidateOnly they are as before.
	Roles []registry.Assignment
	// Events are what was, or would be, appended.
	Events    []*event.ModelAssigned
	At        domain.Place
	Unchanged bool
	// Doubts are what makes it look like a mistake; see registry.Doubts.
	Doubts []string
}

// Assign carries a wish out, unless it is so already. It fails with ErrModelName, ErrChangeInvalid, a problem.List for a
// model that is not registered or that policies in effect cannot read, registry's errors and those of the log.
func (m *Models) Assign(ctx context.Context, a AssignModel) (ModelsAssigned, error) {
	var doubts []string
	out, err := m.change(ctx, a.Use, registry.RuleOperator, a.Change, func(c *Catalogue) ([]*event.ModelAssigned, error) {
		if err := c.assignable(a.Wish); err != nil {
			return nil, err
		}
		doubts = c.models.Doubts(a.Wish)
		return c.models.Assign(a.Wish)
	})
	out.Doubts = doubts
	return out, err
}

// Rollback makes the champion before the present one champion again. It fails as Assign does.
func (m *Models) Rollback(ctx context.Context, use string, change Change) (ModelsAssigned, error) {
	return m.change(ctx, use, registry.RuleRollback, change, func(c *Catalogue) ([]*event.ModelAssigned, error) {
		return c.models.Rollback(use)
	})
}

func (m *Models) change(
	ctx context.Context, use, rule string, change Change, decide func(*Catalogue) ([]*event.ModelAssigned, error),
) (ModelsAssigned, error) {
	if !modelName.MatchString(use) {
		return ModelsAssigned{}, ErrModelName
	}
	if err := change.check(); err != nil {
		return ModelsAssigned{}, err
	}
	var out ModelsAssigned
	at, err := m.ports.Definitions.change(ctx, domain.PolicyLane("use", use), change.ValidateOnly, func(c *Catalogue) ([]*event.Event, error) {
		assigned, err := decide(c)
		if err != nil {
			return nil, err
		}
		out = ModelsAssigned{Events: assigned, Unchanged: len(assigned) == 0}
		events := make([]*event.Event, len(assigned))
		for i, a := range assigned {
			a.Rule, a.Reason, a.Actor = rule, change.Reason, change.Actor
			events[i] = &event.Event{Body: &event.Event_ModelAssigned{ModelAssigned: a}}
		}
		return events, nil
	})
	if err != nil {
		return ModelsAssigned{}, fmt.Errorf("assign a model: %w", err)
	}
	out.At = at
	m.ports.Definitions.catalogue().Models(func(r *registry.Registry) { out.Roles = r.Roles(use, math.MaxUint64) })
	return out, nil
}

// assignable finds what speaks against a model for a use: that it is not registered, reads what is withdrawn, or another view than
// a policy in effect that asks for the use. The caller holds the lock.
func (c *Catalogue) assignable(w registry.Wish) error {
	if w.Model == "" {
		return nil
	}
	var problems problem.List
	v, err := c.models.Version(w.Model, w.Version)
	switch names := c.models.Names(); {
	case err == nil:
	case !slices.Contains(names, w.Model):
		problems.Add("model", problem.Unknown, "no model %q is registered%s", w.Model, expression.Suggestion(w.Model, names))
	default:
		problems.Add("version", problem.Unknown, "%s has no version %d, its latest is %d", w.Model, w.Version, c.latest(w.Model))
	}
	if view, known := c.views.Version(v.GetView()); err == nil && known && view.Withdrawn() {
		problems.Add("model", problem.Conflict, "%s@%d reads the view %s, which is withdrawn: publish it again first", w.Model, v.GetVersion(), v.GetView())
	}
	for _, p := range c.reading(w.Use) {
		if err == nil && !registry.Fits(v.GetView(), p.Policy.GetView()) {
			problems.Add("model", problem.Conflict, "%s@%d reads the view %s, and the policy %s, which asks for %s, reads %s",
				w.Model, v.GetVersion(), v.GetView(), p.Policy.GetId(), w.Use, p.Policy.GetView())
		}
	}
	return problems.Err()
}

func (c *Catalogue) latest(model string) uint64 {
	v, err := c.models.Version(model, 0)
	if err != nil {
		return 0
	}
	return v.GetVersion()
}

// reading are the policies in effect that read a use of models, by id. The caller holds the lock.
func (c *Catalogue) reading(use string) []PublishedPolicy {
	var out []PublishedPolicy
	for _, p := range c.policies {
		if !p.Withdrawn && slices.ContainsFunc(p.Policy.GetModels(), func(m *event.PolicyModel) bool { return m.GetUse() == use }) {
			out = append(out, p)
		}
	}
	slices.SortFunc(out, func(x, y PublishedPolicy) int {
		if x.Policy.GetId() < y.Policy.GetId() {
			return -1
		}
		return 1
	})
	return out
}

// PoliciesReading are the ids of the policies in effect that read a use of models, ascending.
func (c *Catalogue) PoliciesReading(use string) []string {
	c.mu.RLock()
	defer c.mu.RUnlock()
	var ids []string
	for _, p := range c.reading(use) {
		ids = append(ids, p.Policy.GetId())
	}
	return ids
}
