package registry_test

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/model/registry"
)

// world is a registry with the log that made it.
type world struct {
	registry.Registry
	log []domain.Recorded
}

func (w *world) add(e *event.Event) {
	r := domain.Recorded{Event: e, At: domain.Position{Sequence: uint64(len(w.log) + 1)}}
	w.log = append(w.log, r)
	w.Apply(r)
}

func (w *world) register(name string, versions ...uint64) {
	for _, v := range versions {
		w.add(&event.Event{Body: &event.Event_ModelRegistered{ModelRegistered: &event.ModelRegistered{
			Name: name, Version: v, Digest: []byte{byte(v)},
		}}})
	}
}

func (w *world) take(events []*event.ModelAssigned, rule string) {
	for _, a := range events {
		a.Rule = rule
		w.add(&event.Event{Body: &event.Event_ModelAssigned{ModelAssigned: a}})
	}
}

// told is who has which role: "champion churn@1, shadow churn@2".
func (w *world) told(cut uint64) string {
	var out []string
	for _, a := range w.Roles("churn", cut) {
		out = append(out, fmt.Sprintf("%s %s@%d", registry.RoleName(a.GetRole()), a.GetModel(), a.GetVersion()))
	}
	return strings.Join(out, ", ")
}

func wish(role event.ModelAssigned_Role, version uint64, share float64) registry.Wish {
	return registry.Wish{Use: "churn", Role: role, Model: "churn", Version: version, Share: share}
}

func (w *world) assign(t testing.TB, wanted registry.Wish) {
	t.Helper()
	events, err := w.Assign(wanted)
	if err != nil {
		t.Fatalf("assign %+v: %v", wanted, err)
	}
	w.take(events, registry.RuleOperator)
}

const (
	champion   = event.ModelAssigned_ROLE_CHAMPION
	challenger = event.ModelAssigned_ROLE_CHALLENGER
	shadow     = event.ModelAssigned_ROLE_SHADOW
)

func TestFromShadowToChampionAndBack(t *testing.T) {
	t.Parallel()
	w := &world{}
	w.register("churn", 1, 2, 3)
	w.assign(t, wish(champion, 1, 0))
	w.assign(t, wish(shadow, 2, 0))
	before := uint64(len(w.log))
	w.assign(t, wish(champion, 2, 0)) // a shadow that is promoted is no shadow any more
	if got, want := w.told(math.MaxUint64), "champion churn@2"; got != want {
		t.Errorf("promoted: %s, want %s", got, want)
	}
	if got, want := w.told(before), "champion churn@1, shadow churn@2"; got != want {
		t.Errorf("as of before: %s, want %s", got, want)
	}
	w.assign(t, wish(champion, 3, 0))
	for _, want := range []string{"champion churn@2", "champion churn@1"} {
		events, err := w.Rollback("churn")
		if err != nil {
			t.Fatal(err)
		}
		w.take(events, registry.RuleRollback)
		if got := w.told(math.MaxUint64); got != want {
			t.Errorf("rolled back: %s, want %s", got, want)
		}
	}
	if _, err := w.Rollback("churn"); !errors.Is(err, registry.ErrNothingBefore) {
		t.Errorf("rolling back the first: %v", err)
	}
}

func TestAssignRefuses(t *testing.T) {
	t.Parallel()
	w := &world{}
	w.register("churn", 1, 2)
	for name, c := range map[string]struct {
		wish registry.Wish
		want error
	}{
		"an unknown version":       {wish(champion, 9, 0), registry.ErrUnknownModel},
		"an unknown model":         {registry.Wish{Use: "churn", Role: champion, Model: "x"}, registry.ErrUnknownModel},
		"a champion with a share":  {wish(champion, 1, 0.5), registry.ErrShare},
		"a challenger without one": {wish(challenger, 1, 0), registry.ErrShare},
		"a share that is no share": {wish(challenger, 1, math.NaN()), registry.ErrShare},
		"nobody to challenge":      {wish(challenger, 1, 0.5), registry.ErrNoChampion},
		"an unknown role":          {wish(7, 1, 0), registry.ErrRole},
	} {
		if _, err := w.Assign(c.wish); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	w.assign(t, wish(champion, 1, 0))
	if _, err := w.Assign(wish(challenger, 1, 0.5)); !errors.Is(err, registry.ErrChampion) {
		t.Errorf("a champion that challenges itself: %v", err)
	}
}

// Whatever is assigned, cleared and rolled back: a version has one role at most, nobody challenges without a champion,
// what is true already writes nothing, and every past cut stays what it was.
func TestRolesStayConsistent(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := &world{}
		w.register("churn", 1, 2, 3)
		history := map[uint64]string{}
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			wanted := registry.Wish{Use: "churn", Role: event.ModelAssigned_Role(rapid.IntRange(1, 3).Draw(t, "role"))}
			if version := rapid.Uint64Range(0, 3).Draw(t, "version"); version > 0 {
				wanted.Model, wanted.Version = "churn", version
				if wanted.Role == challenger {
					wanted.Share = 0.3
				}
			}
			rule := rapid.SampledFrom([]string{registry.RuleOperator, registry.RuleRollback}).Draw(t, "rule")
			events, err := w.Assign(wanted)
			if rule == registry.RuleRollback {
				events, err = w.Rollback("churn")
			}
			if err != nil {
				continue
			}
			w.take(events, rule)
			if again, err := w.Assign(wanted); rule == registry.RuleOperator && (err != nil || len(again) > 0) {
				t.Fatalf("assigned again: %v, %v", again, err)
			}
			now := w.told(math.MaxUint64)
			for _, v := range []string{"@1", "@2", "@3"} {
				if strings.Count(now, v) > 1 {
					t.Fatalf("one version, two roles: %s", now)
				}
			}
			if strings.Contains(now, "challenger") && !strings.Contains(now, "champion") {
				t.Fatalf("challenges nobody: %s", now)
			}
			history[uint64(len(w.log))] = now
		}
		for cut, then := range history {
			if got := w.told(cut); got != then {
				t.Fatalf("at %d: %s, was %s", cut, got, then)
			}
		}
	})
}

func TestFits(t *testing.T) {
	t.Parallel()
	for policy, want := range map[string]bool{"retail@2": true, "retail": true, "retail@1": false, "core@1": false, "core": false} {
		if got := registry.Fits("retail@2", policy); got != want {
			t.Errorf("a policy that reads %s: %v", policy, got)
		}
	}
}

func TestAWithdrawnVersionGetsNoRoleAndIsNotGoneBackTo(t *testing.T) {
	t.Parallel()
	var r registry.Registry
	n := uint64(0)
	apply := func(e *event.Event) {
		n++
		e.OccurredMs = int64(n)
		r.Apply(domain.Recorded{At: domain.Position{Sequence: n}, Event: e})
	}
	for v := range uint64(3) {
		apply(&event.Event{Body: &event.Event_ModelRegistered{ModelRegistered: &event.ModelRegistered{Name: "m", Version: v + 1}}})
		apply(&event.Event{Body: &event.Event_ModelAssigned{ModelAssigned: &event.ModelAssigned{
			Use: "u", Role: event.ModelAssigned_ROLE_CHAMPION, Model: "m", Version: v + 1, Rule: registry.RuleOperator,
		}}})
	}
	withdraw := func(version uint64) {
		apply(&event.Event{Body: &event.Event_DefinitionWithdrawn{DefinitionWithdrawn: &event.DefinitionWithdrawn{
			Kind: event.DefinitionWithdrawn_KIND_MODEL, Name: "m", Version: version,
		}}})
	}
	withdraw(2)
	if back, err := r.Rollback("u"); err != nil || back[0].GetVersion() != 1 {
		t.Errorf("gone back to %v, %v", back, err)
	}
	if _, err := r.Assign(registry.Wish{Use: "u", Role: event.ModelAssigned_ROLE_SHADOW, Model: "m", Version: 2}); !errors.Is(err, registry.ErrWithdrawn) {
		t.Errorf("assigned: %v", err)
	}
	if v, err := r.Version("m", 2); err != nil || !v.Withdrawn() {
		t.Errorf("%v, %v", v, err)
	}
	withdraw(1)
	if _, err := r.Rollback("u"); !errors.Is(err, registry.ErrNothingBefore) {
		t.Errorf("%v", err)
	}
	apply(&event.Event{Body: &event.Event_ModelRegistered{ModelRegistered: &event.ModelRegistered{Name: "m", Version: 4}}})
	withdraw(4)
	if v, err := r.Version("m", 0); err != nil || v.GetVersion() != 3 {
		t.Errorf("the latest is %v, %v", v, err)
	}
}
