package past

import (
	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/feature"
)

// Events are what happened to one alias, and its activity as of some position of each stream. Reading forward costs
// what lies between; reading back folds anew.
type Events struct {
	// Decode is how its frames are read; nil decodes all of each.
	Decode Decode
	// Layout is the series that the activity keeps. It is for good.
	Layout *feature.Layout
	// Skip says which events the activity leaves out; nil is none. It is for good.
	Skip func(domain.Recorded) bool

	frames [domain.Streams][]Frame
	folder *feature.Folder
	next   [domain.Streams]int
}

// Reset forgets the events and keeps their memory for others.
func (e *Events) Reset() {
	for s := range e.frames {
		e.frames[s] = e.frames[s][:0]
	}
	e.restart()
}

// restart is before the first event.
func (e *Events) restart() {
	e.next = [domain.Streams]int{}
	if e.folder != nil {
		e.folder.Restart()
	}
}

// Add takes the next event of a stream: positions ascend, an event and its mirror share one.
func (e *Events) Add(s domain.Stream, f Frame) { e.frames[s] = append(e.frames[s], f) }

// Read is the activity of the events of each stream up to the positions. It fails with domain.ErrEnvelopeCorrupt.
func (e *Events) Read(to [domain.Streams]domain.Position) (feature.Activity, error) {
	if err := e.stand(to); err != nil {
		return feature.Activity{}, err
	}
	return e.folder.Activity(), nil
}

// Look is Read for who is done with the activity before the next is read.
func (e *Events) Look(to [domain.Streams]domain.Position) (feature.Activity, error) {
	if err := e.stand(to); err != nil {
		return feature.Activity{}, err
	}
	return e.folder.Peek(), nil
}

// stand folds up to the positions.
func (e *Events) stand(to [domain.Streams]domain.Position) error {
	if e.folder == nil {
		e.folder = feature.NewFolder(e.Layout.Empty())
	}
	for s := range to {
		if n := e.next[s]; n > 0 && e.frames[s][n-1].At.After(to[s]) {
			e.restart() // an earlier state than the last one read: fold anew
			break
		}
	}
	for s := range to {
		for e.next[s] < len(e.frames[s]) && !e.frames[s][e.next[s]].At.After(to[s]) {
			r, err := e.frames[s][e.next[s]].Recorded(e.Decode)
			if err != nil {
				return err
			}
			if e.Skip == nil || !e.Skip(r) {
				e.folder.Fold(r)
			}
			e.next[s]++
		}
	}
	return nil
}
