package feature

import (
	"slices"
)

// scan fills in the answer of the plan's i-th scan from the listed events of its part.
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
	case streak:
		r.scanStreak(p, s, a)
	case entropy:
		r.scanEntropy(p, s, a)
	default:
		r.scanAmounts(p, s, a)
	}
}

// window are the listed events of a band, ascending.
func (r *reading) window(p *part, band int) []entry {
	until := len(p.entries)
	for until > 0 && p.entries[until-1].time > r.now {
		until--
	}
	if band == len(r.plan.windows) {
		return p.entries[:until]
	}
	from, to := 0, until
	for from < to { // a binary search, written out: that of slices copies entries
		if middle := (from + to) / 2; p.entries[middle].time <= r.since[band] {
			from = middle + 1
		} else {
			to = middle
		}
	}
	return p.entries[from:until]
}

// scanItems counts different items in every window. Newest first, the first sight of an item is its latest, and
// says in which windows it counts.
func (r *reading) scanItems(p *part, s scan, a *answer) {
	if len(p.items) == 0 {
		return
	}
	var seen itemSet
	switch n := len(p.items) - p.wasted; {
	case 2*n <= 128:
		var few [128]uint64
		seen.slots = few[:]
	case 2*n <= 1024:
		var many [1024]uint64
		seen.slots = many[:]
	default:
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

// scanAmounts finds the latest, the earliest, the least or the greatest amount. Extremes are those of the tiles, too.
func (r *reading) scanAmounts(p *part, s scan, a *answer) {
	window := r.window(p, s.band)
	x := extremes{}
	for i := range window {
		if e := &window[i]; s.from&(1<<e.kind) != 0 {
			x.take(e.amount, e.amount)
			if x.last = e.amount; !a.found {
				x.first = e.amount
			}
			a.found = true
		}
	}
	if p.tiles != nil && (s.aggregation == least || s.aggregation == most) {
		r.takeTiled(&x, p, s)
		a.found = x.found
	}
	a.value = float64(x.of(s.aggregation)) / microsPerUnit
}

// extremes of amounts.
type extremes struct {
	found                    bool
	least, most, first, last int64
}

func (x *extremes) take(low, high int64) {
	if !x.found {
		x.found, x.least, x.most = true, low, high
	}
	x.least, x.most = min(x.least, low), max(x.most, high)
}

func (x *extremes) of(a aggregation) int64 {
	switch a {
	case least:
		return x.least
	case most:
		return x.most
	case first:
		return x.first
	}
	return x.last
}

// takeTiled takes what is in a scan's window and not kept one by one: the tiles, and for life all events.
func (r *reading) takeTiled(x *extremes, p *part, s scan) {
	if s.band == len(r.plan.windows) {
		for i := range p.totals {
			if t := &p.totals[i]; s.from&(1<<t.kind) != 0 && t.first <= r.now {
				x.take(t.least, t.most)
			}
		}
		return
	}
	if p.entries[0].time <= r.since[s.band] {
		return
	}
	touched := r.touched(p, s.band)
	for i := range touched {
		if t := &touched[i]; s.from&(1<<t.kind) != 0 {
			x.take(t.least, t.most)
		}
	}
}

// scanStreak counts the days in a row, back from the latest, which must be today or yesterday.
func (r *reading) scanStreak(p *part, s scan, a *answer) {
	window := r.window(p, s.band)
	next, days := floorDiv(r.now, dayMS), 0
	r.changesAt((next + 1) * dayMS)
	for i := len(window) - 1; i >= 0; i-- {
		if s.from&(1<<window[i].kind) == 0 {
			continue
		}
		day := floorDiv(window[i].time, dayMS)
		if day == next || !a.found && day == next-1 {
			days, next = days+1, day-1
		} else if day < next {
			a.found = true
			break
		}
		a.found = true
	}
	a.value = float64(days)
}

// scanEntropy is how evenly the items spread: 0 when there is one only, the binary logarithm of their number when all
// are equally frequent.
func (r *reading) scanEntropy(p *part, s scan, a *answer) {
	var space [512]uint64
	all := space[:0]
	window := r.window(p, s.band)
	for i := range window {
		if e := &window[i]; s.from&(1<<e.kind) != 0 {
			all = append(all, p.itemsOf(e)...)
		}
	}
	if len(all) == 0 {
		return
	}
	slices.Sort(all)
	spread, run := 0.0, uint64(0)
	for i, h := range all {
		if run++; i+1 == len(all) || all[i+1] != h {
			spread += float64(float64(run) * log2(run))
			run = 0
		}
	}
	n := uint64(len(all))
	a.found, a.value = true, log2(n)-float64(spread/float64(n))
}
