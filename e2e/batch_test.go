package e2e

import (
	"fmt"
	"strings"
	"testing"

	profferv1 "github.com/profferhq/proffer/gateway/api/proffer/v1"
)

func TestABatchAnswersEachRequestOnItsOwn(t *testing.T) {
	t.Parallel()
	s := serve(t, t.TempDir(), "--no-database")
	s.publish(everybody)
	batch := &profferv1.DecideBatchRequest{}
	for n := range 100 {
		request := decideFor(fmt.Sprint("p-", n))
		switch n % 10 {
		case 8:
			request.Identifiers = nil
		case 9:
			request.Placement = "nowhere"
		}
		batch.Requests = append(batch.Requests, request)
	}
	answer, err := s.decisions().DecideBatch(t.Context(), batch)
	if err != nil {
		t.Fatal(err)
	}
	for n, result := range answer.GetResults() {
		want := map[int][2]string{8: {"invalid_argument", "INVALID_ARGUMENT"}, 9: {"not_found", "UNKNOWN_PLACEMENT"}}[n%10]
		if got := [2]string{result.GetError().GetCode(), result.GetError().GetReason()}; got != want {
			t.Errorf("request %d: got %v, want %s", n, result, want)
		}
		if n%10 < 8 && result.GetAnswer().GetOffer() != "welcome" {
			t.Errorf("request %d: got %v, want an offer", n, result)
		}
	}
	if message := answer.GetResults()[8].GetError().GetMessage(); !strings.Contains(message, "identifiers") {
		t.Errorf("told %q, want the field at fault", message)
	}
	s.awaitCounts("decisions", map[string]uint64{"decision": 80})
}

func TestAStreamOfBatchesIsCounted(t *testing.T) {
	t.Parallel()
	s := serve(t, t.TempDir(), "--no-database")
	for _, want := range []*profferv1.IngestStreamResponse{{Accepted: 300, Rejected: 3}, {Duplicates: 300, Rejected: 3}} {
		stream, err := s.ingest().IngestStream(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for batch := range 3 {
			request := &profferv1.IngestRequest{Source: "stream"}
			for n := range 100 {
				request.Items = append(request.Items, &profferv1.Item{
					MessageId: fmt.Sprintf("%d-%d", batch, n), Type: "view", Kind: "screen", Name: "start",
					Identifiers: []*profferv1.Identifier{{Type: "device_id", Value: fmt.Sprint(n)}},
				})
			}
			request.Items = append(request.Items, &profferv1.Item{MessageId: fmt.Sprint(batch, "-bad"), Type: "view"})
			if err := stream.Send(&profferv1.IngestStreamRequest{Batch: request}); err != nil {
				t.Fatal(err)
			}
		}
		got, err := stream.CloseAndReceive()
		if err != nil {
			t.Fatal(err)
		}
		if got.GetAccepted() != want.GetAccepted() || got.GetDuplicates() != want.GetDuplicates() || got.GetRejected() != want.GetRejected() {
			t.Errorf("got %v, want %v", got, want)
		}
	}
	s.awaitCounts("views", map[string]uint64{"viewed": 300})
}
