package cli_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/profferhq/proffer/gateway/cli"
)

// leavers writes people who leave when they are young and pay much.
func leavers(t *testing.T) string {
	t.Helper()
	r := rand.New(rand.NewPCG(1, 1))
	var b strings.Builder
	b.WriteString("age,price,churned\n")
	for range 300 {
		age, price := r.IntN(80), r.IntN(100)
		leaves := age < 40 && price > 50 != (r.IntN(10) == 0)
		fmt.Fprintf(&b, "%d,%d,%t\n", age, price, leaves)
	}
	path := filepath.Join(t.TempDir(), "rows.csv")
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func labTrain(t *testing.T, args ...string) (code int, out, errs string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code = cli.Main(t.Context(), append([]string{"lab", "train"}, args...), &stdout, &stderr)
	return code, stdout.String(), stderr.String()
}

func TestLabTrainPrintsItsContract(t *testing.T) {
	t.Parallel()
	code, out, errs := labTrain(t, "--in", leavers(t), "--label", "churned", "--folds", "3", "--json")
	if code != cli.ExitOK {
		t.Fatalf("exit code %d: %s", code, errs)
	}
	keys := func(text json.RawMessage) []string {
		var got map[string]json.RawMessage
		if err := json.Unmarshal(text, &got); err != nil {
			t.Fatal(err)
		}
		var names []string
		for k := range got {
			names = append(names, k)
		}
		slices.Sort(names)
		return names
	}
	scores := []string{"accuracy", "auc", "brier", "ece", "logloss"}
	all := append(slices.Clone(scores), "baseline", "importance", "warnings")
	slices.Sort(all)
	if diff := cmp.Diff(all, keys(json.RawMessage(out))); diff != "" {
		t.Error(diff)
	}
	var got struct {
		AUC        float64
		Baseline   json.RawMessage
		Importance []struct {
			Feature string
			Gain    float64
		}
		Warnings []string
	}
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(scores, keys(got.Baseline)); diff != "" {
		t.Error(diff)
	}
	if got.AUC < .8 || len(got.Importance) != 2 || got.Warnings == nil {
		t.Errorf("%s", out)
	}
}

func TestLabTrainTellsPeople(t *testing.T) {
	t.Parallel()
	code, out, errs := labTrain(t, "--in", leavers(t), "--label", "churned", "--folds", "2")
	if code != cli.ExitOK || !strings.Contains(out, "logistic regression") || !strings.Contains(out, "captured") || !strings.Contains(out, "splits") {
		t.Fatalf("exit code %d: %s%s", code, out, errs)
	}
}

func TestLabTrainRefusesWhatItCannotUse(t *testing.T) {
	t.Parallel()
	path := leavers(t)
	for _, c := range []struct {
		args []string
		want int
		say  string
	}{
		{[]string{"--in", path, "--label", "gone"}, cli.ExitUsage, "churned"},
		{[]string{"--in", path, "--label", "age"}, cli.ExitUsage, "different numbers"},
		{[]string{"--in", path, "--label", "churned", "--drop", "nothing"}, cli.ExitUsage, "nothing"},
		{[]string{"--in", path, "--label", "churned", "--folds", "1"}, cli.ExitUsage, "folds"},
		{[]string{"--in", path + ".none", "--label", "churned"}, cli.ExitFailed, ""},
		{[]string{"--in", path}, cli.ExitUsage, "--label"},
	} {
		if code, _, errs := labTrain(t, c.args...); code != c.want || !strings.Contains(errs, c.say) {
			t.Errorf("%v: exit code %d, %s", c.args[2:], code, errs)
		}
	}
}
