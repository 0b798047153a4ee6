package projections

import (
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/recommend"
)

// Bounds of what recommendations remember.
const (
	// MaxItems is how many different items are known; later ones are left out.
	MaxItems = 500_000
	maxItem  = 200 // bytes of an item's name
)

// Recommendations remembers what people did with items, in memory: folded from BEHAVIOUR at each start, as a rebuild would. It
// is safe for concurrent use.
type Recommendations struct {
	mu     sync.RWMutex
	trails map[domain.Alias]*trail
	// changed are the aliases whose trails changed since they were last asked for; nil while nobody asks.
	changed map[domain.Alias]struct{}
	numbers map[string]uint32
	items   []string
	applied uint64
	// events counts what was folded, changes what of it came since the model was learned.
	events, changes int

	learning sync.Mutex
	model    *recommend.Model
	learned  Learned
}

// Learned says what the likeness of items was learned from, and when (Unix milliseconds).
type Learned struct {
	AtMS          int64
	People, Items int
}

// Item is a recommended item.
type Item struct {
	Item  string
	Score float64
}

// trail is what an alias did, and the sequence of BEHAVIOUR that last added to it.
type trail struct {
	recommend.Trail
	sequence uint64
}

// Recommended are items, with what they were made from.
type Recommended struct {
	Items   []Item
	Learned Learned
	// Sequence of BEHAVIOUR: all that the person did up to it is in them.
	Sequence uint64
	// Kept: they are of a list that was made before.
	Kept bool
}

// NewRecommendations remembers nothing yet.
func NewRecommendations() *Recommendations {
	return &Recommendations{trails: map[domain.Alias]*trail{}, numbers: map[string]uint32{}}
}

// Apply takes the next envelope; one that was applied already changes nothing.
func (r *Recommendations) Apply(e domain.Envelope) error {
	events, err := e.Recorded()
	if err != nil {
		return fmt.Errorf("apply %s %d: %w", e.Lane.Stream, e.Sequence, err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if e.Sequence <= r.applied {
		return nil
	}
	r.applied = e.Sequence
	for _, recorded := range events {
		r.take(recorded.Event)
	}
	return nil
}

func (r *Recommendations) take(e *event.Event) {
	alias, err := domain.AliasFromBytes(e.GetAlias())
	if err != nil {
		return // an event about nobody
	}
	at := domain.TimeOf(e)
	switch b := e.GetBody().(type) {
	case *event.Event_Viewed:
		r.add(alias, at, recommend.Viewed, b.Viewed.GetLine())
	case *event.Event_Carted:
		r.add(alias, at, recommend.Carted, b.Carted.GetLine())
	case *event.Event_Purchased:
		r.add(alias, at, recommend.Purchased, b.Purchased.GetLines()...)
	}
}

func (r *Recommendations) add(alias domain.Alias, at int64, kind recommend.Kind, lines ...*event.Line) {
	for _, l := range lines {
		number, known := r.number(l.GetItem())
		if !known {
			continue
		}
		of := r.trails[alias]
		if of == nil {
			of = &trail{}
			r.trails[alias] = of
		}
		of.Add(number, at, kind)
		of.sequence = r.applied
		if r.changed != nil {
			r.changed[alias] = struct{}{}
		}
		r.events++
		r.changes++
	}
}

// number is that of an item; a new item gets the next.
func (r *Recommendations) number(item string) (uint32, bool) {
	if item == "" || len(item) > maxItem {
		return 0, false
	}
	n, known := r.numbers[item]
	if !known {
		if len(r.items) == MaxItems {
			return 0, false
		}
		n = uint32(len(r.items))
		r.numbers[item], r.items = n, append(r.items, item)
	}
	return n, true
}

// Applied is the sequence of BEHAVIOUR up to which all is remembered.
func (r *Recommendations) Applied() uint64 {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.applied
}

// Top are the items that the person of these aliases may want next. The likeness of items is learned when it never was, anew
// when half of what is known has come since, and after an hour when a tenth has; lists between use the last one.
func (r *Recommendations) Top(aliases []domain.Alias, nowMS int64, ask recommend.Ask) ([]Item, Learned) {
	model, learned := r.learn(nowMS)
	r.mu.RLock()
	defer r.mu.RUnlock()
	var out []Item
	for _, s := range model.Top(r.merged(aliases), ask) {
		out = append(out, Item{r.items[s.Item], s.Score})
	}
	return out, learned
}

// merged is the trail of several aliases together.
func (r *Recommendations) merged(aliases []domain.Alias) recommend.Trail {
	var trails []recommend.Trail
	for _, a := range aliases {
		if t := r.trails[a]; t != nil {
			trails = append(trails, t.Trail)
		}
	}
	return recommend.Merge(trails...)
}

// known are all aliases with a trail. Which of them change is noted from then on.
func (r *Recommendations) known() []domain.Alias {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.changed = map[domain.Alias]struct{}{}
	return slices.Collect(maps.Keys(r.trails))
}

// takeChanged are the aliases whose trails changed since the last call, or since known.
func (r *Recommendations) takeChanged() []domain.Alias {
	r.mu.Lock()
	defer r.mu.Unlock()
	changed := slices.Collect(maps.Keys(r.changed))
	clear(r.changed)
	return changed
}

// remembered is the trail of several aliases together, the sequence that last added to it, and the one it stands at.
func (r *Recommendations) remembered(aliases []domain.Alias) (of recommend.Trail, last, applied uint64) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	for _, a := range aliases {
		if t := r.trails[a]; t != nil {
			last = max(last, t.sequence)
		}
	}
	return r.merged(aliases), last, r.applied
}

// name gives items their names.
func (r *Recommendations) name(list []recommend.Listed) []ListedItem {
	r.mu.RLock()
	defer r.mu.RUnlock()
	out := make([]ListedItem, len(list))
	for i, l := range list {
		out[i] = ListedItem{Item{r.items[l.Item], l.Score}, l.Bought}
	}
	return out
}

// relearnMS is after how long less that is new is enough to learn again.
const relearnMS = 3_600_000

// learn is the model, learned now where that is due.
func (r *Recommendations) learn(nowMS int64) (*recommend.Model, Learned) {
	r.learning.Lock()
	defer r.learning.Unlock()
	r.mu.Lock()
	share := 2
	if nowMS-r.learned.AtMS >= relearnMS {
		share = 10
	}
	if r.model != nil && r.changes*share < max(r.events, 1) {
		defer r.mu.Unlock()
		return r.model, r.learned
	}
	trails := make([]recommend.Trail, 0, len(r.trails))
	aliases := make([]domain.Alias, 0, len(r.trails))
	for a := range r.trails {
		aliases = append(aliases, a)
	}
	// The order of people decides the order of sums, and so their last digits.
	slices.SortFunc(aliases, func(a, b domain.Alias) int { return slices.Compare(a[:], b[:]) })
	for _, a := range aliases {
		trails = append(trails, recommend.Merge(r.trails[a].Trail))
	}
	items := len(r.items)
	r.changes = 0
	r.mu.Unlock()
	r.model = recommend.Learn(trails, items, nowMS, recommend.Options{})
	r.learned = Learned{AtMS: nowMS, People: len(trails), Items: items}
	return r.model, r.learned
}
