package feature

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"slices"

	"github.com/profferhq/proffer/domain"
)

// Layout is which series an activity keeps beside the kinds of events that every activity keeps, and what of them: those of
// some views, and what they look at.
// Activities that meet (in a fold, a merge, a store) are of one layout. The nil Layout has no series. It is safe for
// concurrent use.
type Layout struct {
	series []*series // ascending by id
	// of are the series that take events of a kind, by place.
	of     [kinds][]int
	digest uint64
}

// LayoutOf is the least layout that all the views can be read from; nil when they need no series.
func LayoutOf(views ...View) *Layout {
	var all []*series
	for _, v := range views {
		if v.plan != nil {
			all = append(all, v.plan.series...)
		}
	}
	slices.SortStableFunc(all, func(x, y *series) int { return cmp.Compare(x.id, y.id) })
	if len(all) == 0 {
		return nil
	}
	l := new(Layout)
	for _, s := range all {
		if n := len(l.series); n > 0 && l.series[n-1].id == s.id {
			l.series[n-1] = l.series[n-1].and(s.keeps)
		} else {
			l.series = append(l.series, s)
		}
	}
	var ids []byte
	for i, s := range l.series {
		ids = append(binary.BigEndian.AppendUint64(ids, s.id), byte(s.keeps))
		for _, k := range s.kinds {
			l.of[k] = append(l.of[k], i)
		}
	}
	sum := sha256.Sum256(ids)
	l.digest = binary.BigEndian.Uint64(sum[:8])
	return l
}

// Digest is equal for layouts of the same series that keep the same; 0 for the nil Layout.
func (l *Layout) Digest() uint64 {
	if l == nil {
		return 0
	}
	return l.digest
}

// Series is how many series the layout has.
func (l *Layout) Series() int {
	if l == nil {
		return 0
	}
	return len(l.series)
}

// Kinds are the kinds of events that its series take, ascending: of these, a fold reads more than of the others.
func (l *Layout) Kinds() []Kind {
	var out []Kind
	if l != nil {
		for k := range l.of {
			if len(l.of[k]) > 0 {
				out = append(out, Kind(k))
			}
		}
	}
	return out
}

// Serves says whether the view can be read from activities of the layout.
func (l *Layout) Serves(v View) bool {
	if v.plan == nil {
		return true
	}
	for _, s := range v.plan.series {
		if _, has := l.find(s); !has {
			return false
		}
	}
	return true
}

// find is the place of a series, if the layout has it and keeps as much.
func (l *Layout) find(x *series) (int, bool) {
	if l == nil {
		return 0, false
	}
	at, found := slices.BinarySearchFunc(l.series, x.id, func(s *series, id uint64) int { return cmp.Compare(s.id, id) })
	return at, found && x.keeps&^l.series[at].keeps == 0
}

// Empty is the activity of an alias nothing is known of.
func (l *Layout) Empty() Activity {
	if l == nil {
		return Activity{}
	}
	return Activity{layout: l, series: make([]part, len(l.series))}
}

// seriesOf is the part of a series in an activity; nil when its layout does not have it.
func (a *Activity) seriesOf(s *series) *part {
	if i, has := a.layout.find(s); has {
		return &a.series[i]
	}
	return nil
}

// streamOf is the stream of a part's place: the series come after the streams.
func (l *Layout) streamOf(i int) domain.Stream { return l.series[i].stream }
