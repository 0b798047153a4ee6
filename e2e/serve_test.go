package e2e

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/structpb"

	profferv1 "github.com/profferhq/proffer/gateway/api/proffer/v1"
	"github.com/profferhq/proffer/gateway/api/proffer/v1/profferv1connect"
	"github.com/profferhq/proffer/gateway/postgres"
)

func TestSixtyFourAtOnceGetOneOffer(t *testing.T) {
	t.Parallel()
	s := serve(t, t.TempDir(), "--no-database")
	s.publish(strings.Replace(limited, "most: 2", "most: 1", 1))
	client := s.decisions()
	var mu sync.Mutex
	offers, reasons := 0, map[string]int{}
	var all sync.WaitGroup
	for range 64 {
		all.Go(func() {
			request := decideFor("one person")
			request.Timeout = durationpb.New(20 * time.Second)
			answer, err := client.Decide(t.Context(), request)
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			if answer.GetOffer() != "" {
				offers++
			}
			reasons[answer.GetReason()]++
		})
	}
	all.Wait()
	if offers != 1 {
		t.Errorf("got %d offers, want exactly one: %v", offers, reasons)
	}
}

func TestADecisionSeesTheCallersOwnEvent(t *testing.T) {
	t.Parallel()
	s := serve(t, t.TempDir(), "--no-database")
	s.publish(strings.Replace(everybody, "propensity: 0.5", "propensity: 0.5\n    eligibility:\n      - {name: bought, when: features.purchases_1h > 0.0}", 1))
	for i := range 50 {
		person := fmt.Sprintf("buyer-%d", i)
		answer, err := s.ingest().Ingest(t.Context(), &profferv1.IngestRequest{Source: "shop", Items: []*profferv1.Item{{
			Type: "purchase", Amount: "1.00", Currency: "EUR", Identifiers: []*profferv1.Identifier{{Type: "user_id", Value: person}},
		}}})
		if err != nil {
			t.Fatal(err)
		}
		request := decideFor(person)
		request.NotBefore = answer.GetVerdicts()[0].GetPosition()
		decision, err := s.decisions().Decide(t.Context(), request)
		if err != nil {
			t.Fatal(err)
		}
		if decision.GetOffer() != "welcome" {
			t.Fatalf("purchase %d at %s was not seen: %s", i, request.GetNotBefore(), decision.GetReason())
		}
	}
	request := decideFor("buyer-0")
	request.NotBefore, request.Timeout = "BEHAVIOUR/999999/0", durationpb.New(50*time.Millisecond)
	_, err := s.decisions().Decide(t.Context(), request)
	wantRefusal(t, "a position of the future", err, connect.CodeDeadlineExceeded, "NOT_YET_VISIBLE")
}

func TestRequestsThatMakeNoSenseAreRefusedInTheirOwnTerms(t *testing.T) {
	t.Parallel()
	s := serve(t, t.TempDir(), "--no-database")
	s.publish(strings.Replace(everybody, "channel: web}", "channel: web, context: {cart: number}}", 1))
	decisions := s.decisions()
	request := func(change func(*profferv1.DecideRequest)) error {
		r := decideFor("a")
		change(r)
		_, err := decisions.Decide(t.Context(), r)
		return err
	}
	for _, c := range []struct {
		name   string
		change func(*profferv1.DecideRequest)
		code   connect.Code
		reason string
	}{
		{"unknown placement", func(r *profferv1.DecideRequest) { r.Placement = "nowhere" }, connect.CodeNotFound, "UNKNOWN_PLACEMENT"},
		{"no identifiers", func(r *profferv1.DecideRequest) { r.Identifiers = nil }, connect.CodeInvalidArgument, "INVALID_ARGUMENT"},
		{"an empty value", func(r *profferv1.DecideRequest) { r.Identifiers[0].Value = "" }, connect.CodeInvalidArgument, "IDENTIFIER_INVALID"},
		{"no phone", func(r *profferv1.DecideRequest) {
			r.Identifiers[0] = &profferv1.Identifier{Type: "phone", Value: "123"}
		}, connect.CodeInvalidArgument, "IDENTIFIER_INVALID"},
		{"a position that is none", func(r *profferv1.DecideRequest) { r.NotBefore = "yesterday" }, connect.CodeInvalidArgument, "POSITION_INVALID"},
		{"a negative time-out", func(r *profferv1.DecideRequest) { r.Timeout = durationpb.New(-1) }, connect.CodeInvalidArgument, "TIMEOUT_OUT_OF_RANGE"},
		{"text for a number", func(r *profferv1.DecideRequest) {
			r.Context = &structpb.Struct{Fields: map[string]*structpb.Value{"cart": structpb.NewStringValue("full")}}
		}, connect.CodeInvalidArgument, "CONTEXT_INVALID"},
		{"a list in the context", func(r *profferv1.DecideRequest) {
			r.Context = &structpb.Struct{Fields: map[string]*structpb.Value{"cart": structpb.NewListValue(&structpb.ListValue{})}}
		}, connect.CodeInvalidArgument, "CONTEXT_INVALID"},
	} {
		wantRefusal(t, c.name, request(c.change), c.code, c.reason)
	}

	_, err := s.policies().Publish(t.Context(), &profferv1.PublishRequest{Document: strings.Replace(everybody, "value: 2", "value: features.nonsense", 1)})
	wantRefusal(t, "a policy that does not compile", err, connect.CodeInvalidArgument, "POLICY_INVALID")
	_, err = s.policies().Publish(t.Context(), &profferv1.PublishRequest{Document: "offers: {"})
	wantRefusal(t, "a policy that is no YAML", err, connect.CodeInvalidArgument, "POLICY_UNREADABLE")
	_, err = s.audit().Explain(t.Context(), &profferv1.ExplainRequest{DecisionId: strings.Repeat("0", 32)})
	wantRefusal(t, "a decision that is not there", err, connect.CodeNotFound, "NOT_FOUND")
}

func (s *server) postAs(contentType, path, text string) *http.Response {
	s.t.Helper()
	request, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, s.file.URL+path, strings.NewReader(text))
	if err != nil {
		s.t.Fatal(err)
	}
	request.Header.Set("Content-Type", contentType)
	response, err := s.client(s.file.OperatorKey).Do(request)
	if err != nil {
		s.t.Fatal(err)
	}
	return response
}

func wantRefusal(t testing.TB, name string, err error, code connect.Code, reason string) {
	t.Helper()
	var refused *connect.Error
	if !errors.As(err, &refused) {
		t.Errorf("%s: got %v, want %s %s", name, err, code, reason)
		return
	}
	got := ""
	for _, d := range refused.Details() {
		if v, err := d.Value(); err == nil {
			if info, ok := v.(*errdetails.ErrorInfo); ok {
				got = info.GetReason()
			}
		}
	}
	if refused.Code() != code || got != reason {
		t.Errorf("%s: got %s %s (%s), want %s %s", name, refused.Code(), got, refused.Message(), code, reason)
	}
}

func TestItemsThatMakeNoSenseGoToQuarantineAndComeBackRepaired(t *testing.T) {
	t.Parallel()
	s := serve(t, t.TempDir(), "--no-database")
	who := []*profferv1.Identifier{{Type: "user_id", Value: "a"}}
	items := []*profferv1.Item{
		{Type: "purchase", Identifiers: who, Amount: "NaN", MessageId: "1"},
		{Type: "teleport", Identifiers: who, MessageId: "2"},
		{Type: "view", Kind: "page", Name: "home", MessageId: "3"},
		{Type: "view", Kind: "page", Name: "home", Identifiers: who, MessageId: "4"},
		{Type: "view", Kind: "page", Name: "home", Identifiers: who, MessageId: "4"},
	}
	answer, err := s.ingest().Ingest(t.Context(), &profferv1.IngestRequest{Source: "shop", Items: items})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, v := range answer.GetVerdicts() {
		got = append(got, strings.TrimPrefix(v.GetStatus().String(), "STATUS_"))
	}
	if diff := cmp.Diff([]string{"REJECTED", "REJECTED", "REJECTED", "ACCEPTED", "DUPLICATE"}, got); diff != "" {
		t.Fatalf("verdicts (-want +got)\n%s\n%v", diff, answer)
	}
	quarantine := profferv1connect.NewQuarantineServiceClient(s.client(s.file.OperatorKey), s.file.URL)
	listed, err := quarantine.ListRefused(t.Context(), &profferv1.ListRefusedRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if len(listed.GetRefused()) != 3 {
		t.Fatalf("got %v, want three refused items", listed.GetRefused())
	}
	first := listed.GetRefused()[0]
	for _, want := range []bool{true, false} { // the second time it is no longer there
		repaired, err := quarantine.Repair(t.Context(), &profferv1.RepairRequest{
			Id: first.GetId(), Repaired: `{"type":"purchase","amount":"12.30","currency":"EUR","identifiers":[{"type":"user_id","value":"a"}]}`,
		})
		if want && (err != nil || !repaired.GetAccepted()) {
			t.Fatalf("repair: got %v %v", repaired, err)
		}
		if !want {
			wantRefusal(t, "a second repair", err, connect.CodeNotFound, "NOT_IN_QUARANTINE")
		}
	}
	if _, err := quarantine.Discard(t.Context(), &profferv1.DiscardRequest{Id: listed.GetRefused()[1].GetId(), Reason: "a test"}); err != nil {
		t.Fatal(err)
	}
	s.awaitCounts("after the repair", map[string]uint64{"purchased": 1, "viewed": 1, "quarantined": 3, "quarantine_resolved": 2})
	var status struct{ Quarantined, Duplicates uint64 }
	s.jsonOf(&status, "status")
	if status.Quarantined != 1 || status.Duplicates != 1 {
		t.Errorf("got %+v, want one item left in quarantine and one duplicate", status)
	}
}

// TestPostgresMayBeAway cuts the database off: appending and deciding go on, and the tables catch up afterwards.
func TestPostgresMayBeAway(t *testing.T) {
	t.Parallel()
	database, err := postgres.Start(t.Context(), postgres.Options{Dir: t.TempDir(), NoSync: true, NoDownload: true})
	if err != nil {
		t.Skipf("skipped: no PostgreSQL on this machine: %v", err)
	}
	t.Cleanup(func() { _ = database.Close() })
	wire := newWire(t, database.URL())
	s := serve(t, t.TempDir(), "--database-url", wire.url)
	s.publish(everybody)

	send := func(n int) {
		t.Helper()
		if _, err := s.ingest().Ingest(t.Context(), &profferv1.IngestRequest{Source: "shop", Items: []*profferv1.Item{{
			Type: "purchase", Amount: "1.00", MessageId: fmt.Sprint(n), Identifiers: []*profferv1.Identifier{{Type: "user_id", Value: "a"}},
		}}}); err != nil {
			t.Fatal(err)
		}
		if _, err := s.decisions().Decide(t.Context(), decideFor("a")); err != nil {
			t.Fatal(err)
		}
	}
	send(1)
	before := s.digests()
	wire.cut()
	send(2)
	send(3)
	for _, name := range []string{"digest", "rebuild"} { // which need the database
		out, code := s.proffer(name)
		if code != 3 || !strings.Contains(out, "DATABASE_UNAVAILABLE: ") {
			t.Errorf("%s without the database: exit code %d\n%s", name, code, out)
		}
	}
	rebuilding, err := s.operations().Rebuild(t.Context(), &profferv1.RebuildRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if rebuilding.Receive() || rebuilding.Err() == nil {
		t.Errorf("without the database %q was dropped; error: %v", rebuilding.Msg().GetProjection(), rebuilding.Err())
	}
	wire.mend()
	after := s.digests() // waits until the tables have everything
	for i, p := range after.Projections {
		if p == before.Projections[i] {
			t.Errorf("%s did not catch up", p.Name)
		}
	}
}

// TestWithoutADatabase: what there is is digested and rebuilt, and nothing lags.
func TestWithoutADatabase(t *testing.T) {
	t.Parallel()
	s := serve(t, t.TempDir(), "--no-database")
	s.publish(everybody)
	if _, err := s.decisions().Decide(t.Context(), decideFor("a")); err != nil {
		t.Fatal(err)
	}
	before := s.digests()
	if out, code := s.proffer("rebuild"); code != 0 {
		t.Errorf("rebuild: exit code %d\n%s", code, out)
	}
	if after := s.digests(); len(before.Projections) != 2 || !slices.Equal(after.Projections, before.Projections) {
		t.Errorf("digests before and after a rebuild: %v, %v", before, after)
	}
}

// wire is a TCP proxy that can be cut.
type wire struct {
	t      *testing.T
	url    string
	target string
	addr   string
	mu     sync.Mutex
	open   []net.Conn
	l      net.Listener
}

func newWire(t *testing.T, url string) *wire {
	at := strings.Index(url, "@") + 1
	end := at + strings.Index(url[at:], "/")
	w := &wire{t: t, target: url[at:end]}
	w.listen("127.0.0.1:0")
	w.url = url[:at] + w.addr + url[end:]
	t.Cleanup(w.cut)
	return w
}

func (w *wire) listen(addr string) {
	w.t.Helper()
	l, err := net.Listen("tcp", addr)
	if err != nil {
		w.t.Fatal(err)
	}
	w.mu.Lock()
	w.l, w.addr = l, l.Addr().String()
	w.mu.Unlock()
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", w.target)
			if err != nil {
				_ = client.Close()
				continue
			}
			if !w.join(l, client, server) {
				return
			}
			go func() { _, _ = io.Copy(server, client); _ = server.Close() }()
			go func() { _, _ = io.Copy(client, server); _ = client.Close() }()
		}
	}()
}

// join notes a pair of connections; false when the wire was cut meanwhile.
func (w *wire) join(l net.Listener, pair ...net.Conn) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.l != l {
		for _, c := range pair {
			_ = c.Close()
		}
		return false
	}
	w.open = append(w.open, pair...)
	return true
}

func (w *wire) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.l != nil {
		_ = w.l.Close()
		w.l = nil
	}
	for _, c := range w.open {
		_ = c.Close()
	}
	w.open = nil
}

func (w *wire) mend() { w.listen(w.addr) }
