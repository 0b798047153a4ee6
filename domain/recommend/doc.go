// Package recommend says which items go together and which a person may want next, from what people did: item-to-item
// cosine similarity over the people who touched both, near each other in time and lately, shrunk where few did. It is a
// pure function of the trails and a time; memory is bounded by the number of people times the items of a trail, and the
// number of items times the neighbours that are kept.
package recommend

// Kind is what a person did with an item.
type Kind uint8

// Kinds, by how much they say.
const (
	Viewed Kind = iota
	Carted
	Purchased
)

// weight of one event in points.
func (k Kind) weight() uint32 {
	switch k {
	case Purchased:
		return 6
	case Carted:
		return 3
	}
	return 1
}
