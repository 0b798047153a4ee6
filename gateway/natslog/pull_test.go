package natslog

import (
	"errors"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/profferhq/proffer/commands/commandstest"
	"github.com/profferhq/proffer/domain"
)

// A reader that takes his time is sent heartbeats between the messages that he asked for.
func TestASlowReaderLosesNothing(t *testing.T) {
	t.Parallel()
	e := startEmbedded(t, EmbeddedOptions{Dir: t.TempDir()})
	bulk := connected(t, e)
	l := opened(t, connected(t, e), Options{Bulk: bulk})
	append1 := func() {
		_, err := l.Append(testContext(t), zero, commandstest.Tracked("x"))
		must(t, err, "append")
	}
	for range 4 {
		append1()
	}
	for e, err := range l.Read(testContext(t), domain.Behaviour, 1, End) {
		must(t, err, "read")
		if e.Sequence < 4 {
			continue
		}
		heard := bulk.Stats().InMsgs
		awaitMessages(t, bulk, heard+2) // heartbeats
		for range 3 {
			append1()
		}
		awaitMessages(t, bulk, heard+5)
	}
	if err := bulk.LastError(); errors.Is(err, nats.ErrSlowConsumer) {
		t.Error(err)
	}
}

func awaitMessages(t *testing.T, nc *nats.Conn, n uint64) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for ctx := testContext(t); nc.Stats().InMsgs < n; {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("%d messages came, want %d", nc.Stats().InMsgs, n)
		}
	}
}
