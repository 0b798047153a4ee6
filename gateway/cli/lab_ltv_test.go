package cli_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/profferhq/proffer/gateway/cli"
)

// buyers writes a file of people who buy now and then.
func buyers(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	b.WriteString("customer,date,value\n")
	for i := range 120 {
		for j, day := 0, i%20; j <= i%6 && day < 300; j, day = j+1, day+7+(i*j*13)%40 {
			fmt.Fprintf(&b, "c%d,2022-%02d-%02d,%d.5\n", i, 1+day/28, 1+day%28, 3+(i*7+j)%40)
		}
	}
	path := filepath.Join(t.TempDir(), "tx.csv")
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func laboratory(t *testing.T, args ...string) (code int, out, errs string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code = cli.Main(t.Context(), append([]string{"lab"}, args...), &stdout, &stderr)
	return code, stdout.String(), stderr.String()
}

func TestLifetimePrintsItsContract(t *testing.T) {
	t.Parallel()
	path := buyers(t)
	code, out, errs := laboratory(t, "ltv", "--in", path, "--customer", "customer", "--date", "date", "--value", "value", "--until", "2022-12-31", "--unit", "week", "--json")
	if code != cli.ExitOK {
		t.Fatalf("exit code %d: %s", code, errs)
	}
	var got struct {
		BGNBD      map[string]float64 `json:"bgnbd"`
		GammaGamma map[string]float64 `json:"gamma_gamma"`
		Customers  []map[string]any
	}
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"r", "alpha", "a", "b", "log_likelihood"} {
		if _, has := got.BGNBD[key]; !has {
			t.Errorf("bgnbd has no %s", key)
		}
	}
	for _, key := range []string{"p", "q", "v"} {
		if _, has := got.GammaGamma[key]; !has {
			t.Errorf("gamma_gamma has no %s", key)
		}
	}
	for _, key := range []string{"id", "frequency", "recency", "T", "p_alive", "expected_purchases", "expected_value"} {
		if _, has := got.Customers[0][key]; !has {
			t.Errorf("a customer has no %s", key)
		}
	}
	if code, out, errs := laboratory(t, "ltv", path, "--customer", "customer", "--date", "date"); code != cli.ExitOK || !strings.Contains(out, "bought once") || !strings.Contains(out, "####") {
		t.Errorf("exit code %d: %s%s", code, out, errs)
	}
}

func TestLifetimeTakesASummaryEitherWay(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("frequency,recency,T,value\n")
	for i := range 200 {
		if i%3 == 0 {
			fmt.Fprintf(&b, "0,0,%d,\n", 20+i%19)
			continue
		}
		fmt.Fprintf(&b, "%d,%d,%d,%d\n", 1+i%7, 1+i%18, 20+i%19, 10+i%33)
	}
	path := filepath.Join(t.TempDir(), "summary.csv")
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	var want string
	for _, args := range [][]string{{"--in", path, "--summary"}, {"--summary", path}, {"--summary=" + path}} {
		code, out, errs := laboratory(t, append([]string{"ltv", "--json"}, args...)...)
		if code != cli.ExitOK || want != "" && out != want {
			t.Errorf("%v: exit code %d, %s", args, code, errs)
		}
		want = out
	}
	for _, args := range [][]string{{"--summary"}, {"--in", path}, {"--in", path, "--summary", path}} {
		if code, _, errs := laboratory(t, append([]string{"ltv"}, args...)...); code != cli.ExitUsage || errs == "" {
			t.Errorf("%v: exit code %d, %s", args, code, errs)
		}
	}
}
