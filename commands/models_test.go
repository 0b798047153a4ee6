package commands_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"strings"
	"testing"

	"github.com/profferhq/proffer/commands"
	"github.com/profferhq/proffer/commands/commandstest"
	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/model/registry"
	"github.com/profferhq/proffer/domain/problem"
)

var errNoModel = errors.New("not a model")

// describe takes bytes that begin with "model" for one; what follows is its view.
func describe(data []byte) (*event.ModelRegistered, error) {
	view, ok := strings.CutPrefix(string(data), "model ")
	if !ok {
		return nil, errNoModel
	}
	view, _, _ = strings.Cut(view, " ")
	digest := sha256.Sum256(data)
	return &event.ModelRegistered{Digest: digest[:], Size: uint64(len(data)), View: view}, nil
}

type modelWorld struct {
	*world
	bytes  *commandstest.MemoryModels
	models *commands.Models
}

func newModelWorld(t *testing.T) *modelWorld {
	w := &modelWorld{world: newWorld(t), bytes: &commandstest.MemoryModels{}}
	w.models = w.commands()
	return w
}

func (w *modelWorld) commands() *commands.Models {
	return commands.NewModels(commands.ModelPorts{Definitions: w.definitions, Bytes: w.bytes, Describe: describe})
}

func (w *modelWorld) register(t *testing.T, name, data string) commands.ModelVersion {
	t.Helper()
	v, err := w.models.Register(t.Context(), commands.RegisterModel{
		Name: name, Bytes: []byte(data), Change: commands.Change{Reason: "why", Actor: "operator"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func (w *modelWorld) assign(t *testing.T, wish registry.Wish) commands.ModelsAssigned {
	t.Helper()
	a, err := w.models.Assign(t.Context(), commands.AssignModel{Wish: wish})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func roles(a commands.ModelsAssigned) string {
	var out []string
	for _, r := range a.Roles {
		out = append(out, registry.RoleName(r.GetRole())+" "+r.GetModel()+" "+r.GetRule())
	}
	return strings.Join(out, ", ")
}

const champion, challenger = event.ModelAssigned_ROLE_CHAMPION, event.ModelAssigned_ROLE_CHALLENGER

func TestAModelIsRegisteredOnceUnderItsDigest(t *testing.T) {
	t.Parallel()
	w := newModelWorld(t)
	first := w.register(t, "churn", "model core@1 a")
	if first.Unchanged || first.GetVersion() != 1 || first.GetActor() != "operator" || first.At.Stream != domain.Policy {
		t.Errorf("registered %+v", first)
	}
	if again := w.register(t, "churn", "model core@1 a"); !again.Unchanged || again.GetVersion() != 1 || again.At != first.At {
		t.Errorf("again: %+v", again)
	}
	if second := w.register(t, "churn", "model core@1 b"); second.Unchanged || second.GetVersion() != 2 {
		t.Errorf("other bytes: %+v", second)
	}
	if other := w.register(t, "value", "model core@1 a"); other.Unchanged || other.GetVersion() != 1 {
		t.Errorf("under another name: %+v", other)
	}
	data, known, err := w.bytes.Get(t.Context(), domain.Hash(first.GetDigest()))
	if err != nil || !known || string(data) != "model core@1 a" {
		t.Errorf("the bytes: %q, %v, %v", data, known, err)
	}
	// A server that starts now knows them too.
	started := &modelWorld{world: startWorld(t, w.log, w.vault), bytes: w.bytes}
	again, err := started.commands().Register(t.Context(), commands.RegisterModel{Name: "churn", Bytes: []byte("model core@1 b")})
	if err != nil || !again.Unchanged || again.GetVersion() != 2 {
		t.Errorf("after a restart: %+v, %v", again, err)
	}
}

func TestWhatCannotBeRegisteredWritesNothing(t *testing.T) {
	t.Parallel()
	w := newModelWorld(t)
	for name, c := range map[string]struct {
		register commands.RegisterModel
		want     error
	}{
		"no name":     {commands.RegisterModel{Bytes: []byte("model core@1")}, commands.ErrModelName},
		"a bad name":  {commands.RegisterModel{Name: "Churn!", Bytes: []byte("model core@1")}, commands.ErrModelName},
		"no model":    {commands.RegisterModel{Name: "churn", Bytes: []byte("x")}, errNoModel},
		"long reason": {commands.RegisterModel{Name: "churn", Bytes: []byte("model core@1"), Change: commands.Change{Reason: strings.Repeat("x", 10_000)}}, commands.ErrChangeInvalid},
	} {
		if _, err := w.models.Register(t.Context(), c.register); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	tried, err := w.models.Register(t.Context(), commands.RegisterModel{Name: "churn", Bytes: []byte("model core@1"), Change: commands.Change{ValidateOnly: true}})
	if err != nil || tried.GetVersion() != 1 || tried.At != (domain.Place{}) {
		t.Errorf("validated: %+v, %v", tried, err)
	}
	w.bytes.SetDown(true)
	if _, err := w.models.Register(t.Context(), commands.RegisterModel{Name: "churn", Bytes: []byte("model core@1")}); !errors.Is(err, domain.ErrUnavailable) {
		t.Errorf("without a store: %v", err)
	}
	if types := w.types(t); len(types) != 0 {
		t.Errorf("written: %v", types)
	}
}

func TestAssigningAndRollingBack(t *testing.T) {
	t.Parallel()
	w := newModelWorld(t)
	w.register(t, "old", "model core@1 a")
	w.register(t, "new", "model core@1 b")
	w.assign(t, registry.Wish{Use: "churn", Role: champion, Model: "old"})
	if a := w.assign(t, registry.Wish{Use: "churn", Role: champion, Model: "old"}); !a.Unchanged {
		t.Errorf("the same again: %+v", a)
	}
	if a := w.assign(t, registry.Wish{Use: "churn", Role: challenger, Model: "new", Share: 0.2}); roles(a) != "champion old operator, challenger new operator" {
		t.Errorf("challenged: %s", roles(a))
	}
	if a := w.assign(t, registry.Wish{Use: "churn", Role: champion, Model: "new"}); roles(a) != "champion new operator" {
		t.Errorf("promoted: %s", roles(a))
	}
	tried, err := w.models.Rollback(t.Context(), "churn", commands.Change{ValidateOnly: true})
	if err != nil || len(tried.Events) != 1 || roles(tried) != "champion new operator" {
		t.Errorf("tried: %+v, %v", tried, err)
	}
	back, err := w.models.Rollback(t.Context(), "churn", commands.Change{Reason: "worse", Actor: "operator"})
	if err != nil || roles(back) != "champion old rollback" || back.Roles[0].GetReason() != "worse" {
		t.Errorf("rolled back: %s, %v", roles(back), err)
	}
	if _, err := w.models.Rollback(t.Context(), "churn", commands.Change{}); !errors.Is(err, registry.ErrNothingBefore) {
		t.Errorf("nothing before: %v", err)
	}
}

func TestAWishThatCannotComeTrueNamesItsField(t *testing.T) {
	t.Parallel()
	w := newModelWorld(t)
	w.register(t, "churn", "model core@1 a")
	w.register(t, "other", "model retail@1 a")
	publish := commands.NewPublishPolicy(commands.PublishPolicyPorts{
		Definitions: w.definitions, Check: func(context.Context, *event.Policy) error { return nil },
	})
	p := &event.Policy{Id: "welcome", View: "core@1", Models: []*event.PolicyModel{{Name: "churn", Use: "churn_90d"}}}
	if _, err := publish.Publish(t.Context(), p, "", false); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		wish registry.Wish
		want string
	}{
		"misspelt":     {registry.Wish{Use: "x", Role: champion, Model: "chrun"}, `model: no model "chrun" is registered (did you mean "churn"?)`},
		"no version":   {registry.Wish{Use: "x", Role: champion, Model: "churn", Version: 7}, "version: churn has no version 7, its latest is 1"},
		"another view": {registry.Wish{Use: "churn_90d", Role: champion, Model: "other"}, "the policy welcome, which asks for churn_90d, reads core@1"},
	} {
		_, err := w.models.Assign(t.Context(), commands.AssignModel{Wish: c.wish})
		var problems problem.List
		if !errors.As(err, &problems) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	if got := w.recall.Catalogue.PoliciesReading("churn_90d"); len(got) != 1 || got[0] != "welcome" {
		t.Errorf("reading: %v", got)
	}
	if _, err := w.models.Assign(t.Context(), commands.AssignModel{Wish: registry.Wish{Use: "Churn", Role: champion, Model: "churn"}}); !errors.Is(err, commands.ErrModelName) {
		t.Errorf("a bad use: %v", err)
	}
}
