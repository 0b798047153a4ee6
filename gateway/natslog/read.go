package natslog

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/profferhq/proffer/domain"
)

// End as the last sequence of Read and ReadLane means: as far as the stream reaches when reading begins.
const End uint64 = math.MaxUint64

// Read returns the stream's envelopes from one sequence to another, both included, in order, each checked:
// checksum, lane chain, no sequence missing. It ends after the last, or with the first error:
//   - domain.ErrEnvelopeCorrupt and domain.ErrChainBroken name the place; a missing sequence is a broken chain;
//   - domain.ErrNoEntry: the stream ends before `to` (other than End);
//   - domain.ErrUnavailable: the server is away for longer than Options.Patience.
//
// Where retention has removed the head of BEHAVIOUR or QUARANTINE, reading begins at what is left.
func (l *Log) Read(ctx context.Context, stream domain.Stream, from, to uint64) iter.Seq2[domain.Envelope, error] {
	return l.read(ctx, &reader{log: l, stream: stream, next: max(from, 1), to: to})
}

// ReadLane is Read for one lane. Its sequences are not contiguous: nothing is missing as long as the chain holds.
func (l *Log) ReadLane(ctx context.Context, lane domain.Lane, from, to uint64) iter.Seq2[domain.Envelope, error] {
	return l.read(ctx, &reader{log: l, stream: lane.Stream, lane: &lane, next: max(from, 1), to: to})
}

// Follow returns the stream's envelopes from one sequence on as they come, checked like Read's, until the
// context ends (then it just ends) or an error that waiting does not heal. While the server is away it waits.
func (l *Log) Follow(ctx context.Context, stream domain.Stream, from uint64) iter.Seq2[domain.Envelope, error] {
	return func(yield func(domain.Envelope, error) bool) {
		r := reader{log: l, stream: stream, next: max(from, 1), to: End, waits: true}
		err := r.followTail(ctx, yield)
		if ctx.Err() == nil {
			r.end(err, yield)
		}
	}
}

func (l *Log) read(ctx context.Context, template *reader) iter.Seq2[domain.Envelope, error] {
	return func(yield func(domain.Envelope, error) bool) {
		r := *template // a sequence may be ranged over again
		r.end(r.run(ctx, yield), yield)
	}
}

// end hands on why reading ended, unless it ended well.
func (r *reader) end(err error, yield func(domain.Envelope, error) bool) {
	if err != nil && !errors.Is(err, errStopped) {
		yield(domain.Envelope{}, fmt.Errorf("natslog: read %s: %w", r.stream, err))
	}
}

// Last is the stream's last sequence, from its leader; 0 when nothing was ever appended.
func (l *Log) Last(ctx context.Context, stream domain.Stream) (uint64, error) {
	state, err := l.state(ctx, stream)
	if err != nil {
		return 0, fmt.Errorf("natslog: state of %s: %w", stream, err)
	}
	return state.LastSeq, nil
}

// At returns one envelope, checksum checked; domain.ErrNoEntry when there is none.
func (l *Log) At(ctx context.Context, stream domain.Stream, sequence uint64) (domain.Envelope, error) {
	if sequence == 0 {
		return domain.Envelope{}, fmt.Errorf("natslog: get from %s: %w", stream, domain.ErrNoEntry)
	}
	msg, err := l.streams[stream].GetMsg(ctx, sequence)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return domain.Envelope{}, fmt.Errorf("natslog: get from %s: %w (%d)", stream, domain.ErrNoEntry, sequence)
	}
	if err != nil {
		return domain.Envelope{}, fmt.Errorf("natslog: get from %s: %w", stream, unavailable(err))
	}
	return decode(stream, msg.Subject, msg.Sequence, msg.Data)
}

// state asks the stream's leader. While there is none, any replica answers, as far as it has come: that is no answer.
func (l *Log) state(ctx context.Context, stream domain.Stream) (jetstream.StreamState, error) {
	within, cancel := context.WithTimeout(ctx, attemptWithin)
	defer cancel()
	info, err := l.streams[stream].Info(within)
	if err != nil {
		return jetstream.StreamState{}, unavailable(err)
	}
	if !fromLeader(info.Cluster) {
		return jetstream.StreamState{}, fmt.Errorf("%w: the stream has no leader", domain.ErrUnavailable)
	}
	return info.State, nil
}

// fromLeader says whether who answered leads the stream. A server lists the replicas beside itself.
func fromLeader(c *jetstream.ClusterInfo) bool {
	if c == nil {
		return true // no cluster
	}
	return c.Leader != "" && !slices.ContainsFunc(c.Replicas, func(p *jetstream.PeerInfo) bool { return p.Name == c.Leader })
}

// decode checks one message and gives its envelope its place.
func decode(stream domain.Stream, subject string, sequence uint64, data []byte) (domain.Envelope, error) {
	lane, err := domain.ParseSubject(subject)
	if err != nil {
		return domain.Envelope{}, err
	}
	env, err := domain.DecodeEnvelope(data)
	if err != nil {
		return domain.Envelope{}, fmt.Errorf("%w: %s/%d", err, stream, sequence)
	}
	env.Sequence, env.Lane = sequence, lane
	return env, nil
}

var (
	errStopped = errors.New("the caller has enough")
	errResume  = errors.New("the consumer is gone")
)
