package decider_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/profferhq/proffer/decider"
	"github.com/profferhq/proffer/decider/decidertest"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/policy"
	"github.com/profferhq/proffer/domain/problem"
)

func named(id, placement string) *event.Policy {
	p := oneTea()
	p.Id, p.Placements[0].Id = id, placement
	return p
}

func TestAPlacementBelongsToOnePolicy(t *testing.T) {
	t.Parallel()
	w := given(t, decidertest.Published(named("shop", "home"), 1, noon))
	_, err := w.policies.Check(named("club", "home"))
	var problems problem.List
	if !errors.As(err, &problems) || len(problems) != 1 || problems[0].Field != "placements[0].id" || problems[0].Reason != policy.FaultConflict {
		t.Errorf("check: %v, want a conflict at placements[0].id", err)
	}
	if _, err := w.policies.Check(named("shop", "home")); err != nil {
		t.Errorf("check of the owner's next version: %v", err)
	}
	// Published all the same (two at once): the first keeps it, until it gives it up and the other publishes again.
	w.happens(decidertest.Published(named("club", "home"), 1, noon))
	owner := func() string {
		published, _, err := w.policies.At("home")
		if err != nil {
			return err.Error()
		}
		return published.Policy.GetId()
	}
	if owner() != "shop" {
		t.Errorf("home belongs to %s, want shop", owner())
	}
	if _, _, err := w.policies.At("hom"); !errors.Is(err, decider.ErrUnknownPlacement) || !strings.HasSuffix(err.Error(), `"hom" (did you mean "home"?)`) {
		t.Errorf("hom: %v, want the placement most like it", err)
	}
	w.happens(decidertest.Published(named("shop", "cart"), 2, noon))
	if want := decider.ErrUnknownPlacement.Error() + `: "home"`; owner() != want {
		t.Errorf("home belongs to %s, want %s", owner(), want)
	}
	w.happens(decidertest.Published(named("club", "home"), 2, noon))
	if owner() != "club" {
		t.Errorf("home belongs to %s, want club", owner())
	}
	if list := w.policies.List(); len(list) != 2 || list[0].Policy.GetId() != "club" || list[0].Version != 2 || list[1].Version != 2 {
		t.Errorf("list %v, want club and shop at version 2", list)
	}
}

func TestAVersionIsWhatWasPublishedFirst(t *testing.T) {
	t.Parallel()
	w := given(t, decidertest.Published(named("shop", "home"), 2, noon))
	again := named("shop", "cart")
	w.happens(decidertest.Published(again, 2, noon), decidertest.Published(again, 1, noon))
	published, known := w.policies.InEffect("shop")
	if !known || published.Version != 2 || published.Policy.GetPlacements()[0].GetId() != "home" {
		t.Errorf("in effect: %+v, want version 2 at home", published)
	}
	if _, known := w.policies.Version("shop", 1); !known {
		t.Error("version 1 is not kept for replay")
	}
}

func TestAPolicyThatCannotBeEvaluatedRefusesItsPlacement(t *testing.T) {
	t.Parallel()
	broken := named("shop", "home")
	broken.Offers[0].Value = "features.of_a_later_version"
	w := given(t, decidertest.Published(broken, 1, noon))
	if _, err := w.decider.Decide(w.ctx, w.ask("ann", "home")); !errors.Is(err, decider.ErrPolicyUnusable) {
		t.Errorf("error %v, want %v", err, decider.ErrPolicyUnusable)
	}
	unknown := named("club", "cart")
	unknown.View = "core@9"
	w.happens(decidertest.Published(unknown, 1, noon))
	if _, err := w.decider.Decide(w.ctx, w.ask("ann", "cart")); !errors.Is(err, decider.ErrPolicyUnusable) {
		t.Errorf("error %v, want %v", err, decider.ErrPolicyUnusable)
	}
	if _, err := w.policies.Check(unknown); err == nil {
		t.Error("a policy with an unknown view passes the check")
	}
}
