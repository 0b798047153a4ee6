package commands

import (
	"context"
	"fmt"
	"math"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/model/registry"
)

// FallBack says which champion broke a hard limit, and of which use.
type FallBack struct {
	Use     string
	Model   string
	Version uint64
	Change  Change
}

// FallBack makes the champion before a broken one champion again, unless the broken one is champion no more: then somebody
// was faster, and nothing is changed. It fails with ErrModelName, ErrChangeInvalid, registry.ErrNothingBefore when there is
// none to go back to, and the errors of the log.
func (m *Models) FallBack(ctx context.Context, f FallBack) (ModelsAssigned, error) {
	return m.change(ctx, f.Use, registry.RuleFallback, f.Change, func(c *Catalogue) ([]*event.ModelAssigned, error) {
		for _, a := range c.models.Roles(f.Use, math.MaxUint64) {
			if a.GetRole() == event.ModelAssigned_ROLE_CHAMPION && a.GetModel() == f.Model && a.GetVersion() == f.Version {
				return c.models.Rollback(f.Use)
			}
		}
		return nil, nil
	})
}

// RaiseAlerts appends the alerts that say something new, in one message: what the log holds already is not said again, for
// every server watches. What is an alert is the caller's to know: see the package watch. It fails with the errors of the log.
func (m *Models) RaiseAlerts(ctx context.Context, alerts []*event.AlertRaised) error {
	if len(alerts) == 0 {
		return nil
	}
	_, err := m.ports.Definitions.change(ctx, domain.PolicyLane("alert", "models"), false, func(c *Catalogue) ([]*event.Event, error) {
		var events []*event.Event
		for _, a := range alerts {
			if c.newAlert(a) {
				events = append(events, &event.Event{Body: &event.Event_AlertRaised{AlertRaised: a}})
			}
		}
		return events, nil
	})
	if err != nil {
		return fmt.Errorf("raise alerts: %w", err)
	}
	return nil
}

// newAlert says whether an alert changes what is open. The caller holds the lock.
func (c *Catalogue) newAlert(a *event.AlertRaised) bool {
	open := c.alerts[alertKey{a.GetSubject(), a.GetMetric()}]
	if a.GetCleared() {
		return open != nil
	}
	return open == nil || a.GetHard() && !open.GetHard()
}
