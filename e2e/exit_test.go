package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/profferhq/proffer/gateway/natslog"
)

// lines is a mapping of JSON lines that reads row.user.
const lines = `name: lines
sources:
  - file: visits.jsonl
    emit:
      - {type: track, identifiers: [{type: user_id, value: row.user}], name: row.name}
  - file: orders.csv
    optional: true
    emit:
      - {type: track, identifiers: [{type: user_id, value: row.user}], name: row.name}
`

// TestExitCodesAreThoseOfTheHelp: each that the help, the README and docs/ name, by a command that ends with it. What
// no healthy server answers is in gateway/cli.
func TestExitCodesAreThoseOfTheHelp(t *testing.T) {
	t.Parallel()
	nats := startNATS(t, natslog.EmbeddedOptions{Dir: t.TempDir(), Sync: "100ms"})
	wire := newWire(t, urlOf(t, nats))
	s := serve(t, t.TempDir(), "--no-database", "--nats-url", wire.url)
	s.publish(everybody)
	dir := t.TempDir()
	file := func(folder, name, text string) string {
		path := filepath.Join(dir, folder, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	mapping, policy := file("", "lines.yaml", lines), file("", "policy.yaml", everybody)
	file("good", "visits.jsonl", "{\"user\": \"a\", \"name\": \"x\"}\n{\"user\": \"b\", \"name\": \"x\"}\n")
	file("some", "visits.jsonl", "{\"user\": \"a\", \"name\": \"x\"}\n{\"usr\": \"b\", \"name\": \"x\"}\n")
	file("none", "visits.jsonl", "{\"usr\": \"a\", \"name\": \"x\"}\n{\"usr\": \"b\", \"name\": \"x\"}\n")
	file("by-server", "visits.jsonl", "{\"user\": \"a\", \"name\": \"\"}\n{\"user\": \"\", \"name\": \"x\"}\n")
	file("later", "visits.jsonl", strings.Repeat("{\"user\": \"a\", \"name\": \"x\"}\n", 3))
	file("columns", "visits.jsonl", "{\"user\": \"a\", \"name\": \"x\"}\n")
	file("columns", "orders.csv", "usr,name\na,x\n")

	type ending struct {
		code    int
		says    string
		command []string
	}
	check := func(all []ending) {
		t.Helper()
		for _, e := range all {
			out, code := s.proffer(e.command...)
			if code != e.code || !strings.Contains(out, e.says) {
				t.Errorf("%s: exit code %d, want %d and %q\n%s", strings.Join(e.command, " "), code, e.code, e.says, out)
			}
		}
	}
	const whole = "every row of import:lines/visits.jsonl was refused; why: proffer quarantine list --source 'import:lines/visits.jsonl'\n"
	check([]ending{
		{0, "checked only: nothing was written\n", []string{"import", "--validate-only", mapping, filepath.Join(dir, "good")}},
		{1, "every row of import:lines/visits.jsonl was refused\n", []string{"import", "--validate-only", mapping, filepath.Join(dir, "none")}},
		{0, "\"refused\": []", []string{"quarantine", "list", "--json"}},
		{0, "\"accepted\": 2", []string{"import", mapping, filepath.Join(dir, "good"), "--json"}},
		{0, "1 MAPPING_ERROR", []string{"import", mapping, filepath.Join(dir, "some")}},
		{0, "import:lines/visits.jsonl: MAPPING_ERROR, first in line 2: ", []string{"import", mapping, filepath.Join(dir, "some")}},
		{1, whole, []string{"import", mapping, filepath.Join(dir, "none")}},
		{1, whole, []string{"import", mapping, filepath.Join(dir, "none")}}, // again: the rows are in quarantine already
		{1, whole, []string{"import", mapping, filepath.Join(dir, "by-server")}},
		{2, `orders.csv has no column "user" (line 9 of the mapping)`, []string{"import", mapping, filepath.Join(dir, "columns")}},
		{2, "visits.jsonl", []string{"import", mapping, t.TempDir()}},
		{0, "offer welcome", []string{"decide", "--placement", "home", "user_id=a"}},
		{1, "UNKNOWN_PLACEMENT", []string{"decide", "--placement", "nowhere", "user_id=a"}},
		{2, "", []string{"decide", "user_id=a"}},
		{0, "all identical", []string{"replay", "LAST"}},
		{1, "NOT_FOUND", []string{"replay", strings.Repeat("0", 32)}},
		{2, "", []string{"replay", "LAST", "--all"}},
		{0, "profile", []string{"identity", "resolve", "user_id:a"}},
		{1, "never seen", []string{"identity", "resolve", "user_id:nobody"}},
		{1, "", []string{"identity", "explain", "user_id:a", "user_id:b"}},
		{2, "read the policy", []string{"policy", "publish", filepath.Join(dir, "none.yaml")}},
		{3, "", []string{"status", "--server", "http://127.0.0.1:1"}},
		{2, "", []string{"dance"}},
	})
	wire.cut()
	check([]ending{
		{3, "LOG_UNAVAILABLE", []string{"decide", "--placement", "home", "user_id=a"}},
		{3, "LOG_UNAVAILABLE", []string{"import", mapping, filepath.Join(dir, "later")}},
		{3, "LOG_UNAVAILABLE", []string{"policy", "publish", policy}},
	})
}
