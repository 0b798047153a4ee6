package natslog

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"google.golang.org/protobuf/proto"

	"github.com/profferhq/proffer/commands/commandstest"
	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
)

var zero = domain.Lane{Stream: domain.Behaviour, Key: "0"}

func TestGroupCommit(t *testing.T) {
	t.Parallel()
	l := opened(t, connected(t, startEmbedded(t, EmbeddedOptions{Dir: t.TempDir()})), Options{})
	const calls = 10_000
	var last Pending
	for range calls {
		p, err := l.Enqueue(zero, commandstest.Tracked("%s", strings.Repeat("x", 100)))
		must(t, err, "enqueue")
		last = p
	}
	if _, err := last.Wait(testContext(t)); err != nil {
		t.Fatal(err)
	}
	got := l.Stats().Streams[domain.Behaviour]
	if got.Events != calls || got.QueuedBytes != 0 || got.Failed != 0 {
		t.Errorf("got %+v", got)
	}
	if least := uint64(calls / domain.MaxEnvelopeEvents); got.Envelopes <= least || got.Envelopes > calls/10 {
		t.Errorf("%d calls made %d envelopes", calls, got.Envelopes)
	}
	if err := l.Health(testContext(t)); err != nil {
		t.Error(err)
	}
	l.Close()
	if ln := l.byLane[zero]; ln.draining || ln.queue != nil || ln.bytes != 0 {
		t.Errorf("an idle lane still works: %+v", ln)
	}
	if _, err := l.Append(testContext(t), zero, commandstest.Tracked("x")); !errors.Is(err, domain.ErrUnavailable) {
		t.Errorf("after closing: got %v, want unavailable", err)
	}
}

// An envelope has one condition: what is appended at the stream's end shares it with nobody.
func TestAnAppendAtTheStreamsEndIsAnEnvelopeOfItsOwn(t *testing.T) {
	t.Parallel()
	ln := &lane{}
	for _, end := range []uint64{anyEnd, anyEnd, 7, 7, anyEnd} {
		ln.queue = append(ln.queue, &call{end: end, frames: [][]byte{{1}}})
	}
	var got []int
	for batch := ln.take(); batch != nil; batch = ln.take() {
		got = append(got, len(batch))
	}
	if want := []int{2, 1, 1, 1}; !slices.Equal(got, want) {
		t.Errorf("batches of %v calls, want %v", got, want)
	}
}

func TestServerAway(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	e := startEmbedded(t, EmbeddedOptions{Dir: dir})
	listen := hostOf(e.ClientURL())
	nc := dialed(t, e.ClientURL(), credentials(t, e))
	l := opened(t, nc, Options{Patience: time.Second})
	ctx := testContext(t)
	_, err := l.Append(ctx, zero, commandstest.Tracked("before"))
	must(t, err, "append")
	live, cancel := context.WithCancel(ctx)
	defer cancel()
	came, ended := make(chan domain.Envelope, 10), make(chan error, 1)
	go func() {
		for env, err := range l.Follow(live, domain.Behaviour, 1) {
			if err != nil {
				ended <- err
				return
			}
			came <- env
		}
		close(ended)
	}()
	<-came
	e.Close()
	started := time.Now()
	_, err = l.Append(ctx, zero, commandstest.Tracked("away"))
	if !errors.Is(err, domain.ErrUnavailable) || time.Since(started) > 5*time.Second {
		t.Errorf("got %v after %s, want unavailable within the patience", err, time.Since(started))
	}
	if err := l.Health(ctx); !errors.Is(err, domain.ErrUnavailable) || l.Connected() {
		t.Errorf("health: got %v, connected %t", err, l.Connected())
	}
	for _, err := range l.Read(ctx, domain.Behaviour, 1, End) {
		if !errors.Is(err, domain.ErrUnavailable) {
			t.Errorf("read: got %v, want unavailable", err)
		}
	}
	startEmbedded(t, EmbeddedOptions{Dir: dir, Listen: listen})
	must(t, steadily(ctx, l.Health), "wait for the server")
	at, err := l.Append(ctx, zero, commandstest.Tracked("again"))
	if err != nil || at.Sequence != 2 {
		t.Errorf("got %v, %v, want sequence 2: nothing was half done", at, err)
	}
	select {
	case env := <-came:
		if env.Sequence != 2 {
			t.Errorf("following came to %d, want 2", env.Sequence)
		}
	case err := <-ended:
		t.Errorf("following ended: %v", err)
	}
}

func TestLogFull(t *testing.T) {
	t.Parallel()
	l := opened(t, connected(t, startEmbedded(t, EmbeddedOptions{Dir: t.TempDir(), MaxStore: 4 << 20})), Options{})
	large := commandstest.Tracked("%s", strings.Repeat("x", 500_000))
	var err error
	taken := uint64(0)
	for err == nil && taken < 20 {
		if _, err = l.Append(testContext(t), zero, large); err == nil {
			taken++
		}
	}
	if !errors.Is(err, domain.ErrLogFull) {
		t.Fatalf("got %v, want full", err)
	}
	if last, err := l.Last(testContext(t), domain.Behaviour); err != nil || last != taken {
		t.Errorf("the stream ends at %d, %v, want %d: nothing of the refused is in", last, err, taken)
	}
	now := time.Now()
	if err := l.Room(now); !errors.Is(err, domain.ErrLogFull) {
		t.Errorf("room after a refusal: got %v, want full", err)
	}
	if err := l.Room(now.Add(FullFor)); err != nil {
		t.Errorf("room %s later: got %v, want that it is tried again", FullFor, err)
	}
	must(t, l.streams[domain.Behaviour].Purge(testContext(t)), "make room")
	_, err = l.TakeOver(testContext(t), zero)
	must(t, err, "take over")
	_, err = l.Append(testContext(t), zero, commandstest.Tracked("small"))
	must(t, err, "append into the room")
	must(t, l.Room(now), "room after an append")
}

// quiet is a log whose server hears everything and whose owner hears nothing, until the drop is taken back.
func quiet(t *testing.T, o Options) (*Log, *lossyProxy) {
	t.Helper()
	e := startEmbedded(t, EmbeddedOptions{Dir: t.TempDir()})
	proxy := newLossyProxy(t, hostOf(e.ClientURL()))
	o.Bulk = connected(t, e)
	l := opened(t, dialed(t, proxy.url(), credentials(t, e)), o)
	_, err := l.Append(testContext(t), zero, commandstest.Tracked("first"))
	must(t, err, "append")
	return l, proxy
}

func TestQueueIsBounded(t *testing.T) {
	t.Parallel()
	l, proxy := quiet(t, Options{QueueBytes: 1000})
	proxy.loseReplies(1)
	var pending []Pending
	for {
		p, err := l.Enqueue(zero, commandstest.Tracked("%s", strings.Repeat("x", 100)))
		if err != nil {
			if !errors.Is(err, domain.ErrUnavailable) {
				t.Errorf("got %v, want unavailable", err)
			}
			break
		}
		if pending = append(pending, p); len(pending) > 10 {
			t.Fatal("the queue has no bound")
		}
	}
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := pending[0].Wait(ended); !errors.Is(err, context.Canceled) {
		t.Errorf("waiting with an ended context: got %v", err)
	}
	for _, p := range pending {
		if _, err := p.Wait(testContext(t)); err != nil {
			t.Errorf("what was taken: %v", err)
		}
	}
	if got := l.Stats().Streams[domain.Behaviour]; got.Refused != 1 || got.Recovered != 1 {
		t.Errorf("got %+v, want one refused and one recovered", got)
	}
}

// An append that ends as unavailable may be in the log: what was enqueued behind it fails as well, and the next
// goes on behind what is there.
func TestUnknownOutcome(t *testing.T) {
	t.Parallel()
	l, proxy := quiet(t, Options{Patience: 500 * time.Millisecond})
	term, err := l.Term(zero)
	must(t, err, "term")
	proxy.loseReplies(1000)
	first, err := l.EnqueueIn(zero, term, commandstest.Tracked("unknown"))
	must(t, err, "enqueue")
	<-proxy.dropped // the first is in, and nobody knows
	behind, err := l.EnqueueIn(zero, term, commandstest.Tracked("behind it"))
	must(t, err, "enqueue")
	for _, p := range []Pending{first, behind} {
		if _, err := p.Wait(testContext(t)); !errors.Is(err, domain.ErrUnavailable) {
			t.Errorf("got %v, want unavailable", err)
		}
	}
	if now, err := l.Term(zero); err != nil || now != term+1 {
		t.Errorf("got term %d, %v, want %d: both failed together", now, err, term+1)
	}
	if _, err := l.EnqueueIn(zero, term, commandstest.Tracked("decided before")); !errors.Is(err, domain.ErrLaneLost) {
		t.Errorf("the old term: got %v, want lost", err)
	}
	proxy.loseReplies(0)
	at, err := l.Append(testContext(t), zero, commandstest.Tracked("next"))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for env, err := range l.Read(testContext(t), domain.Behaviour, 1, End) {
		must(t, err, "read")
		events, err := env.Events()
		must(t, err, "events")
		for _, e := range events {
			got = append(got, e.GetTracked().GetName())
		}
	}
	if text := strings.Join(got, " "); text != "first unknown next" {
		t.Errorf("the lane holds %q", text)
	}
	if at.Sequence != 3 {
		t.Errorf("the next stands at %v, want sequence 3", at)
	}
}

// An envelope of unknown outcome that lands after its owner looked is recognised as its own: the append under way
// fails, the lane goes on.
func TestLateLanding(t *testing.T) {
	t.Parallel()
	nc := connected(t, startEmbedded(t, EmbeddedOptions{Dir: t.TempDir()}))
	l := opened(t, nc, Options{})
	ctx := testContext(t)
	_, err := l.Append(ctx, zero, commandstest.Tracked("first"))
	must(t, err, "append")
	ln := l.byLane[zero]
	frame, err := proto.Marshal(commandstest.Tracked("late"))
	must(t, err, "encode")
	late, hash := domain.EncodeEnvelope(nil, ln.end.hash, [][]byte{frame})
	ln.turn <- struct{}{}
	ln.doubt(hash, true)
	ln.unsure = false // it looked, and found nothing
	<-ln.turn
	put(t, nc)(zero, late)
	if _, err := l.Append(ctx, zero, commandstest.Tracked("under way")); !errors.Is(err, domain.ErrUnavailable) {
		t.Errorf("got %v, want unavailable", err)
	}
	at, err := l.Append(ctx, zero, commandstest.Tracked("after"))
	if err != nil || at.Sequence != 3 {
		t.Errorf("got %v, %v, want sequence 3", at, err)
	}
	for _, err := range l.Read(ctx, domain.Behaviour, 1, End) {
		must(t, err, "read")
	}
}

func TestCorruptEndStopsTheLane(t *testing.T) {
	t.Parallel()
	nc := connected(t, startEmbedded(t, EmbeddedOptions{Dir: t.TempDir()}))
	l := opened(t, nc, Options{})
	put(t, nc)(zero, []byte("no envelope"))
	_, err := l.Append(testContext(t), zero, commandstest.Tracked("x"))
	if !errors.Is(err, domain.ErrEnvelopeCorrupt) || !strings.Contains(err.Error(), "BEHAVIOUR/1") {
		t.Errorf("got %v, want corrupt, with the place", err)
	}
}

func TestMissingMessages(t *testing.T) {
	t.Parallel()
	nc := connected(t, startEmbedded(t, EmbeddedOptions{Dir: t.TempDir()}))
	l := opened(t, nc, Options{Patience: time.Second})
	ctx := testContext(t)
	js, err := jetstream.New(nc)
	must(t, err, "jetstream")
	for i := range 6 {
		_, err := l.Append(ctx, domain.Lane{Stream: domain.Outcome, Key: "0"}, &event.Event{Body: &event.Event_Exposed{Exposed: &event.Exposed{}}})
		must(t, err, "append")
		_, err = l.Append(ctx, domain.Lane{Stream: domain.Behaviour, Key: fmt.Sprint(i % 2)}, commandstest.Tracked("%d", i))
		must(t, err, "append")
		_, err = l.Append(ctx, domain.Lane{Stream: domain.Decision, Key: "0"}, &event.Event{Body: &event.Event_Decision{Decision: &event.Decision{}}})
		must(t, err, "append")
	}
	stream := func(s domain.Stream) jetstream.Stream {
		stream, err := js.Stream(ctx, s.String())
		must(t, err, "look up")
		return stream
	}
	must(t, stream(domain.Outcome).DeleteMsg(ctx, 6), "delete")
	checkRead(t, l, domain.Outcome, 5, "OUTCOME/6 to 6 is missing")
	must(t, stream(domain.Outcome).DeleteMsg(ctx, 3), "delete")
	checkRead(t, l, domain.Outcome, 2, "OUTCOME/3 to 3 is missing")
	must(t, stream(domain.Outcome).Purge(ctx, jetstream.WithPurgeSequence(3)), "purge")
	checkRead(t, l, domain.Outcome, 0, "OUTCOME/1 to 3 is missing")
	must(t, stream(domain.Behaviour).Purge(ctx, jetstream.WithPurgeSequence(4)), "purge")
	checkRead(t, l, domain.Behaviour, 3, "")
	if err := stream(domain.Decision).DeleteMsg(ctx, 1); err == nil {
		t.Error("a decision was deleted")
	}
	if err := stream(domain.Decision).Purge(ctx); err == nil {
		t.Error("the decisions were purged")
	}
	checkRead(t, l, domain.Decision, 6, "")
}

// checkRead wants that many envelopes, then this error.
func checkRead(t *testing.T, l *Log, s domain.Stream, want int, failure string) {
	t.Helper()
	got := 0
	for _, err := range l.Read(testContext(t), s, 1, End) {
		if err == nil {
			got++
			continue
		}
		if failure == "" || !errors.Is(err, domain.ErrChainBroken) || !strings.Contains(err.Error(), failure) {
			t.Errorf("%s: got error %v, want %q", s, err, failure)
		}
		failure = ""
	}
	if got != want || failure != "" {
		t.Errorf("%s: read %d, want %d and then %q", s, got, want, failure)
	}
}
