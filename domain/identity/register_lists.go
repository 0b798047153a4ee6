package identity

import (
	"cmp"
	"iter"
	"slices"

	"github.com/profferhq/proffer/domain"
)

// pairs walks what was said about pairs, each once, in no order.
func (r *Register) pairs() iter.Seq2[cell, *said] {
	return func(yield func(cell, *said) bool) {
		for a, of := range r.said {
			for b, s := range of {
				if a.Compare(b) < 0 && !yield(cell{kind: cellPair, a: a, b: b}, s) {
					return
				}
			}
		}
	}
}

// newest orders what has no position yet first, then by falling position, then by the ends.
func newest(x, y domain.Position, ends ...int) int {
	none := domain.Position{}
	if (x == none) != (y == none) {
		if x == none {
			return -1
		}
		return 1
	}
	return cmp.Or(append([]int{y.Compare(x)}, ends...)...)
}

func newestLink(x, y Withheld) int {
	return newest(x.At, y.At, x.First.Alias.Compare(y.First.Alias), x.Second.Alias.Compare(y.Second.Alias))
}

// Withheld lists the claims that guards withhold, newest first.
func (r *Register) Withheld() []Withheld {
	var list []Withheld
	for _, s := range r.pairs() {
		if s.withheld != nil {
			list = append(list, *s.withheld)
		}
	}
	slices.SortFunc(list, newestLink)
	return list
}

// WithheldOf lists the claims that are withheld on one alias, newest first.
func (r *Register) WithheldOf(a domain.Alias) []Withheld {
	var list []Withheld
	for _, s := range r.said[a] {
		if s.withheld != nil {
			list = append(list, *s.withheld)
		}
	}
	slices.SortFunc(list, newestLink)
	return list
}

// WithheldBy is how many claims a guard withholds now. Those of GuardTooLarge are an alarm.
func (r *Register) WithheldBy(guard string) int { return r.withheld[guard] }

// Marked lists shared and blocked aliases, ascending.
func (r *Register) Marked() []Marked {
	var list []Marked
	for _, m := range r.marks {
		if m.Mark != Unmarked {
			list = append(list, *m)
		}
	}
	slices.SortFunc(list, func(x, y Marked) int { return x.Alias.Compare(y.Alias) })
	return list
}

// MarkOf is what was last said about an alias's mark; false when nothing holds. A mark that an operator lifted holds
// as Unmarked: guards leave it.
func (r *Register) MarkOf(a domain.Alias) (Marked, bool) {
	if m := r.marks[a]; m != nil {
		return *m, true
	}
	return Marked{}, false
}

// Bars lists the active bars, newest first.
func (r *Register) Bars() []Bar {
	var list []Bar
	for _, s := range r.pairs() {
		if s.bar != nil {
			list = append(list, *s.bar)
		}
	}
	slices.SortFunc(list, newestBar)
	return list
}

func newestBar(x, y Bar) int {
	return newest(x.At, y.At, x.First.Alias.Compare(y.First.Alias), x.Second.Alias.Compare(y.Second.Alias))
}

// Barred says whether the two aliases themselves are barred from each other.
func (r *Register) Barred(a, b domain.Alias) bool {
	return r.bars[a][b]
}

// BarsBetween lists the bars that hold between the profiles of two aliases, newest first.
func (r *Register) BarsBetween(a, b domain.Alias) []Bar {
	if len(r.bars) == 0 {
		return nil
	}
	var list []Bar
	within := r.graph.Linked(a, b)
	for _, x := range r.graph.Aliases(a) {
		for y := range r.bars[x] {
			if r.graph.Linked(y, b) && !(within && y.Compare(x) < 0) {
				list = append(list, *r.said[x][y].bar)
			}
		}
	}
	slices.SortFunc(list, newestBar)
	return list
}

// Proposals lists the matches that wait for a person, the most probable first. What was linked or barred in another
// way waits no more.
func (r *Register) Proposals() []Proposal {
	var list []Proposal
	for key, s := range r.pairs() {
		if s.proposed != nil && s.bar == nil && !r.graph.Linked(key.a, key.b) {
			list = append(list, *s.proposed)
		}
	}
	slices.SortFunc(list, func(x, y Proposal) int {
		return cmp.Or(cmp.Compare(y.Posterior, x.Posterior),
			x.First.Alias.Compare(y.First.Alias), x.Second.Alias.Compare(y.Second.Alias))
	})
	return list
}

// Proposed is the open proposal about two aliases.
func (r *Register) Proposed(a, b domain.Alias) (Proposal, bool) {
	if s := r.said[a][b]; s != nil && s.proposed != nil {
		return *s.proposed, true
	}
	return Proposal{}, false
}

// Reviewed is the last review of two aliases.
func (r *Register) Reviewed(a, b domain.Alias) (Review, bool) {
	if s := r.said[a][b]; s != nil && s.review != nil {
		return *s.review, true
	}
	return Review{}, false
}
