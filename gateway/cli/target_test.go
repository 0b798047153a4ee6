package cli_test

import (
	"bytes"
	"errors"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/profferhq/proffer/gateway/cli"
)

func TestACommandMakesNoDataFolder(t *testing.T) {
	t.Parallel()
	misspelt, other := filepath.Join(t.TempDir(), "dta"), t.TempDir()
	for _, dir := range []string{misspelt, other} {
		var out, errs bytes.Buffer
		if code := cli.Main(t.Context(), []string{"status", "--data", dir}, &out, &errs); code != cli.ExitUnreachable {
			t.Errorf("exit code %d: %s%s", code, out.String(), errs.String())
		}
		if !strings.Contains(errs.String(), dir) {
			t.Errorf("the folder is not named: %s", errs.String())
		}
	}
	if _, err := os.Stat(misspelt); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the folder was made: %v", err)
	}
	if entries, err := os.ReadDir(other); err != nil || len(entries) > 0 {
		t.Errorf("the folder was filled: %v, %v", entries, err)
	}
}

func TestAServerThatIsNoURLIsAWrongCommandLine(t *testing.T) {
	t.Parallel()
	for server, want := range map[string]int{
		"garbage": cli.ExitUsage, "127.0.0.1:8420": cli.ExitUsage, "ftp://a": cli.ExitUsage, "http://127.0.0.1:1": cli.ExitUnreachable,
	} {
		var out, errs bytes.Buffer
		code := cli.Main(t.Context(), []string{"status", "--server", server, "--data", t.TempDir()}, &out, &errs)
		if code != want {
			t.Errorf("%s: exit code %d: %s", server, code, errs.String())
		}
		if want == cli.ExitUnreachable && !strings.Contains(errs.String(), "no server answers") {
			t.Errorf("%s: %s", server, errs.String())
		}
	}
}

// A server that is killed while it answers is away, as one that was away before.
func TestAServerThatGoesAwayInTheMiddleOfAStreamIsAway(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/connect+proto")
		_, _ = w.Write([]byte{0, 0}) // the beginning of an envelope
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}))
	t.Cleanup(server.Close)
	for _, args := range [][]string{{"rebuild"}, {"replay", "--all"}} {
		var out, errs bytes.Buffer
		code := cli.Main(t.Context(), append(args, "--server", server.URL, "--data", t.TempDir()), &out, &errs)
		if code != cli.ExitUnreachable || !strings.Contains(errs.String(), "no server answers") {
			t.Errorf("%v: exit code %d: %s", args, code, errs.String())
		}
	}
}
