package cli_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/profferhq/proffer/gateway/cli"
)

func TestSegmentsPrintTheirContract(t *testing.T) {
	t.Parallel()
	path := buyers(t)
	for _, args := range [][]string{
		{"segments", "--rfm", "--in", path, "--customer", "customer", "--date", "date", "--value", "value"},
		{"segments", "--in", path, "--id", "customer", "--k", "3"},
	} {
		code, out, errs := laboratory(t, append(args, "--json")...)
		if code != cli.ExitOK {
			t.Fatalf("exit code %d: %s", code, errs)
		}
		var got map[string]json.RawMessage
		if err := json.Unmarshal([]byte(out), &got); err != nil {
			t.Fatal(err)
		}
		for _, key := range []string{"k", "silhouette", "inertia", "sizes", "segments", "columns", "centres", "assignments", "definition"} {
			if _, has := got[key]; !has {
				t.Errorf("no %s", key)
			}
		}
		if code, out, _ := laboratory(t, args...); code != cli.ExitOK || !strings.Contains(out, "segment") || !strings.Contains(out, "###") {
			t.Errorf("exit code %d: %s", code, out)
		}
	}
	for _, args := range [][]string{{"--in", path, "--k", "-1"}, {"--in", path, "--rfm"}, {"--in", path, "--k", "100"}, {"--in", path, "--columns", "age"}} {
		if code, _, errs := laboratory(t, append([]string{"segments"}, args...)...); code != cli.ExitUsage || errs == "" {
			t.Errorf("%v: exit code %d, %s", args, code, errs)
		}
	}
}
