package identity

import "github.com/profferhq/proffer/domain"

// types gives each type of identifier a number; 0 is unknown.
type types struct {
	numbers map[string]uint32
	names   []string
}

func newTypes() types { return types{numbers: map[string]uint32{"": 0}, names: []string{""}} }

func (t *types) number(name string) uint32 {
	n, known := t.numbers[name]
	if !known {
		n = uint32(len(t.names))
		t.numbers[name], t.names = n, append(t.names, name)
	}
	return n
}

// typed notes what type of identifier a node stands for. That is a fact about the alias, so it outlives its links.
func (g *Graph) typed(n int32, name string) {
	if g.nodes[n].kind == 0 && name != "" {
		g.nodes[n].kind = g.types.number(name)
	}
}

// Type is the type of identifier an alias stands for, as its links said; empty when it never had one.
func (g *Graph) Type(a domain.Alias) string {
	if n, known := g.index[a]; known {
		return g.types.names[g.nodes[n].kind]
	}
	return ""
}
