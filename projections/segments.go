package projections

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/feature"
	"github.com/profferhq/proffer/domain/segment"
)

// Activities are the folded activities of all aliases.
type Activities interface {
	// Blob is the encoded activity of an alias and the layout that it is to be decoded with; false when nothing is known.
	Blob(alias domain.Alias) ([]byte, *feature.Layout, bool)
	// Range calls yield with every alias, in no order, until it returns false.
	Range(yield func(domain.Alias, []byte) bool)
}

// Linked says which aliases are one person.
type Linked interface {
	// Profile is the id of an alias's profile, and the cut of IDENTITY at which it is.
	Profile(alias domain.Alias) (domain.Alias, uint64)
	// Aliases are those of its profile, ascending.
	Aliases(alias domain.Alias) []domain.Alias
}

// Segments reads who belongs to which segment now: a pure function of what is known of a person, a definition and a time.
// Windows move while nothing happens; what is read here is never stale. SegmentMoves tells when somebody was found to have
// entered or left.
type Segments struct {
	activities Activities
	linked     Linked
	view       func(name string) (feature.View, bool)
}

// ErrView: a definition reads a feature view that is not known, or that the activities do not serve yet.
var ErrView = errors.New("projections: the feature view of a segment definition cannot be read yet")

// NewSegments reads the features of the views that view finds, by their names with their versions.
func NewSegments(activities Activities, linked Linked, view func(name string) (feature.View, bool)) *Segments {
	return &Segments{activities: activities, linked: linked, view: view}
}

// Of are the segments of each definition that a profile is in, at a time (Unix milliseconds). It fails with ErrView, or where an
// activity cannot be read.
func (s *Segments) Of(alias domain.Alias, nowMS int64, definitions []*segment.Compiled) ([][]string, error) {
	activity, err := s.activity(alias)
	if err != nil {
		return nil, err
	}
	return s.of(activity, nowMS, definitions)
}

// of reads each view once.
func (s *Segments) of(a feature.Activity, nowMS int64, definitions []*segment.Compiled) ([][]string, error) {
	vectors := map[string][]float64{}
	out := make([][]string, len(definitions))
	for i, d := range definitions {
		name := d.Definition().View
		vector, read := vectors[name]
		if !read {
			view, known := s.view(name)
			if !known || !a.Layout().Serves(view) {
				return nil, fmt.Errorf("%w: %s", ErrView, name)
			}
			vector = view.Read(a, nowMS, nil)
			vectors[name] = vector
		}
		out[i] = d.Of(vector)
	}
	return out, nil
}

// activity is that of an alias's profile, read again where the activities took on another layout between two aliases:
// merged, one of them would lack its series.
func (s *Segments) activity(alias domain.Alias) (feature.Activity, error) {
	for {
		all, err := s.aliases(alias)
		if err != nil {
			return feature.Activity{}, err
		}
		if !slices.ContainsFunc(all, func(a feature.Activity) bool { return a.Layout() != all[0].Layout() }) {
			return feature.Merge(all...), nil
		}
	}
}

// aliases are the activities of a profile's aliases.
func (s *Segments) aliases(alias domain.Alias) ([]feature.Activity, error) {
	var all []feature.Activity
	for _, a := range s.linked.Aliases(alias) {
		blob, layout, known := s.activities.Blob(a)
		one := layout.Empty()
		if known {
			var err error
			if one, err = layout.Decode(blob); err != nil {
				return nil, fmt.Errorf("projections: read the activity of %s: %w", a, err)
			}
		}
		all = append(all, one)
	}
	return all, nil
}

// Everybody calls look with each profile and its segments of each definition, in no order. It fails as Of
// does, and with the context's end.
func (s *Segments) Everybody(
	ctx context.Context, nowMS int64, definitions []*segment.Compiled, look func(profile domain.Alias, segments [][]string),
) error {
	var failure error
	n := 0
	s.activities.Range(func(alias domain.Alias, _ []byte) bool {
		if n++; n%256 == 0 && ctx.Err() != nil {
			failure = ctx.Err()
			return false
		}
		if !s.speaks(alias) {
			return true
		}
		activity, err := s.activity(alias)
		if err != nil {
			failure = err
			return false
		}
		segments, err := s.of(activity, nowMS, definitions)
		if err != nil {
			failure = err
			return false
		}
		profile, _ := s.linked.Profile(alias)
		look(profile, segments)
		return true
	})
	return failure
}

// linkedAt is the cut of IDENTITY at which people are known.
func (s *Segments) linkedAt() uint64 {
	_, cut := s.linked.Profile(domain.Alias{})
	return cut
}

// speaks says whether an alias is the first of its profile of which anything is known: every profile has one such.
func (s *Segments) speaks(alias domain.Alias) bool {
	for _, a := range s.linked.Aliases(alias) {
		if a == alias {
			return true
		}
		if _, _, known := s.activities.Blob(a); known {
			return false
		}
	}
	return true
}

// Members are the profiles in a segment of a definition, ascending, after a profile, at most limit; more says whether there are
// others behind.
func (s *Segments) Members(
	ctx context.Context, nowMS int64, d *segment.Compiled, name string, after domain.Alias, limit int,
) (profiles []domain.Alias, more bool, err error) {
	err = s.Everybody(ctx, nowMS, []*segment.Compiled{d}, func(profile domain.Alias, segments [][]string) {
		if bytes.Compare(profile[:], after[:]) > 0 && slices.Contains(segments[0], name) {
			profiles = append(profiles, profile)
		}
	})
	if err != nil {
		return nil, false, err
	}
	slices.SortFunc(profiles, domain.Alias.Compare)
	return profiles[:min(limit, len(profiles))], len(profiles) > limit, nil
}
