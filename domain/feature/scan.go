package feature

// scan fills in the answer of the plan's i-th scan from the listed events of BEHAVIOUR.
func (r *reading) scan(p *part, i int) {
	s, a := r.plan.scans[i], &r.answers[i]
	switch s.aggregation {
	case distinct:
		r.scanItems(p, s, a)
	case preferredHour:
		r.scanHours(p, s, a)
	case preferredChannel:
		r.scanChannels(p, s, a)
	case gapHours:
		r.scanGap(p, s, a)
	}
}

// scanItems counts different items in every window. Newest first, the first sight of an item is its latest, and
// says in which windows it counts.
func (r *reading) scanItems(p *part, s scan, a *answer) {
	if len(p.items) == 0 {
		return
	}
	var space [1024]uint64
	seen := itemSet{slots: space[:]}
	if n := len(p.items) - p.wasted; 2*n > len(space) {
		seen.slots = make([]uint64, roomFor(2*n))
	}
	life, band := len(r.plan.windows), 0
	for i := len(p.entries) - 1; i >= 0; i-- {
		e := &p.entries[i]
		if e.time > r.now {
			continue
		}
		for band < life && e.time <= r.since[band] {
			band++
		}
		if s.from&(1<<e.kind) == 0 {
			continue
		}
		for _, h := range p.itemsOf(e) {
			if seen.add(h) {
				a.distinct[band]++
			}
		}
	}
	for i := 1; i <= life; i++ {
		a.distinct[i] += a.distinct[i-1]
	}
}

// itemSet is an open-addressing set of item hashes; its size is a power of two, and it is at most half full.
type itemSet struct {
	slots []uint64
	zero  bool
}

func roomFor(n int) int {
	room := 1
	for room < n {
		room *= 2
	}
	return room
}

// add says whether the hash is new.
func (s *itemSet) add(h uint64) bool {
	if h == 0 {
		isNew := !s.zero
		s.zero = true
		return isNew
	}
	mask := uint64(len(s.slots) - 1)
	for at := (h * 0x9e3779b97f4a7c15 >> 32) & mask; ; at = (at + 1) & mask {
		switch s.slots[at] {
		case h:
			return false
		case 0:
			s.slots[at] = h
			return true
		}
	}
}

// scanHours finds the hour of the day, UTC, with most events.
func (r *reading) scanHours(p *part, s scan, a *answer) {
	var hours [24]int64
	for i := len(p.entries) - 1; i >= 0 && p.entries[i].time > r.since[s.band]; i-- {
		if e := &p.entries[i]; e.time <= r.now && s.from&(1<<e.kind) != 0 {
			hours[floorDiv(e.time, hourMS)-24*floorDiv(e.time, dayMS)]++
		}
	}
	a.prefer(hours[:])
}

// scanChannels finds the code of the channel with most events; events without a channel do not count.
func (r *reading) scanChannels(p *part, s scan, a *answer) {
	var codes [maxViewChannels + 1]int64
	known, code := symbol(0), 0
	for i := len(p.entries) - 1; i >= 0 && p.entries[i].time > r.since[s.band]; i-- {
		e := &p.entries[i]
		if e.time > r.now || e.channel == 0 || s.from&(1<<e.kind) == 0 {
			continue
		}
		if e.channel != known {
			known, code = e.channel, codeOf(r.plan.channels, p.texts[e.channel])
		}
		codes[code]++
	}
	a.prefer(codes[:])
}

// codeOf is the place of a channel, counted from 1; 0 for none.
func codeOf(channels []string, channel string) int {
	for i, c := range channels {
		if c == channel {
			return i + 1
		}
	}
	return 0
}

// prefer takes the largest count, the first of equals.
func (a *answer) prefer(counts []int64) {
	best, all := 0, int64(0)
	for i, n := range counts {
		all += n
		if n > counts[best] {
			best = i
		}
	}
	if all > 0 {
		a.found, a.value, a.share = true, float64(best), float64(counts[best])/float64(all)
	}
}

// scanGap finds the latest event of the second set, and the latest of the first set before it, both in the window.
func (r *reading) scanGap(p *part, s scan, a *answer) {
	end, ended := int64(0), false
	for i := len(p.entries) - 1; i >= 0 && p.entries[i].time > r.since[s.band]; i-- {
		e := &p.entries[i]
		switch {
		case e.time > r.now:
		case !ended && s.to&(1<<e.kind) != 0:
			end, ended = e.time, true
		case ended && s.from&(1<<e.kind) != 0:
			a.found, a.value = true, float64(end-e.time)/float64(hourMS)
			return
		}
	}
}
