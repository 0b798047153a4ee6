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
	// owned marks the parts whose memory is this folder's alone.
	owned [parts]bool
}

// NewFolder starts from an activity, which stays as it is.
func NewFolder(a Activity) *Folder { return &Folder{activity: a} }

// Activity is the state so far. It stays as it is when the folder goes on.
func (f *Folder) Activity() Activity {
	f.owned = [parts]bool{}
	return f.activity
}

// AppendEncode appends the encoded state so far to dst, as the function Encode would write it.
func (f *Folder) AppendEncode(dst []byte) []byte { return appendActivity(dst, &f.activity) }

// Applied is the position of the last event of a stream that was folded in.
func (f *Folder) Applied(s domain.Stream) domain.Position { return f.activity.Applied(s) }

// Fold takes one more event, as the function Fold does, and says whether it changed the state.
func (f *Folder) Fold(r domain.Recorded) bool {
	s, known := domain.StreamOf(r.Event)
	if !known || int(s) >= parts || !r.At.After(f.activity.parts[s].applied) {
		return false
	}
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
	e := entry{time: timeOf(r.Event), seq: r.At.Sequence, index: r.At.Index}
	p.describe(&e, r.Event)
	p.count(total{kind: e.kind, count: 1, amount: e.amount, cost: e.cost, first: e.time, last: e.time})
	if kindFacts[e.kind].listed {
		p.list(e, entryCap(s))
	}
	return true
}

// timeOf is when an event happened: a decision's own time, else as its source said, else when it was accepted.
func timeOf(e *event.Event) int64 {
	if now := e.GetDecision().GetNowMs(); now != 0 {
		return now
	}
	if e.GetOccurredMs() != 0 {
		return e.GetOccurredMs()
	}
	return e.GetReceivedMs()
}

// describe fills in what the entry says beyond its time and place.
func (p *part) describe(e *entry, ev *event.Event) {
	p.compactTexts()
	switch b := ev.GetBody().(type) {
	case *event.Event_Viewed:
		e.kind = Viewed
		p.addItem(e, b.Viewed.GetLine())
	case *event.Event_Carted:
		e.kind, e.amount = Carted, b.Carted.GetLine().GetAmountMicros()
		p.addItem(e, b.Carted.GetLine())
	case *event.Event_Purchased:
		e.kind, e.amount = Purchased, b.Purchased.GetAmountMicros()
		p.addItem(e, b.Purchased.GetLines()...)
	case *event.Event_Refunded:
		e.kind, e.amount = Refunded, b.Refunded.GetAmountMicros()
	case *event.Event_Tracked:
		e.kind = Tracked
	case *event.Event_Decision:
		p.describeDecision(e, ev, b.Decision)
		return
	case *event.Event_Delivered:
		e.kind, e.offer = Delivered, p.intern(b.Delivered.GetOf().GetOffer())
	case *event.Event_Exposed:
		e.kind, e.offer = Exposed, p.intern(b.Exposed.GetOf().GetOffer())
	case *event.Event_Clicked:
		e.kind, e.offer = Clicked, p.intern(b.Clicked.GetOf().GetOffer())
	case *event.Event_Converted:
		e.kind, e.offer = Converted, p.intern(b.Converted.GetOf().GetOffer())
		e.amount, e.cost = b.Converted.GetValueMicros(), b.Converted.GetCostMicros()
	default:
		e.kind = Identified
		return
	}
	e.channel = p.intern(ev.GetChannel())
}

// describeDecision: a decision's own channel, else the event's; what contact limits count by.
func (p *part) describeDecision(e *entry, ev *event.Event, d *event.Decision) {
	if d.GetOffer() == "" {
		e.kind = Withheld
		return
	}
	channel := d.GetChannel()
	if channel == "" {
		channel = ev.GetChannel()
	}
	e.kind = Offered
	e.channel, e.category, e.offer = p.intern(channel), p.intern(d.GetCategory()), p.intern(d.GetOffer())
}

// addItem keeps the hashes of the lines' items, ascending, each once, at most MaxItems.
func (p *part) addItem(e *entry, lines ...*event.Line) {
	at := len(p.items)
	if cap(p.items) == 0 && len(lines) > 0 {
		p.items = make([]uint64, 0, firstItems)
	}
	for _, l := range lines {
		if l.GetItem() != "" {
			p.items = append(p.items, hashItem(l.GetItem()))
		}
	}
	own := p.items[at:]
	slices.Sort(own)
	own = slices.Compact(own)
	own = own[:min(len(own), MaxItems)]
	p.items = p.items[:at+len(own)]
	e.itemAt, e.itemN = uint32(at), uint16(len(own))
}
