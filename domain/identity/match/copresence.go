package match

// CoPresence fields hold tokens of where and when a device was seen, each made of an address block, a device model and
// a window of time, for example "203.0.113|pixel-9|2026-11-22T20". Sharing one token says little, because everybody
// behind one router shares it; sharing many says more, but never enough for a link: a matcher caps what all such
// comparisons add, whatever the model says.

// coPresenceMost is the weight, in bits, that co-presence alone cannot exceed: a posterior of 0.79.
const coPresenceMost = 1.9

// coPresenceLevels start from sharing being common among the devices of one person.
func coPresenceLevels() []Level {
	return []Level{{Level: "intersection>=5", M: .3}, {Level: "intersection>=3", M: .2}, {Level: "intersection>=2", M: .15},
		{Level: "intersection>=1", M: .15}, {Level: Else, M: .2}}
}

// capCoPresence lowers the bits of co-presence so that together with the prior they stay below coPresenceMost.
func (m *Matcher) capCoPresence() {
	n := 0.0
	for _, c := range m.comparisons {
		if m.model.Fields[c.field].Kind == CoPresence {
			n++
		}
	}
	for _, c := range m.comparisons {
		if m.model.Fields[c.field].Kind != CoPresence {
			continue
		}
		for _, row := range c.bits {
			for l := range row {
				row[l] = min(row[l], max(0, coPresenceMost-m.prior)/n)
			}
		}
	}
}
