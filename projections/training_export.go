package projections

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/feature"
	"github.com/profferhq/proffer/domain/label"
)

// export is one in the making.
type export struct {
	training *Training
	request  TrainingRequest
	rule     *label.Rule
	cut      domain.Cut
	sink     TrainingSink
	end      TrainingEnd
	judging  *judging // nil when rows are asked for

	kin     kin
	offers  offers
	sources *sources
	scratch []byte

	// What the first pass finds: the views of decisions, how many moments there are, the dates.
	served   map[string]feature.View
	expected uint64
	dates    []int64
	layout   *feature.Layout

	read, total uint64
}

func (x *export) run(ctx context.Context) error {
	x.kin, x.offers, x.sources, x.served = kin{}, newOffers(), newSources(), map[string]feature.View{}
	x.total = distance(domain.Cut{}, x.cut) + x.cut[domain.Identity]
	if err := x.linksAndOffers(ctx); err != nil {
		return err
	}
	if x.judging != nil {
		x.judging.find(x.kin)
	}
	for low, more := uint64(0), true; more; {
		c, err := x.collect(ctx, low, math.MaxUint64, x.end.Passes == 0)
		if err != nil {
			return err
		}
		if x.end.Passes == 0 {
			if err := x.head(); err != nil {
				return err
			}
		}
		x.end.Passes++
		if err := x.emit(ctx, c.inOrder()); err != nil {
			return err
		}
		if low, more = c.high+1, c.high != math.MaxUint64; more {
			x.total += distance(domain.Cut{}, x.cut) - x.cut[domain.Policy]
		}
	}
	return nil
}

// head settles what the first pass has found, and tells the sink.
func (x *export) head() error {
	if x.judging != nil {
		x.sources.to[0] = max(x.sources.to[0], x.judging.untilMS)
	}
	if !x.request.AtDecisions {
		if err := x.setDates(); err != nil {
			return err
		}
	}
	views := []feature.View{x.request.View}
	for _, v := range x.served {
		views = append(views, v)
	}
	x.layout = feature.LayoutOf(views...)
	return x.sink.Head(TrainingHead{View: x.request.View, Label: x.request.Label, Cut: x.cut, Expected: x.expected})
}

const dayMS = 24 * 3_600_000

// setDates are the moments of rows at dates.
func (x *export) setDates() error {
	r := x.request
	first, last := int64(math.MaxInt64), int64(math.MinInt64)
	for i := range x.sources.from {
		first, last = min(first, x.sources.from[i]), max(last, x.sources.to[i])
	}
	if first > last {
		return nil // an empty log
	}
	from, until := r.FromMS, r.UntilMS
	if from == 0 {
		from = (first/dayMS + 1) * dayMS
	}
	if until == 0 {
		until = last
	}
	if n := (until - from) / r.EveryMS; n >= maxDates {
		return fmt.Errorf("%w: %d dates, at most %d", ErrTrainingRequest, n+1, maxDates)
	}
	for at := from; at <= until; at += r.EveryMS {
		x.dates = append(x.dates, at)
	}
	return nil
}

// noteDecision counts a decision that a row is asked for and remembers the view it was made with.
func (x *export) noteDecision(frame []byte) bool {
	if !x.request.AtDecisions {
		return true
	}
	var f field
	var placement, view []byte
	external := false
	body, ok := decisionIn(frame)
	for len(body) > 0 && ok {
		if body, ok = f.next(body); !ok {
			return false
		}
		switch f.number {
		case 2:
			external = f.varint != 0
		case 7:
			placement = f.bytes
		case 14:
			view = f.bytes
		}
	}
	if x.request.Placement == "" || x.request.Placement == string(placement) {
		x.expected++
	}
	if _, known := x.served[string(view)]; !known && len(view) > 0 && !external {
		// A view that nobody knows any more is kept as one without features: its vectors are not checked.
		x.served[string(view)], _ = x.training.views.View(string(view))
	}
	return ok
}

func (x *export) wanted(placement string) bool {
	return x.request.Placement == "" || x.request.Placement == placement
}

// asked says whether a decision is one that is asked about.
func (x *export) asked(id domain.Alias) bool {
	if x.judging == nil {
		return true
	}
	_, asked := x.judging.of[id]
	return asked
}

// tell reports progress.
func (x *export) tell() {
	x.read++
	const everyMessages = 32
	if x.request.Progress != nil && x.read%everyMessages == 0 {
		x.request.Progress(x.read, x.total)
	}
}

// Families are worked on in blocks of about so many events, a few blocks ahead of the sink.
const (
	blockEvents = 4096
	blocksAhead = 4
)

// made is what came of a block of families.
type made struct {
	rows   TrainingRows
	judged []Judged
	end    TrainingEnd
	err    error
}

// emit makes the rows of families, on every core, and sends them on in order.
func (x *export) emit(ctx context.Context, families []*family) error {
	ctx, cancel := context.WithCancel(ctx)
	workers := runtime.GOMAXPROCS(0)
	blocks := x.blocksOf(families)
	done := make([]chan *made, len(blocks))
	for i := range done {
		done[i] = make(chan *made, 1)
	}
	ahead := make(chan struct{}, workers+blocksAhead)
	var next atomic.Int64
	var working sync.WaitGroup
	defer working.Wait()
	defer cancel()
	for range min(workers, len(blocks)) {
		working.Go(func() {
			w := newTrainee(x)
			for {
				select {
				case ahead <- struct{}{}:
				case <-ctx.Done():
					return
				}
				i := int(next.Add(1)) - 1
				if i >= len(blocks) {
					return
				}
				done[i] <- w.block(ctx, blocks[i])
			}
		})
	}
	for i := range blocks {
		select {
		case m := <-done[i]:
			if err := x.deliver(m); err != nil {
				return err
			}
			done[i] = nil
			<-ahead
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

func (x *export) blocksOf(families []*family) [][]*family {
	var out [][]*family
	const cellsAnEvent = 16
	each := len(x.dates) * x.request.View.Len() / cellsAnEvent
	from, events := 0, 0
	for i, f := range families {
		if events += len(f.events) + each; events >= blockEvents || i == len(families)-1 {
			out = append(out, families[from:i+1])
			from, events = i+1, 0
		}
	}
	return out
}

func (x *export) deliver(m *made) error {
	if m.err != nil {
		return m.err
	}
	x.end.Rows += uint64(len(m.rows.AtMS))
	x.end.Outside += m.end.Outside
	x.end.Unfinished += m.end.Unfinished
	x.end.Skewed += m.end.Skewed
	for _, j := range m.judged {
		x.judging.tell(j)
	}
	if len(m.rows.AtMS) == 0 {
		return nil
	}
	return x.sink.Rows(&m.rows)
}

// covered is until when the log tells all about people with events of these sources, from a moment on: how far the
// spans of the sources reach without a gap.
func (s *sources) covered(of []uint32, fromMS int64) int64 {
	slices.SortFunc(of, func(a, b uint32) int { return int(min(1, max(-1, s.from[a]-s.from[b]))) })
	until := fromMS
	for _, n := range of {
		if s.from[n] <= until {
			until = max(until, s.to[n])
		}
	}
	return until
}
