package natslog

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/profferhq/proffer/domain"
)

// Ceiling is what the server does without our appender and reader: what the product's figures are divided by.
type Ceiling struct {
	Messages int
	Elapsed  time.Duration
	// P99 is of one publish, from sending to its acknowledgement; 0 for reading.
	P99 time.Duration
}

// PerSecond is the messages' rate.
func (c Ceiling) PerSecond() float64 { return float64(c.Messages) / c.Elapsed.Seconds() }

const (
	ceilingStream  = "CEILING"
	ceilingSubject = "ceiling."
)

// RawPublish publishes n messages of size random bytes durably, as the log's streams are, with one synchronous
// publisher for each of DefaultLanes, and measures it. It works on a stream of its own, which it removes.
func RawPublish(ctx context.Context, nc *nats.Conn, n, size int) (Ceiling, error) {
	c, err := rawPublish(ctx, nc, n, size, DefaultLanes)
	if err != nil {
		return c, fmt.Errorf("natslog: raw publish: %w", err)
	}
	return c, nil
}

func rawPublish(ctx context.Context, nc *nats.Conn, n, size, publishers int) (c Ceiling, err error) {
	if n < publishers || size < 1 {
		return c, fmt.Errorf("%d messages of %d bytes cannot be measured", n, size)
	}
	js, err := jetstream.New(nc)
	if err != nil {
		return c, err
	}
	if err := ceilingStreamFor(ctx, js); err != nil {
		return c, err
	}
	defer func() {
		err = errors.Join(err, js.DeleteStream(context.WithoutCancel(ctx), ceilingStream))
	}()
	body := make([]byte, size)
	_, _ = rand.Read(body)
	latencies, failures := make([][]time.Duration, publishers), make([]error, publishers)
	started := time.Now()
	var wg sync.WaitGroup
	for p := range publishers {
		wg.Go(func() {
			latencies[p], failures[p] = publishSome(ctx, js, fmt.Sprint(ceilingSubject, p), body, n/publishers)
		})
	}
	wg.Wait()
	c.Elapsed = time.Since(started)
	all := slices.Concat(latencies...)
	slices.Sort(all)
	c.Messages, c.P99 = len(all), quantile(all, 0.99)
	return c, errors.Join(failures...)
}

// ceilingStreamFor makes the scratch stream, as the DECISION stream is, or new.
func ceilingStreamFor(ctx context.Context, js jetstream.JetStream) error {
	replicas := 1
	decisions, err := js.Stream(ctx, domain.Decision.String())
	switch {
	case err == nil:
		replicas = decisions.CachedInfo().Config.Replicas
	case !errors.Is(err, jetstream.ErrStreamNotFound):
		return err
	}
	if err := js.DeleteStream(ctx, ceilingStream); err != nil && !errors.Is(err, jetstream.ErrStreamNotFound) {
		return err
	}
	config := streamConfig(domain.Behaviour, DefaultLanes, replicas)
	config.Name, config.Subjects = ceilingStream, []string{ceilingSubject + ">"}
	_, err = js.CreateStream(ctx, config)
	return err
}

// publishSome publishes one after the other and returns each latency.
func publishSome(ctx context.Context, js jetstream.JetStream, subject string, body []byte, n int) ([]time.Duration, error) {
	latencies := make([]time.Duration, 0, n)
	for range n {
		sent := time.Now()
		if _, err := js.PublishMsg(ctx, &nats.Msg{Subject: subject, Data: body}); err != nil {
			return latencies, err
		}
		latencies = append(latencies, time.Since(sent))
	}
	return latencies, nil
}

// quantile of sorted durations; 0 of none.
func quantile(sorted []time.Duration, q float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}

// RawRead reads the stream from its first message to its present end with a consumer that only counts.
func RawRead(ctx context.Context, nc *nats.Conn, stream domain.Stream) (Ceiling, error) {
	c, err := rawRead(ctx, nc, stream)
	if err != nil {
		return c, fmt.Errorf("natslog: raw read of %s: %w", stream, err)
	}
	return c, nil
}

func rawRead(ctx context.Context, nc *nats.Conn, stream domain.Stream) (Ceiling, error) {
	var c Ceiling
	js, err := jetstream.New(nc)
	if err != nil {
		return c, err
	}
	s, err := js.Stream(ctx, stream.String())
	if err != nil {
		return c, err
	}
	last := s.CachedInfo().State.LastSeq
	if last == 0 {
		return c, errors.New("it is empty")
	}
	started := time.Now()
	consumer, err := s.CreateConsumer(ctx, consumerConfig(1))
	if err != nil {
		return c, err
	}
	defer func() { _ = s.DeleteConsumer(context.WithoutCancel(ctx), consumer.CachedInfo().Name) }()
	messages, err := pull(consumer, pullMessages)
	if err != nil {
		return c, err
	}
	defer messages.stop()
	for sequence := uint64(0); sequence < last; {
		msg, err := messages.next(ctx, nil)
		if err != nil {
			return c, err
		}
		meta, err := msg.Metadata()
		if err != nil {
			return c, err
		}
		sequence = meta.Sequence.Stream
		c.Messages++
	}
	c.Elapsed = time.Since(started)
	return c, nil
}
