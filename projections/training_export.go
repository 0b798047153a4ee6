package projections

import (
	"context"
	"fmt"
	"math"
	"runtime"
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

	// What the first pass finds: the views of decisions, how many moments there are, the dates.
	served   map[string]feature.View
	expected uint64
	dates    []int64
	layout   *feature.Layout

	read    atomic.Uint64
	total   uint64
	telling sync.Mutex
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
		c, err := x.collect(ctx, low)
		if err != nil {
			return err
		}
		families := c.families()
		if x.end.Passes == 0 {
			x.note(c)
			if err := x.head(); err != nil {
				return err
			}
		}
		x.end.Passes++
		if err := x.emit(ctx, c, families); err != nil {
			return err
		}
		if low, more = c.high+1, c.high != math.MaxUint64; more {
			x.total += distance(domain.Cut{}, x.cut) - x.cut[domain.Policy]
		}
	}
	return nil
}

// note takes what the first pass has found out about decisions.
func (x *export) note(c *collection) {
	for _, g := range c.gatherers {
		x.expected += g.noted.expected
		for name := range g.noted.views {
			// A view that nobody knows any more is kept as one without features: its vectors are not checked.
			x.served[name], _ = x.training.views.View(name)
		}
	}
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

// wanted says whether rows are asked for at decisions of a placement.
func (r *TrainingRequest) wanted(placement string) bool {
	return r.Placement == "" || r.Placement == placement
}

// asked says whether a decision is one that is asked about.
func (x *export) asked(id domain.Alias) bool {
	if x.judging == nil {
		return true
	}
	_, asked := x.judging.of[id]
	return asked
}

// tell reports progress, one report at a time.
func (x *export) tell() {
	const everyMessages = 32
	if n := x.read.Add(1); x.request.Progress != nil && n%everyMessages == 0 {
		x.telling.Lock()
		defer x.telling.Unlock()
		x.request.Progress(x.read.Load(), x.total)
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

// reused is one whose rows were sent on, or a new one.
func reused(spare chan *made) *made {
	select {
	case m := <-spare:
		r := m.rows
		*m = made{judged: m.judged[:0], rows: TrainingRows{
			Profiles: r.Profiles[:0], AtMS: r.AtMS[:0], Decisions: r.Decisions[:0], Labels: r.Labels[:0], Values: r.Values[:0],
		}}
		return m
	default:
		return new(made)
	}
}

// emit makes the rows of families, on every core, and sends them on in order.
func (x *export) emit(ctx context.Context, c *collection, families []*family) error {
	ctx, cancel := context.WithCancel(ctx)
	workers := runtime.GOMAXPROCS(0)
	blocks := x.blocksOf(families)
	done := make([]chan *made, len(blocks))
	spare := make(chan *made, workers+blocksAhead)
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
			w := newTrainee(x, c)
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
				done[i] <- w.block(ctx, blocks[i], reused(spare))
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
			spare <- m
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
		if events += f.size + each; events >= blockEvents || i == len(families)-1 {
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
