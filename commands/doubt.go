package commands

import (
	"sync"

	"github.com/profferhq/proffer/domain"
)

// doubt is the streams to which something was appended of which nobody knows whether it is in.
type doubt struct {
	mu      sync.Mutex
	round   uint64
	streams map[domain.Stream]struct{}
}

func (d *doubt) cast(streams []domain.Stream) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.streams == nil {
		d.streams = map[domain.Stream]struct{}{}
	}
	d.round++
	for _, s := range streams {
		d.streams[s] = struct{}{}
	}
}

// now is the doubt at hand, and its round.
func (d *doubt) now() (uint64, []domain.Stream) {
	d.mu.Lock()
	defer d.mu.Unlock()
	var out []domain.Stream
	for s := range d.streams {
		out = append(out, s)
	}
	return d.round, out
}

// clear ends the doubt unless more was cast since the round.
func (d *doubt) clear(round uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.round == round {
		clear(d.streams)
	}
}
