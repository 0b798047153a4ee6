package e2e

import (
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"connectrpc.com/connect"
	analytics "github.com/segmentio/analytics-go/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"

	profferv1 "github.com/profferhq/proffer/gateway/api/proffer/v1"
	"github.com/profferhq/proffer/gateway/api/proffer/v1/profferv1connect"
)

// everybody is a policy that offers the same to all, without limits.
const everybody = `
policy: everybody
view: core@1
placements:
  - {id: home, channel: web}
offers:
  - id: welcome
    category: greeting
    propensity: 0.5
    value: 2
    treatments:
      - {id: banner, channel: web, content: {headline: Welcome}}
`

func decideFor(user string) *profferv1.DecideRequest {
	return &profferv1.DecideRequest{
		Identifiers: []*profferv1.Identifier{{Type: "user_id", Value: user}}, Placement: "home",
	}
}

func TestConnectGRPCAndCurlAskTheSameMethod(t *testing.T) {
	t.Parallel()
	s := serve(t, t.TempDir(), "--no-database")
	s.publish(everybody)
	check := func(name, offer, position string) {
		t.Helper()
		if offer != "welcome" || !strings.HasPrefix(position, "DECISION/") {
			t.Errorf("%s: got offer %q at %q", name, offer, position)
		}
	}

	for name, option := range map[string]connect.ClientOption{
		"connect": connect.WithProtoJSON(), "connect binary": connect.WithHTTPGet(), "grpc-web": connect.WithGRPCWeb(),
	} {
		client := profferv1connect.NewDecisionServiceClient(s.client(s.file.Key), s.file.URL, option)
		answer, err := client.Decide(t.Context(), decideFor("a"))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		check(name, answer.GetOffer(), answer.GetPosition())
	}

	conn, err := grpc.NewClient(s.file.Address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	ctx := metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+s.file.Key)
	var answer profferv1.DecideResponse
	if err := conn.Invoke(ctx, profferv1connect.DecisionServiceDecideProcedure, decideFor("b"), &answer); err != nil {
		t.Fatalf("grpc: %v", err)
	}
	check("grpc", answer.GetOffer(), answer.GetPosition())

	out, err := exec.CommandContext(t.Context(), "curl", "-sS", "--fail-with-body",
		"-H", "Authorization: Bearer "+s.file.Key, "-H", "Content-Type: application/json",
		"-d", `{"identifiers":[{"type":"user_id","value":"c"}],"placement":"home"}`,
		s.file.URL+profferv1connect.DecisionServiceDecideProcedure).CombinedOutput()
	if err != nil {
		t.Fatalf("curl: %v\n%s", err, out)
	}
	var said struct{ Offer, Position string }
	if err := json.Unmarshal(out, &said); err != nil {
		t.Fatalf("curl: %v\n%s", err, out)
	}
	check("curl", said.Offer, said.Position)
}

func TestSegmentsOwnClientsAreUnderstood(t *testing.T) {
	t.Parallel()
	s := serve(t, t.TempDir(), "--no-database")
	want := map[string]uint64{}
	expect := func(client string, links uint64) {
		t.Helper()
		want["traits_changed"]++
		want["identity_linked"] += links
		want["purchased"]++
		s.awaitCounts(client, want)
	}

	client, err := analytics.NewWithConfig(s.file.Key, analytics.Config{Endpoint: s.file.URL, BatchSize: 2})
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range []analytics.Message{
		analytics.Identify{UserId: "go-client", AnonymousId: "go-device", Traits: analytics.NewTraits().SetEmail("go@example.com")},
		analytics.Track{
			UserId: "go-client", Event: "Order Completed",
			Properties: analytics.NewProperties().SetOrderId("g-1").SetRevenue(9.5).SetCurrency("EUR"),
		},
	} {
		if err := client.Enqueue(m); err != nil {
			t.Fatal(err)
		}
	}
	if err := client.Close(); err != nil {
		t.Fatal(err)
	}
	expect("go", 2) // the device, and the e-mail address

	node := filepath.Join("clients", "node_modules")
	if _, err := os.Stat(node); err != nil {
		t.Skip("skipped Segment's client for Node: run npm ci in e2e/clients")
	}
	out, err := exec.CommandContext(t.Context(), "node", "clients/segment.mjs", s.file.URL, s.file.Key).CombinedOutput()
	if err != nil {
		t.Fatalf("node: %v\n%s", err, out)
	}
	expect("node", 1)
}

func TestAWrongKeyIsRefusedEverywhere(t *testing.T) {
	t.Parallel()
	s := serve(t, t.TempDir(), "--no-database")
	for _, path := range []string{
		"/v1/batch", profferv1connect.DecisionServiceDecideProcedure, profferv1connect.OperationsServiceStatusProcedure,
	} {
		for _, key := range []string{"", "wrong"} {
			request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.file.URL+path, strings.NewReader("{}"))
			if err != nil {
				t.Fatal(err)
			}
			request.Header.Set("Content-Type", "application/json")
			if key != "" {
				request.SetBasicAuth(key, "")
			}
			response, err := http.DefaultClient.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			if text := body(t, response); response.StatusCode != http.StatusUnauthorized {
				t.Errorf("%s with key %q: got %d %s", path, key, response.StatusCode, text)
			}
		}
	}
	source := profferv1connect.NewOperationsServiceClient(s.client(s.file.Key), s.file.URL)
	if _, err := source.Status(t.Context(), &profferv1.StatusRequest{}); connect.CodeOf(err) != connect.CodePermissionDenied {
		t.Errorf("status with a source's key: got %v, want permission denied", err)
	}
}
