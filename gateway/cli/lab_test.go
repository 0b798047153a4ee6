package cli_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/profferhq/proffer/gateway/cli"
)

// twice writes a file in which each of forty people comes twice, once with a typing error.
func twice(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	givens := strings.Fields("ann bernard clara dmitri eleanor frank greta")
	surnames := strings.Fields("abbott bianchi cheng dvorak eriksen fischer gonzalez hoffmann ivanov jensen")
	b.WriteString("id,first_name,surname,dob,email,who\n")
	for i := range 40 {
		given, surname := givens[i%len(givens)], surnames[i/4]
		born, mail := fmt.Sprintf("19%02d-%02d-%02d", 50+i, 1+i%12, 1+i*5%28), fmt.Sprintf("%s%d@mail.example", given, i*37)
		fmt.Fprintf(&b, "a%d,%s,%s,%s,%s,%d\n", i, given, surname, born, mail, i)
		fmt.Fprintf(&b, "b%d,%s,%sx,%s,%s,%d\n", i, given, surname, born, mail, i)
	}
	path := filepath.Join(t.TempDir(), "people.csv")
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func lab(t *testing.T, args ...string) (code int, out, errs string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code = cli.Main(t.Context(), append([]string{"lab", "identity"}, args...), &stdout, &stderr)
	return code, stdout.String(), stderr.String()
}

func TestLabPrintsItsContract(t *testing.T) {
	t.Parallel()
	pairs := filepath.Join(t.TempDir(), "pairs.csv")
	code, out, errs := lab(t, "--in", twice(t), "--truth", "who", "--json", "--waterfall", "a1,b1", "--out", pairs)
	if code != cli.ExitOK {
		t.Fatalf("exit code %d: %s", code, errs)
	}
	var got map[string]json.RawMessage
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"candidate_pairs", "thresholds", "review", "clusters", "seconds", "waterfalls", "model"} {
		if _, has := got[key]; !has {
			t.Errorf("no %s", key)
		}
	}
	var thresholds []struct {
		Posterior  float64
		TP, FP, FN int
	}
	if err := json.Unmarshal(got["thresholds"], &thresholds); err != nil {
		t.Fatal(err)
	}
	var at []float64
	for _, x := range thresholds {
		at = append(at, x.Posterior)
	}
	if diff := cmp.Diff([]float64{.5, .8, .95, .99}, at); diff != "" || thresholds[1].TP != 40 || thresholds[1].FP != 0 {
		t.Errorf("%s, %+v", diff, thresholds)
	}
	written, err := os.ReadFile(pairs)
	if err != nil || strings.Count(string(written), ",link\n") != 40 {
		t.Errorf("%v: %s", err, written)
	}
}

func TestLabTellsPeople(t *testing.T) {
	t.Parallel()
	code, out, errs := lab(t, "--in", twice(t), "--waterfall", "a1,b1")
	if code != cli.ExitOK || !strings.Contains(out, "posterior") || !strings.Contains(out, "++++") || strings.Contains(out, "mail.example") {
		t.Fatalf("exit code %d: %s%s", code, out, errs)
	}
}

func TestLabRefusesWhatItCannotUse(t *testing.T) {
	t.Parallel()
	path := twice(t)
	config := filepath.Join(t.TempDir(), "match.yaml")
	if err := os.WriteFile(config, []byte("fields: [{name: nothing, kind: text}]"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		want int
	}{
		{[]string{"--in", path, "--truth", "nobody"}, cli.ExitUsage},
		{[]string{"--in", path, "--id", "nobody"}, cli.ExitUsage},
		{[]string{"--in", path, "--low", "0.9"}, cli.ExitUsage},
		{[]string{"--in", path, "--waterfall", "a1"}, cli.ExitUsage},
		{[]string{"--in", path, "--config", config}, cli.ExitUsage},
		{[]string{"--in", path + ".none"}, cli.ExitFailed},
		{nil, cli.ExitUsage},
	} {
		if code, _, errs := lab(t, c.args...); code != c.want || errs == "" {
			t.Errorf("%v: exit code %d, %s", c.args[min(2, len(c.args)):], code, errs)
		}
	}
}

func TestLabFoldsSessions(t *testing.T) {
	t.Parallel()
	folder := filepath.Join("..", "importer", "testdata", "snowplow_web")
	var stdout, stderr bytes.Buffer
	if code := cli.Main(t.Context(), []string{"lab", "sessions", "snowplow_web", folder, "--json"}, &stdout, &stderr); code != cli.ExitOK {
		t.Fatalf("exit code %d: %s", code, stderr.String())
	}
	var got struct {
		Hits     int              `json:"hits"`
		Refused  int              `json:"refused"`
		Views    int              `json:"page_views"`
		Sessions []map[string]any `json:"sessions"`
		Visitors []map[string]any `json:"visitors"`
	}
	if err := json.Unmarshal(stdout.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if got.Hits != 5 || got.Refused != 2 || got.Views != 2 || len(got.Sessions) != 2 || len(got.Visitors) != 1 {
		t.Errorf("got %+v", got)
	}
	if s := got.Sessions[0]; s["visitor"] != "d1" || s["stitched_user"] != "ada" || s["hits"] != 2.0 {
		t.Errorf("the first session: %v", s)
	}
	if code := cli.Main(t.Context(), []string{"lab", "sessions", "no such mapping", folder}, &stdout, &stderr); code != cli.ExitUsage {
		t.Errorf("an unknown mapping: exit code %d", code)
	}
}
