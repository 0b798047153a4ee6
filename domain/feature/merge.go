package feature

import "github.com/profferhq/proffer/domain"

// Merge is the activity of a profile: what folding all the events of its aliases into one activity would have given.
// It is for reading, associative and independent of order. No event may be in two of the activities, and they are of one
// layout.
func Merge(activities ...Activity) Activity {
	if len(activities) == 1 {
		return activities[0]
	}
	var out Activity
	for i := range activities {
		a := &activities[i]
		out.traits = out.traits || a.traits
		if out.layout == nil {
			out.layout = a.layout
		}
		if a.aliasType != "" && (out.aliasType == "" || a.aliasType < out.aliasType) {
			out.aliasType = a.aliasType
		}
	}
	for s := range out.parts {
		of := func(a *Activity) *part { return &a.parts[s] }
		out.parts[s] = mergeParts(activities, of, domain.Stream(s))
	}
	if out.layout != nil {
		out.series = make([]part, len(out.layout.series))
	}
	for i := range out.series {
		of := func(a *Activity) *part {
			if a.layout != out.layout {
				return nil
			}
			return &a.series[i]
		}
		out.series[i] = mergeParts(activities, of, out.layout.streamOf(i))
	}
	return out
}

// mergeParts merges one part of each activity that has it. A part that only one of them has is shared, not copied.
func mergeParts(activities []Activity, of func(*Activity) *part, s domain.Stream) part {
	var out part
	var applied domain.Position
	for i := range activities {
		p := of(&activities[i])
		if p == nil {
			continue
		}
		if p.applied.After(applied) {
			applied = p.applied
		}
		switch {
		case p.empty():
		case out.empty():
			out = *p
		default:
			out = join(&out, p, entryCap(s))
		}
	}
	out.applied = applied
	return out
}

// join is a part with the content of both, neither of which it changes.
func join(p, q *part, limit int) part {
	out := part{
		totals: append(make([]total, 0, len(p.totals)+len(q.totals)), p.totals...),
		texts:  p.texts[:len(p.texts):len(p.texts)],
		items:  append(p.items[:len(p.items):len(p.items)], q.items...),
		wasted: p.wasted + q.wasted,
		tiles:  joinTiles(p.tiles, q.tiles),
	}
	for _, t := range q.totals {
		out.count(t)
	}
	var few [32]symbol
	moved := few[:]
	if len(q.texts) > len(few) {
		moved = make([]symbol, len(q.texts))
	}
	move := func(s symbol) symbol {
		if s != 0 && moved[s] == 0 {
			moved[s] = out.intern(q.texts[s])
		}
		return moved[s]
	}
	out.entries = make([]entry, 0, len(p.entries)+len(q.entries))
	rest := p.entries
	for i := range q.entries {
		e := q.entries[i]
		e.channel, e.category, e.offer = move(e.channel), move(e.category), move(e.offer)
		e.itemAt += uint32(len(p.items))
		for len(rest) > 0 && rest[0].before(&e) {
			out.entries = append(out.entries, rest[0])
			rest = rest[1:]
		}
		out.entries = append(out.entries, e)
	}
	out.entries = append(out.entries, rest...)
	for len(out.entries) > limit {
		out.evict()
	}
	out.compactTexts()
	return out
}

// joinTiles adds the tiles up by grain, slot and kind.
func joinTiles(p, q *tiles) *tiles {
	if p == nil && q == nil {
		return nil
	}
	out := new(tiles)
	for _, from := range []*tiles{p, q} {
		if from == nil {
			continue
		}
		for g, r := range from {
			for _, x := range r {
				out[g] = out[g].plus(x, g)
			}
		}
	}
	return out
}
