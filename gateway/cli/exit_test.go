package cli_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"connectrpc.com/connect"
	"google.golang.org/genproto/googleapis/rpc/errdetails"

	profferv1 "github.com/profferhq/proffer/gateway/api/proffer/v1"
	"github.com/profferhq/proffer/gateway/api/proffer/v1/profferv1connect"
	"github.com/profferhq/proffer/gateway/cli"
)

// audit answers every replay with one answer.
type audit struct {
	profferv1connect.UnimplementedAuditServiceHandler
	answer *profferv1.ReplayResponse
	err    error
}

func (a audit) Replay(context.Context, *profferv1.ReplayRequest) (*profferv1.ReplayResponse, error) {
	return a.answer, a.err
}

func (a audit) ReplayAll(_ context.Context, _ *profferv1.ReplayAllRequest, stream *connect.ServerStream[profferv1.ReplayAllResponse]) error {
	if a.err != nil {
		return a.err
	}
	all := &profferv1.ReplayAllResponse{Done: true, Replayed: 1, Differences: a.answer.GetDifferences()}
	if a.answer.GetIdentical() {
		all.Identical = 1
	} else {
		all.Different = 1
	}
	return stream.Send(all)
}

func TestTheExitCodeSaysWhatAnAnswerMeans(t *testing.T) {
	t.Parallel()
	refused := func(code connect.Code) error {
		err := connect.NewError(code, errors.New("why"))
		if d, e := connect.NewErrorDetail(&errdetails.ErrorInfo{Reason: "REASON", Domain: "proffer"}); e == nil {
			err.AddDetail(d)
		}
		return err
	}
	for name, c := range map[string]struct {
		audit audit
		want  int
	}{
		"identical":                {audit{answer: &profferv1.ReplayResponse{Identical: true}}, cli.ExitOK},
		"different":                {audit{answer: &profferv1.ReplayResponse{Differences: []*profferv1.Difference{{Field: "offer"}}}}, cli.ExitFailed},
		"refused":                  {audit{err: refused(connect.CodeNotFound)}, cli.ExitFailed},
		"no key":                   {audit{err: refused(connect.CodeUnauthenticated)}, cli.ExitFailed},
		"the log is away":          {audit{err: refused(connect.CodeUnavailable)}, cli.ExitUnreachable},
		"the connection is cut":    {audit{err: connect.NewError(connect.CodeCanceled, errors.New("connection reset by peer"))}, cli.ExitUnreachable},
		"something before answers": {audit{err: connect.NewError(connect.CodeUnavailable, errors.New("bad gateway"))}, cli.ExitUnreachable},
	} {
		mux := http.NewServeMux()
		mux.Handle(profferv1connect.NewAuditServiceHandler(c.audit))
		server := httptest.NewServer(mux)
		for _, which := range []string{"--all", "00000000000000000000000000000000"} {
			var out, errs bytes.Buffer
			if code := cli.Main(t.Context(), []string{"replay", which, "--server", server.URL, "--data", t.TempDir()}, &out, &errs); code != c.want {
				t.Errorf("%s, replay %s: exit code %d, want %d\n%s%s", name, which, code, c.want, out.String(), errs.String())
			}
		}
		server.Close()
	}
}

func TestTheHelpNamesTheExitCodes(t *testing.T) {
	t.Parallel()
	var out, errs bytes.Buffer
	code := cli.Main(t.Context(), []string{"--help"}, &out, &errs)
	text := strings.Join(strings.Fields(out.String()), " ")
	want := "Exit codes: 0 done; 1 it failed, was refused, or something differs; 2 the command line is wrong, or a file that it names; " +
		"3 no server answers, or one whose log or database is away."
	if code != cli.ExitOK || !strings.Contains(text, want) {
		t.Errorf("exit code %d: %s%s", code, text, errs.String())
	}
}
