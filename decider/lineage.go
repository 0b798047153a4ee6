package decider

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/profferhq/proffer/domain/feature"
	"github.com/profferhq/proffer/domain/model/registry"
	"github.com/profferhq/proffer/domain/policy"
)

// Lineage is what is read by what: events and facts of requests by features, these by models, by the segment definitions
// and by the policies in effect, segments by policies, models by the uses that they answer for, uses by policies; ascending, each once.
func (p *Policies) Lineage() []feature.Edge {
	var out []feature.Edge
	p.LookViews(func(c *feature.Catalogue) {
		for _, v := range c.Readable() {
			if found, _ := c.Version(v.Name()); !found.Withdrawn() {
				out = append(out, v.Lineage()...)
			}
		}
	})
	p.models.Look(func(r *registry.Registry) {
		for _, name := range r.Names() {
			for _, v := range r.Versions(name) {
				if v.Withdrawn() {
					continue
				}
				model := fmt.Sprintf("model:%s@%d", name, v.GetVersion())
				for _, f := range v.GetFeatures() {
					out = append(out, feature.Edge{From: "feature:" + v.GetView() + "/" + f, To: model})
				}
			}
		}
		for _, use := range r.Uses() {
			for _, a := range r.Roles(use, ^uint64(0)) {
				out = append(out, feature.Edge{From: fmt.Sprintf("model:%s@%d", a.GetModel(), a.GetVersion()), To: "use:" + use})
			}
		}
	})
	for _, d := range p.Segments() {
		if compiled, _, err := d.Compiled(); err == nil {
			for _, f := range compiled.Features() {
				out = append(out, feature.Edge{From: "feature:" + compiled.Definition().View + "/" + f, To: "segments:" + d.ID})
			}
		}
	}
	for _, published := range p.List() {
		if compiled, err := published.Compiled(); err == nil {
			out = append(out, lineageOf(compiled)...)
		}
	}
	slices.SortFunc(out, func(x, y feature.Edge) int { return cmp.Or(cmp.Compare(x.From, y.From), cmp.Compare(x.To, y.To)) })
	return slices.Compact(out)
}

// lineageOf is what a policy reads.
func lineageOf(c *policy.Compiled) []feature.Edge {
	to := "policy:" + c.Policy().GetId()
	uses := map[string]string{}
	for _, m := range c.Models() {
		uses[m.GetName()] = m.GetUse()
	}
	var out []feature.Edge
	for e := range c.Expressions {
		for _, f := range e.Features {
			out = append(out, feature.Edge{From: "feature:" + c.View().Name() + "/" + f, To: to})
		}
		for _, m := range e.Models {
			out = append(out, feature.Edge{From: "use:" + uses[m], To: to})
		}
		for _, s := range e.Segments {
			out = append(out, feature.Edge{From: "segments:" + s, To: to})
		}
	}
	return out
}

// Connected are the edges that lead to a thing, and those that lead from it, near and far.
func Connected(edges []feature.Edge, of string) []feature.Edge {
	var out []feature.Edge
	follow := func(next func(feature.Edge) (from, to string)) {
		reached, todo := map[string]bool{of: true}, []string{of}
		for len(todo) > 0 {
			at := todo[0]
			todo = todo[1:]
			for _, e := range edges {
				from, to := next(e)
				if from != at {
					continue
				}
				out = append(out, e)
				if !reached[to] {
					reached[to] = true
					todo = append(todo, to)
				}
			}
		}
	}
	follow(func(e feature.Edge) (string, string) { return e.To, e.From })
	follow(func(e feature.Edge) (string, string) { return e.From, e.To })
	return out
}
