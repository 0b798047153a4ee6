package projections

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/profferhq/proffer/domain"
)

// family is everybody whom any link ever joined, with their events: no event of another family concerns its rows.
type family struct {
	// earliest alias of all, and its hash: families are processed in its order.
	earliest domain.Alias
	hash     uint64
	members  []domain.Alias
	// size is how many events there are, place the family's among those of its pass.
	size, place int
}

// collection is one pass over the log: the families whose hash is in [low, high], as many as memory holds. What is read
// of them does not depend on how much that is.
type collection struct {
	export *export
	low    uint64
	// changing is held by whoever takes an envelope, and alone by who leaves families for another pass.
	changing  sync.RWMutex
	high      uint64
	weight    atomic.Int64
	gatherers []*gatherer
}

// collect reads the events of the families from low on, up to as many as memory holds, on every core.
func (x *export) collect(ctx context.Context, low uint64) (*collection, error) {
	c := &collection{export: x, low: low, high: math.MaxUint64}
	var take []func(domain.Stream, domain.Envelope) error
	for range runtime.GOMAXPROCS(0) {
		g := newGatherer(c)
		c.gatherers, take = append(c.gatherers, g), append(take, g.take)
	}
	if err := x.scan(ctx, viewStreams(), take...); err != nil {
		return nil, err
	}
	return c, nil
}

// scan hands every envelope of the streams up to the cut to one of some functions, each called by a goroutine of its
// own. The envelopes of a stream reach one of them in order.
func (x *export) scan(ctx context.Context, streams []domain.Stream, take ...func(domain.Stream, domain.Envelope) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	chunks := make(chan []undecoded, aheadChunks)
	var reading, taking sync.WaitGroup
	for _, s := range streams {
		if x.cut[s] > 0 {
			reading.Go(func() {
				r := readAhead{chunks: chunks}
				r.read(ctx, s, x.training.source.Read(ctx, s, 1, x.cut[s]))
				r.send(ctx)
			})
		}
	}
	go func() {
		reading.Wait()
		close(chunks)
	}()
	for _, take := range take {
		taking.Go(func() {
			for chunk := range chunks {
				for _, u := range chunk {
					err := u.err
					if err == nil {
						err = take(u.stream, u.envelope)
					}
					if err != nil {
						cancel(fmt.Errorf("read %v: %w", u.stream, err))
						return
					}
					x.tell()
				}
			}
		})
	}
	taking.Wait()
	return context.Cause(ctx)
}

// shrink leaves the families of the upper half of the hashes for another pass while there is too much to hold.
func (c *collection) shrink() {
	c.changing.Lock()
	defer c.changing.Unlock()
	for c.weight.Load() > int64(c.export.training.held) {
		var hashes []uint64
		for _, g := range c.gatherers {
			for i := range g.aliases {
				hashes = append(hashes, g.aliases[i].hash)
			}
		}
		slices.Sort(hashes)
		if hashes = slices.Compact(hashes); len(hashes) < 2 {
			return
		}
		c.high = hashes[(len(hashes)-1)/2]
		c.weight.Store(0)
		for _, g := range c.gatherers {
			g.leave(c.high)
		}
	}
}

// families puts together what was gathered, by hash, then earliest alias.
func (c *collection) families() []*family {
	known := map[domain.Alias]*family{}
	members := map[domain.Alias]uint32{}
	var out []*family
	for _, g := range c.gatherers {
		for i := range g.aliases {
			a := &g.aliases[i]
			f := known[a.earliest]
			if f == nil {
				f = &family{earliest: a.earliest, hash: a.hash}
				known[a.earliest], out = f, append(out, f)
			}
			n, met := members[a.alias]
			if !met {
				n = uint32(len(f.members))
				members[a.alias], f.members = n, append(f.members, a.alias)
			}
			a.family, a.member = f, n
			f.size += a.events
		}
	}
	slices.SortFunc(out, func(x, y *family) int {
		return cmp.Or(cmp.Compare(x.hash, y.hash), bytes.Compare(x.earliest[:], y.earliest[:]))
	})
	for i, f := range out {
		f.place = i
	}
	var sorting sync.WaitGroup
	for _, g := range c.gatherers {
		g.sourceOf = c.export.sources.join(g.sources)
		sorting.Go(func() { g.sort(len(out)) })
	}
	sorting.Wait()
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
	return float64(domain.Alias(append(b[:], "sampling"...)).Hash()>>11)/(1<<53) < x.request.Share
}
