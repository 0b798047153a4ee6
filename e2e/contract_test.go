package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	profferv1 "github.com/profferhq/proffer/gateway/api/proffer/v1"
	"github.com/profferhq/proffer/gateway/cli"
)

// shapes are the contracts of --json: every key with its type. "[]" stands for any entry of a list, "*" for any key of
// a map. A key more is a change to be made here on purpose; a key less breaks those who read it.
var shapes = map[string][]string{
	"status": {
		"aliases number", "database_url string", "decisions number", "duplicates number", "events.* number",
		"external_decisions number", "nats_url string", "outcomes number", "profiles number", "projections[].applied number",
		"projections[].lag number", "projections[].name string", "quarantined number",
	},
	"replay --all": {
		"decisions_per_second number", "differences list", "different number", "external number", "identical number", "replayed number",
	},
	"digest": {"projections[].cut string", "projections[].name string", "projections[].sha256 string"},
	"decide --placement home user_id=a": {
		"content.* string", "decidedAt string", "decisionId string", "offer string", "policy string", "policyVersion string",
		"position string", "profile string", "reason string", "staleness string", "treatment string",
	},
	"policy list": {
		"policies[].description string", "policies[].document string", "policies[].offers[] string", "policies[].placements[] string",
		"policies[].policy string", "policies[].published_at string", "policies[].sha256 string", "policies[].version string",
		"policies[].withdrawn_at null",
	},
	"policy withdraw everybody --validate-only": {"kind string", "name string", "position string", "unchanged bool", "version string"},
	"quarantine list": {
		"next_page_token string", "refused[].field string", "refused[].format string", "refused[].id string",
		"refused[].message string", "refused[].original string", "refused[].reason string", "refused[].received_at string",
		"refused[].source string", "refused[].source_line string",
	},
	"rebuild": {"rebuilt.* number"},
}

// mapsOfData are the objects whose keys are data.
var mapsOfData = []string{"events", "content", "rebuilt"}

func TestTheJSONIsAContract(t *testing.T) {
	t.Parallel()
	s := serve(t, dataFolder(t))
	s.publish(strings.Replace(everybody, "policy: everybody", "policy: everybody\ndescription: for all", 1))
	s.sendOneOfEach()
	s.identifySome()
	s.assignSome()
	s.awaitCounts("what was sent", map[string]uint64{"viewed": 1, "quarantined": 1})
	var version any
	if out, code := command(t, t.Context(), "version", "--json"); code != 0 || json.Unmarshal([]byte(out), &version) != nil {
		t.Errorf("version --json: exit code %d\n%s", code, out)
	}
	if diff := cmp.Diff([]string{"go string", "version string"}, shapeOf(version)); diff != "" {
		t.Errorf("proffer version --json (-want +got)\n%s", diff)
	}
	all := maps.Clone(shapes)
	maps.Copy(all, identityShapes())
	maps.Copy(all, modelShapes())
	maps.Copy(all, segmentShapes(s.defineSome()))
	snake := regexp.MustCompile(`^[a-z0-9_.*\[\]]* [a-z]+$`)
	for args, want := range all {
		var got any
		s.jsonOf(&got, strings.Fields(args)...)
		if diff := cmp.Diff(want, shapeOf(got)); diff != "" {
			t.Errorf("proffer %s --json (-want +got)\n%s", args, diff)
		}
		for _, path := range want {
			// The answer of Decide is Connect's, whoever asks.
			if !snake.MatchString(path) && !strings.HasPrefix(args, "decide") {
				t.Errorf("proffer %s --json: %s is not snake_case", args, path)
			}
		}
	}
}

// TestTheFiguresOfAStatusAreThoseOfTheLog pins what the keys mean.
func TestTheFiguresOfAStatusAreThoseOfTheLog(t *testing.T) {
	t.Parallel()
	s := serve(t, t.TempDir(), "--no-database")
	s.publish(everybody)
	s.sendOneOfEach()
	s.sendOneOfEach() // duplicates; a refused item is refused again, and kept once
	if _, err := s.decisions().Decide(t.Context(), decideFor("a")); err != nil {
		t.Fatal(err)
	}
	s.awaitCounts("what was sent", map[string]uint64{
		"viewed": 1, "exposed": 1, "external_decision": 1, "decision": 1, "policy_published": 1, "quarantined": 1,
	})
	var got map[string]any
	s.jsonOf(&got, "status")
	delete(got, "projections")
	delete(got, "nats_url")
	want := map[string]any{
		"events": map[string]any{
			"viewed": 1.0, "exposed": 1.0, "external_decision": 1.0, "decision": 1.0, "policy_published": 1.0, "quarantined": 1.0,
		},
		"profiles": 1.0, "aliases": 1.0, "decisions": 1.0, "external_decisions": 1.0, "outcomes": 1.0,
		"quarantined": 1.0, "duplicates": 3.0, "database_url": "",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("status (-want +got)\n%s", diff)
	}
}

// sendOneOfEach sends a view, an external decision, an exposure and an item that is refused.
func (s *server) sendOneOfEach() {
	s.t.Helper()
	who := []*profferv1.Identifier{{Type: "user_id", Value: "a"}}
	_, err := s.ingest().Ingest(s.t.Context(), &profferv1.IngestRequest{Source: "shop", Items: []*profferv1.Item{
		{Type: "view", Kind: "page", Name: "home", Identifiers: who, MessageId: "1"},
		{Type: "external_decision", Placement: "mail", Offer: "mail", Channel: "email", Category: "mail", Policy: "old", Identifiers: who, MessageId: "2"},
		{Type: "expose", Offer: "mail", Placement: "mail", Channel: "email", Identifiers: who, MessageId: "3"},
		{Type: "teleport", Identifiers: who, MessageId: "4"},
	}})
	if err != nil {
		s.t.Fatal(err)
	}
}

// shapeOf lists the paths of a JSON value's leaves with their types, sorted, each once.
func shapeOf(v any) []string {
	var out []string
	var walk func(path string, v any)
	walk = func(path string, v any) {
		switch v := v.(type) {
		case map[string]any:
			for name, inner := range v {
				if slices.Contains(mapsOfData, path) {
					name = "*"
				}
				walk(strings.TrimPrefix(path+"."+name, "."), inner)
			}
		case []any:
			if len(v) == 0 {
				out = append(out, path+" list")
			}
			for _, inner := range v {
				walk(path+"[]", inner)
			}
		case float64:
			out = append(out, path+" number")
		case nil:
			out = append(out, path+" null")
		default:
			out = append(out, fmt.Sprintf("%s %T", path, v))
		}
	}
	walk("", v)
	slices.Sort(out)
	return slices.Compact(out)
}

func TestEveryCommandHasHelpWithAnExample(t *testing.T) {
	t.Parallel()
	listed, code := command(t, t.Context(), "--help")
	if code != 0 {
		t.Fatalf("--help: exit code %d", code)
	}
	_, listed, _ = strings.Cut(listed, "Commands:\n")
	names := regexp.MustCompile(`(?m)^  ([a-z]+(?: [a-z]+){0,2})  +[A-Z]`).FindAllStringSubmatch(listed, -1)
	for _, holder := range []string{ // they only hold others
		"policy", "quarantine", "identity", "identity guards", "identity match", "identity preview", "identity review",
	} {
		names = append(names, []string{"", holder})
	}
	if len(names) < 40 {
		t.Fatalf("found %d commands in\n%s", len(names), listed)
	}
	for _, name := range names {
		help, code := command(t, t.Context(), append(strings.Fields(name[1]), "--help")...)
		if code != 0 || !strings.Contains(help, "Example: proffer "+name[1]) {
			t.Errorf("%s --help: exit code %d, want 0 and an example\n%s", name[1], code, help)
		}
		if !strings.Contains(help, "--json") && !strings.Contains(help, "Commands:") {
			t.Errorf("%s has no --json", name[1])
		}
	}
}

func TestExitCodesMeanSomething(t *testing.T) {
	t.Parallel()
	s := serve(t, t.TempDir(), "--no-database")
	s.publish(everybody)
	bad := filepath.Join(t.TempDir(), "bad.yaml")
	if err := os.WriteFile(bad, []byte("policy: x\nnonsense: 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args string
		code int
		says string
	}{
		{"version", 0, "proffer"},
		{"replay --all", 0, "0 replayed"},
		{"decide --placement home user_id=a", 0, "offer welcome"},
		{"decide --placement nowhere user_id=a", 1, "UNKNOWN_PLACEMENT"},
		{"explain 00000000000000000000000000000000", 1, "NOT_FOUND"},
		{"policy validate " + bad, 1, "POLICY_UNREADABLE"},
		{"quarantine discard nothing --reason x", 1, "ID_INVALID"},
		{"identity resolve user_id:a", 0, "profile"},
		{"identity resolve user_id:nobody", 1, "never seen"},
		{"identity resolve user_id:a --as-of IDENTITY/0", 0, "profile"},
		{"identity resolve user_id:nobody --as-of 2026-01-01", 1, "never seen"},
		{"identity resolve user_id:a --as-of NOWHERE/1", 1, "CUT_INVALID"},
		{"identity resolve user_id:a --as-of yesterday", 2, "--as-of"},
		{"identity get user_id:nobody", 1, "IDENTIFIER_UNKNOWN"},
		{"identity guards set " + bad, 1, "GUARDS_INVALID"},
		{"identity get nobody", 2, "TYPE:VALUE"},
		{"identity get user_id:a --as-of yesterday", 2, "--as-of"},
		{"identity mark user_id:a purple", 2, "blocked"},
		{"identity guards set " + bad + ".none", 2, "read the guards"},
		{"rebuild --nonsense", 2, "nonsense"},
		{"nonsense", 2, "nonsense"},
		{"replay", 2, "--all"},
		{"replay LAST --all", 2, "--all"},
		{"decide --placement home a", 2, "TYPE=VALUE"},
		{"decide user_id=a", 2, "--placement"},
		{"decide --placement home user_id=a --context []", 2, "--context"},
		{"policy publish " + bad + ".none", 2, "read the policy"},
		{"import nonsense x", 2, "nonsense"},
		{"bench nonsense", 2, "ingest"},
		{"bench project-kv --sync 5ms", 2, "at least 10ms"},
		{"serve --sync never", 2, "sync"},
		{"serve --sync=", 2, "sync"},
		{"serve --sync 5ms", 2, "at least 10ms"},
		{"serve --listen nowhere", 2, "listen"},
		{"serve --replicas 3", 2, "replicas"},
		{"serve --vault-key none.key", 2, "vault-key: stat none.key"},
		{"quarantine list --limit 0", 1, "page_size: must be greater than or equal to 1 and less than or equal to 1000"},
		{"feature compare core@1 --people 0", 1, "people: must be greater than or equal to 1 and less than or equal to 100000"},
		{"model limits churn --days 0", 1, "days: must be greater than or equal to 1"},
		{"status --server http://127.0.0.1:1", 3, "no server answers"},
	} {
		args := append(strings.Fields(c.args), "--data", s.dir)
		if first := args[0]; first == "version" || first == "nonsense" || first == "bench" {
			args = args[:len(args)-2]
		}
		out, code := command(t, t.Context(), args...)
		if code != c.code || !strings.Contains(out, c.says) {
			t.Errorf("proffer %s: got exit code %d and %q, want %d and %q", c.args, code, out, c.code, c.says)
		}
	}
}

func TestABenchmarkTellsItsFlags(t *testing.T) {
	t.Parallel()
	help, _ := command(t, t.Context(), "bench", "--help")
	for _, want := range []string{"ingest", "decide", "project-kv", "project-postgres", "replay", "--json", "--sync"} {
		if !strings.Contains(help, want) {
			t.Errorf("bench --help does not name %s", want)
		}
	}
}

// TestCommandsOpenAFolderThatNobodyServes: the same commands, with and without a server.
func TestCommandsOpenAFolderThatNobodyServes(t *testing.T) {
	t.Parallel()
	s := serve(t, dataFolder(t))
	s.publish(everybody)
	s.sendOneOfEach()
	before := s.figures()
	s.stop()

	if diff := cmp.Diff(before, s.figures()); diff != "" {
		t.Errorf("status without a server (-with +without)\n%s", diff)
	}
	var decided struct{ Offer, Position string }
	s.jsonOf(&decided, "decide", "--placement", "home", "user_id=a")
	if decided.Offer != "welcome" || !strings.HasPrefix(decided.Position, "DECISION/") {
		t.Errorf("decide without a server: got %+v", decided)
	}
	var replayed struct{ Replayed, Identical, External uint64 }
	s.jsonOf(&replayed, "replay", "--all")
	if replayed.Replayed != 1 || replayed.Identical != 1 || replayed.External != 1 {
		t.Errorf("replay without a server: got %+v", replayed)
	}
	if out, code := s.proffer("explain", "LAST"); code != 0 || !strings.Contains(out, "welcome") {
		t.Errorf("explain without a server: exit code %d\n%s", code, out)
	}
}

func TestAServerIsReachedByItsAddressAndKey(t *testing.T) {
	t.Parallel()
	s := serve(t, t.TempDir(), "--no-database")
	elsewhere := t.TempDir()
	for name, c := range map[string]struct {
		key  string
		code int
	}{
		"operator": {filepath.Join(s.dir, "operator.key"), 0},
		"source":   {filepath.Join(s.dir, "source.key"), 1},
	} {
		out, code := command(t, t.Context(), "status", "--json", "--server", s.file.URL+"/", "--key", c.key, "--data", elsewhere)
		if code != c.code {
			t.Errorf("the %s's key: exit code %d, want %d\n%s", name, code, c.code, out)
		}
		if code == 0 && !json.Valid([]byte(out)) {
			t.Errorf("the %s's key: no JSON\n%s", name, out)
		}
	}
	if _, code := command(t, t.Context(), "status", "--server", s.file.URL, "--key", filepath.Join(elsewhere, "none"), "--data", elsewhere); code != 2 {
		t.Errorf("a key file that is not there: exit code %d, want 2", code)
	}
	if out, code := command(t, t.Context(), "status", "--server", s.file.URL, "--data", elsewhere); code != 1 || !strings.Contains(out, "KEY_REFUSED") || !strings.Contains(out, "--key FILE") {
		t.Errorf("no key: exit code %d\n%s", code, out)
	}
}

func TestADecisionThatIsNotKeptForLastSaysSo(t *testing.T) {
	t.Parallel()
	s := serve(t, t.TempDir(), "--no-database")
	s.publish(everybody)
	there, missing := t.TempDir(), filepath.Join(t.TempDir(), "missing")
	for dir, kept := range map[string]bool{there: true, missing: false} {
		with := []string{"--server", s.file.URL, "--key", filepath.Join(s.dir, "operator.key"), "--data", dir}
		var out, errs bytes.Buffer
		code := cli.Main(t.Context(), append([]string{"decide", "--placement", "home", "user_id=a"}, with...), &out, &errs)
		if code != 0 || !strings.Contains(out.String(), "welcome") || strings.Contains(errs.String(), "LAST") == kept {
			t.Errorf("decide: exit code %d, kept: %t\n%s%s", code, kept, out.String(), errs.String())
		}
	}
}

// TestTheConfigurationPageIsCurrent: docs/configuration.md is what the binary says of itself.
func TestTheConfigurationPageIsCurrent(t *testing.T) {
	t.Parallel()
	want, code := command(t, t.Context(), "reference")
	if code != 0 {
		t.Fatalf("reference: exit code %d\n%s", code, want)
	}
	got, err := os.ReadFile(filepath.Join(repositoryRoot(t), "docs", "configuration.md"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("docs/configuration.md is not current: run make generate (-want +got)\n%s", diff)
	}
}
