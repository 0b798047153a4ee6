package commands

import (
	"slices"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
)

// traitLog is where the log says what is known of aliases: places, never values. It costs about 250 bytes for an
// alias with one trait event, and for each further event that still tells something as much again at most.
type traitLog struct {
	of      map[domain.Alias]*traitSources
	numbers map[string]uint32
	names   []string
}

// traitSources are the trait events of an alias that still tell something, in the order of the log. Each name belongs
// to one of them.
type traitSources struct {
	list []traitSource
	// at is where the traits last changed.
	at domain.Position
	// kind is the type of the identifier that the alias stands for.
	kind uint32
}

type traitSource struct {
	at         domain.Position
	occurredMS int64
	names      []uint32
}

func newTraitLog() *traitLog {
	return &traitLog{of: map[domain.Alias]*traitSources{}, numbers: map[string]uint32{}}
}

// observe takes the next event of IDENTITY and says whether an alias's traits changed. The latest value of a name
// counts, by when it happened: what arrives late does not replace what is newer. A trait is replaced as a whole, with
// all that is nested in it.
func (t *traitLog) observe(r domain.Recorded) (domain.Alias, bool) {
	traits := r.Event.GetTraitsChanged()
	if traits == nil || r.Event.GetSealed() == nil {
		return domain.Alias{}, false
	}
	alias, err := domain.AliasFromBytes(r.Event.GetAlias())
	if err != nil {
		return domain.Alias{}, false
	}
	names := t.named(traits)
	known := t.of[alias]
	if known != nil {
		names = known.replace(names, r.Event.GetOccurredMs())
	}
	if len(names) == 0 {
		return domain.Alias{}, false
	}
	if known == nil {
		known = &traitSources{kind: t.number(r.Event.GetAliasType())}
		t.of[alias] = known
	}
	known.list = append(known.list, traitSource{at: r.At, occurredMS: r.Event.GetOccurredMs(), names: names})
	known.at = r.At
	return alias, true
}

func (t *traitLog) named(traits *event.TraitsChanged) []uint32 {
	names := make([]uint32, 0, len(traits.GetNames()))
	for _, name := range traits.GetNames() {
		if n := t.number(name); !slices.Contains(names, n) {
			names = append(names, n)
		}
	}
	return names
}

// replace takes the names away from older events and returns those that no newer event tells.
func (s *traitSources) replace(names []uint32, occurredMS int64) []uint32 {
	for i := range s.list {
		source := &s.list[i]
		if source.occurredMS <= occurredMS {
			source.names = without(source.names, names)
		} else {
			names = without(names, source.names)
		}
	}
	s.list = slices.DeleteFunc(s.list, func(source traitSource) bool { return len(source.names) == 0 })
	return names
}

func without(names, others []uint32) []uint32 {
	return slices.DeleteFunc(names, func(n uint32) bool { return slices.Contains(others, n) })
}

// number stands for a name; there are as many as there are names of traits and types of identifiers.
func (t *traitLog) number(name string) uint32 {
	n, known := t.numbers[name]
	if !known {
		n = uint32(len(t.names))
		t.numbers[name] = n
		t.names = append(t.names, name)
	}
	return n
}

// kindOf is the type of an alias's identifier.
func (t *traitLog) kindOf(a domain.Alias) string {
	if s := t.of[a]; s != nil {
		return t.names[s.kind]
	}
	return ""
}

// aliases are all that have traits, in the order of their last change.
func (t *traitLog) aliases() []domain.Alias {
	list := make([]domain.Alias, 0, len(t.of))
	for a := range t.of {
		list = append(list, a)
	}
	slices.SortFunc(list, func(a, b domain.Alias) int { return t.order(a, b) })
	return list
}

// at is where an alias's traits last changed; zero when it has none.
func (t *traitLog) at(a domain.Alias) domain.Position {
	if s := t.of[a]; s != nil {
		return s.at
	}
	return domain.Position{}
}

// order says whether a's traits changed before b's; who has none comes first.
func (t *traitLog) order(a, b domain.Alias) int {
	if c := t.at(a).Compare(t.at(b)); c != 0 {
		return c
	}
	return a.Compare(b)
}

// positions are the places of the trait events of two aliases, ascending.
func (t *traitLog) positions(a, b domain.Alias) []domain.Position {
	var list []domain.Position
	for _, alias := range []domain.Alias{a, b} {
		if s := t.of[alias]; s != nil {
			for _, source := range s.list {
				list = append(list, source.at)
			}
		}
	}
	slices.SortFunc(list, domain.Position.Compare)
	return list
}
