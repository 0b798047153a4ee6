package match

// CoPresence fields hold tokens of where and when a device was seen, each made of an address block, a device model and
// a window of time, for example "203.0.113|pixel-9|2026-11-22T20". Sharing one token says little, because everybody
// behind one router shares it; sharing many says more, but never enough for a link: a matcher caps what all such
// comparisons add, whatever the model says.

// coPresenceMost is the weight, in bits, that what devices did cannot exceed alone: a posterior of 0.79.
const coPresenceMost = 1.9

// coPresenceLevels start from sharing being common among the devices of one person.
func coPresenceLevels() []Level {
	return []Level{{Level: "intersection>=5", M: .3}, {Level: "intersection>=3", M: .2}, {Level: "intersection>=2", M: .15},
		{Level: "intersection>=1", M: .15}, {Level: Else, M: .2}}
}

// LoginPattern fields hold the hours of the week at which somebody logged in on a device, for example "mon-08" or "9". Many
// people log in at eight on Monday: the pattern finds no pairs by itself, it only weighs those that are found otherwise.
func loginPatternLevels() []Level {
	return []Level{{Level: "tokens>=0.75", M: .25}, {Level: "tokens>=0.5", M: .25}, {Level: "intersection>=1", M: .3}, {Level: Else, M: .2}}
}

// capDevices lowers the bits of what devices did, so that all of it together stays below coPresenceMost with the prior.
func (m *Matcher) capDevices() {
	n := 0.0
	for _, c := range m.comparisons {
		if m.model.Fields[c.field].Kind.ofDevice() {
			n++
		}
	}
	for _, c := range m.comparisons {
		if !m.model.Fields[c.field].Kind.ofDevice() {
			continue
		}
		for _, row := range c.bits {
			for l := range row {
				row[l] = min(row[l], max(0, coPresenceMost-m.prior)/n)
			}
		}
	}
}
