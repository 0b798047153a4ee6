package past

import (
	"iter"
	"slices"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/identity"
)

// Around finds, of all that IDENTITY says, what decides who is one person with an alias at some cuts: everything about
// the aliases of that person, and the marks of those whom their links lead to. It asks whose events are to be read
// (Next) and is given them (Add), in turn, until it asks for nobody. A fold of what it was given, up to one of the
// cuts, then says of that person what a fold of everything does, because each event concerns one pair or one mark, and
// all events of every pair and mark that matters are among them. How many other people the log knows makes no
// difference.
type Around struct {
	households bool
	standings  []*standing
	taken      map[domain.Position]bool
	events     []domain.Recorded
	// read are the aliases of whom everything is known, marked those whose marks are.
	read, marked map[domain.Alias]bool
	// asked are whom Next asked for last: for all about them, or for their marks only.
	asked     map[domain.Alias]bool
	onlyMarks bool
}

// standing is the graph of what is known at a cut, and how far it was followed from the alias.
type standing struct {
	cut   uint64
	graph *identity.Graph
	// applied is how many events the graph took: its positions only grow, while what is read comes alias by alias.
	applied uint64
	stage   stage
	front   []domain.Alias // read, and their links are to be followed next
	shared  []domain.Alias // the shared identifiers met on the way
	met     map[domain.Alias]bool
}

// stage is whom a standing follows at present.
type stage uint8

const (
	theirOwn   stage = iota // the person
	whatShared              // the shared identifiers of the person
	theOthers               // those who share them
)

// NewAround begins with an alias. With households, it also finds the people who share an identifier with the person.
func NewAround(alias domain.Alias, households bool, cuts ...uint64) *Around {
	a := &Around{
		households: households, taken: map[domain.Position]bool{},
		read: map[domain.Alias]bool{}, marked: map[domain.Alias]bool{},
	}
	for _, cut := range cuts {
		a.standings = append(a.standings, &standing{
			cut: cut, graph: identity.NewGraph(), front: []domain.Alias{alias}, met: map[domain.Alias]bool{alias: true},
		})
	}
	return a
}

// Next is whose events up to the last cut are to be added now: all that name one of `whole`, or those that mark one of
// `marks`. When both are empty, all is known.
func (a *Around) Next() (whole, marks []domain.Alias) {
	whole, marks = a.next()
	a.asked, a.onlyMarks = make(map[domain.Alias]bool, len(whole)+len(marks)), len(marks) > 0
	for _, x := range append(whole, marks...) {
		a.asked[x] = true
	}
	return whole, marks
}

func (a *Around) next() (whole, marks []domain.Alias) {
	for {
		for x := range a.fronts() {
			whole = lacking(whole, a.read, x)
		}
		if len(whole) > 0 {
			return whole, nil
		}
		for x, s := range a.fronts() {
			for _, e := range s.graph.Edges(x) {
				if !a.read[e.Other] {
					marks = lacking(marks, a.marked, e.Other)
				}
			}
		}
		if len(marks) > 0 || !a.step() {
			return nil, marks
		}
	}
}

// fronts walks the aliases whose links are to be followed next.
func (a *Around) fronts() iter.Seq2[domain.Alias, *standing] {
	return func(yield func(domain.Alias, *standing) bool) {
		for _, s := range a.standings {
			for _, x := range s.front {
				if !yield(x, s) {
					return
				}
			}
		}
	}
}

// lacking adds an alias that is not known to those that are to be read, and counts on its being read.
func lacking(list []domain.Alias, known map[domain.Alias]bool, x domain.Alias) []domain.Alias {
	if known[x] {
		return list
	}
	known[x] = true
	return append(list, x)
}

// step follows every standing by a step; false when there is nothing left to follow.
func (a *Around) step() bool {
	follow := false
	for _, s := range a.standings {
		s.step(a.households)
		follow = follow || len(s.front) > 0
	}
	return follow
}

// step goes over to those whom the front's links lead to.
func (s *standing) step(households bool) {
	front := s.front
	s.front = nil
	for _, x := range front {
		for _, e := range s.graph.Edges(x) {
			switch {
			case s.stage == whatShared:
				if s.graph.Mark(e.Other) == identity.Unmarked {
					s.meet(&s.front, e.Other)
				}
			case e.Joins:
				s.meet(&s.front, e.Other)
			case s.stage == theirOwn && s.graph.Mark(x) == identity.Unmarked && s.graph.Mark(e.Other) == identity.Shared:
				s.meet(&s.shared, e.Other)
			}
		}
		if s.stage == theirOwn && s.graph.Mark(x) == identity.Shared {
			s.shared = append(s.shared, x) // the alias itself
		}
	}
	switch {
	case !households:
	case s.stage == whatShared:
		s.stage = theOthers
	case s.stage == theirOwn && len(s.front) == 0:
		s.front, s.stage = s.shared, whatShared
	}
}

func (s *standing) meet(list *[]domain.Alias, x domain.Alias) {
	if !s.met[x] {
		s.met[x] = true
		*list = append(*list, x)
	}
}

// Add takes what Next asked for, at once or alias by alias; what is about one alias in the order of the log. Other events, and
// those that were added before, are passed over: whoever reads whole envelopes may give them.
func (a *Around) Add(events []domain.Recorded) {
	for _, r := range events {
		first, _ := domain.AliasFromBytes(r.Event.GetAlias())          // an event about nobody has no alias
		second, _ := domain.AliasFromBytes(identity.OtherEnd(r.Event)) // nor has every event another end
		wanted := a.asked[first] && (!a.onlyMarks || r.Event.GetAliasMarked() != nil) || a.asked[second] && !a.onlyMarks
		if wanted && !a.taken[r.At] {
			a.take(r)
		}
	}
}

func (a *Around) take(r domain.Recorded) {
	a.taken[r.At] = true
	a.events = append(a.events, r)
	for _, s := range a.standings {
		if r.At.Sequence <= s.cut {
			s.applied++
			s.graph.Apply(domain.Recorded{At: domain.Position{Sequence: s.applied}, Event: r.Event})
		}
	}
}

// Events are all that were added, in the order of the log.
func (a *Around) Events() []domain.Recorded {
	slices.SortFunc(a.events, func(x, y domain.Recorded) int { return x.At.Compare(y.At) })
	return a.events
}
