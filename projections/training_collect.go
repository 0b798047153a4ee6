package projections

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/past"
)

// family is everybody whom any link ever joined, with their events: no event of another family concerns its rows.
type family struct {
	// earliest alias of all, and its hash: families are processed in its order.
	earliest domain.Alias
	hash     uint64
	members  []domain.Alias
	// events by stream, then position.
	events []heldEvent
}

// heldEvent is an event of a family.
type heldEvent struct {
	at       domain.Position
	bytes    []byte
	keyMS    int64
	seq      uint64 // in its file; 0 for live events
	source   uint32
	member   uint32
	stream   domain.Stream
	body     uint8
	mirrored bool
}

func (e *heldEvent) frame() past.Frame {
	return past.Frame{At: e.at, Bytes: e.bytes, Mirrored: e.mirrored}
}

// arena is memory for bytes that are kept as long as any of them.
type arena struct{ chunk []byte }

// chunkBytes is how much is asked for at once.
const chunkBytes = 1 << 20

func (a *arena) keep(b []byte) []byte {
	if len(b) > cap(a.chunk)-len(a.chunk) {
		a.chunk = make([]byte, 0, max(chunkBytes, len(b)))
	}
	from := len(a.chunk)
	a.chunk = append(a.chunk, b...)
	return a.chunk[from:len(a.chunk):len(a.chunk)]
}

// heldWeight is what an event takes beside its bytes.
const heldWeight = 96

// hashOf spreads aliases evenly over 64 bits: FNV-1a, then the finaliser of SplitMix64.
func hashOf(a domain.Alias) uint64 {
	h := uint64(14695981039346656037)
	for _, b := range a {
		h = (h ^ uint64(b)) * 1099511628211
	}
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>27) * 0x94d049bb133111eb
	return h ^ h>>31
}

// kin knows who was ever joined to whom: a forest of aliases, each pointing to an earlier one.
type kin map[domain.Alias]domain.Alias

func (k kin) earliest(a domain.Alias) domain.Alias {
	root := a
	for up, linked := k[root]; linked; up, linked = k[root] {
		root = up
	}
	for a != root { // shorten the way for the next
		a, k[a] = k[a], root
	}
	return root
}

func (k kin) join(a, b domain.Alias) {
	a, b = k.earliest(a), k.earliest(b)
	switch a.Compare(b) {
	case 1:
		k[a] = b
	case -1:
		k[b] = a
	}
}

// sources are where events came from: live ones are one source.
type sources struct {
	numbers map[string]uint32
	// from and to are the keys of each one's first and last event.
	from, to []int64
}

func newSources() *sources {
	return &sources{numbers: map[string]uint32{"": 0}, from: []int64{math.MaxInt64}, to: []int64{math.MinInt64}}
}

func (s *sources) note(h *frameHead) uint32 {
	n := uint32(0)
	if h.sourceSeq != 0 {
		var known bool
		if n, known = s.numbers[string(h.source)]; !known {
			n = uint32(len(s.from))
			s.numbers[string(h.source)] = n
			s.from, s.to = append(s.from, math.MaxInt64), append(s.to, math.MinInt64)
		}
	}
	key := h.keyMS()
	s.from[n], s.to[n] = min(s.from[n], key), max(s.to[n], key)
	return n
}

// collection is one pass over the log: the families whose hash is in [low, high], as many as memory holds.
type collection struct {
	export    *export
	low, high uint64
	families  map[domain.Alias]*family
	weight    int
	arena     arena
	// first: this pass reads every event's head, for what all passes need.
	first bool
	// homes are where the events of an alias belong.
	homes map[domain.Alias]home
	lean  *kept
}

// home is an alias's family, and its place among the members.
type home struct {
	*family
	member uint32
}

// linksAndOffers reads IDENTITY for who was ever joined, and POLICY for offers.
func (x *export) linksAndOffers(ctx context.Context) error {
	return x.scan(ctx, []domain.Stream{domain.Identity, domain.Policy}, func(s domain.Stream, e domain.Envelope) error {
		if s == domain.Policy {
			return x.offers.take(e)
		}
		for i, frame := range e.Frames {
			h, ok := headOf(frame)
			if !ok || h.body != bodyLinked {
				continue
			}
			ev, ok := whole(frame)
			if !ok {
				return fmt.Errorf("%w: event %d of %s/%d", domain.ErrEnvelopeCorrupt, i, s, e.Sequence)
			}
			if other, err := domain.AliasFromBytes(ev.GetIdentityLinked().GetOther()); err == nil {
				x.kin.join(h.alias, other)
			}
		}
		return nil
	})
}

func whole(frame []byte) (*event.Event, bool) {
	ev := new(event.Event)
	return ev, proto.Unmarshal(frame, ev) == nil
}

// scan hands every envelope of the streams up to the cut to a function.
func (x *export) scan(ctx context.Context, streams []domain.Stream, take func(domain.Stream, domain.Envelope) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ahead := make(chan undecoded, envelopesAhead)
	go func() {
		defer close(ahead)
		for _, s := range streams {
			if x.cut[s] > 0 && !readAhead(ctx, s, x.training.source.Read(ctx, s, 1, x.cut[s]), ahead) {
				return
			}
		}
	}()
	for u := range ahead {
		if u.err != nil {
			return fmt.Errorf("read %v: %w", u.stream, u.err)
		}
		if err := take(u.stream, u.envelope); err != nil {
			return err
		}
		x.tell()
	}
	return context.Cause(ctx)
}

// collect reads the events of the families from low on, up to as many as memory holds; the collection's high is the
// hash of the last. What is read does not depend on how much that is.
func (x *export) collect(ctx context.Context, low, high uint64, first bool) (*collection, error) {
	c := &collection{export: x, low: low, high: high, families: map[domain.Alias]*family{}, homes: map[domain.Alias]home{}, first: first, lean: decisionFields(x.judging == nil)}
	if err := x.scan(ctx, viewStreams(), c.take); err != nil {
		return nil, err
	}
	return c, nil
}

func (c *collection) take(s domain.Stream, e domain.Envelope) error {
	for i, frame := range e.Frames {
		h, ok := headOf(frame)
		if !ok {
			continue
		}
		source := uint32(0)
		if c.first {
			source = c.export.sources.note(&h)
		} else if h.sourceSeq != 0 {
			source = c.export.sources.numbers[string(h.source)]
		}
		held := heldEvent{
			at: domain.Position{Sequence: e.Sequence, Index: uint32(i)}, keyMS: h.keyMS(), seq: h.sourceSeq, source: source, stream: s,
			body: uint8(min(h.body, math.MaxUint8)),
		}
		if s == domain.Decision && h.body == bodyDecision {
			if frame, ok = c.decision(frame); !ok {
				return fmt.Errorf("%w: event %d of %s/%d", domain.ErrEnvelopeCorrupt, i, s, e.Sequence)
			}
		}
		c.hold(h.alias, held, frame)
		if h.body == bodyLinked || h.body == bodyUnlinked {
			if err := c.mirror(held, frame); err != nil {
				return err
			}
		}
	}
	c.shrink()
	return nil
}

// decision is a decision's frame without what an export does not read; the first pass notes it.
func (c *collection) decision(frame []byte) ([]byte, bool) {
	c.export.scratch = c.export.scratch[:0]
	lean, ok := appendKept(c.export.scratch, frame, c.lean)
	c.export.scratch = lean
	if ok && c.first {
		ok = c.export.noteDecision(lean)
	}
	return lean, ok
}

func (c *collection) mirror(held heldEvent, frame []byte) error {
	alias, f, ok, err := past.MirrorOf(past.Frame{At: held.at, Bytes: frame})
	if err != nil || !ok {
		return err
	}
	held.mirrored = f.Mirrored
	c.hold(alias, held, frame)
	return nil
}

// hold puts an event into its family, if that belongs to this pass.
func (c *collection) hold(alias domain.Alias, held heldEvent, frame []byte) {
	f, known := c.homes[alias]
	if !known {
		if f.family = c.family(alias); f.family == nil {
			return
		}
		f.member = uint32(len(f.members))
		f.members = append(f.members, alias)
		c.homes[alias] = f
	}
	held.member = f.member
	held.bytes = c.arena.keep(frame)
	f.events = append(f.events, held)
	c.weight += len(frame) + heldWeight
}

func (c *collection) family(alias domain.Alias) *family {
	earliest := c.export.kin.earliest(alias)
	if j := c.export.judging; j != nil && !j.families[earliest] {
		return nil
	}
	if f, known := c.families[earliest]; known {
		return f
	}
	h := hashOf(earliest)
	if h < c.low || h > c.high || !c.export.sampled(h) {
		return nil
	}
	const usual = 4
	f := &family{earliest: earliest, hash: h, events: make([]heldEvent, 0, usual)}
	c.families[earliest] = f
	return f
}

// shrink leaves the families of the upper half of the hashes for another pass while there is too much to hold.
func (c *collection) shrink() {
	for c.weight > c.export.training.held && len(c.families) > 1 {
		hashes := make([]uint64, 0, len(c.families))
		for _, f := range c.families {
			hashes = append(hashes, f.hash)
		}
		slices.Sort(hashes)
		if c.high = hashes[(len(hashes)-1)/2]; c.high == hashes[len(hashes)-1] {
			return // all have one hash
		}
		c.weight, c.arena = 0, arena{}
		maps.DeleteFunc(c.homes, func(_ domain.Alias, h home) bool { return h.hash > c.high })
		for earliest, f := range c.families {
			if f.hash > c.high {
				delete(c.families, earliest)
				continue
			}
			for i := range f.events { // the rest's memory is shared with what is left out
				f.events[i].bytes = c.arena.keep(f.events[i].bytes)
				c.weight += len(f.events[i].bytes) + heldWeight
			}
		}
	}
}

// inOrder are the collected families by hash, then alias.
func (c *collection) inOrder() []*family {
	out := make([]*family, 0, len(c.families))
	for _, f := range c.families {
		out = append(out, f)
	}
	slices.SortFunc(out, func(x, y *family) int {
		return cmp.Or(cmp.Compare(x.hash, y.hash), bytes.Compare(x.earliest[:], y.earliest[:]))
	})
	return out
}

// sampled says whether people of a hash are among the share that is asked for.
func (x *export) sampled(h uint64) bool {
	if x.request.Share == 0 || x.request.Share == 1 {
		return true
	}
	// The order of the passes is by h itself: the sample is by another hash.
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], h)
	return float64(hashOf(domain.Alias(append(b[:], "sampling"...)))>>11)/(1<<53) < x.request.Share
}
