// Package registry is which models there are and which of them answers for what: a fold over POLICY, and the rules by
// which it changes. The bytes of models are elsewhere, under their digests.
package registry

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
)

// Errors of a change. Nothing has changed.
var (
	// ErrUnknownModel: no such model, or no such version of it, is registered.
	ErrUnknownModel = errors.New("registry: the model is not registered")
	// ErrShare: a challenger's share of the profiles lies between 0 and 1, both excluded; other roles have none.
	ErrShare = errors.New("registry: a challenger needs a share above 0 and below 1, other roles none")
	// ErrNoChampion: a challenger needs a champion that it challenges.
	ErrNoChampion = errors.New("registry: the use has no champion to challenge: make a version champion first")
	// ErrNothingBefore: a rollback needs a champion before the present one.
	ErrNothingBefore = errors.New("registry: the use has had no champion before the present one: there is none to go back to")
	// ErrChampion: whoever is champion has no other role; make another version champion first.
	ErrChampion = errors.New("registry: it is the champion: make another version champion first")
	// ErrWithdrawn: the version is withdrawn; registering its bytes again makes another one.
	ErrWithdrawn = errors.New("registry: the version is withdrawn: register its bytes again")
	// ErrRole: a role is champion, challenger or shadow.
	ErrRole = errors.New("registry: the role is champion, challenger or shadow")
)

// The roles, by how policies, answers and tables call them.
const (
	Champion   = "champion"
	Challenger = "challenger"
	Shadow     = "shadow"
)

// roles in the order in which they are listed.
var roles = [...]struct {
	name string
	role event.ModelAssigned_Role
}{
	{Champion, event.ModelAssigned_ROLE_CHAMPION},
	{Challenger, event.ModelAssigned_ROLE_CHALLENGER},
	{Shadow, event.ModelAssigned_ROLE_SHADOW},
}

// RoleOf reads a role's name. It fails with ErrRole.
func RoleOf(name string) (event.ModelAssigned_Role, error) {
	for _, r := range roles {
		if r.name == name {
			return r.role, nil
		}
	}
	return 0, ErrRole
}

// RoleName is how a role is called; empty for one that this version does not know.
func RoleName(role event.ModelAssigned_Role) string {
	for _, r := range roles {
		if r.role == role {
			return r.name
		}
	}
	return ""
}

// Version is one version of a model.
type Version struct {
	*event.ModelRegistered
	// RegisteredMS is when, in Unix milliseconds, and At where.
	RegisteredMS int64
	At           domain.Position
	// WithdrawnMS is since when it is withdrawn, Unix milliseconds; 0 while it is not.
	WithdrawnMS int64
}

// Withdrawn says whether it can get no role any more.
func (v Version) Withdrawn() bool { return v.WithdrawnMS != 0 }

// Assignment is a role that a version has, or that nobody has any more (an empty model).
type Assignment struct {
	*event.ModelAssigned
	// SinceMS is from when on, in Unix milliseconds, and At where it stands.
	SinceMS int64
	At      domain.Position
}

// Registry is the models and the roles they have had. The zero Registry is empty. It is for one goroutine at a time.
type Registry struct {
	models map[string][]Version
	uses   map[string]*use
}

// use is the history of one use.
type use struct {
	assigned []Assignment // in the order of the log
	// champions are those to go back to, the present one last.
	champions []Assignment
}

// Apply folds in an event of POLICY; what does not concern models changes nothing.
func (r *Registry) Apply(recorded domain.Recorded) {
	at := domain.TimeOf(recorded.Event)
	if m := recorded.Event.GetModelRegistered(); m != nil {
		if r.models == nil {
			r.models = map[string][]Version{}
		}
		if _, known := r.find(m.GetName(), m.GetVersion()); !known { // a version is what was registered first
			r.models[m.GetName()] = append(r.models[m.GetName()], Version{ModelRegistered: m, RegisteredMS: at, At: recorded.At})
		}
	}
	if a := recorded.Event.GetModelAssigned(); a != nil {
		if r.uses == nil {
			r.uses = map[string]*use{}
		}
		if r.uses[a.GetUse()] == nil {
			r.uses[a.GetUse()] = &use{}
		}
		r.uses[a.GetUse()].take(Assignment{a, at, recorded.At})
	}

	if w := recorded.Event.GetDefinitionWithdrawn(); w.GetKind() == event.DefinitionWithdrawn_KIND_MODEL {
		r.withdraw(w.GetName(), w.GetVersion(), at)
	}
}

// withdraw takes a version out of effect: it is none to go back to, either.
func (r *Registry) withdraw(name string, version uint64, atMS int64) {
	for i := range r.models[name] {
		if v := &r.models[name][i]; v.GetVersion() == version {
			v.WithdrawnMS = atMS
		}
	}
	for _, u := range r.uses {
		u.champions = slices.DeleteFunc(u.champions, func(a Assignment) bool { return a.GetModel() == name && a.GetVersion() == version })
	}
}

func (u *use) take(a Assignment) {
	u.assigned = append(u.assigned, a)
	if a.GetRole() != event.ModelAssigned_ROLE_CHAMPION {
		return
	}
	switch n := len(u.champions); {
	case a.GetModel() == "":
		u.champions = nil
	case a.GetRule() == RuleOperator:
		u.champions = append(u.champions, a)
	case n > 0: // it was gone back to
		u.champions = append(u.champions[:max(n-2, 0)], a)
	default:
		u.champions = []Assignment{a}
	}
}

// Names are the models, ascending.
func (r *Registry) Names() []string { return slices.Sorted(maps.Keys(r.models)) }

// Versions are those of a model, in the order of their registration.
func (r *Registry) Versions(name string) []Version { return slices.Clone(r.models[name]) }

// Version finds a version of a model; 0 is the latest that is not withdrawn. It fails with ErrUnknownModel.
func (r *Registry) Version(name string, number uint64) (Version, error) {
	if number == 0 {
		for _, v := range slices.Backward(r.models[name]) {
			if !v.Withdrawn() {
				return v, nil
			}
		}
	}
	if v, known := r.find(name, number); known {
		return v, nil
	}
	if number == 0 {
		return Version{}, fmt.Errorf("%w: %s", ErrUnknownModel, name)
	}
	return Version{}, fmt.Errorf("%w: %s@%d", ErrUnknownModel, name, number)
}

// Fits says whether a model that reads a view ("retail@2") may answer a policy that reads another: the same one, or
// whichever version of the same name is live ("retail").
func Fits(model, policy string) bool {
	family, _, _ := strings.Cut(model, "@")
	return policy == model || policy == family
}

func (r *Registry) find(name string, number uint64) (Version, bool) {
	i := slices.IndexFunc(r.models[name], func(v Version) bool { return v.GetVersion() == number })
	if i < 0 {
		return Version{}, false
	}
	return r.models[name][i], true
}

// Uses are what models are used for, ascending.
func (r *Registry) Uses() []string { return slices.Sorted(maps.Keys(r.uses)) }

// Roles are the assignments of a use in effect at a cut of POLICY (a sequence): champion, challenger, shadow, as far as
// somebody has them.
func (r *Registry) Roles(name string, cut uint64) []Assignment {
	u := r.uses[name]
	if u == nil {
		return nil
	}
	var out []Assignment
	for _, of := range roles {
		for i := len(u.assigned) - 1; i >= 0; i-- {
			if a := u.assigned[i]; a.At.Sequence <= cut && a.GetRole() == of.role {
				if a.GetModel() != "" {
					out = append(out, a)
				}
				break
			}
		}
	}
	return out
}
