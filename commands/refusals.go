package commands

import (
	"sync"

	"github.com/profferhq/proffer/domain"
)

// Refused is one open item of the quarantine, without its original: that stays in the log, sealed.
type Refused struct {
	// ID is the id of the Quarantined event.
	ID     [16]byte
	Source string
	// SourceSeq is the place in the file of an import, 0 elsewhere.
	SourceSeq uint64
	// ReceivedMS is Unix milliseconds.
	ReceivedMS             int64
	Reason, Field, Message string
	Format                 string
	// At is where it stands in QUARANTINE.
	At domain.Position
}

// Refusals are the open items of the quarantine: a fold over QUARANTINE, safe for concurrent use.
type Refusals struct {
	mu   sync.RWMutex
	open map[[16]byte]Refused
	// order is by position; resolved ids are left out lazily.
	order []Refused
	// resolved are ids whose resolution came before the item: lanes load independently.
	resolved map[[16]byte]struct{}
}

// NewRefusals is an empty quarantine.
func NewRefusals() *Refusals {
	return &Refusals{open: map[[16]byte]Refused{}, resolved: map[[16]byte]struct{}{}}
}

// Observe folds in an envelope of QUARANTINE. Folding one twice changes nothing.
func (q *Refusals) Observe(e domain.Envelope) error {
	recorded, err := e.Recorded()
	if err != nil {
		return err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, r := range recorded {
		q.apply(r)
	}
	return nil
}

func (q *Refusals) apply(r domain.Recorded) {
	if of := r.Event.GetQuarantineResolved().GetOf(); len(of) == 16 {
		q.close([16]byte(of))
		return
	}
	body, id := r.Event.GetQuarantined(), r.Event.GetId()
	if body == nil || len(id) != 16 {
		return
	}
	item := Refused{
		ID: [16]byte(id), Source: r.Event.GetSource(), SourceSeq: r.Event.GetSourceSeq(), ReceivedMS: r.Event.GetReceivedMs(),
		Reason: body.GetReason(), Field: body.GetField(), Message: body.GetMessage(), Format: body.GetFormat(), At: r.At,
	}
	if _, done := q.resolved[item.ID]; done {
		return
	}
	if _, known := q.open[item.ID]; known {
		return
	}
	q.open[item.ID] = item
	q.order = append(q.order, item)
}

// close takes an item out for good; the caller holds the lock.
func (q *Refusals) close(id [16]byte) {
	q.resolved[id] = struct{}{}
	delete(q.open, id)
	if len(q.order) > 2*len(q.open)+64 {
		kept := make([]Refused, 0, len(q.open))
		for _, r := range q.order {
			if _, open := q.open[r.ID]; open {
				kept = append(kept, r)
			}
		}
		q.order = kept
	}
}

// Find is the open item of that id.
func (q *Refusals) Find(id [16]byte) (Refused, bool) {
	q.mu.RLock()
	defer q.mu.RUnlock()
	r, ok := q.open[id]
	return r, ok
}

// RefusedPage asks for open items, oldest first.
type RefusedPage struct {
	// After is the position of the last item of the page before; zero starts.
	After domain.Position
	// Size is how many items at most.
	Size int
	// Source and Reason narrow the list; empty takes all.
	Source, Reason string
}

// List is a page of the open items, and whether there are more.
func (q *Refusals) List(p RefusedPage) (page []Refused, more bool) {
	q.mu.RLock()
	defer q.mu.RUnlock()
	for _, r := range q.order {
		_, open := q.open[r.ID]
		if !open || !r.At.After(p.After) || (p.Source != "" && r.Source != p.Source) || (p.Reason != "" && r.Reason != p.Reason) {
			continue
		}
		if len(page) == p.Size {
			return page, true
		}
		page = append(page, r)
	}
	return page, false
}
