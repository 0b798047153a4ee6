package feature

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
)

// Published is one version of a view in a catalogue.
type Published struct {
	View
	// Name is its name and version, also when it cannot be read.
	Name string
	// Document is what its author wrote; empty for a built-in view.
	Document string
	// PublishedMS is when, Unix milliseconds, and At where in POLICY; zero for a built-in view.
	PublishedMS int64
	At          domain.Position
	// WithdrawnMS is since when it is withdrawn, Unix milliseconds; 0 while it is not. What was decided by it reads it still.
	WithdrawnMS int64
	// Err says why this version of the program cannot read it; nil when it can.
	Err error
}

// BuiltIn says whether the view comes with the product.
func (p *Published) BuiltIn() bool { return p.At == (domain.Position{}) }

// Withdrawn says whether it is in effect no more.
func (p *Published) Withdrawn() bool { return p.WithdrawnMS != 0 }

// Catalogue is the views there are, and which version each name means at every cut: a fold over POLICY. It is for one
// goroutine at a time.
type Catalogue struct {
	versions map[string]*Published
	// families are, by name without version, the versions in the order of their publication.
	families map[string][]*Published
	switches map[string][]switched
}

// switched: from a sequence of POLICY on a name means this version; nil is none.
type switched struct {
	from uint64
	to   *Published
}

// NewCatalogue has the built-in views, live from the beginning. Of several versions the first is live: another one that
// a later program brings along would change what a name meant in decisions of the past.
func NewCatalogue(builtIn ...View) *Catalogue {
	c := &Catalogue{versions: map[string]*Published{}, families: map[string][]*Published{}, switches: map[string][]switched{}}
	for _, v := range builtIn {
		p := &Published{View: v, Name: v.Name()}
		c.add(p)
		if _, live := c.Live(v.Family()); !live {
			c.switches[v.Family()] = append(c.switches[v.Family()], switched{0, p})
		}
	}
	return c
}

func (c *Catalogue) add(p *Published) {
	family, _, _ := strings.Cut(p.Name, "@")
	others := slices.DeleteFunc(c.families[family], func(x *Published) bool { return x.Name == p.Name })
	c.versions[p.Name] = p
	c.families[family] = append(others, p)
}

// Apply folds in an event of POLICY; what does not concern views changes nothing. A version is what was published first
// under its name; published again after it was withdrawn, it is back. The first of a name is switched to with it. A version
// that the log had before a program came with one of the same name stays the log's.
func (c *Catalogue) Apply(r domain.Recorded) {
	at := domain.TimeOf(r.Event)
	if e := r.Event.GetFeatureViewPublished(); e != nil {
		p := c.versions[e.GetName()]
		if p == nil || p.BuiltIn() {
			p = &Published{Name: e.GetName(), Document: e.GetSource(), At: r.At, PublishedMS: at}
			p.View, p.Err = ParseView(e.GetSpecsJson())
			if p.Err == nil && p.View.Name() != p.Name {
				p.Err = fmt.Errorf("%w: it was published as %s and calls itself %s", ErrViewInvalid, p.Name, p.View.Name())
			}
			c.add(p)
		}
		p.WithdrawnMS = 0
		family, _, _ := strings.Cut(p.Name, "@")
		if _, live := c.Live(family); !live {
			c.switches[family] = append(c.switches[family], switched{r.At.Sequence, p})
		}
	}
	if e := r.Event.GetFeatureViewSwitched(); e != nil {
		if p := c.versions[e.GetView()]; p != nil {
			c.switches[e.GetName()] = append(c.switches[e.GetName()], switched{r.At.Sequence, p})
		}
	}
	if e := r.Event.GetDefinitionWithdrawn(); e.GetKind() == event.DefinitionWithdrawn_KIND_FEATURE_VIEW {
		c.withdraw(e.GetName(), r.At.Sequence, at)
	}
}

// withdraw takes a version out of effect; a name that means it means nothing any more.
func (c *Catalogue) withdraw(name string, from uint64, atMS int64) {
	p := c.versions[name]
	if p == nil || p.BuiltIn() {
		return
	}
	p.WithdrawnMS = atMS
	family, _, _ := strings.Cut(name, "@")
	if live, _ := c.Live(family); live == p {
		c.switches[family] = append(c.switches[family], switched{from, nil})
	}
}

// Version is a version by its full name, "retail@2".
func (c *Catalogue) Version(name string) (*Published, bool) {
	p, known := c.versions[name]
	return p, known
}

// At is what a name means at a cut of POLICY: a version, or without one ("retail") the version that was live then.
func (c *Catalogue) At(name string, cut uint64) (*Published, bool) {
	if strings.Contains(name, "@") {
		return c.Version(name)
	}
	all := c.switches[name]
	for _, s := range slices.Backward(all) {
		if s.from <= cut {
			return s.to, s.to != nil
		}
	}
	return nil, false
}

// Live is what a name without a version means at the end of the log.
func (c *Catalogue) Live(family string) (*Published, bool) { return c.At(family, math.MaxUint64) }

// Before is what the name meant before its last switch.
func (c *Catalogue) Before(family string) (*Published, bool) {
	if n := len(c.switches[family]); n > 1 && c.switches[family][n-2].to != nil {
		return c.switches[family][n-2].to, true
	}
	return nil, false
}

// Latest is the version of a name that was published last.
func (c *Catalogue) Latest(family string) (*Published, bool) {
	all := c.families[family]
	if len(all) == 0 {
		return nil, false
	}
	return all[len(all)-1], true
}

// Families are the names without versions, ascending.
func (c *Catalogue) Families() []string { return slices.Sorted(maps.Keys(c.families)) }

// Versions are those of a name, in the order of their publication.
func (c *Catalogue) Versions(family string) []*Published { return slices.Clone(c.families[family]) }

// Names are all versions, ascending.
func (c *Catalogue) Names() []string {
	return slices.Sorted(maps.Keys(c.versions))
}

// Readable are all views that this version of the program can read, withdrawn ones too.
func (c *Catalogue) Readable() []View {
	var out []View
	for _, name := range c.Names() {
		if p := c.versions[name]; p.Err == nil {
			out = append(out, p.View)
		}
	}
	return out
}
