package importer

import (
	"context"
	"fmt"
	"sync/atomic"

	"google.golang.org/protobuf/proto"

	profferv1 "github.com/profferhq/proffer/gateway/api/proffer/v1"
)

// Limits of one call of the sink.
const (
	// MaxBatchItems is what a call carries at most.
	MaxBatchItems = 1000
	// maxBatchBytes is when a batch is full before that; a single larger item travels alone.
	maxBatchBytes = 2 << 20
)

// rowsAhead and batchesAhead bound how far reading and evaluating run ahead of the sink.
const (
	rowsInChunk  = 256
	chunksAhead  = 4
	batchesAhead = 4
)

// batch is what one call of the sink carries, with the rows that were read by then.
type batch struct {
	items []*profferv1.Item
	rows  uint64
}

// run is one execution of a plan.
type run struct {
	plan     *Plan
	sink     Sink
	progress Progress
	done     *atomic.Int64
	status   Status
	globals  *globals
}

// Run loads the tables, then reads, evaluates and sends one file after another. progress may be nil; it is called
// from the goroutine that calls Run. The Summary is of what was done, also when there is an error.
func (p *Plan) Run(ctx context.Context, sink Sink, progress Progress) (Summary, error) {
	r := &run{plan: p, sink: sink, progress: progress, done: new(atomic.Int64)}
	summary := Summary{Mapping: p.mapping.Name}
	for _, t := range p.passes() {
		r.status.BytesTotal += t.file.size
	}
	for _, s := range p.sources {
		r.status.BytesTotal += s.file.size
	}
	if err := r.load(ctx); err != nil {
		return summary, fmt.Errorf("load the tables of mapping %s: %w", p.mapping.Name, err)
	}
	for _, s := range p.sources {
		file, err := r.file(ctx, s)
		summary.Files = append(summary.Files, file)
		if err != nil {
			return summary, fmt.Errorf("import %s: %w", s.file.base, err)
		}
		r.status.Rows = summary.Total().Rows
		r.report()
	}
	return summary, nil
}

// file imports one file: one goroutine reads, one evaluates, and this one sends.
func (r *run) file(ctx context.Context, s plannedSource) (FileSummary, error) {
	summary := FileSummary{Source: r.plan.mapping.sourceName(s.file.base)}
	r.status.Source = summary.Source
	in, err := s.file.open(r.done)
	if err != nil {
		return summary, err
	}
	defer func() { _ = in.Close() }() // only read
	rows, err := newRowReader(in, s.spec.input)
	if err != nil {
		return summary, err
	}
	ctx, cancel := context.WithCancel(ctx)
	reading := read(ctx, rows)
	evaluating := evaluate(ctx, reading, newEvaluator(s.spec, r.globals, s.file.base))
	sendError := r.sendAll(ctx, evaluating.batches, &summary)
	cancel()
	<-reading.stopped
	<-evaluating.stopped
	summary.account(rows.counts(), evaluating.evaluator.tally)
	switch {
	case sendError != nil:
		return summary, sendError
	case reading.err != nil:
		return summary, reading.err
	}
	return summary, nil
}

// stage is a goroutine that fills a channel; its other fields may be read once stopped is closed.
type readStage struct {
	chunks  chan []row
	stopped chan struct{}
	err     error
}

// read fills chunks until the end of the file or of the context.
func read(ctx context.Context, rows rowReader) *readStage {
	s := &readStage{chunks: make(chan []row, chunksAhead), stopped: make(chan struct{})}
	go func() {
		defer close(s.stopped)
		defer close(s.chunks)
		s.err = eachChunk(rows, func(chunk []row) error {
			select {
			case s.chunks <- chunk:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
	}()
	return s
}

type evaluateStage struct {
	batches   chan batch
	stopped   chan struct{}
	evaluator *evaluator
}

// evaluate turns chunks into batches. When the file could not be read to its end, groups that are still open are
// left out: they may not be whole.
func evaluate(ctx context.Context, in *readStage, e *evaluator) *evaluateStage {
	s := &evaluateStage{batches: make(chan batch, batchesAhead), stopped: make(chan struct{}), evaluator: e}
	go func() {
		defer close(s.stopped)
		defer close(s.batches)
		b := batcher{out: s.batches}
		for chunk := range in.chunks {
			for _, row := range chunk {
				e.add(row)
			}
			if !b.add(ctx, e.take(), e.tally.rows) {
				return
			}
		}
		<-in.stopped
		if in.err == nil {
			e.flush()
		}
		if b.add(ctx, e.take(), e.tally.rows) {
			b.send(ctx, e.tally.rows)
		}
	}()
	return s
}

// batcher cuts items into batches.
type batcher struct {
	out   chan<- batch
	items []*profferv1.Item
	bytes int
}

// add says whether to go on.
func (b *batcher) add(ctx context.Context, items []*profferv1.Item, rows uint64) bool {
	for _, item := range items {
		size := proto.Size(item)
		if len(b.items) > 0 && (len(b.items) == MaxBatchItems || b.bytes+size > maxBatchBytes) && !b.send(ctx, rows) {
			return false
		}
		b.items, b.bytes = append(b.items, item), b.bytes+size
	}
	return true
}

func (b *batcher) send(ctx context.Context, rows uint64) bool {
	next := batch{items: b.items, rows: rows}
	b.items, b.bytes = nil, 0
	if len(next.items) == 0 {
		return true
	}
	select {
	case b.out <- next:
		return true
	case <-ctx.Done():
		return false
	}
}

// sendAll hands the batches to the sink, one after another, and counts the verdicts.
func (r *run) sendAll(ctx context.Context, batches <-chan batch, summary *FileSummary) error {
	rowsBefore := r.status.Rows
	for b := range batches {
		verdicts, err := r.sink.Send(ctx, summary.Source, b.items)
		if err != nil {
			return fmt.Errorf("send: %w", err)
		}
		if len(verdicts) != len(b.items) {
			return fmt.Errorf("%w: %d for %d", ErrVerdicts, len(verdicts), len(b.items))
		}
		for i, v := range verdicts {
			summary.count(b.items[i], v)
		}
		r.status.count(verdicts)
		r.status.Rows = rowsBefore + b.rows
		r.report()
	}
	return ctx.Err()
}

func (r *run) report() {
	if r.progress == nil {
		return
	}
	r.status.BytesDone = min(r.done.Load(), r.status.BytesTotal)
	r.progress(r.status)
}

func (f *FileSummary) count(item *profferv1.Item, v *profferv1.Verdict) {
	switch v.GetStatus() {
	case profferv1.Verdict_STATUS_ACCEPTED:
		f.Accepted++
	case profferv1.Verdict_STATUS_DUPLICATE:
		f.Duplicates++
	default:
		if f.Rejected == nil {
			f.Rejected, f.Examples = map[string]uint64{}, map[string]Example{}
		}
		if _, known := f.Examples[v.GetReason()]; !known {
			f.Examples[v.GetReason()] = Example{Line: lineOf(item), Field: v.GetField(), Message: v.GetMessage()}
		}
		f.Rejected[v.GetReason()]++
	}
}
