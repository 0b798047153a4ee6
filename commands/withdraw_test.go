package commands_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/profferhq/proffer/commands"
	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/feature"
	"github.com/profferhq/proffer/domain/model/registry"
)

const (
	ofPolicy   = event.DefinitionWithdrawn_KIND_POLICY
	ofView     = event.DefinitionWithdrawn_KIND_FEATURE_VIEW
	ofSegments = event.DefinitionWithdrawn_KIND_SEGMENTS
	ofModel    = event.DefinitionWithdrawn_KIND_MODEL
)

// definedWorld has a policy over habit, whose first version is live, that reads the segments tags and a model.
type definedWorld struct {
	*modelWorld
	views    *commands.FeatureViews
	publish  *commands.PublishPolicy
	defining *commands.DefineSegments
	withdraw *commands.Withdrawals
	// meanwhile is called while a policy is checked, and while a view is made ready.
	meanwhile func()
}

// habitView counts orders, over as many days as its version says.
func habitView(t *testing.T, version string) feature.View {
	t.Helper()
	return habitOver(t, version, version+"d")
}

func habitOver(t *testing.T, version, window string) feature.View {
	t.Helper()
	v, err := feature.ParseView([]byte(`{"name":"habit","version":` + version + `,"description":"x","channels":[],"context":[],"features":[
		{"name":"orders","description":"x","source":["purchased"],"aggregation":"count","window":"` + window + `","unit":"orders","default":"0","owner":"x"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func newDefinedWorld(t *testing.T) *definedWorld {
	t.Helper()
	w := &definedWorld{modelWorld: newModelWorld(t), meanwhile: func() {}}
	w.starts(w.world)
	return w
}

// starts makes the commands of a server.
func (w *definedWorld) starts(of *world) {
	w.world = of
	w.models = w.commands()
	ready := func(context.Context, feature.View) error { w.meanwhile(); return nil }
	w.views = commands.NewFeatureViews(commands.FeatureViewPorts{Definitions: w.definitions, Ready: ready})
	w.publish = commands.NewPublishPolicy(commands.PublishPolicyPorts{
		Definitions: w.definitions, Check: func(context.Context, *event.Policy) error { w.meanwhile(); return nil },
	})
	w.defining = of.defining(ready)
	w.withdraw = commands.NewWithdrawals(w.definitions)
}

func shop(when string) *event.Policy {
	return &event.Policy{
		Id: "shop", View: "habit", Placements: []*event.Placement{{Id: "home", Channel: "web"}},
		Offers: []*event.Offer{{Id: "tea", Eligibility: []*event.Rule{{Name: "r", When: when}}, Treatments: []*event.Treatment{{Id: "t", Channel: "web"}}}},
	}
}

func (w *definedWorld) publishes(t *testing.T, when string) commands.Published {
	t.Helper()
	p, err := w.publish.Publish(t.Context(), shop(when), "document", false)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (w *definedWorld) publishesView(t *testing.T, version string) commands.PublishedView {
	t.Helper()
	v, err := w.views.Publish(t.Context(), commands.PublishView{View: habitView(t, version)})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// gone withdraws, and fails unless exactly that is appended.
func (w *definedWorld) gone(t *testing.T, kind event.DefinitionWithdrawn_Kind, name string, version uint64) {
	t.Helper()
	before := len(w.all(t))
	change := commands.Change{ValidateOnly: true, Reason: "why", Actor: "operator"}
	if got, err := w.withdraw.Withdraw(t.Context(), commands.Withdraw{Kind: kind, Name: name, Change: change}); err != nil || got.At != (domain.Place{}) || len(w.all(t)) != before {
		t.Fatalf("tried: %+v, %v; %d events more", got, err, len(w.all(t))-before)
	}
	change.ValidateOnly = false
	got, err := w.withdraw.Withdraw(t.Context(), commands.Withdraw{Kind: kind, Name: name, Change: change})
	if err != nil || got.Unchanged || got.GetVersion() != version || len(w.all(t)) != before+1 {
		t.Fatalf("%s: %+v, %v", name, got, err)
	}
	all := w.all(t)
	e := all[len(all)-1].GetDefinitionWithdrawn() // POLICY is the last stream that anything stands in
	if e.GetReason() != "why" || e.GetActor() != "operator" || e.GetKind() != kind || e.GetName() != name {
		t.Errorf("appended %v", e)
	}
	again, err := w.withdraw.Withdraw(t.Context(), commands.Withdraw{Kind: kind, Name: name, Version: version, Change: change})
	if err != nil || !again.Unchanged || len(w.all(t)) != before+1 {
		t.Errorf("again: %+v, %v", again, err)
	}
}

func (w *definedWorld) refused(t *testing.T, kind event.DefinitionWithdrawn_Kind, name string, want error, says string) {
	t.Helper()
	before := len(w.all(t))
	_, err := w.withdraw.Withdraw(t.Context(), commands.Withdraw{Kind: kind, Name: name})
	if !errors.Is(err, want) || !strings.Contains(err.Error(), says) || len(w.all(t)) != before {
		t.Errorf("%s: %v, want %v with %q", name, err, want, says)
	}
}

func TestWhatIsInUseIsNotWithdrawn(t *testing.T) {
	t.Parallel()
	w := newDefinedWorld(t)
	w.publishesView(t, "1")
	w.publishesView(t, "2")
	if _, err := w.defining.Define(t.Context(), tags("features.spend_7d > 1"), commands.Change{}); err != nil {
		t.Fatal(err)
	}
	w.publishes(t, "'rich' in segments.tags")
	w.register(t, "churn", "model habit@2 a")
	w.assign(t, registry.Wish{Use: "churn_90d", Role: champion, Model: "churn"})
	w.refused(t, ofSegments, "tags", commands.ErrInUse, "tags is read by policy:shop")
	w.refused(t, ofView, "habit@1", commands.ErrInUse, "habit@1 is read by policy:shop")
	w.refused(t, ofView, "habit@2", commands.ErrInUse, "habit@2 is read by model:churn@1, the champion of use:churn_90d")
	w.refused(t, ofModel, "churn", commands.ErrInUse, "churn@1 is read by use:churn_90d (champion)")
	w.refused(t, ofView, "core@1", commands.ErrBuiltIn, "core@1")
	w.refused(t, ofView, "habit", commands.ErrNotDefined, "habit")
	w.refused(t, ofView, "habit@3", commands.ErrNotDefined, "did you mean")
	w.refused(t, ofPolicy, "shp", commands.ErrNotDefined, `did you mean "shop"`)
	w.refused(t, ofSegments, "rfm", commands.ErrNotDefined, "rfm")
	w.refused(t, ofModel, "value", registry.ErrUnknownModel, "value")
	w.refused(t, 0, "shop", commands.ErrNotDefined, "")
	if _, err := w.withdraw.Withdraw(t.Context(), commands.Withdraw{Kind: ofPolicy, Name: "shop", Change: commands.Change{Reason: strings.Repeat("x", 2000)}}); !errors.Is(err, commands.ErrChangeInvalid) {
		t.Errorf("too long a reason: %v", err)
	}
	if n := w.types(t)["definition_withdrawn"]; n != 0 {
		t.Errorf("%d are appended", n)
	}
	// One after the other: the policy first, then what it read; the live version last.
	w.gone(t, ofPolicy, "shop", 1)
	w.gone(t, ofSegments, "tags", 1)
	w.refused(t, ofView, "habit@1", commands.ErrInUse, `"habit" means habit@1: switch to another version first, habit@2 for one`)
	w.register(t, "churn", "model habit@1 b")
	w.assign(t, registry.Wish{Use: "churn_90d", Role: champion, Model: "churn", Version: 2})
	w.refused(t, ofView, "habit@2", commands.ErrInUse, "habit@2 is read by the model that use:churn_90d goes back to")
	w.assign(t, registry.Wish{Use: "churn_90d", Role: champion})
	w.gone(t, ofModel, "churn", 2)
	if _, err := w.models.Assign(t.Context(), commands.AssignModel{Wish: registry.Wish{Use: "churn_90d", Role: champion, Model: "churn", Version: 2}}); !errors.Is(err, registry.ErrWithdrawn) {
		t.Errorf("assigned what is withdrawn: %v", err)
	}
	w.gone(t, ofView, "habit@2", 0)
	if _, err := w.models.Assign(t.Context(), commands.AssignModel{Wish: registry.Wish{Use: "churn_90d", Role: champion, Model: "churn", Version: 1}}); err == nil || !strings.Contains(err.Error(), "habit@2, which is withdrawn") {
		t.Errorf("assigned what reads a withdrawn view: %v", err)
	}
	w.gone(t, ofModel, "churn", 1)
	w.gone(t, ofView, "habit@1", 0)
	if _, err := w.views.Switch(t.Context(), commands.SwitchView{View: "habit@2"}); !errors.Is(err, commands.ErrUnknownView) || !strings.Contains(err.Error(), "withdrawn") {
		t.Errorf("switched to what is withdrawn: %v", err)
	}
	if got := w.recall.Catalogue.Policies(); len(got) != 0 {
		t.Errorf("in effect: %v", got)
	}
}

func TestWhatIsWithdrawnComesBackWithTheNextVersion(t *testing.T) {
	t.Parallel()
	w := newDefinedWorld(t)
	w.publishesView(t, "1")
	w.publishes(t, "features.orders > 1.0")
	w.register(t, "churn", "model habit@1 a")
	if _, err := w.defining.Define(t.Context(), tags("features.spend_7d > 1"), commands.Change{}); err != nil {
		t.Fatal(err)
	}
	w.gone(t, ofPolicy, "shop", 1)
	w.gone(t, ofView, "habit@1", 0)
	w.gone(t, ofSegments, "tags", 1)
	w.gone(t, ofModel, "churn", 1)
	if w.defining.Withdrawn()[0].ID != "tags" || len(w.defining.InEffect()) != 0 {
		t.Errorf("%v withdrawn, %v in effect", w.defining.Withdrawn(), w.defining.InEffect())
	}
	w.starts(startWorld(t, w.log, w.vault)) // a server that starts now knows it too
	if v := w.publishesView(t, "1"); v.Unchanged || !v.Live || v.At == (domain.Place{}) {
		t.Errorf("the view: %+v", v)
	}
	if v := w.publishesView(t, "1"); !v.Unchanged {
		t.Errorf("the view once more: %+v", v)
	}
	if p := w.publishes(t, "features.orders > 1.0"); p.Unchanged || p.Version != 2 {
		t.Errorf("the policy: version %d", p.Version)
	}
	if p := w.publishes(t, "features.orders > 1.0"); !p.Unchanged || p.Version != 2 {
		t.Errorf("the policy once more: version %d", p.Version)
	}
	if s, err := w.defining.Define(t.Context(), tags("features.spend_7d > 1"), commands.Change{}); err != nil || s.Unchanged || s.Version != 2 {
		t.Errorf("the segments: %+v, %v", s, err)
	}
	if v := w.register(t, "churn", "model habit@1 a"); v.Unchanged || v.GetVersion() != 2 {
		t.Errorf("the model: %+v", v)
	}
	if len(w.defining.Withdrawn()) != 0 {
		t.Errorf("%v withdrawn", w.defining.Withdrawn())
	}
}
