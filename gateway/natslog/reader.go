package natslog

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/profferhq/proffer/domain"
)

// reader is one pass over a stream or lane. It reads through short-lived consumers that acknowledge nothing,
// and opens the next at the sequence it wants when one is lost.
type reader struct {
	log    *Log
	stream domain.Stream
	lane   *domain.Lane    // nil: the whole stream
	next   uint64          // the sequence wanted next
	to     uint64          // the last, when not live
	live   bool            // goes on waiting at the end
	waits  bool            // waits while the server is away, however long
	chain  map[string]link // by subject
	strict bool            // reading began at the log's first message: lanes must start with no predecessor
}

// link is the last envelope seen of a lane.
type link struct {
	lane domain.Lane
	hash domain.Hash
}

// run reads to the end; errStopped when the caller stops.
func (r *reader) run(ctx context.Context, yield func(domain.Envelope, error) bool) error {
	if r.chain == nil {
		r.chain = map[string]link{}
	}
	giveUp := time.Now().Add(r.log.options.Patience)
	wait := firstWait
	for begun := false; ; {
		progress := r.next
		err := r.begin(ctx, &begun)
		if err == nil && !r.live && r.next > r.to {
			return nil
		}
		if err == nil {
			err = r.consume(ctx, yield)
		}
		if ctx.Err() != nil && !errors.Is(err, errStopped) {
			return context.Cause(ctx)
		}
		if !errors.Is(err, errResume) && !errors.Is(err, domain.ErrUnavailable) {
			return err
		}
		if r.next > progress {
			giveUp, wait = time.Now().Add(r.log.options.Patience), firstWait
		}
		if !r.waits && time.Now().After(giveUp) || r.log.bulk.IsClosed() {
			return fmt.Errorf("%w: %w", domain.ErrUnavailable, err)
		}
		if !pause(ctx, &wait) {
			return context.Cause(ctx)
		}
	}
}

// begin fixes once where reading starts and ends, from the stream's state.
func (r *reader) begin(ctx context.Context, begun *bool) error {
	if *begun {
		return nil
	}
	state, err := r.log.state(ctx, r.stream)
	if err != nil {
		return err
	}
	if r.next < state.FirstSeq {
		if !bounded(r.stream) && state.FirstSeq > 1 {
			return missing(r.stream, r.next, state.FirstSeq-1)
		}
		r.next = state.FirstSeq
	}
	r.strict = r.strict || r.next == 1
	if !r.live {
		if err := r.bound(ctx, state); err != nil {
			return err
		}
	}
	*begun = true
	return nil
}

// bound lowers `to` to the last message there is to read.
func (r *reader) bound(ctx context.Context, state jetstream.StreamState) error {
	switch {
	case r.to == End:
		r.to = state.LastSeq
	case r.to > state.LastSeq && r.to >= r.next:
		return fmt.Errorf("%w: it ends at %d, before %d", domain.ErrNoEntry, state.LastSeq, r.to)
	}
	if r.lane == nil {
		return nil
	}
	end, err := r.log.lastOf(ctx, *r.lane)
	if errors.Is(err, domain.ErrEnvelopeCorrupt) {
		return nil // reading comes to it, and names it
	}
	if err != nil {
		return err
	}
	r.to = min(r.to, end.sequence)
	return nil
}

func missing(stream domain.Stream, from, to uint64) error {
	return fmt.Errorf("%w: %s/%d to %d is missing", domain.ErrChainBroken, stream, from, to)
}

// consume opens a consumer at the wanted sequence and reads until the end, or until it is gone (errResume).
func (r *reader) consume(ctx context.Context, yield func(domain.Envelope, error) bool) error {
	consumer, err := r.open(ctx)
	if err != nil {
		return err
	}
	name := consumer.CachedInfo().Name
	defer r.forget(ctx, name)
	atOnce := pullMessages
	if !r.live {
		atOnce = int(min(pullMessages, r.to-r.next+1))
	}
	messages, err := pull(consumer, atOnce)
	if err != nil {
		return fmt.Errorf("%w: %w", errResume, err)
	}
	defer messages.stop()
	var quiet <-chan time.Time
	if !r.live {
		looks := time.NewTicker(r.log.options.Patience)
		defer looks.Stop()
		quiet = looks.C
	}
	looked := r.next
	for delivered := uint64(0); ; {
		msg, err := messages.next(ctx, quiet)
		if errors.Is(err, errQuiet) {
			if done, err := r.ended(ctx, looked); done || err != nil {
				return err
			}
			looked = r.next
			continue
		}
		if err != nil {
			return fmt.Errorf("%w: %w", errResume, err)
		}
		meta, err := msg.Metadata()
		if err != nil {
			return fmt.Errorf("read a message's place: %w", err)
		}
		if delivered++; meta.Sequence.Consumer != delivered {
			return fmt.Errorf("%w: a delivery was lost", errResume)
		}
		if done, err := r.take(ctx, msg, meta, yield); done || err != nil {
			return err
		}
	}
}

// ended says whether nothing more comes, after a while in which nothing came since the sequence: what was to be read has
// expired. It fails with domain.ErrChainBroken when the last message is lost: a consumer passes it over in silence.
func (r *reader) ended(ctx context.Context, since uint64) (bool, error) {
	if r.next > since {
		return false, nil
	}
	state, err := r.log.state(ctx, r.stream)
	if err != nil {
		return false, err
	}
	if bounded(r.stream) && state.FirstSeq > r.to {
		return true, nil
	}
	within, cancel := context.WithTimeout(ctx, attemptWithin)
	defer cancel()
	_, err = r.log.streams[r.stream].GetMsg(within, r.to)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return false, missing(r.stream, r.to, r.to)
	}
	if err != nil {
		return false, fmt.Errorf("look for the last message: %w", unavailable(err))
	}
	return false, nil
}

func (r *reader) open(ctx context.Context) (jetstream.Consumer, error) {
	config := consumerConfig(r.next)
	if r.lane != nil {
		config.FilterSubject = r.lane.Subject()
	}
	within, cancel := context.WithTimeout(ctx, 5*attemptWithin)
	defer cancel()
	consumer, err := r.log.bulkJS.CreateConsumer(within, r.stream.String(), config)
	if err != nil {
		return nil, fmt.Errorf("open a consumer: %w", unavailable(err))
	}
	return consumer, nil
}

// forget removes the consumer; one that cannot be reached now ends by itself.
func (r *reader) forget(ctx context.Context, name string) {
	if !r.log.bulk.IsConnected() {
		return
	}
	within, cancel := context.WithTimeout(context.WithoutCancel(ctx), attemptWithin)
	defer cancel()
	_ = r.log.bulkJS.DeleteConsumer(within, r.stream.String(), name)
}

// take checks one message and hands it on; done when it was the last.
func (r *reader) take(ctx context.Context, msg jetstream.Msg, meta *jetstream.MsgMetadata, yield func(domain.Envelope, error) bool) (bool, error) {
	sequence := meta.Sequence.Stream
	if sequence < r.next { // a consumer on a replica that lags begins at that replica's end
		return false, nil
	}
	if r.lane == nil && sequence != r.next {
		if err := r.jump(ctx, sequence); err != nil {
			return false, err
		}
	}
	if !r.live && sequence > r.to {
		return true, nil
	}
	env, err := r.follow(msg.Subject(), sequence, msg.Data())
	if err != nil {
		return false, err
	}
	if !yield(env, nil) {
		return true, errStopped
	}
	r.next = sequence + 1
	return !r.live && sequence >= r.to, nil
}

// jump is called when a sequence other than the wanted one came: that is in order only where retention has
// removed everything in between.
func (r *reader) jump(ctx context.Context, sequence uint64) error {
	if bounded(r.stream) {
		state, err := r.log.state(ctx, r.stream)
		if err != nil {
			return err
		}
		if state.FirstSeq > r.next && state.FirstSeq >= sequence {
			r.chain, r.strict = map[string]link{}, false
			return nil
		}
	}
	return missing(r.stream, r.next, sequence-1)
}

// follow decodes the message and checks that it follows the envelope before it in its lane.
func (r *reader) follow(subject string, sequence uint64, data []byte) (domain.Envelope, error) {
	env, err := domain.DecodeEnvelope(data)
	if err != nil {
		return domain.Envelope{}, fmt.Errorf("%w: %s/%d", err, r.stream, sequence)
	}
	if env.Lane, err = r.laneOf(subject); err != nil {
		return domain.Envelope{}, err
	}
	env.Sequence = sequence
	return env, r.check(subject, env)
}

// laneOf is the lane of a subject; one that was seen before is not parsed again.
func (r *reader) laneOf(subject string) (domain.Lane, error) {
	if before, known := r.chain[subject]; known {
		return before.lane, nil
	}
	return domain.ParseSubject(subject)
}

// check compares the envelope with the one before it in its lane.
func (r *reader) check(subject string, env domain.Envelope) error {
	before, known := r.chain[subject]
	restart := bounded(r.stream) && env.Prev == domain.Hash{} // all of the lane had expired
	if (known || r.strict) && env.Prev != before.hash && !restart {
		return fmt.Errorf("%w: %s/%d", domain.ErrChainBroken, r.stream, env.Sequence)
	}
	r.chain[subject] = link{lane: env.Lane, hash: env.Hash}
	return nil
}
