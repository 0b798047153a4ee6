package gateway

import (
	"context"
	"log/slog"

	"github.com/profferhq/proffer/commands"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/label"
	"github.com/profferhq/proffer/domain/model/registry"
	"github.com/profferhq/proffer/domain/model/watch"
	"github.com/profferhq/proffer/projections"
)

// watchModels looks at how models do: the log's decisions and outcomes -> tables, alerts, and a champion that falls back.
func (n *Node) watchModels(context.Context) error {
	var store projections.ModelDays // a typed nil would be a store
	if n.parts.modelDays != nil {
		store = n.parts.modelDays
	}
	watcher := projections.NewModelWatcher(n.parts.log, store, modelAlerts{n.parts.models}, projections.ModelWatcherOptions{
		Watch: watch.Options{View: n.parts.policies.View, Label: label.ShippedAs},
		Now:   n.now, Log: slog.Default(),
	})
	n.parts.watcher = watcher
	n.run("watch models", watcher.Run)
	return nil
}

// modelAlerts says through commands what the watcher wants done.
type modelAlerts struct{ models *commands.Models }

// watcherName is who the log says it was.
const watcherName = "watch"

// RaiseAlerts appends alerts.
func (m modelAlerts) RaiseAlerts(ctx context.Context, alerts []*event.AlertRaised) error {
	return m.models.RaiseAlerts(ctx, alerts)
}

// FallBack replaces a broken champion.
func (m modelAlerts) FallBack(ctx context.Context, use string, champion registry.Assignment, reason string) error {
	_, err := m.models.FallBack(ctx, commands.FallBack{
		Use: use, Model: champion.GetModel(), Version: champion.GetVersion(), Change: commands.Change{Reason: reason, Actor: watcherName},
	})
	return err
}
