package natslog

import (
	"context"
	"fmt"
	"time"

	"github.com/profferhq/proffer/domain"
)

// StreamStats are one stream's figures since the log was opened in this process.
type StreamStats struct {
	// Appended and acknowledged.
	Envelopes, Events, Bytes uint64
	// Retries are envelopes sent again; Recovered are those found in the log after their acknowledgement was lost.
	Retries, Recovered uint64
	// Lost counts how often a lane was found to have another owner; Failed are calls that ended with an error;
	// Refused are calls that found the queue full.
	Lost, Failed, Refused uint64
	// QueuedBytes wait now, or are under way.
	QueuedBytes int64
	// Publishing is the time spent in publishing, over all envelopes.
	Publishing time.Duration
}

// Stats are the figures of all streams.
type Stats struct {
	Connected bool
	Streams   [domain.Streams]StreamStats
}

// Stats reads the figures; cheap enough for every scrape.
func (l *Log) Stats() Stats {
	out := Stats{Connected: l.Connected()}
	for i := range l.counts {
		c := &l.counts[i]
		out.Streams[i] = StreamStats{
			Envelopes: c.envelopes.Load(), Events: c.events.Load(), Bytes: c.bytes.Load(),
			Retries: c.retries.Load(), Recovered: c.recovered.Load(),
			Lost: c.lost.Load(), Failed: c.failed.Load(), Refused: c.refused.Load(),
			QueuedBytes: c.queuedBytes.Load(), Publishing: time.Duration(c.publishNanos.Load()),
		}
	}
	return out
}

// FullFor is how long a refused append for lack of room speaks for its stream. Who is told to go elsewhere meanwhile
// appends nothing, so that nothing else would ever show that there is room again.
const FullFor = time.Minute

// Room fails with domain.ErrLogFull when a stream has refused an append for lack of room within FullFor, and has taken
// none since.
func (l *Log) Room(now time.Time) error {
	for i := range l.counts {
		at := l.counts[i].fullAt.Load()
		if at != 0 && now.Sub(time.Unix(0, at)) < FullFor {
			return fmt.Errorf("natslog: %w: %s takes no more", domain.ErrLogFull, domain.Stream(i))
		}
	}
	return nil
}

// Connected says whether both connections are up now.
func (l *Log) Connected() bool { return l.nc.IsConnected() && l.bulk.IsConnected() }

// Health asks the server for every stream's state, and fails with domain.ErrUnavailable when one has no answer.
func (l *Log) Health(ctx context.Context) error {
	if !l.Connected() {
		return fmt.Errorf("natslog: %w: not connected", domain.ErrUnavailable)
	}
	for _, s := range domain.AllStreams() {
		if _, err := l.state(ctx, s); err != nil {
			return fmt.Errorf("natslog: state of %s: %w", s, err)
		}
	}
	return nil
}
