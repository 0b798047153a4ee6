package feature

import "slices"

// PlacesIn is where features of a view stand in a vector of another version of it; false when that is another view, or
// when one of them is not there or need not have the same value there.
func (v View) PlacesIn(other View, names []string) ([]int, bool) {
	if v.Family() != other.Family() {
		return nil, false
	}
	out := make([]int, len(names))
	for i, name := range names {
		if !v.same(other, name) {
			return nil, false
		}
		out[i], _ = other.Index(name)
	}
	return out, true
}

// same says whether a feature always has the same value in both views: it is defined alike, and so is what it reads.
func (v View) same(other View, name string) bool {
	here, known := v.Index(name)
	there, also := other.Index(name)
	if !known || !also || !v.document.Features[here].means(other.document.Features[there]) {
		return false
	}
	switch v.document.Features[here].Aggregation {
	case PreferredChannel, PreferredChannelShare:
		return slices.Equal(v.document.Channels, other.document.Channels)
	case OnDemand:
		return v.sameDemand(other, here)
	}
	return true
}

// sameDemand is same of what a feature that is computed on demand reads. Features read only those before them.
func (v View) sameDemand(other View, at int) bool {
	for _, d := range v.plan.demands {
		if d.index != at {
			continue
		}
		for _, name := range d.compiled.Reads["features"] {
			if !v.same(other, name) {
				return false
			}
		}
		for _, name := range d.compiled.Reads["context"] {
			if v.fact(name) != other.fact(name) {
				return false
			}
		}
	}
	return true
}

// fact is a declared fact of a request; the zero Fact when there is none of the name.
func (v View) fact(name string) Fact {
	for _, f := range v.document.Context {
		if f.Name == name {
			return f
		}
	}
	return Fact{}
}
