package natslog

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/profferhq/proffer/domain"
)

// LastBy is the last sequence of a stream that was appended at or before a time, by the clock of the stream's leader;
// 0 when there is none, or when retention has removed it. A server finds the place by its index; as it may be a replica
// that lags, the leader is asked about what follows. It fails with domain.ErrUnavailable when the server is away.
func (l *Log) LastBy(ctx context.Context, stream domain.Stream, at time.Time) (uint64, error) {
	state, err := l.state(ctx, stream)
	if err != nil {
		return 0, fmt.Errorf("natslog: state of %s: %w", stream, err)
	}
	if state.Msgs == 0 || state.FirstTime.After(at) {
		return 0, nil
	}
	if !state.LastTime.After(at) {
		return state.LastSeq, nil
	}
	low, err := l.placeOf(ctx, stream, at)
	if err != nil {
		return 0, fmt.Errorf("natslog: find a time in %s: %w", stream, err)
	}
	if l.options.Replicas <= 1 {
		return low, nil
	}
	low = max(low, state.FirstSeq) // low was appended by then
	high := max(low, state.LastSeq)
	for middle := min(low+1, high); low < high; middle = high - (high-low)/2 {
		later, err := l.appendedAfter(ctx, stream, middle, at)
		if err != nil {
			return 0, fmt.Errorf("natslog: find a time in %s: %w", stream, err)
		}
		if later {
			high = middle - 1
		} else {
			low = middle
		}
	}
	return low, nil
}

// placeOf is the last sequence that a server knows to be appended at or before a time within the stream's: where a
// consumer of what came later begins, less one.
func (l *Log) placeOf(ctx context.Context, stream domain.Stream, at time.Time) (uint64, error) {
	later := at.Add(time.Nanosecond)
	config := consumerConfig(0)
	config.DeliverPolicy, config.OptStartTime = jetstream.DeliverByStartTimePolicy, &later
	within, cancel := context.WithTimeout(ctx, attemptWithin)
	defer cancel()
	consumer, err := l.streams[stream].CreateConsumer(within, config)
	if err != nil {
		return 0, unavailable(err)
	}
	info := consumer.CachedInfo()
	_ = l.streams[stream].DeleteConsumer(within, info.Name) // one that stays ends by itself
	return info.Delivered.Stream, nil
}

// appendedAfter says whether a message is later than a time. One that retention has removed meanwhile is not: what is
// removed is the oldest.
func (l *Log) appendedAfter(ctx context.Context, stream domain.Stream, sequence uint64, at time.Time) (bool, error) {
	within, cancel := context.WithTimeout(ctx, attemptWithin)
	defer cancel()
	msg, err := l.streams[stream].GetMsg(within, sequence)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return false, nil
	}
	if err != nil {
		return false, unavailable(err)
	}
	return msg.Time.After(at), nil
}
