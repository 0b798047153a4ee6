package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/profferhq/proffer/gateway"
	profferv1 "github.com/profferhq/proffer/gateway/api/proffer/v1"
	"github.com/profferhq/proffer/gateway/api/proffer/v1/profferv1connect"
)

// binary builds the product once for all tests of this run.
var binary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "proffer-e2e-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "proffer")
	build := exec.Command("go", "build", "-o", path, "../gateway/cmd/proffer")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the binary: %w\n%s", err, out)
	}
	return path, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if path, err := binary(); err == nil {
		_ = os.RemoveAll(filepath.Dir(path))
	}
	os.Exit(code)
}

// server is the built binary, running.
type server struct {
	t       testing.TB
	dir     string
	args    []string
	command *exec.Cmd
	output  *bytes.Buffer
	file    gateway.ServerFile
	exited  chan struct{}
}

// serve starts the binary on a data folder and waits until it serves; it is stopped with the test.
func serve(t testing.TB, dir string, args ...string) *server {
	t.Helper()
	s := &server{t: t, dir: dir, args: args}
	s.start()
	t.Cleanup(func() {
		s.stop()
		if t.Failed() {
			t.Logf("the server said\n%s", s.output)
		}
	})
	return s
}

// dataFolder is a folder that the account of a private Postgres can reach: it is root's tests that need it.
func dataFolder(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	for _, d := range []string{dir, filepath.Dir(dir)} {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func (s *server) start() {
	s.t.Helper()
	path, err := binary()
	if err != nil {
		s.t.Fatal(err)
	}
	_ = os.Remove(filepath.Join(s.dir, "server.json"))
	s.output = &bytes.Buffer{}
	s.command = exec.Command(path, append([]string{"serve", "--data", s.dir, "--listen", "127.0.0.1:0"}, s.args...)...)
	s.command.Stdout, s.command.Stderr = s.output, s.output
	s.command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := s.command.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.exited = make(chan struct{})
	go func(command *exec.Cmd, exited chan struct{}) {
		_ = command.Wait()
		close(exited)
	}(s.command, s.exited)
	s.awaitReady()
}

// awaitReady asks /readyz until it says yes; the server's exit or a minute ends the wait.
func (s *server) awaitReady() {
	s.t.Helper()
	deadline := time.NewTimer(time.Minute)
	defer deadline.Stop()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-s.exited:
			s.t.Fatalf("the server ended before it served:\n%s", s.output)
		case <-deadline.C:
			s.t.Fatalf("the server does not serve:\n%s", s.output)
		case <-tick.C:
		}
		file, err := gateway.ReadServerFile(s.dir)
		if err != nil {
			continue
		}
		response, err := http.Get(file.URL + "/readyz")
		if err != nil {
			continue
		}
		_ = response.Body.Close()
		if response.StatusCode == http.StatusOK {
			s.file = file
			return
		}
	}
}

// kill is kill -9.
func (s *server) kill() {
	_ = s.command.Process.Kill()
	<-s.exited
}

// stop is Ctrl-C; a server that does not end within half a minute is killed and the test fails.
func (s *server) stop() {
	select {
	case <-s.exited:
		return
	default:
	}
	_ = s.command.Process.Signal(os.Interrupt)
	select {
	case <-s.exited:
	case <-time.After(30 * time.Second):
		s.kill()
		s.t.Errorf("the server did not stop on interrupt:\n%s", s.output)
	}
}

// restart kills with -9 and starts again on the same folder.
func (s *server) restart() {
	s.t.Helper()
	s.kill()
	s.start()
}

// client sends the key with each request.
func (s *server) client(key string) *http.Client {
	return &http.Client{Transport: withKey{key}, Timeout: time.Minute}
}

type withKey struct{ key string }

func (k withKey) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+k.key)
	return http.DefaultTransport.RoundTrip(r)
}

func (s *server) decisions() profferv1connect.DecisionServiceClient {
	return profferv1connect.NewDecisionServiceClient(s.client(s.file.Key), s.file.URL)
}

func (s *server) ingest() profferv1connect.IngestServiceClient {
	return profferv1connect.NewIngestServiceClient(s.client(s.file.Key), s.file.URL)
}

func (s *server) operations() profferv1connect.OperationsServiceClient {
	return profferv1connect.NewOperationsServiceClient(s.client(s.file.OperatorKey), s.file.URL)
}

func (s *server) audit() profferv1connect.AuditServiceClient {
	return profferv1connect.NewAuditServiceClient(s.client(s.file.OperatorKey), s.file.URL)
}

func (s *server) policies() profferv1connect.PolicyServiceClient {
	return profferv1connect.NewPolicyServiceClient(s.client(s.file.OperatorKey), s.file.URL)
}

func (s *server) models(key string) profferv1connect.ModelServiceClient {
	return profferv1connect.NewModelServiceClient(s.client(key), s.file.URL)
}

// publish publishes a policy document.
func (s *server) publish(document string) {
	s.t.Helper()
	if _, err := s.policies().Publish(s.t.Context(), &profferv1.PublishRequest{Document: document}); err != nil {
		s.t.Fatalf("publish: %v", err)
	}
}

// proffer runs another command of the binary on the server's folder and returns what it printed and its exit code.
func (s *server) proffer(args ...string) (string, int) {
	s.t.Helper()
	return command(s.t, s.t.Context(), append(args, "--data", s.dir)...)
}

// command runs the binary.
func command(t testing.TB, ctx context.Context, args ...string) (string, int) {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	var out, errs bytes.Buffer
	c := exec.CommandContext(ctx, path, args...)
	c.Stdout, c.Stderr = &out, &errs
	err = c.Run()
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		return out.String() + errs.String(), exit.ExitCode()
	case err != nil:
		t.Fatalf("run %s: %v", strings.Join(args, " "), err)
	}
	return out.String(), 0
}

// jsonOf runs a command with --json and decodes what it printed.
func (s *server) jsonOf(v any, args ...string) {
	s.t.Helper()
	out, code := s.proffer(append(args, "--json")...)
	if code != 0 {
		s.t.Fatalf("proffer %s: exit code %d\n%s", strings.Join(args, " "), code, out)
	}
	if err := json.Unmarshal([]byte(out), v); err != nil {
		s.t.Fatalf("proffer %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// body reads and closes a response's body.
func body(t testing.TB, r *http.Response) string {
	t.Helper()
	defer func() { _ = r.Body.Close() }()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// awaitCounts waits until status shows these counts, which grow with what the projections apply, and the views have
// everything too.
func (s *server) awaitCounts(why string, want map[string]uint64) {
	s.t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	var got map[string]uint64
	for {
		status, err := s.operations().Status(s.t.Context(), &profferv1.StatusRequest{})
		if err != nil {
			s.t.Fatal(err)
		}
		got = status.GetEvents()
		complete := upToDate(status, "views")
		for name, n := range want {
			complete = complete && got[name] >= n
		}
		if complete {
			break
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("%s: got %v, want %v", why, status, want)
		}
	}
	for name, n := range want {
		if got[name] != n {
			s.t.Errorf("%s: got %d %s, want %d", why, got[name], name, n)
		}
	}
}

func upToDate(status *profferv1.StatusResponse, projection string) bool {
	for _, p := range status.GetProjections() {
		if p.GetName() == projection {
			return p.GetLag() == 0
		}
	}
	return false
}
