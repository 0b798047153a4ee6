package decider

import (
	"context"
	"errors"
	"fmt"

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
	seen       []*event.SeenAlias
	moment     feature.Moment
	vector     []float64
	segments   []*event.InSegments
}

// gather reads the activities of an alias's profile and its vector at that moment. It fails with ErrViewNotReady.
func gather(
	ctx context.Context, views Views, identities *Identities, alias domain.Alias, view feature.View, at feature.Moment,
) (*gathered, error) {
	for {
		g := &gathered{moment: at, applied: views.Applied()}
		g.person = identities.person(alias)
		ahead, err := g.read(views)
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
			g.vector = view.ReadAt(g.merged, at, nil)
			return g, nil
		}
		// The views have folded an identity event that the graph does not know yet.
		if err := identities.WaitFor(ctx, ahead); err != nil {
			return nil, err
		}
	}
}

// read decodes the aliases' activities; ahead is the latest sequence of IDENTITY that they hold.
func (g *gathered) read(views Views) (ahead uint64, err error) {
	n := len(g.aliases)
	g.activities, g.blobs, g.seen = make([]feature.Activity, n), make([][]byte, n), make([]*event.SeenAlias, n)
	current := g.activities
	if g.recent != nil {
		current = make([]feature.Activity, n)
	}
	for i, alias := range g.aliases {
		if g.activities[i], g.blobs[i], err = activity(views, alias); err != nil {
			return 0, err
		}
		if g.activities[i].Layout() != g.activities[0].Layout() {
			return 0, errLayoutChanged
		}
		a := &g.activities[i]
		ahead = max(ahead, a.Applied(domain.Identity).Sequence)
		g.seen[i] = seenOf(alias, a)
		if g.recent != nil {
			current[i] = g.folded(i, *a)
		}
	}
	g.merged = feature.Merge(current...)
	return ahead, nil
}

func activity(views Views, alias domain.Alias) (feature.Activity, []byte, error) {
	blob, layout, known := views.Blob(alias)
	if !known {
		return layout.Empty(), nil, nil
	}
	a, err := layout.Decode(blob)
	if err != nil {
		return a, nil, fmt.Errorf("read the activity of %s: %w", alias, err)
	}
	return a, blob, nil
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
	if !known || len(g.blobs[i]) > 0 && len(blob) == len(g.blobs[i]) && &blob[0] == &g.blobs[i][0] {
		return g.activities[i], nil
	}
	a, err := layout.Decode(blob)
	if err != nil {
		return a, fmt.Errorf("read the activity of %s: %w", g.aliases[i], err)
	}
	return a, nil
}
