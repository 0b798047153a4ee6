package e2e

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/profferhq/proffer/domain/policy"
	profferv1 "github.com/profferhq/proffer/gateway/api/proffer/v1"
)

const crashRounds = 20

// limited allows two offers a person, ever: what a crash must not make more.
const limited = `
policy: limited
view: core@1
placements:
  - {id: home, channel: web}
offers:
  - id: gift
    category: gift
    propensity: 0.5
    value: 2
    treatments:
      - {id: banner, channel: web}
contact_limits:
  - {name: two gifts, category: gift, most: 2, window: 300d}
`

// kept is what the clients were told: what must be true after any crash.
type kept struct {
	mu        sync.Mutex
	items     [][]*profferv1.Item         // acknowledged batches
	decisions []*profferv1.DecideResponse // answered
}

// TestKillAtAnyInstantLosesNothingAcknowledged kills the server with -9 at random instants while clients ingest and
// ask for decisions, and compares what they were told with what the log holds afterwards (invariants 1, 3, 4 and 5).
func TestKillAtAnyInstantLosesNothingAcknowledged(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	s := serve(t, t.TempDir(), "--no-database")
	s.publish(limited)
	k := &kept{}

	for round := range crashRounds {
		ctx, cancel := context.WithCancel(t.Context())
		var clients sync.WaitGroup
		for worker := range 3 {
			clients.Go(func() { k.ingest(ctx, s, round, worker) })
			clients.Go(func() { k.decide(ctx, s, round) })
		}
		timer := time.NewTimer(time.Duration(20+random.IntN(400)) * time.Millisecond)
		<-timer.C
		s.kill()
		cancel()
		clients.Wait()
		s.start()
	}

	if len(k.items) == 0 || len(k.decisions) == 0 {
		t.Fatal("the clients were never answered: the test proves nothing")
	}
	t.Logf("%d acknowledged batches, %d answered decisions", len(k.items), len(k.decisions))
	s.stop()
	checkLimit(t, s.dir)
	s.start()
	k.checkItems(t, s)
	k.checkDecisions(t, s)
}

func (k *kept) ingest(ctx context.Context, s *server, round, worker int) {
	client := s.ingest()
	for batch := 0; ctx.Err() == nil; batch++ {
		items := make([]*profferv1.Item, 20)
		for i := range items {
			items[i] = &profferv1.Item{
				MessageId: fmt.Sprintf("m-%d-%d-%d-%d", round, worker, batch, i), Type: "view", Kind: "page", Name: "home",
				Identifiers: []*profferv1.Identifier{{Type: "user_id", Value: fmt.Sprintf("p-%d", (batch+i)%50)}},
			}
		}
		answer, err := client.Ingest(ctx, &profferv1.IngestRequest{Source: "crash", Items: items})
		if err != nil {
			return
		}
		for _, v := range answer.GetVerdicts() {
			if v.GetStatus() != profferv1.Verdict_STATUS_ACCEPTED {
				return
			}
		}
		k.mu.Lock()
		k.items = append(k.items, items)
		k.mu.Unlock()
	}
}

// decide asks for six people, of whom the two rounds before asked for four and for two: what they were offered before a
// crash counts after it.
func (k *kept) decide(ctx context.Context, s *server, round int) {
	client := s.decisions()
	for i := 0; ctx.Err() == nil; i++ {
		request := decideFor(fmt.Sprintf("p-%d", 2*round+i%6))
		request.Timeout = durationpb.New(5 * time.Second)
		answer, err := client.Decide(ctx, request)
		if err != nil {
			return
		}
		k.mu.Lock()
		k.decisions = append(k.decisions, answer)
		k.mu.Unlock()
	}
}

// checkItems sends everything acknowledged again: what is in the log is a duplicate.
func (k *kept) checkItems(t *testing.T, s *server) {
	t.Helper()
	client := s.ingest()
	for _, items := range k.items {
		answer, err := client.Ingest(t.Context(), &profferv1.IngestRequest{Source: "crash", Items: items})
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range answer.GetVerdicts() {
			if v.GetStatus() != profferv1.Verdict_STATUS_DUPLICATE {
				t.Fatalf("%s was acknowledged and is not in the log: %v", items[i].GetMessageId(), v)
			}
		}
	}
}

func (k *kept) checkDecisions(t *testing.T, s *server) {
	t.Helper()
	audit := s.audit()
	for _, d := range k.decisions {
		again, err := audit.Explain(t.Context(), &profferv1.ExplainRequest{DecisionId: d.GetDecisionId(), Position: d.GetPosition()})
		if err != nil {
			t.Fatalf("an answered decision is not in the log: %s at %s: %v", d.GetDecisionId(), d.GetPosition(), err)
		}
		if again.GetOffer() != d.GetOffer() {
			t.Errorf("%s: answered %q, recorded %q", d.GetDecisionId(), d.GetOffer(), again.GetOffer())
		}
	}
	var result struct{ Replayed, Identical, Different uint64 }
	s.jsonOf(&result, "replay", "--all")
	if result.Different != 0 || result.Identical != result.Replayed || result.Replayed < uint64(len(k.decisions)) {
		t.Errorf("replay: got %+v, want at least %d replayed and all identical", result, len(k.decisions))
	}
}

// checkLimit counts the offers in the log of a stopped server, also those whose answer never left. Each person here has
// one alias.
func checkLimit(t *testing.T, dir string) {
	t.Helper()
	node := opened(t, dir)
	defer func() { _ = node.Close() }()
	offers, refused := map[string]int{}, 0
	for _, e := range decisionsIn(t, node) {
		switch d := e.GetDecision(); d.GetReason() {
		case policy.AnswerOffered:
			offers[string(d.GetRequestedAlias())]++
		case policy.AnswerContactLimit:
			refused++
		}
	}
	for alias, n := range offers {
		if n > 2 {
			t.Errorf("alias %x was offered %d gifts, at most 2 are allowed", alias, n)
		}
	}
	if refused == 0 {
		t.Error("nobody was at the limit: the test proves nothing")
	}
	t.Logf("%d people were offered something, %d decisions met the limit", len(offers), refused)
}
