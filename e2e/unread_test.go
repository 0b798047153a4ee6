package e2e

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"connectrpc.com/connect"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/protobuf/proto"

	profferv1 "github.com/profferhq/proffer/gateway/api/proffer/v1"
	"github.com/profferhq/proffer/gateway/api/proffer/v1/profferv1connect"
)

// TestRequestsThatCannotBeReadAreRefusedWithTheirReason: what connect refuses before our code sees a message.
func TestRequestsThatCannotBeReadAreRefusedWithTheirReason(t *testing.T) {
	t.Parallel()
	s := serve(t, t.TempDir(), "--no-database")
	const (
		decide  = "/proffer.v1.DecisionService/Decide"
		notRead = "not a proffer.v1.DecideRequest: cannot parse invalid wire-format data"
	)
	for _, c := range []struct {
		name, contentType, path, body string
		status                        int
		code, reason, message         string
	}{
		{"a field that does not exist", "application/json", decide, `{"identifers":[]}`, 400, "invalid_argument", "MALFORMED", "not a proffer.v1.DecideRequest: (line 1:2): unknown field \"identifers\""},
		{"broken JSON", "application/json", decide, `{"placement":`, 400, "invalid_argument", "MALFORMED", "not a proffer.v1.DecideRequest: unexpected EOF"},
		{"no number", "application/json", decide, `{"context":{"cart":1e999}}`, 400, "invalid_argument", "MALFORMED", ""},
		{"garbage", "application/proto", decide, "\xff\xff\xff", 400, "invalid_argument", "MALFORMED", notRead},
		{"no text", "application/proto", decide, "\x12\x05491\xff1", 400, "invalid_argument", "MALFORMED", "not a proffer.v1.DecideRequest: string field contains invalid UTF-8"},
		{"an empty body", "application/json", decide, "", 400, "invalid_argument", "MALFORMED", "not a proffer.v1.DecideRequest: an empty body"},
		{"deep nesting", "application/json", decide, `{"context":` + strings.Repeat(`{"a":`, 20_000) + `1` + strings.Repeat(`}`, 20_000) + `}`, 400, "invalid_argument", "MALFORMED", ""},
		{"an oversized request", "application/json", decide, `{"placement":"` + strings.Repeat("x", 9<<20) + `"}`, 400, "invalid_argument", "TOO_LARGE", "message size"},
		{"a form", "application/x-www-form-urlencoded", decide, `{}`, 415, "invalid_argument", "CONTENT_TYPE_UNSUPPORTED", "say by Content-Type what the body is: application/grpc,"},
		{"no content type", "", decide, `{}`, 415, "invalid_argument", "CONTENT_TYPE_UNSUPPORTED", "say by Content-Type what the body is: application/grpc,"},
		{"no procedure", "application/json", decide + "s", `{}`, 404, "unimplemented", "UNKNOWN_PROCEDURE", ""},
	} {
		response := s.postAs(c.contentType, c.path, c.body)
		text := body(t, response)
		var told struct {
			Code, Message string
			Details       []struct{ Value string }
		}
		if err := json.Unmarshal([]byte(text), &told); err != nil || len(told.Details) != 1 {
			t.Errorf("%s: got %d %.300s, want an error with one detail", c.name, response.StatusCode, text)
			continue
		}
		info := &errdetails.ErrorInfo{}
		if bytes, err := base64.RawStdEncoding.DecodeString(told.Details[0].Value); err != nil || proto.Unmarshal(bytes, info) != nil {
			t.Errorf("%s: %s holds no reason", c.name, text)
		}
		if response.StatusCode != c.status || told.Code != c.code || info.GetReason() != c.reason || !strings.HasPrefix(told.Message, c.message) {
			t.Errorf("%s: got %d %s %s (%.300s), want %d %s %s (%s)", c.name, response.StatusCode, told.Code, info.GetReason(), told.Message, c.status, c.code, c.reason, c.message)
		}
	}

	large := &profferv1.DecideRequest{Placement: strings.Repeat("x", 9<<20)}
	garbage := connect.WithCodec(noMessages{})
	for name, protocol := range map[string][]connect.ClientOption{"Connect": nil, "gRPC": {connect.WithGRPC()}, "gRPC-Web": {connect.WithGRPCWeb()}} {
		client := func(more ...connect.ClientOption) profferv1connect.DecisionServiceClient {
			return profferv1connect.NewDecisionServiceClient(s.client(s.file.OperatorKey), s.file.URL, append(more, protocol...)...)
		}
		_, err := client().Decide(t.Context(), large)
		wantRefusal(t, "an oversized request by "+name, err, connect.CodeInvalidArgument, "TOO_LARGE")
		_, err = client(garbage).Decide(t.Context(), decideFor("a"))
		wantRefusal(t, "garbage by "+name, err, connect.CodeInvalidArgument, "MALFORMED")
		wantMessage(t, "garbage by "+name, err, notRead)
		_, err = client().Decide(t.Context(), &profferv1.DecideRequest{})
		wantRefusal(t, "an empty request by "+name, err, connect.CodeInvalidArgument, "INVALID_ARGUMENT")
	}

	ingest := profferv1connect.NewIngestServiceClient(s.client(s.file.OperatorKey), s.file.URL, garbage)
	stream, err := ingest.IngestStream(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	_ = stream.Send(&profferv1.IngestStreamRequest{})
	_, err = stream.CloseAndReceive()
	wantRefusal(t, "garbage in a stream", err, connect.CodeInvalidArgument, "MALFORMED")
	wantMessage(t, "garbage in a stream", err, "not a proffer.v1.IngestStreamRequest: cannot parse invalid wire-format data")
}

func wantMessage(t *testing.T, name string, err error, want string) {
	t.Helper()
	var told *connect.Error
	if !errors.As(err, &told) || told.Message() != want {
		t.Errorf("%s: got %v, want %q", name, err, want)
	}
}

// noMessages writes what is no message.
type noMessages struct{}

func (noMessages) Name() string { return "proto" }

func (noMessages) Marshal(any) ([]byte, error) { return []byte("\xff\xff\xff"), nil }

func (noMessages) Unmarshal(b []byte, m any) error { return proto.Unmarshal(b, m.(proto.Message)) }
