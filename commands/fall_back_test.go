package commands_test

import (
	"errors"
	"testing"

	"github.com/profferhq/proffer/commands"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/model/registry"
)

func TestABrokenChampionFallsBackOnce(t *testing.T) {
	t.Parallel()
	w := newModelWorld(t)
	w.register(t, "churn", "model core@1 a")
	w.register(t, "churn", "model core@1 b")
	broken := commands.FallBack{Use: "churn", Model: "churn", Version: 1, Change: commands.Change{Reason: "auc"}}
	w.assign(t, registry.Wish{Use: "churn", Role: champion, Model: "churn", Version: 1})
	if _, err := w.models.FallBack(t.Context(), broken); !errors.Is(err, registry.ErrNoChampion) {
		t.Errorf("the first has none before it: %v", err)
	}
	w.assign(t, registry.Wish{Use: "churn", Role: champion, Model: "churn", Version: 2})
	if late, err := w.models.FallBack(t.Context(), broken); err != nil || !late.Unchanged {
		t.Errorf("it is champion no more: %+v, %v", late, err)
	}
	broken.Version = 2
	back, err := w.models.FallBack(t.Context(), broken)
	if err != nil || roles(back) != "champion churn fallback" || back.Roles[0].GetVersion() != 1 || back.Roles[0].GetReason() != "auc" {
		t.Errorf("%s, %v", roles(back), err)
	}
	if again, err := w.models.FallBack(t.Context(), broken); err != nil || !again.Unchanged {
		t.Errorf("again: %+v, %v", again, err)
	}
}

func TestAlertsAreAppended(t *testing.T) {
	t.Parallel()
	w := newModelWorld(t)
	if err := w.models.RaiseAlerts(t.Context(), nil); err != nil || len(w.types(t)) != 0 {
		t.Errorf("no alerts: %v, %v", w.types(t), err)
	}
	alerts := []*event.AlertRaised{{Subject: "model:churn@1", Metric: "psi"}, {Subject: "model:churn@1", Metric: "ks"}}
	if err := w.models.RaiseAlerts(t.Context(), alerts); err != nil {
		t.Fatal(err)
	}
	if types := w.types(t); types["alert_raised"] != 2 {
		t.Errorf("%v", types)
	}
}
