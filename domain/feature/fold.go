package feature

import (
	"slices"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
)

// Fold is the activity after one more event. An event whose position is not after the applied one of its stream
// changes nothing (it was redelivered); neither does an event of a body this version does not know, or one of a
// stream that is not about people. Whose event it is, is for the caller to see to.
func Fold(a Activity, r domain.Recorded) Activity {
	f := NewFolder(a)
	f.Fold(r)
	return f.Activity()
}

// Folder folds many events into one activity in place, for whoever folds the log at speed.
type Folder struct {
	activity Activity
	// owned marks the parts whose memory is this folder's alone, ownedSeries the series
	// (none while their list is not).
	owned       [parts]bool
	ownedSeries []bool
	// seen is the event that series look at.
	seen occurrence
}

// NewFolder starts from an activity, which stays as it is.
func NewFolder(a Activity) *Folder { return &Folder{activity: a} }

// ownedAt marks a part; the series come after the parts.
func (f *Folder) ownedAt(place int) *bool {
	if place < parts {
		return &f.owned[place]
	}
	return &f.ownedSeries[place-parts]
}

// giveUpShared leaves the activity with the memory that is this folder's alone.
func (f *Folder) giveUpShared() {
	for s, own := range f.owned {
		if !own {
			f.activity.parts[s] = part{}
		}
	}
	if f.ownedSeries == nil {
		f.activity.series = nil
	}
	for i, own := range f.ownedSeries {
		if !own {
			f.activity.series[i] = part{}
		}
	}
}

// Activity is the state so far. It stays as it is when the folder goes on.
func (f *Folder) Activity() Activity {
	f.owned, f.ownedSeries = [parts]bool{}, nil
	return f.activity
}

// Peek is the state so far, for who is done with it before the folder goes on: nothing is copied.
func (f *Folder) Peek() Activity { return f.activity }

// Restart begins again from the activity of an alias nothing is known of, in the memory that is this folder's alone.
func (f *Folder) Restart() {
	f.giveUpShared()
	f.activity.restart(f.activity.layout)
}

// AppendEncode appends the encoded state so far to dst, as the function Encode would write it.
func (f *Folder) AppendEncode(dst []byte) []byte { return appendActivity(dst, &f.activity, nil) }

// Applied is the position of the last event of a stream that was folded in.
func (f *Folder) Applied(s domain.Stream) domain.Position { return f.activity.Applied(s) }

// Fold takes one more event, as the function Fold does, and says whether it changed the state.
func (f *Folder) Fold(r domain.Recorded) bool {
	s, isNew := f.isNew(r)
	if isNew {
		f.fold(r, s, kindOf(r.Event))
	}
	return isNew
}

// isNew says whether an event is after what was folded in of its stream.
func (f *Folder) isNew(r domain.Recorded) (domain.Stream, bool) {
	s, known := domain.StreamOf(r.Event)
	return s, known && int(s) < parts && r.At.After(f.activity.parts[s].applied)
}

// fold takes an event that is new.
func (f *Folder) fold(r domain.Recorded, s domain.Stream, k Kind) {
	p := &f.activity.parts[s]
	if !f.owned[s] {
		*p, f.owned[s] = p.clone(), true
	}
	p.applied = r.At
	if t := r.Event.GetAliasType(); t != "" && (f.activity.aliasType == "" || t < f.activity.aliasType) {
		f.activity.aliasType = t
	}
	if r.Event.GetTraitsChanged() != nil {
		f.activity.traits = true
	}
	e := entry{time: domain.TimeOf(r.Event), seq: r.At.Sequence, index: r.At.Index, kind: k}
	if !kindFacts[k].apart {
		p.describe(&e, r.Event)
		p.take(e, s)
	}
	if f.activity.layout != nil {
		f.foldSeries(e, r.Event)
	}
}

// foldSeries lets the series take the event.
func (f *Folder) foldSeries(base entry, ev *event.Event) {
	layout := f.activity.layout
	of := layout.of[base.kind]
	if len(of) == 0 {
		return
	}
	f.seen.set(ev)
	if f.ownedSeries == nil {
		f.activity.series = slices.Clone(f.activity.series)
		f.ownedSeries = make([]bool, len(f.activity.series))
	}
	for _, i := range of {
		p := &f.activity.series[i]
		if !f.ownedSeries[i] {
			*p, f.ownedSeries[i] = p.clone(), true
		}
		p.compactTexts()
		e := entry{time: base.time, seq: base.seq, index: base.index, kind: base.kind, amount: base.amount, cost: base.cost}
		s := layout.series[i]
		if e, ok := s.take(p, &f.seen, e); ok {
			if s.keeps&keepsChannels != 0 {
				e.channel = p.intern(channelOf(ev))
			}
			p.take(e, s.stream)
		}
	}
}

// take counts an entry and, if its kind is, keeps it one by one.
func (p *part) take(e entry, s domain.Stream) {
	p.count(total{
		kind: e.kind, count: 1, amount: e.amount, cost: e.cost, first: e.time, last: e.time, least: e.amount, most: e.amount,
	})
	if kindFacts[e.kind].listed {
		p.list(e, entryCap(s))
	}
}

// describe fills in what the entry says beyond its time, place and kind.
func (p *part) describe(e *entry, ev *event.Event) {
	p.compactTexts()
	if e.kind == Identified || e.kind == Withheld {
		return
	}
	e.amount, e.cost = amountsOf(ev)
	switch e.kind {
	case Viewed:
		p.addItem(e, ev.GetViewed().GetLine())
	case Carted:
		p.addItem(e, ev.GetCarted().GetLine())
	case Purchased:
		p.addItem(e, ev.GetPurchased().GetLines()...)
	}
	p.addTexts(e, ev)
}

// kindOf is what an event counts as.
func kindOf(ev *event.Event) Kind {
	switch b := ev.GetBody().(type) {
	case *event.Event_Viewed:
		return Viewed
	case *event.Event_Carted:
		return Carted
	case *event.Event_Purchased:
		return Purchased
	case *event.Event_Refunded:
		return Refunded
	case *event.Event_Tracked:
		return Tracked
	case *event.Event_SegmentEntered:
		return SegmentEntered
	case *event.Event_SegmentLeft:
		return SegmentLeft
	case *event.Event_Decision:
		if b.Decision.GetOffer() == "" {
			return Withheld
		}
		return Offered
	case *event.Event_Delivered:
		return Delivered
	case *event.Event_Exposed:
		return Exposed
	case *event.Event_Clicked:
		return Clicked
	case *event.Event_Converted:
		return Converted
	}
	return Identified
}

// amountsOf is what was paid, refunded, put into the cart, or what a conversion was worth and cost, in micros.
func amountsOf(ev *event.Event) (amount, cost int64) {
	switch b := ev.GetBody().(type) {
	case *event.Event_Carted:
		return b.Carted.GetLine().GetAmountMicros(), 0
	case *event.Event_Purchased:
		return b.Purchased.GetAmountMicros(), 0
	case *event.Event_Refunded:
		return b.Refunded.GetAmountMicros(), 0
	case *event.Event_Converted:
		return b.Converted.GetValueMicros(), b.Converted.GetCostMicros()
	}
	return 0, 0
}

// channelOf is a decision's own channel, else the event's.
func channelOf(ev *event.Event) string {
	if channel := ev.GetDecision().GetChannel(); channel != "" {
		return channel
	}
	return ev.GetChannel()
}

// addTexts keeps the event's channel and, what contact limits count by, its offer and category.
func (p *part) addTexts(e *entry, ev *event.Event) {
	e.channel = p.intern(channelOf(ev))
	if d := ev.GetDecision(); d != nil {
		e.category, e.offer = p.intern(d.GetCategory()), p.intern(d.GetOffer())
		return
	}
	e.offer = p.intern(OutcomeOf(ev).GetOffer())
}

// addItem keeps the hashes of the lines' items, ascending, each once, at most MaxItems.
func (p *part) addItem(e *entry, lines ...*event.Line) {
	at := p.beginItems(len(lines))
	for _, l := range lines {
		if l.GetItem() != "" {
			p.items = append(p.items, hashItem(l.GetItem()))
		}
	}
	p.endItems(e, at)
}

// addHashes keeps hashes as addItem does.
func (p *part) addHashes(e *entry, hashes []uint64) {
	at := p.beginItems(len(hashes))
	p.items = append(p.items, hashes...)
	p.endItems(e, at)
}

func (p *part) beginItems(n int) int {
	if cap(p.items) == 0 && n > 0 {
		p.items = make([]uint64, 0, firstItems)
	}
	return len(p.items)
}

func (p *part) endItems(e *entry, at int) {
	own := p.items[at:]
	slices.Sort(own)
	own = slices.Compact(own)
	own = own[:min(len(own), MaxItems)]
	p.items = p.items[:at+len(own)]
	e.itemAt, e.itemN = uint32(at), uint16(len(own))
}
