package decider

import (
	"context"
	"fmt"
	"sync"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/consent"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/feature"
	"github.com/profferhq/proffer/domain/identity"
)

// Identities is the graph of profiles and what people consent to, live: what IDENTITY says up to a cut. It is safe for
// concurrent use.
//
// It also keeps the events that the views may not have folded yet, so that the IDENTITY part of an activity can be
// read at the graph's cut exactly.
type Identities struct {
	views    Views
	progress progress

	mu       sync.RWMutex
	graph    *identity.Graph
	consents *consent.Book
	cut      uint64
	recent   map[domain.Alias][]domain.Recorded
	order    []recentEvent // of recent, ascending
}

type recentEvent struct {
	alias    domain.Alias
	sequence uint64
}

// NewIdentities is the graph before the first event. The views are those whose activities the decider reads.
func NewIdentities(views Views) *Identities {
	return &Identities{
		views: views, graph: identity.NewGraph(), consents: consent.NewBook(), recent: map[domain.Alias][]domain.Recorded{},
	}
}

// Profile is the id of an alias's profile and the cut of IDENTITY at which it is.
func (i *Identities) Profile(alias domain.Alias) (domain.Alias, uint64) {
	i.mu.RLock()
	defer i.mu.RUnlock()
	return i.graph.Profile(alias), i.cut
}

// Aliases lists the aliases of an alias's profile, ascending.
func (i *Identities) Aliases(alias domain.Alias) []domain.Alias {
	i.mu.RLock()
	defer i.mu.RUnlock()
	return i.graph.Aliases(alias)
}

// Mark says how the alias's links count.
func (i *Identities) Mark(alias domain.Alias) identity.Mark {
	i.mu.RLock()
	defer i.mu.RUnlock()
	return i.graph.Mark(alias)
}

// Merged is how many aliases the links have merged into an earlier one: aliases less Merged is profiles.
func (i *Identities) Merged() int {
	i.mu.RLock()
	defer i.mu.RUnlock()
	return i.graph.Merged()
}

// Applied is the sequence of IDENTITY up to which the graph stands.
func (i *Identities) Applied() uint64 {
	i.mu.RLock()
	defer i.mu.RUnlock()
	return i.cut
}

// WaitFor returns when the graph has reached a sequence of IDENTITY, or with the context's error.
func (i *Identities) WaitFor(ctx context.Context, sequence uint64) error {
	return i.progress.wait(ctx, sequence)
}

// Load applies IDENTITY from where the graph stands up to the log's present end.
func (i *Identities) Load(ctx context.Context, source Source) error {
	if err := load(ctx, source, domain.Identity, i.Applied(), i.Apply); err != nil {
		return fmt.Errorf("decider: load identities: %w", err)
	}
	return nil
}

// Follow applies IDENTITY from where the graph stands, for ever. It returns nil when the context ends; a broken log
// is an error, after which nothing may be decided any more.
func (i *Identities) Follow(ctx context.Context, source Source) error {
	if err := follow(ctx, source, domain.Identity, i.Applied(), i.Apply); err != nil {
		return fmt.Errorf("decider: follow identities: %w", err)
	}
	return nil
}

// Apply takes the next envelope of IDENTITY, as a whole: no decision sees a part of it. One that was applied already
// changes nothing.
func (i *Identities) Apply(e domain.Envelope) error {
	events, err := e.Recorded()
	if err != nil {
		return fmt.Errorf("apply %s %d: %w", e.Lane.Stream, e.Sequence, err)
	}
	folded := i.views.Applied()[domain.Identity]
	i.mu.Lock()
	if e.Sequence > i.cut {
		for _, r := range events {
			i.graph.Apply(r)
			i.consents.Apply(r)
			i.keep(r, folded)
		}
		i.cut = e.Sequence
		i.forget(folded)
	}
	i.mu.Unlock()
	i.progress.advance(e.Sequence)
	return nil
}

// keep remembers an event, and its mirror, until the views have it.
func (i *Identities) keep(r domain.Recorded, folded uint64) {
	if r.At.Sequence <= folded {
		return
	}
	i.keepFor(r)
	if mirrored, ok := identity.Mirror(r); ok {
		i.keepFor(mirrored)
	}
}

func (i *Identities) keepFor(r domain.Recorded) {
	alias, err := domain.AliasFromBytes(r.Event.GetAlias())
	if err != nil {
		return // an event about nobody belongs to no activity
	}
	i.recent[alias] = append(i.recent[alias], r)
	i.order = append(i.order, recentEvent{alias: alias, sequence: r.At.Sequence})
}

// forget drops what the views have folded. The rest stays in place, so that readers' slices stay valid.
func (i *Identities) forget(folded uint64) {
	n := 0
	for ; n < len(i.order) && i.order[n].sequence <= folded; n++ {
		alias := i.order[n].alias
		if rest := i.recent[alias][1:]; len(rest) > 0 {
			i.recent[alias] = rest
		} else {
			delete(i.recent, alias)
		}
	}
	i.order = i.order[n:]
}

// consentsAt are what a profile of these aliases says of each purpose; false when it said something after the cut. The
// caller holds i.mu.
func (i *Identities) consentsAt(cut uint64, aliases []domain.Alias, purposes []string) ([]*event.SeenConsent, bool) {
	seen := i.consents.Seen(aliases, purposes)
	for _, s := range seen {
		if s.GetAt().GetSequence() > cut {
			return nil, false
		}
	}
	return seen, true
}

// person is a profile as the graph knows it at a cut.
type person struct {
	profile domain.Alias
	aliases []domain.Alias
	cut     uint64
	// recent are the latest IDENTITY events of each alias up to the cut; the views may have folded some of them.
	recent [][]domain.Recorded
}

func (i *Identities) person(alias domain.Alias) person {
	i.mu.RLock()
	defer i.mu.RUnlock()
	p := person{profile: i.graph.Profile(alias), aliases: i.graph.Aliases(alias), cut: i.cut}
	if len(i.recent) == 0 {
		return p
	}
	p.recent = make([][]domain.Recorded, len(p.aliases))
	for n, a := range p.aliases {
		p.recent[n] = i.recent[a]
	}
	return p
}

// folded brings the IDENTITY part of the n-th alias's activity to the person's cut.
func (p person) folded(n int, a feature.Activity) feature.Activity {
	if p.recent == nil || len(p.recent[n]) == 0 {
		return a
	}
	f := feature.NewFolder(a)
	for _, r := range p.recent[n] {
		f.Fold(r)
	}
	return f.Activity()
}
