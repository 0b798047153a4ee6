package e2e

import (
	"context"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/nats-io/nats.go/jetstream"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/structpb"

	profferv1 "github.com/profferhq/proffer/gateway/api/proffer/v1"
	"github.com/profferhq/proffer/gateway/natslog"
)

// TestNATSMayBeAway cuts the log off while clients write: they are told `unavailable`, nothing is half done, and the
// server goes on by itself once the log is back.
func TestNATSMayBeAway(t *testing.T) {
	t.Parallel()
	nats := startNATS(t, natslog.EmbeddedOptions{Dir: t.TempDir(), Sync: "100ms"})
	wire := newWire(t, urlOf(t, nats))
	s := serve(t, t.TempDir(), "--no-database", "--nats-url", wire.url)
	s.publish(everybody)
	var shown struct {
		NatsURL string `json:"nats_url"`
	}
	if s.jsonOf(&shown, "status"); strings.Contains(shown.NatsURL, tokenOf(t, nats)) {
		t.Error("status shows the token of the cluster")
	}
	s.view("known", "before")
	views := uint64(1)

	rounds := 3
	if testing.Short() {
		rounds = 1
	}
	for round := range rounds {
		k := &kept{}
		ctx, cancel := context.WithCancel(t.Context())
		var clients sync.WaitGroup
		attempted := make([][][]*profferv1.Item, 3)
		for worker := range attempted {
			clients.Go(func() { attempted[worker] = s.ingestUntilRefused(ctx, k, round, worker) })
			clients.Go(func() { k.decide(ctx, s, round) })
		}
		k.awaitSome(t)
		wire.cut()
		away := s.wantUnavailable(round)
		clients.Wait() // each was refused
		cancel()
		wire.mend()
		s.awaitReady()

		k.checkItems(t, s)
		for _, items := range slices.Concat(append(attempted, away)...) {
			s.wantVerdicts(items, profferv1.Verdict_STATUS_ACCEPTED, profferv1.Verdict_STATUS_DUPLICATE)
			s.wantVerdicts(items, profferv1.Verdict_STATUS_DUPLICATE)
			views += uint64(len(items))
		}
		k.checkDecisions(t, s)
		s.wantFresh(fmt.Sprintf("fresh %d", round))
		views++
		s.awaitCounts("after an outage", map[string]uint64{"viewed": views})
	}
}

// view sends one view, which must be accepted.
func (s *server) view(person, message string) *profferv1.Verdict {
	s.t.Helper()
	answer, err := s.ingest().Ingest(s.t.Context(), &profferv1.IngestRequest{Source: "shop", Items: []*profferv1.Item{{
		Type: "view", Kind: "page", Name: "home", MessageId: message,
		Identifiers: []*profferv1.Identifier{{Type: "user_id", Value: person}},
	}}})
	if err != nil {
		s.t.Fatal(err)
	}
	return answer.GetVerdicts()[0]
}

// ingestUntilRefused sends batches until one fails, and returns all that it tried to send.
func (s *server) ingestUntilRefused(ctx context.Context, k *kept, round, worker int) (attempted [][]*profferv1.Item) {
	client := s.ingest()
	for batch := 0; ; batch++ {
		items := make([]*profferv1.Item, 20)
		for i := range items {
			items[i] = &profferv1.Item{
				MessageId: fmt.Sprintf("o-%d-%d-%d-%d", round, worker, batch, i), Type: "view", Kind: "page", Name: fmt.Sprintf("round %d", round),
				Identifiers: []*profferv1.Identifier{{Type: "user_id", Value: fmt.Sprintf("p-%d", (batch+i)%50)}},
			}
		}
		attempted = append(attempted, items)
		if _, err := client.Ingest(ctx, &profferv1.IngestRequest{Source: "crash", Items: items}); err != nil {
			return attempted
		}
		k.mu.Lock()
		k.items = append(k.items, items)
		k.mu.Unlock()
	}
}

// awaitSome waits until clients were answered.
func (k *kept) awaitSome(t *testing.T) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for {
		k.mu.Lock()
		enough := len(k.items) > 10 && len(k.decisions) > 10
		k.mu.Unlock()
		if enough {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("the clients are not answered")
		}
	}
}

// wantUnavailable asks for everything while the log is away, and returns the items that it sent.
func (s *server) wantUnavailable(round int) (sent [][]*profferv1.Item) {
	s.t.Helper()
	var calls sync.WaitGroup
	for name, person := range map[string]string{"somebody known": "known", "somebody new": fmt.Sprintf("new %d", round)} {
		request := decideFor(person)
		request.Timeout = durationpb.New(500 * time.Millisecond)
		started := time.Now()
		_, err := s.decisions().Decide(s.t.Context(), request)
		wantRefusal(s.t, "decide for "+name, err, connect.CodeUnavailable, "LOG_UNAVAILABLE")
		if took := time.Since(started); took > 5*time.Second {
			s.t.Errorf("decide for %s: told after %s, though half a second was allowed", name, took)
		}
		items := []*profferv1.Item{{
			Type: "view", Kind: "page", Name: "away", MessageId: fmt.Sprint(name, round), Identifiers: request.GetIdentifiers(),
		}}
		sent = append(sent, items)
		calls.Go(func() {
			_, err := s.ingest().Ingest(s.t.Context(), &profferv1.IngestRequest{Source: "crash", Items: items})
			wantRefusal(s.t, "ingest for "+name, err, connect.CodeUnavailable, "LOG_UNAVAILABLE")
		})
	}
	response, err := http.Get(s.file.URL + "/readyz")
	if err != nil {
		s.t.Fatal(err)
	}
	if text := body(s.t, response); response.StatusCode != http.StatusServiceUnavailable {
		s.t.Errorf("/readyz: got %d %s, want 503", response.StatusCode, text)
	}
	calls.Wait()
	return sent
}

// wantVerdicts sends items and checks that each gets one of these verdicts.
func (s *server) wantVerdicts(items []*profferv1.Item, allowed ...profferv1.Verdict_Status) {
	s.t.Helper()
	answer, err := s.ingest().Ingest(s.t.Context(), &profferv1.IngestRequest{Source: "crash", Items: items})
	if err != nil {
		s.t.Fatal(err)
	}
	for i, v := range answer.GetVerdicts() {
		if !slices.Contains(allowed, v.GetStatus()) {
			s.t.Fatalf("%s: got %v, want one of %v", items[i].GetMessageId(), v, allowed)
		}
	}
}

// wantFresh sends an event and decides no earlier than it.
func (s *server) wantFresh(person string) {
	s.t.Helper()
	request := decideFor(person)
	request.NotBefore, request.Timeout = s.view(person, person).GetPosition(), durationpb.New(20*time.Second)
	if _, err := s.decisions().Decide(s.t.Context(), request); err != nil {
		s.t.Errorf("decide after an outage: %v", err)
	}
}

// startNATS is a NATS server that is nobody's own; it is stopped with the test.
func startNATS(t *testing.T, o natslog.EmbeddedOptions) *natslog.Embedded {
	t.Helper()
	nats, err := natslog.StartEmbedded(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nats.Close)
	return nats
}

// urlOf is where it is reached, with its token.
func urlOf(t *testing.T, nats *natslog.Embedded) string {
	t.Helper()
	return strings.Replace(nats.ClientURL(), "nats://", "nats://"+tokenOf(t, nats)+"@", 1) + "/"
}

func tokenOf(t *testing.T, nats *natslog.Embedded) string {
	t.Helper()
	token, err := os.ReadFile(nats.TokenFile())
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(token))
}

// TestALogAtItsLimitIsNotReady fills a log whose NATS has a limit, and then raises the limit.
func TestALogAtItsLimitIsNotReady(t *testing.T) {
	t.Parallel()
	o := natslog.EmbeddedOptions{Dir: t.TempDir(), Sync: "100ms", MaxStore: 8 << 20}
	nats := startNATS(t, o)
	s := serve(t, t.TempDir(), "--no-database", "--nats-url", urlOf(t, nats))
	random := rand.New(rand.NewPCG(1, 1))
	var refused error
	for batch := 0; refused == nil; batch++ {
		if batch == 100 {
			t.Fatal("the log never fills up: the test proves nothing")
		}
		_, refused = s.ingest().Ingest(t.Context(), &profferv1.IngestRequest{Source: "crash", Items: bulky(t, random, batch)})
	}
	wantRefusal(t, "ingest into a full log", refused, connect.CodeResourceExhausted, "LOG_FULL")
	response, err := http.Get(s.file.URL + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	if text := body(t, response); response.StatusCode != http.StatusServiceUnavailable || !strings.Contains(text, "full") {
		t.Errorf("/readyz: got %d %s", response.StatusCode, text)
	}

	nats.Close()
	o.MaxStore, o.Listen = 64<<20, strings.TrimPrefix(nats.ClientURL(), "nats://")
	startNATS(t, o)
	s.wantVerdicts(bulky(t, random, 1000), profferv1.Verdict_STATUS_ACCEPTED)
	s.awaitReady()
}

// TestAVaultAtItsLimitIsNotReady bounds the vault's buckets alone, and then lifts that.
func TestAVaultAtItsLimitIsNotReady(t *testing.T) {
	t.Parallel()
	nats := startNATS(t, natslog.EmbeddedOptions{Dir: t.TempDir(), Sync: "100ms"})
	s := serve(t, t.TempDir(), "--no-database", "--nats-url", urlOf(t, nats))
	known := &profferv1.Item{Type: "view", Kind: "page", Name: "home", MessageId: "1"}
	s.send(known, "user_id:known")
	limitVault(t, nats, 1000)
	_, refused := s.ingest().Ingest(t.Context(), &profferv1.IngestRequest{Source: "crash", Items: bulky(t, rand.New(rand.NewPCG(1, 1)), 0)})
	wantRefusal(t, "ingest of people whom the vault has no room for", refused, connect.CodeResourceExhausted, "LOG_FULL")
	response, err := http.Get(s.file.URL + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	if text := body(t, response); response.StatusCode != http.StatusServiceUnavailable || !strings.Contains(text, "the vault is full") {
		t.Errorf("/readyz: got %d %s", response.StatusCode, text)
	}
	s.send(&profferv1.Item{Type: "view", Kind: "page", Name: "home", MessageId: "2"}, "user_id:known") // the log has room

	limitVault(t, nats, -1)
	s.wantVerdicts(bulky(t, rand.New(rand.NewPCG(1, 1)), 0), profferv1.Verdict_STATUS_ACCEPTED)
	s.awaitReady()
}

// limitVault bounds the vault's buckets of identifiers, in bytes each.
func limitVault(t *testing.T, nats *natslog.Embedded, bytes int64) {
	t.Helper()
	nc, err := nats.Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"KV_vault_identifiers_0", "KV_vault_identifiers_1"} {
		bucket, err := js.Stream(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		config := bucket.CachedInfo().Config
		config.MaxBytes = bytes
		if _, err := js.UpdateStream(t.Context(), config); err != nil {
			t.Fatal(err)
		}
	}
}

// TestAFullDiskLosesNothingAcknowledged fills the disk under the data folder.
func TestAFullDiskLosesNothingAcknowledged(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if out, err := exec.CommandContext(t.Context(), "mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", dir).CombinedOutput(); err != nil {
		t.Skipf("skipped: a small disk cannot be mounted here: %v %s", err, out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", dir).CombinedOutput(); err != nil {
			t.Errorf("umount: %v %s", err, out)
		}
	})
	s := serve(t, dir, "--no-database")
	s.publish(everybody)
	ballast := filepath.Join(dir, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 40<<20), 0o600); err != nil {
		t.Fatal(err)
	}

	random := rand.New(rand.NewPCG(1, 1))
	k := &kept{}
	refused := error(nil)
	for batch := 0; refused == nil; batch++ {
		if batch == 400 {
			t.Fatal("the disk never fills up: the test proves nothing")
		}
		items := bulky(t, random, batch)
		started := time.Now()
		if _, refused = s.ingest().Ingest(t.Context(), &profferv1.IngestRequest{Source: "crash", Items: items}); refused == nil {
			k.items = append(k.items, items)
			continue
		}
		if took := time.Since(started); took > 20*time.Second {
			t.Errorf("a full disk was told after %s", took)
		}
	}
	t.Logf("%d batches were acknowledged; then: %v", len(k.items), refused)
	wantRefusal(t, "ingest on a full disk", refused, connect.CodeResourceExhausted, "LOG_FULL")
	started := time.Now()
	_, err := s.ingest().Ingest(t.Context(), &profferv1.IngestRequest{Source: "crash", Items: bulky(t, random, 1000)})
	wantRefusal(t, "the next call", err, connect.CodeResourceExhausted, "LOG_FULL")
	if took := time.Since(started); took > 2*time.Second {
		t.Errorf("a disk that is known to be full was told after %s", took)
	}
	if _, err := s.decisions().Decide(t.Context(), decideFor("p")); err != nil { // a small record may fit yet
		wantRefusal(t, "decide on a full disk", err, connect.CodeResourceExhausted, "LOG_FULL")
	}
	response, err := http.Get(s.file.URL + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	if text := body(t, response); response.StatusCode != http.StatusServiceUnavailable || !strings.Contains(text, "full") {
		t.Errorf("/readyz: got %d %s", response.StatusCode, text)
	}

	s.kill()
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	s.start()
	k.checkItems(t, s)
	if _, err := s.decisions().Decide(t.Context(), decideFor("p")); err != nil {
		t.Errorf("decide after space was made: %v", err)
	}
}

// bulky is a batch of about half a megabyte that does not compress.
func bulky(t *testing.T, random *rand.Rand, batch int) []*profferv1.Item {
	items := make([]*profferv1.Item, 500)
	for i := range items {
		noise := make([]byte, 400)
		for j := range noise {
			noise[j] = byte(random.Uint32())
		}
		properties, err := structpb.NewStruct(map[string]any{"noise": hex.EncodeToString(noise)})
		if err != nil {
			t.Fatal(err)
		}
		items[i] = &profferv1.Item{
			MessageId: fmt.Sprintf("f-%d-%d", batch, i), Type: "view", Kind: "page", Name: "home",
			Identifiers: []*profferv1.Identifier{{Type: "user_id", Value: fmt.Sprintf("p-%d", i)}},
			Properties:  properties,
		}
	}
	return items
}
