package commands_test

import (
	"errors"
	"sync"
	"testing"

	"github.com/profferhq/proffer/commands"
	"github.com/profferhq/proffer/commands/commandstest"
	"github.com/profferhq/proffer/domain"
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
	if _, err := w.models.FallBack(t.Context(), broken); !errors.Is(err, registry.ErrNothingBefore) {
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

// Every server of a cluster watches, and sees the same: the log holds it once.
func TestTwoServersRaiseAnAlertOnce(t *testing.T) {
	t.Parallel()
	one := newModelWorld(t)
	rival := one.log.Rival()
	two := &modelWorld{world: startWorld(t, rival, one.vault), bytes: one.bytes}
	two.models = two.commands()
	raise := func(w *modelWorld, alerts ...*event.AlertRaised) {
		t.Helper()
		if err := w.models.RaiseAlerts(t.Context(), alerts); err != nil {
			t.Fatal(err)
		}
	}
	psi := func(hard, cleared bool) *event.AlertRaised {
		return &event.AlertRaised{Subject: "model:churn@1", Metric: "psi", Hard: hard, Cleared: cleared}
	}
	for n, c := range []struct {
		alert *event.AlertRaised
		want  int
	}{
		{psi(false, false), 1}, {psi(true, false), 2}, {psi(false, false), 2}, {psi(true, true), 3}, {psi(false, true), 3}, {psi(false, false), 4},
	} {
		first, second := one, two
		if n%2 == 1 {
			first, second = two, one
		}
		raise(first, c.alert)
		raise(second, c.alert)
		if got := one.types(t)["alert_raised"]; got != c.want {
			t.Errorf("alert %d: %d in the log, want %d", n, got, c.want)
		}
	}
	// So with champions.
	one.register(t, "churn", "model core@1 a")
	one.register(t, "churn", "model core@1 b")
	one.assign(t, registry.Wish{Use: "churn", Role: champion, Model: "churn", Version: 1})
	two.assign(t, registry.Wish{Use: "churn", Role: champion, Model: "churn", Version: 2})
	for _, w := range []*modelWorld{one, two} {
		back, err := w.models.FallBack(t.Context(), commands.FallBack{Use: "churn", Model: "churn", Version: 2})
		if err != nil || back.Roles[0].GetVersion() != 1 || back.Unchanged != (w == two) {
			t.Errorf("%+v, %v", back, err)
		}
	}
}

// Both decide before either has appended.
func TestTwoServersThatAlertAtOnceRaiseAnAlertOnce(t *testing.T) {
	t.Parallel()
	log, vault := commandstest.NewMemoryLog(4), commandstest.NewMemoryVault()
	var met, raised sync.WaitGroup
	met.Add(2)
	for _, end := range []*commandstest.MemoryLog{log, log.Rival()} {
		w := startWorld(t, end, vault)
		meet := meeting{end, sync.OnceFunc(func() { met.Done(); met.Wait() })}
		models := commands.NewModels(commands.ModelPorts{Definitions: definedOver(meet, w.recall)})
		raised.Go(func() {
			if err := models.RaiseAlerts(t.Context(), []*event.AlertRaised{{Subject: "model:churn@1", Metric: "psi"}}); err != nil {
				t.Error(err)
			}
		})
	}
	raised.Wait()
	if got := startWorld(t, log, vault).types(t)["alert_raised"]; got != 1 {
		t.Errorf("%d alerts are in the log, want 1", got)
	}
}

func TestLimitsAreSetOnce(t *testing.T) {
	t.Parallel()
	w := newModelWorld(t)
	set := func(validate bool, limits ...*event.ModelLimit) commands.ModelLimits {
		t.Helper()
		out, err := w.models.SetLimits(t.Context(), commands.SetModelLimits{
			Use: "churn", Limits: limits, Days: 14, Change: commands.Change{Reason: "few decisions", Actor: "operator", ValidateOnly: validate},
		})
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	psi := &event.ModelLimit{Metric: "psi", Soft: .5}
	if tried := set(true, psi); tried.GetVersion() != 1 || tried.At != (domain.Place{}) || w.recall.Catalogue.ModelLimits("churn") != nil {
		t.Errorf("tried: %+v", tried)
	}
	first := set(false, psi)
	if first.Unchanged || first.GetVersion() != 1 || first.GetReason() != "few decisions" || first.At.Stream != domain.Policy {
		t.Errorf("set: %+v", first)
	}
	if again := set(false, psi); !again.Unchanged || again.GetVersion() != 1 {
		t.Errorf("again: %+v", again)
	}
	if second := set(false); second.Unchanged || second.GetVersion() != 2 || w.recall.Catalogue.ModelLimits("churn").GetVersion() != 2 {
		t.Errorf("taken back: %+v", second)
	}
	for _, c := range []commands.SetModelLimits{{Use: "Churn"}, {Use: "churn", Limits: []*event.ModelLimit{{Metric: "psy"}}}} {
		if _, err := w.models.SetLimits(t.Context(), c); err == nil {
			t.Errorf("%+v was set", c)
		}
	}
	if n := w.types(t)["model_limits_set"]; n != 2 {
		t.Errorf("%d events", n)
	}
}
