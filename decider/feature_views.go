package decider

import (
	"math"
	"slices"

	"github.com/profferhq/proffer/domain/feature"
	"github.com/profferhq/proffer/domain/segment"
)

// The feature views at the policies' cut.

// LookViews shows the catalogue. Nothing of it may be kept but what it gives.
func (p *Policies) LookViews(look func(*feature.Catalogue)) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	look(p.views)
}

// View is a version of a feature view ("retail@2"), or what a name ("retail") means now; false when there is none, or
// when this version of the program cannot read it.
func (p *Policies) View(name string) (feature.View, bool) { return p.viewAt(name, math.MaxUint64) }

// CurrentView is View without what is withdrawn: for what is not in the log yet.
func (p *Policies) CurrentView(name string) (feature.View, bool) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	found, known := p.views.At(name, math.MaxUint64)
	if !known || found.Err != nil || found.Withdrawn() {
		return feature.View{}, false
	}
	return found.View, true
}

// viewNames are all versions of all views that are not withdrawn, ascending.
func (p *Policies) viewNames() []string {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return slices.DeleteFunc(p.views.Names(), func(name string) bool {
		v, _ := p.views.Version(name)
		return v.Withdrawn()
	})
}

// viewAt is what a name meant at a cut of POLICY.
func (p *Policies) viewAt(name string, cut uint64) (feature.View, bool) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	found, known := p.views.At(name, cut)
	if !known || found.Err != nil {
		return feature.View{}, false
	}
	return found.View, true
}

// layout keeps the series of all views that ever were: what replay folds.
func (p *Policies) layout() *feature.Layout {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return feature.LayoutOf(p.views.Readable()...)
}

// Wanted is the layout that the views must keep: for those that policies and segment definitions in effect name, and of each name that was
// published for its live version, the one before it (which a rollback switches to) and the one published last. Views
// that come with the product cost nothing until one names them. Further views may be asked for. What is withdrawn is not kept.
func (p *Policies) Wanted(further ...feature.View) *feature.Layout {
	p.mu.RLock()
	defer p.mu.RUnlock()
	var needed []feature.View
	add := func(found *feature.Published, known bool) {
		if known && found.Err == nil && !found.Withdrawn() {
			needed = append(needed, found.View)
		}
	}
	for _, v := range further {
		if found, known := p.views.Version(v.Name()); !known || !found.Withdrawn() {
			needed = append(needed, v)
		}
	}
	for _, family := range p.views.Families() {
		if latest, _ := p.views.Latest(family); !latest.BuiltIn() {
			add(latest, true)
			add(p.views.Live(family))
			add(p.views.Before(family))
		}
	}
	for _, published := range p.latest {
		add(p.views.At(published.Policy.GetView(), math.MaxUint64))
	}
	for _, v := range p.segments.InEffect() {
		if d, err := segment.Parse(v.Document); err == nil {
			add(p.views.At(d.View, math.MaxUint64))
		}
	}
	return feature.LayoutOf(needed...)
}
