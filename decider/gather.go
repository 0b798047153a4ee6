package decider

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/feature"
)

// errLayoutChanged: the views took on another layout between two aliases.
var errLayoutChanged = errors.New("decider: the layout of the views has changed")

// gathered is what is known of a person, read outside the lane's lock.
type gathered struct {
	person
	applied    domain.Cut
	activities []feature.Activity // as the views have them
	blobs      [][]byte
	merged     feature.Activity
	prepared   *feature.Prepared // of merged; nil when that is read for the first time
	seen       []*event.SeenAlias
	moment     feature.Moment
	vector     []float64
	segments   []*event.InSegments
	// memory is what the activities were decoded into, unless they are kept.
	memory []feature.Activity
}

// gather reads the activities of an alias's profile and its vector at that moment. It fails with ErrViewNotReady. Who is done
// with what was gathered may release it.
func (v *Vectors) gather(ctx context.Context, alias domain.Alias, view feature.View, at feature.Moment) (*gathered, error) {
	g := v.released.Get().(*gathered)
	for {
		*g = gathered{moment: at, applied: v.views.Applied(), memory: g.memory}
		g.person = v.identities.person(alias)
		ahead, err := v.read(g, view)
		if errors.Is(err, errLayoutChanged) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if !g.merged.Layout().Serves(view) {
			return nil, fmt.Errorf("%w: %s", ErrViewNotReady, view.Name())
		}
		if ahead <= g.cut {
			g.readVector(view)
			return g, nil
		}
		// The views have folded an identity event that the graph does not know yet.
		if err := v.identities.WaitFor(ctx, ahead); err != nil {
			return nil, err
		}
	}
}

// release lets the memory of activities be used again, when nobody looks at what was gathered any more. A record may hold the
// vector, the aliases seen and the segments: those are no part of it.
func (v *Vectors) release(g *gathered) {
	*g = gathered{memory: g.memory}
	v.released.Put(g)
}

// readVector reads the vector at the moment.
func (g *gathered) readVector(view feature.View) {
	g.vector = slices.Grow(g.vector[:0], view.Len())
	if g.prepared != nil {
		if vector, holds := g.prepared.ReadAt(g.moment, g.vector); holds {
			g.vector = vector
			return
		}
	}
	g.vector = view.ReadAt(g.merged, g.moment, g.vector)
}

// read finds the aliases' activities; ahead is the latest sequence of IDENTITY that they hold.
func (v *Vectors) read(g *gathered, view feature.View) (ahead uint64, err error) {
	g.blobs, g.seen = make([][]byte, len(g.aliases)), make([]*event.SeenAlias, len(g.aliases))
	var layout *feature.Layout
	for i, alias := range g.aliases {
		blob, of, _ := v.views.Blob(alias)
		if i > 0 && of != layout {
			return 0, errLayoutChanged
		}
		g.blobs[i], layout = blob, of
	}
	if !v.recall(g, view, layout) {
		g.memory = slices.Grow(g.memory[:0], len(g.aliases))[:len(g.aliases)]
		if err := g.decode(layout, g.memory); err != nil {
			return 0, err
		}
		if err := v.keep(g, view, layout); err != nil {
			return 0, err
		}
	}
	for i, alias := range g.aliases {
		a := &g.activities[i]
		ahead = max(ahead, a.Applied(domain.Identity).Sequence)
		g.seen[i] = seenOf(alias, a)
	}
	return ahead, nil
}

// decode reads the activities from the blobs into memory that is nobody else's, and merges them with the IDENTITY parts at the
// person's cut. Of an alias nothing is known of, the blob is empty.
func (g *gathered) decode(layout *feature.Layout, memory []feature.Activity) error {
	g.activities = memory
	current := g.activities
	if g.recent != nil {
		current = make([]feature.Activity, len(g.aliases))
	}
	for i, alias := range g.aliases {
		if err := layout.DecodeInto(&g.activities[i], g.blobs[i]); err != nil {
			return fmt.Errorf("read the activity of %s: %w", alias, err)
		}
		if g.recent != nil {
			current[i] = g.folded(i, g.activities[i])
		}
	}
	g.merged = feature.Merge(current...)
	return nil
}

// seenOf names the state of an alias that was read. Its IDENTITY part is that at the decision's cut.
func seenOf(alias domain.Alias, a *feature.Activity) *event.SeenAlias {
	// One piece of memory: every decision has at least one of these.
	seen := &struct {
		event.SeenAlias
		alias     domain.Alias
		positions [3]event.Position
	}{alias: alias}
	seen.SeenAlias.Alias = seen.alias[:]
	seen.Behaviour = positionIn(&seen.positions[0], a.Applied(domain.Behaviour))
	seen.Decision = positionIn(&seen.positions[1], a.Applied(domain.Decision))
	seen.Outcome = positionIn(&seen.positions[2], a.Applied(domain.Outcome))
	return &seen.SeenAlias
}

// positionIn is domain.Position.Proto in memory that is there.
func positionIn(at *event.Position, p domain.Position) *event.Position {
	if p == (domain.Position{}) {
		return nil
	}
	at.Sequence, at.Index = p.Sequence, p.Index
	return at
}

// contactsKnown are the contacts of the aliases later than since, and the cut of DECISION at which they are known.
// Blocked is an append that must be awaited first; later is a sequence of DECISION that the views must reach first.
func (d *Decider) contactsKnown(g *gathered, since int64) (known knownAt, err error) {
	s := d.contacts.snapshot(g.aliases)
	if s.blocked != nil {
		return knownAt{blocked: s.blocked}, nil
	}
	known.cut = s.cut
	for i, alias := range g.aliases {
		a, err := g.latest(d.views, i)
		if err != nil {
			return knownAt{}, err
		}
		folded := a.Applied(domain.Decision)
		if folded.Sequence > s.cut {
			return knownAt{later: folded.Sequence}, nil
		}
		known.contacts = append(known.contacts, a.Contacts(since)...)
		for _, o := range s.recorded {
			if o.alias == alias && o.at.After(folded) && o.contact.GetTimeMs() > since {
				known.contacts = append(known.contacts, o.contact)
			}
		}
	}
	known.contacts = knownContacts(known.contacts)
	return known, nil
}

type knownAt struct {
	contacts []*event.Contact
	cut      uint64
	blocked  *reservation
	later    uint64
}

// latest is the activity as the views have it now; usually it is the one read before.
func (g *gathered) latest(views Views, i int) (feature.Activity, error) {
	blob, layout, known := views.Blob(g.aliases[i])
	if !known || sameBlob(blob, g.blobs[i]) {
		return g.activities[i], nil
	}
	a, err := layout.Decode(blob)
	if err != nil {
		return a, fmt.Errorf("read the activity of %s: %w", g.aliases[i], err)
	}
	return a, nil
}
