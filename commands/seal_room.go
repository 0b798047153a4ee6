package commands

import (
	"slices"
	"sync"

	"github.com/profferhq/proffer/domain/event"
)

// sealRoom is the memory of sealed texts.
type sealRoom struct {
	sealed []event.Sealed
	text   []byte
}

// sealOverhead is what a sealed text has more than its plain one, in bytes: a nonce and the tag of AES-GCM.
const sealOverhead = len(nonce{}) + 16

// prepare empties the room and makes place for so many texts, of so many bytes together when they are plain.
func (r *sealRoom) prepare(texts, bytes int) {
	r.sealed = slices.Grow(r.sealed[:0], texts)
	r.text = slices.Grow(r.text[:0], bytes+texts*sealOverhead)
}

// sealRooms lends rooms to calls.
type sealRooms struct{ free sync.Pool }

// maxSealRoom is how many bytes of text a room may have that is lent again.
const maxSealRoom = 256 << 10

func (l *sealRooms) lend() *sealRoom {
	if r, ok := l.free.Get().(*sealRoom); ok {
		return r
	}
	return new(sealRoom)
}

// takeBack takes a room to whose texts nothing refers any more.
func (l *sealRooms) takeBack(r *sealRoom) {
	if cap(r.text) <= maxSealRoom {
		l.free.Put(r)
	}
}
