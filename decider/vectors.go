package decider

import (
	"encoding/binary"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/feature"
)

// Bounds of what is kept of people between two readings.
const (
	keptPeople = 1 << 12
	keptBytes  = 32 << 20
)

// Vectors reads people's vectors as the live views have them. Of whoever is read twice in the same state it keeps what was
// decoded and prepared, and reads that from then on, until the state is another: the vector is the same to the bit. It
// is safe for concurrent use, without a lock.
type Vectors struct {
	views      Views
	identities *Identities

	slots [keptPeople]vectorSlot
	bytes atomic.Int64
	// hand is the slot that is emptied next when too much is kept.
	hand atomic.Uint64
	// released are those gathered that nobody looks at any more.
	released sync.Pool
}

// vectorSlot has room for one person.
type vectorSlot struct {
	kept atomic.Pointer[kept]
	// seen is a hash of the state that was read last: few states are read twice, and only those are worth the memory.
	seen atomic.Uint64
}

// kept is what was read of a person. It never changes. What it was read from makes it exact: nobody changes the bytes of a
// blob, and as long as they are kept here no other blob is in their place.
type kept struct {
	view    domain.Hash
	layout  *feature.Layout
	aliases []domain.Alias
	blobs   [][]byte
	// recent are the latest of the IDENTITY events that were folded into the blobs' activities.
	recent []domain.Position

	activities []feature.Activity
	merged     feature.Activity
	prepared   *feature.Prepared
	bytes      int64
}

// NewVectors reads from what decisions are made from.
func NewVectors(views Views, identities *Identities) *Vectors {
	return &Vectors{views: views, identities: identities, released: sync.Pool{New: func() any { return new(gathered) }}}
}

// slot is where a person's vector of a view is kept. Ids are random in their last bytes.
func (v *Vectors) slot(profile domain.Alias, view domain.Hash) *vectorSlot {
	at := binary.LittleEndian.Uint64(profile[8:]) ^ binary.LittleEndian.Uint64(view[:])
	return &v.slots[at>>40%keptPeople]
}

// recall finds what is kept of the person in the very state that was gathered. What does not hold at the moment any more
// is prepared anew.
func (v *Vectors) recall(g *gathered, view feature.View, layout *feature.Layout) bool {
	of := view.Fingerprint()
	slot := v.slot(g.profile, of)
	k := slot.kept.Load()
	if k == nil || k.view != of || k.layout != layout || !k.isOf(g) {
		return false
	}
	g.activities, g.merged, g.prepared = k.activities, k.merged, k.prepared
	if !k.prepared.Holds(g.moment.NowMS) {
		again := *k
		again.prepared = view.Prepare(g.merged, g.moment.NowMS)
		g.prepared = again.prepared
		v.put(slot, &again)
	}
	return true
}

// isOf says whether it was read from the same blobs of the same aliases, and the same events later than those.
func (k *kept) isOf(g *gathered) bool {
	if !slices.Equal(k.aliases, g.aliases) {
		return false
	}
	for i := range k.blobs {
		if !sameBlob(k.blobs[i], g.blobs[i]) || k.recent[i] != g.latestOf(i) {
			return false
		}
	}
	return true
}

// sameBlob says whether these are the same bytes in memory.
func sameBlob(a, b []byte) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0])
}

// latestOf is the latest IDENTITY event of the n-th alias that the views may lack.
func (p person) latestOf(n int) domain.Position {
	if p.recent == nil || len(p.recent[n]) == 0 {
		return domain.Position{}
	}
	return p.recent[n][len(p.recent[n])-1].At
}

// keep keeps what was decoded when the same state was decoded before: decoded again, into memory of its own and of its size.
func (v *Vectors) keep(g *gathered, view feature.View, layout *feature.Layout) error {
	of := view.Fingerprint()
	slot := v.slot(g.profile, of)
	if state := g.state(); slot.seen.Swap(state) != state || !layout.Serves(view) {
		return nil
	}
	if err := g.decode(layout, make([]feature.Activity, len(g.aliases))); err != nil {
		return err
	}
	g.prepared = view.Prepare(g.merged, g.moment.NowMS)
	k := &kept{
		view: of, layout: layout, aliases: g.aliases, blobs: g.blobs, recent: make([]domain.Position, len(g.aliases)),
		activities: g.activities, merged: g.merged, prepared: g.prepared, bytes: int64(g.merged.Bytes() + 8*view.Len()),
	}
	for i := range g.aliases {
		k.recent[i] = g.latestOf(i)
		if k.bytes += int64(len(g.blobs[i])); len(g.aliases) > 1 {
			k.bytes += int64(g.activities[i].Bytes())
		}
	}
	v.put(slot, k)
	return nil
}

// state hashes who is known and up to where.
func (g *gathered) state() uint64 {
	const prime = 0x9e3779b97f4a7c15
	h := binary.LittleEndian.Uint64(g.profile[8:])
	for i := range g.activities {
		for s := range domain.Streams {
			at := g.activities[i].Applied(domain.Stream(s))
			h = (h ^ at.Sequence<<8 ^ uint64(at.Index)) * prime
		}
		h = (h ^ g.latestOf(i).Sequence) * prime
	}
	return h
}

// put keeps something instead of what the slot has, and forgets others when that is too much.
func (v *Vectors) put(slot *vectorSlot, k *kept) {
	more := k.bytes
	if before := slot.kept.Swap(k); before != nil {
		more -= before.bytes
	}
	for v.bytes.Add(more) > keptBytes {
		more = 0
		if before := v.slots[v.hand.Add(1)%keptPeople].kept.Swap(nil); before != nil {
			more = -before.bytes
		}
	}
}
