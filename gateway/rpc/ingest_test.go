package rpc

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/profferhq/proffer/commands"
	"github.com/profferhq/proffer/commands/commandstest"
	"github.com/profferhq/proffer/domain"
	profferv1 "github.com/profferhq/proffer/gateway/api/proffer/v1"
	"github.com/profferhq/proffer/gateway/api/proffer/v1/profferv1connect"
	"github.com/profferhq/proffer/gateway/normal"
)

var ingestNow = time.Date(2026, 5, 3, 10, 2, 0, 0, time.UTC)

// intake is the ingest and quarantine services over memory, with clients of both.
type intake struct {
	log        *commandstest.MemoryLog
	recall     *commands.Recall
	ingest     profferv1connect.IngestServiceClient
	quarantine profferv1connect.QuarantineServiceClient
}

func newIntake(t *testing.T) intake {
	t.Helper()
	log, vault, clock := commandstest.NewMemoryLog(2), commandstest.NewMemoryVault(), func() time.Time { return ingestNow }
	normalizer, err := normal.New(normal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	recall := commands.NewRecall(log)
	ingest := commands.NewIngest(commands.IngestPorts{
		Log: log, Vault: vault, Normalizer: normalizer, Recall: recall, Now: clock, Random: commandstest.NewRandom(1),
	}, 0)
	quarantine := commands.NewQuarantine(commands.QuarantinePorts{
		Log: log, Vault: vault, Recall: recall, Ingest: ingest, Reader: ItemReader{}, Now: clock,
	})
	mux := http.NewServeMux()
	mux.Handle(profferv1connect.NewIngestServiceHandler(&Ingest{Ingesting: ingest}, connect.WithInterceptors(translator{})))
	mux.Handle(profferv1connect.NewQuarantineServiceHandler(&Quarantine{Quarantine: quarantine}, connect.WithInterceptors(translator{})))
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return intake{
		log: log, recall: recall,
		ingest:     profferv1connect.NewIngestServiceClient(server.Client(), server.URL),
		quarantine: profferv1connect.NewQuarantineServiceClient(server.Client(), server.URL),
	}
}

func purchase(id, amount string) *profferv1.Item {
	return &profferv1.Item{
		MessageId: id, Type: "purchase", Amount: amount,
		Identifiers: []*profferv1.Identifier{{Type: "user_id", Value: "u"}},
	}
}

func TestIngestAnswersOneVerdictAnItem(t *testing.T) {
	t.Parallel()
	in := newIntake(t)
	got, err := in.ingest.Ingest(t.Context(), &profferv1.IngestRequest{Source: "shop", Items: []*profferv1.Item{
		purchase("1", "12.30"), purchase("1", "12.30"), purchase("2", "lots"),
	}})
	if err != nil {
		t.Fatal(err)
	}
	want := &profferv1.IngestResponse{Verdicts: []*profferv1.Verdict{
		{Status: profferv1.Verdict_STATUS_ACCEPTED, Position: "BEHAVIOUR/1/0"},
		{Status: profferv1.Verdict_STATUS_DUPLICATE},
		{Status: profferv1.Verdict_STATUS_REJECTED, Reason: "INVALID_AMOUNT", Field: "amount", Message: "not a decimal number"},
	}}
	if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
		t.Errorf("answer (-want +got):\n%s", diff)
	}
}

func TestIngestStreamCounts(t *testing.T) {
	t.Parallel()
	in := newIntake(t)
	stream, err := in.ingest.IngestStream(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"1", "2", "1"} {
		batch := &profferv1.IngestRequest{Source: "shop", Items: []*profferv1.Item{purchase(id, "1"), {Type: "dance"}}}
		if err := stream.Send(&profferv1.IngestStreamRequest{Batch: batch}); err != nil {
			t.Fatal(err)
		}
	}
	got, err := stream.CloseAndReceive()
	if err != nil {
		t.Fatal(err)
	}
	want := &profferv1.IngestStreamResponse{Accepted: 2, Duplicates: 1, Rejected: 3}
	if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
		t.Errorf("answer (-want +got):\n%s", diff)
	}
}

func TestIngestErrors(t *testing.T) {
	t.Parallel()
	in := newIntake(t)
	if _, err := in.ingest.Ingest(t.Context(), &profferv1.IngestRequest{Items: []*profferv1.Item{{}}}); connect.CodeOf(err) != connect.CodeInvalidArgument {
		t.Errorf("no source: got %v", err)
	}
	in.log.SetDown(true)
	_, err := in.ingest.Ingest(t.Context(), &profferv1.IngestRequest{Source: "shop", Items: []*profferv1.Item{purchase("1", "1")}})
	if connect.CodeOf(err) != connect.CodeUnavailable {
		t.Errorf("log down: got %v, want unavailable", err)
	}
}

// refuse puts n items into quarantine and returns when the server knows.
func (in intake) refuse(t *testing.T, n int) {
	t.Helper()
	items := make([]*profferv1.Item, n)
	for i := range items {
		items[i] = &profferv1.Item{SourceSeq: uint64(i+2) << 8, Original: "a;b", RefusedReason: "BAD_ROW", RefusedField: "Price"}
	}
	if _, err := in.ingest.Ingest(t.Context(), &profferv1.IngestRequest{Source: "import:x/f", Items: items}); err != nil {
		t.Fatal(err)
	}
	if err := in.recall.CatchUp(context.Background(), domain.Quarantine); err != nil {
		t.Fatal(err)
	}
}

func TestQuarantineIsListedRepairedAndDiscarded(t *testing.T) {
	t.Parallel()
	in := newIntake(t)
	in.refuse(t, 3)
	list, err := in.quarantine.ListRefused(t.Context(), &profferv1.ListRefusedRequest{PageSize: proto.Int32(2), Reason: "BAD_ROW"})
	if err != nil {
		t.Fatal(err)
	}
	want := &profferv1.Refused{
		Id: list.GetRefused()[0].GetId(), Source: "import:x/f", SourceLine: 2, ReceivedAt: timestamppb.New(ingestNow),
		Reason: "BAD_ROW", Field: "Price", Format: "import:x", Original: "a;b",
	}
	if diff := cmp.Diff(want, list.GetRefused()[0], protocmp.Transform()); diff != "" {
		t.Errorf("refused (-want +got):\n%s", diff)
	}
	next := &profferv1.ListRefusedRequest{PageToken: list.GetNextPageToken(), Reason: "BAD_ROW"}
	if rest, err := in.quarantine.ListRefused(t.Context(), next); err != nil || len(rest.GetRefused()) != 1 || rest.GetNextPageToken() != "" {
		t.Errorf("the second page: got %v, %v", rest, err)
	}
	next.Reason = ""
	if _, err := in.quarantine.ListRefused(t.Context(), next); connect.CodeOf(err) != connect.CodeInvalidArgument {
		t.Errorf("a token of another list: got %v", err)
	}
	first, second := list.GetRefused()[0].GetId(), list.GetRefused()[1].GetId()
	if _, err := in.quarantine.Repair(t.Context(), &profferv1.RepairRequest{Id: first}); connect.CodeOf(err) != connect.CodeFailedPrecondition {
		t.Errorf("a row as it was: got %v", err)
	}
	repair := &profferv1.RepairRequest{Id: first, Repaired: `{"type":"purchase","amount":"x","identifiers":[{"type":"user_id","value":"u"}]}`}
	if got, err := in.quarantine.Repair(t.Context(), repair); err != nil || got.GetAccepted() || got.GetReason() != "INVALID_AMOUNT" {
		t.Errorf("repaired badly: got %v, %v", got, err)
	}
	repair.Repaired = `{"type":"purchase","amount":"1","identifiers":[{"type":"user_id","value":"u"}]}`
	if got, err := in.quarantine.Repair(t.Context(), repair); err != nil || !got.GetAccepted() {
		t.Errorf("repaired: got %v, %v", got, err)
	}
	if _, err := in.quarantine.Repair(t.Context(), repair); connect.CodeOf(err) != connect.CodeNotFound {
		t.Errorf("repaired twice: got %v, want not found", err)
	}
	if _, err := in.quarantine.Discard(t.Context(), &profferv1.DiscardRequest{Id: second, Reason: "theirs"}); err != nil {
		t.Error(err)
	}
	if _, err := in.quarantine.Discard(t.Context(), &profferv1.DiscardRequest{Id: "xyz"}); connect.CodeOf(err) != connect.CodeInvalidArgument {
		t.Errorf("no id: got %v", err)
	}
	if left, err := in.quarantine.ListRefused(t.Context(), &profferv1.ListRefusedRequest{}); err != nil || len(left.GetRefused()) != 1 {
		t.Errorf("left: got %v, %v", left, err)
	}
}
