package commands

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/expression"
	"github.com/profferhq/proffer/domain/model/registry"
	"github.com/profferhq/proffer/domain/policy"
	"github.com/profferhq/proffer/domain/problem"
	"github.com/profferhq/proffer/domain/segment"
)

// withdrawable fills in which version a withdrawal is of, and says whether it is withdrawn already. It fails with
// ErrNotDefined, ErrBuiltIn or ErrInUse. The caller holds the lock.
func (c *Catalogue) withdrawable(w *event.DefinitionWithdrawn) (already bool, err error) {
	switch w.GetKind() {
	case event.DefinitionWithdrawn_KIND_POLICY:
		p, known := c.policies[w.GetName()]
		if !known {
			return false, notDefined("policy", w.GetName(), slices.Collect(maps.Keys(c.policies)))
		}
		w.Version = p.Version
		return p.Withdrawn, nil
	case event.DefinitionWithdrawn_KIND_SEGMENTS:
		v, inEffect := c.segments.Latest(w.GetName())
		if v == nil {
			var names []string
			for _, other := range c.segments.InEffect() {
				names = append(names, other.ID)
			}
			return false, notDefined("segment definition", w.GetName(), names)
		}
		w.Version = v.Version
		return !inEffect, inUse(w.GetName(), c.readingSegments(w.GetName()))
	case event.DefinitionWithdrawn_KIND_FEATURE_VIEW:
		return c.withdrawableView(w.GetName())
	case event.DefinitionWithdrawn_KIND_MODEL:
		v, err := c.models.Version(w.GetName(), w.GetVersion())
		if err != nil {
			return false, err
		}
		w.Version = v.GetVersion()
		return v.Withdrawn(), inUse(fmt.Sprintf("%s@%d", w.GetName(), w.GetVersion()), c.answering(w.GetName(), w.GetVersion()))
	}
	return false, ErrNotDefined
}

func notDefined(kind, name string, names []string) error {
	return fmt.Errorf("%w: there is no %s %q%s", ErrNotDefined, kind, name, expression.Suggestion(name, names))
}

func inUse(name string, readers []string) error {
	if len(readers) == 0 {
		return nil
	}
	slices.Sort(readers)
	return fmt.Errorf("%w: %s is read by %s", ErrInUse, name, strings.Join(readers, ", "))
}

func (c *Catalogue) withdrawableView(name string) (already bool, err error) {
	p, known := c.views.Version(name)
	switch {
	case !known:
		return false, notDefined("version of a feature view", name, c.views.Names())
	case p.BuiltIn():
		return false, fmt.Errorf("%w: %s", ErrBuiltIn, name)
	case p.Withdrawn():
		return true, nil
	}
	family, _, _ := strings.Cut(name, "@")
	live, _ := c.views.Live(family)
	if err := inUse(name, c.readingView(name, family, live == p)); err != nil {
		return false, err
	}
	for _, other := range c.views.Versions(family) {
		if live == p && other != p && !other.Withdrawn() {
			return false, fmt.Errorf("%w: %q means %s: switch to another version first, %s for one", ErrInUse, family, name, other.Name)
		}
	}
	return false, nil
}

// readingView are the policies and segments in effect, and the models that answer or are gone back to, that read a version of
// a feature view.
func (c *Catalogue) readingView(name, family string, live bool) []string {
	var out []string
	for id, p := range c.policies {
		if reads := p.Policy.GetView(); !p.Withdrawn && (reads == name || live && reads == family) {
			out = append(out, "policy:"+id)
		}
	}
	for _, v := range c.segments.InEffect() {
		if d, err := segment.Parse(v.Document); err == nil && d.View == name {
			out = append(out, "segments:"+v.ID)
		}
	}
	for _, use := range c.models.Uses() {
		for _, a := range c.models.Roles(use, math.MaxUint64) {
			if v, err := c.models.Version(a.GetModel(), a.GetVersion()); err == nil && v.GetView() == name {
				out = append(out, fmt.Sprintf("model:%s@%d, the %s of use:%s", a.GetModel(), a.GetVersion(), registry.RoleName(a.GetRole()), use))
			}
		}
		if c.goesBackTo(use, name) {
			out = append(out, fmt.Sprintf("the model that use:%s goes back to", use))
		}
	}
	return out
}

// goesBackTo says whether the champion that a rollback of a use would make reads a view.
func (c *Catalogue) goesBackTo(use, view string) bool {
	back, err := c.models.Rollback(use)
	if err != nil {
		return false
	}
	champion := back[len(back)-1]
	v, err := c.models.Version(champion.GetModel(), champion.GetVersion())
	return err == nil && v.GetView() == view
}

// readingSegments are the policies in effect whose expressions read a segment definition.
func (c *Catalogue) readingSegments(definition string) []string {
	var out []string
	for id, p := range c.policies {
		if !p.Withdrawn && slices.Contains(c.segmentsRead(p.Policy), definition) {
			out = append(out, "policy:"+id)
		}
	}
	return out
}

// segmentsRead are the segment definitions that a policy's expressions read; none when it does not compile here.
func (c *Catalogue) segmentsRead(p *event.Policy) []string {
	view, known := c.views.Live(p.GetView())
	if !known {
		return nil
	}
	compiled, err := policy.Compile(p, view.View)
	if err != nil {
		return nil
	}
	return compiled.Segments()
}

// readsWithdrawn is what a policy reads that is withdrawn. The caller holds the lock.
func (c *Catalogue) readsWithdrawn(p *event.Policy) problem.List {
	var problems problem.List
	if c.viewWithdrawn(p.GetView()) {
		problems.Add("view", problem.Unknown, "%s is withdrawn: publish it again first", p.GetView())
	}
	withdrawn := c.segments.Withdrawn()
	if len(withdrawn) == 0 {
		return problems // a policy takes long to compile
	}
	read := c.segmentsRead(p)
	for _, v := range withdrawn {
		if slices.Contains(read, v.ID) {
			problems.Add("offers", policy.FaultUnknownSegments, "the segment definition %q is withdrawn: define it again first", v.ID)
		}
	}
	return problems
}

// viewWithdrawn says whether a version of a feature view is withdrawn, or everything that a name without one could mean.
func (c *Catalogue) viewWithdrawn(name string) bool {
	p, known := c.views.Live(name)
	if !known {
		return len(c.views.Versions(name)) > 0
	}
	return p.Withdrawn()
}

// answering are the uses for which a version of a model has a role.
func (c *Catalogue) answering(model string, version uint64) []string {
	var out []string
	for _, use := range c.models.Uses() {
		for _, a := range c.models.Roles(use, math.MaxUint64) {
			if a.GetModel() == model && a.GetVersion() == version {
				out = append(out, fmt.Sprintf("use:%s (%s)", use, registry.RoleName(a.GetRole())))
			}
		}
	}
	return out
}
