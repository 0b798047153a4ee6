package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/structpb"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/gateway"
	profferv1 "github.com/profferhq/proffer/gateway/api/proffer/v1"
	"github.com/profferhq/proffer/gateway/sample"
)

// record writes a new history: go test ./e2e -run TestRecordAHistory -record v1. One that exists is never written
// again: whatever the product becomes, it must replay.
var record = flag.String("record", "", "name of a history to record under testdata/histories")

// checkout offers nothing to most, and fails to evaluate its rule for those who do not say what is in the cart.
const checkout = `
policy: checkout
view: core@1
placements:
  - {id: checkout, channel: web, context: {cart_total: number}}
offers:
  - id: gift-wrap
    category: service
    eligibility:
      - {name: a full cart, when: context.cart_total > 30.0}
    propensity: 0.3
    value: 1.5
    treatments:
      - {id: line, channel: web}
`

// TestRecordAHistory runs a scripted shop on the real product and writes its log down.
func TestRecordAHistory(t *testing.T) {
	if *record == "" {
		t.Skip("skipped: it records a new history when -record names one")
	}
	path := filepath.Join(historiesFolder, *record+".jsonl")
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("%s exists: a history is recorded once", path)
	}
	config, err := gateway.DefaultConfig()
	if err != nil {
		t.Fatal(err)
	}
	config.Data, config.Listen, config.NoDatabase, config.Lanes = t.TempDir(), "127.0.0.1:0", true, 3
	node, err := gateway.Start(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = node.Close() })
	s := &server{t: t, file: gateway.ServerFile{URL: node.URL(), Key: node.SourceKey(), OperatorKey: node.OperatorKey()}}
	s.liveThroughAHistory()

	var out bytes.Buffer
	for _, stream := range domain.AllStreams() {
		last, err := node.Log().Last(t.Context(), stream)
		if err != nil {
			t.Fatal(err)
		}
		if last == 0 {
			continue
		}
		for envelope, err := range node.Log().Read(t.Context(), stream, 1, last) {
			if err != nil {
				t.Fatal(err)
			}
			data, hash := domain.EncodeEnvelope(nil, envelope.Prev, envelope.Frames)
			if hash != envelope.Hash {
				t.Fatalf("%s %d: the bytes are not those of the log", envelope.Lane.Subject(), envelope.Sequence)
			}
			line, err := json.Marshal(entry{envelope.Lane.Subject(), envelope.Sequence, data})
			if err != nil {
				t.Fatal(err)
			}
			out.Write(append(line, '\n'))
		}
	}
	if err := os.WriteFile(path, out.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

// liveThroughAHistory is the script: the sample's first people and their past, decisions with every reason, links, late
// events, new versions of the policy, outcomes of decisions, and something that was refused.
func (s *server) liveThroughAHistory() {
	s.t.Helper()
	const people = 12
	var past []*profferv1.Item
	for item := range sample.Items(1, time.Now().Truncate(24*time.Hour)) {
		if item.GetIdentifiers()[0].GetValue() > sample.UserID(people) && item.GetIdentifiers()[0].GetType() == "user_id" || len(past) == 800 {
			break
		}
		past = append(past, item)
	}
	s.accepted(past...)
	s.publish(string(sample.Policy))
	s.publish(checkout)
	for round := range 3 {
		for person := range people {
			answer := s.decideAt("home", sample.UserID(person), map[string]any{"page": "start", "cart_total": float64(20 * round)})
			s.decideAt("app-card", sample.UserID(person), nil)
			s.decideAt("checkout", sample.UserID(person), map[string]any{"cart_total": float64(20 * round)})
			user := []*profferv1.Identifier{{Type: "user_id", Value: sample.UserID(person)}}
			if answer.GetOffer() != "" {
				s.accepted(&profferv1.Item{Type: "expose", DecisionId: answer.GetDecisionId(), Offer: answer.GetOffer(), Placement: "home", Channel: "web", Identifiers: user})
			}
			s.accepted(&profferv1.Item{
				Type: "purchase", Amount: fmt.Sprintf("%d.50", 3+person), Currency: "EUR", Identifiers: user,
				Order: fmt.Sprintf("late-%d-%d", round, person),
			})
		}
		s.accepted(&profferv1.Item{Type: "link", Identifiers: []*profferv1.Identifier{
			{Type: "user_id", Value: sample.UserID(2 * round)}, {Type: "user_id", Value: sample.UserID(2*round + 1)},
		}})
		s.publish(strings.Replace(string(sample.Policy), "holdout: 5%", fmt.Sprintf("holdout: %d%%", 20*(round+1)), 1))
	}
	s.decideAt("home", "a stranger", nil)
	s.decideAt("checkout", "a stranger", nil)
	if _, err := s.ingest().Ingest(s.t.Context(), &profferv1.IngestRequest{Source: "shop", Items: []*profferv1.Item{{Type: "teleport"}}}); err != nil {
		s.t.Fatal(err)
	}
}

func (s *server) accepted(items ...*profferv1.Item) {
	s.t.Helper()
	answer, err := s.ingest().Ingest(s.t.Context(), &profferv1.IngestRequest{Source: fmt.Sprint("script ", items[0].GetSourceSeq() > 0), Items: items})
	if err != nil {
		s.t.Fatal(err)
	}
	for i, v := range answer.GetVerdicts() {
		if v.GetStatus() != profferv1.Verdict_STATUS_ACCEPTED {
			s.t.Fatalf("%v: %v", items[i], v)
		}
	}
}

func (s *server) decideAt(placement, person string, facts map[string]any) *profferv1.DecideResponse {
	s.t.Helper()
	request := decideFor(person)
	request.Placement = placement
	var err error
	if request.Context, err = structpb.NewStruct(facts); err != nil {
		s.t.Fatal(err)
	}
	answer, err := s.decisions().Decide(s.t.Context(), request)
	if err != nil {
		s.t.Fatal(err)
	}
	return answer
}
