package feature

import "slices"

// Difference is what is new, gone or defined otherwise in a view beside another: names of features, in their views'
// order.
type Difference struct {
	Added, Removed, Changed []string
}

// Compare finds how a view differs from one before it. What only people read of a feature (its description, unit,
// owner, tags, class) makes no difference.
func Compare(before, after View) Difference {
	var d Difference
	for _, s := range after.document.Features {
		at, known := before.Index(s.Name)
		switch {
		case !known:
			d.Added = append(d.Added, s.Name)
		case !before.document.Features[at].means(s):
			d.Changed = append(d.Changed, s.Name)
		}
	}
	for _, s := range before.document.Features {
		if _, known := after.Index(s.Name); !known {
			d.Removed = append(d.Removed, s.Name)
		}
	}
	return d
}

func (p *Prior) equal(x *Prior) bool { return p == x || p != nil && x != nil && *p == *x }

// means says whether two specs always have the same value.
func (s Spec) means(x Spec) bool {
	return slices.Equal(s.Source, x.Source) && slices.Equal(s.Per, x.Per) && s.Filter == x.Filter && s.Lines == x.Lines &&
		s.Value == x.Value && s.Aggregation == x.Aggregation && s.Window == x.Window && s.HalfLife == x.HalfLife &&
		s.Expression == x.Expression && s.Default == x.Default && s.Prior.equal(x.Prior)
}
