package registry

import (
	"fmt"
	"math"
	"slices"

	"github.com/profferhq/proffer/domain/event"
)

// Who assigns.
const (
	RuleOperator = "operator"
	RuleRollback = "rollback"
	RuleFallback = "fallback"
)

// Wish is an assignment that somebody wants.
type Wish struct {
	Use  string
	Role event.ModelAssigned_Role
	// Model is empty when nobody is to have the role any more; Version 0 is the latest.
	Model   string
	Version uint64
	// Share of the profiles, for a challenger.
	Share float64
}

// Assign is the events that make a wish true, none when it is true already; rule, reason and actor are the caller's to
// fill in. A version has one role for a use: the one it had before is taken back. Taking the champion's role back takes
// the challenger's with it. It fails with ErrRole, ErrShare, ErrUnknownModel, ErrWithdrawn, ErrNoChampion or
// ErrChampion.
func (r *Registry) Assign(w Wish) ([]*event.ModelAssigned, error) {
	if RoleName(w.Role) == "" {
		return nil, ErrRole
	}
	have := r.Roles(w.Use, math.MaxUint64)
	if w.Model == "" {
		return r.clear(w, have)
	}
	v, err := r.Version(w.Model, w.Version)
	if err != nil {
		return nil, err
	}
	if v.Withdrawn() {
		return nil, fmt.Errorf("%w: %s@%d", ErrWithdrawn, v.GetName(), v.GetVersion())
	}
	challenger := w.Role == event.ModelAssigned_ROLE_CHALLENGER
	if challenger != (w.Share != 0) || challenger && !(w.Share > 0 && w.Share < 1) {
		return nil, ErrShare
	}
	wanted := &event.ModelAssigned{
		Use: w.Use, Role: w.Role, Model: w.Model, Version: v.GetVersion(), Digest: v.GetDigest(), Share: w.Share,
	}
	var out []*event.ModelAssigned
	champion := false
	for _, a := range have {
		same := a.GetModel() == wanted.GetModel() && a.GetVersion() == wanted.GetVersion()
		switch {
		case same && a.GetRole() == w.Role && a.GetShare() == w.Share:
			return nil, nil
		case same && a.GetRole() == event.ModelAssigned_ROLE_CHAMPION && w.Role != a.GetRole():
			return nil, ErrChampion
		case same && a.GetRole() != w.Role:
			out = append(out, nobody(w.Use, a.GetRole()))
		case a.GetRole() == event.ModelAssigned_ROLE_CHAMPION:
			champion = true
		}
	}
	if challenger && !champion {
		return nil, ErrNoChampion
	}
	return append(out, wanted), nil
}

func (r *Registry) clear(w Wish, have []Assignment) ([]*event.ModelAssigned, error) {
	if w.Share != 0 {
		return nil, ErrShare
	}
	var out []*event.ModelAssigned
	for _, a := range have {
		follows := w.Role == event.ModelAssigned_ROLE_CHAMPION && a.GetRole() == event.ModelAssigned_ROLE_CHALLENGER
		if a.GetRole() == w.Role || follows {
			out = append(out, nobody(w.Use, a.GetRole()))
		}
	}
	return out, nil
}

func nobody(use string, role event.ModelAssigned_Role) *event.ModelAssigned {
	return &event.ModelAssigned{Use: use, Role: role}
}

// Rollback is the event that makes the champion before the present one champion again. Doing so twice goes back twice.
// It fails with ErrNothingBefore when there was none before.
func (r *Registry) Rollback(name string) ([]*event.ModelAssigned, error) {
	u := r.uses[name]
	if u == nil || len(u.champions) < 2 {
		return nil, ErrNothingBefore
	}
	before := u.champions[len(u.champions)-2]
	back := &event.ModelAssigned{
		Use: name, Role: event.ModelAssigned_ROLE_CHAMPION,
		Model: before.GetModel(), Version: before.GetVersion(), Digest: before.GetDigest(),
	}
	// Whoever is champion has no other role.
	out := slices.Clip([]*event.ModelAssigned{back})
	for _, a := range r.Roles(name, math.MaxUint64) {
		other := a.GetRole() != event.ModelAssigned_ROLE_CHAMPION
		if other && a.GetModel() == back.GetModel() && a.GetVersion() == back.GetVersion() {
			out = slices.Insert(out, 0, nobody(name, a.GetRole()))
		}
	}
	return out, nil
}
