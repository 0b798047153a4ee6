package natslog

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// How much is asked for at a time, and when silence means that the consumer is gone.
const (
	pullMessages  = 2000
	pullBytes     = 8 << 20
	pullExpiry    = 30 * time.Second
	pullHeartbeat = time.Second
	consumerIdle  = 30 * time.Second
	// pulledAhead is how many messages wait for their reader besides those that the client holds.
	pulledAhead = 16
)

// consumerConfig is a short-lived consumer that acknowledges nothing.
func consumerConfig(from uint64) jetstream.ConsumerConfig {
	return jetstream.ConsumerConfig{
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: from,
		AckPolicy: jetstream.AckNonePolicy, MaxDeliver: 1,
		InactiveThreshold: consumerIdle, MemoryStorage: true, Replicas: 1,
	}
}

// pulled is a consumer's messages, for one reader. What is under way is bounded by count and bytes, and the client has
// room for more: an iterator of the client's own has room for as many messages as it asked for and none for the
// heartbeats between them, so that a reader who takes his time lost messages, and asked for them again.
type pulled struct {
	messages  chan jetstream.Msg
	gone      chan error
	stopped   chan struct{}
	consuming jetstream.ConsumeContext
}

// pull asks for so many messages at once until it is stopped.
func pull(consumer jetstream.Consumer, atOnce int) (*pulled, error) {
	p := &pulled{messages: make(chan jetstream.Msg, pulledAhead), gone: make(chan error, 1), stopped: make(chan struct{})}
	var err error
	p.consuming, err = consumer.Consume(p.take,
		jetstream.PullMaxMessagesWithBytesLimit(atOnce, pullBytes),
		jetstream.PullExpiry(pullExpiry), jetstream.PullHeartbeat(pullHeartbeat),
		jetstream.ConsumeErrHandler(p.fail))
	return p, err
}

func (p *pulled) take(m jetstream.Msg) {
	select {
	case p.messages <- m:
	case <-p.stopped:
	}
}

// fail takes the first reason why the consumer is gone, such as a missed heartbeat.
func (p *pulled) fail(_ jetstream.ConsumeContext, err error) {
	select {
	case p.gone <- err:
	default:
	}
}

// errQuiet: nothing came for now.
var errQuiet = errors.New("no message")

// next waits for a message; it fails when the consumer is gone or the context ends, and with errQuiet at that signal.
func (p *pulled) next(ctx context.Context, quiet <-chan time.Time) (jetstream.Msg, error) {
	select {
	case m := <-p.messages:
		return m, nil
	case err := <-p.gone:
		return nil, err
	case <-quiet:
		return nil, errQuiet
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (p *pulled) stop() {
	close(p.stopped)
	p.consuming.Stop()
}
