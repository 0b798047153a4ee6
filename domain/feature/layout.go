package feature

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"slices"

	"github.com/profferhq/proffer/domain"
)

// Layout is which series an activity keeps beside the kinds of events that every activity keeps: those of some views.
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
	all = slices.CompactFunc(all, func(x, y *series) bool { return x.id == y.id })
	if len(all) == 0 {
		return nil
	}
	l := &Layout{series: all}
	ids := make([]byte, 0, 8*len(all))
	for i, s := range all {
		ids = binary.BigEndian.AppendUint64(ids, s.id)
		for _, k := range s.kinds {
			l.of[k] = append(l.of[k], i)
		}
	}
	sum := sha256.Sum256(ids)
	l.digest = binary.BigEndian.Uint64(sum[:8])
	return l
}

// Digest is equal for layouts of the same series; 0 for the nil Layout.
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
		if _, has := l.find(s.id); !has {
			return false
		}
	}
	return true
}

func (l *Layout) find(id uint64) (int, bool) {
	if l == nil {
		return 0, false
	}
	return slices.BinarySearchFunc(l.series, id, func(s *series, id uint64) int { return cmp.Compare(s.id, id) })
}

// Empty is the activity of an alias nothing is known of.
func (l *Layout) Empty() Activity {
	if l == nil {
		return Activity{}
	}
	return Activity{layout: l, series: make([]part, len(l.series))}
}

// seriesOf is the part of a series in an activity; nil when its layout does not have it.
func (a *Activity) seriesOf(id uint64) *part {
	if i, has := a.layout.find(id); has {
		return &a.series[i]
	}
	return nil
}

// streamOf is the stream of a part's place: the series come after the streams.
func (l *Layout) streamOf(i int) domain.Stream { return l.series[i].stream }
