package e2e

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/profferhq/proffer/decider/model"
	profferv1 "github.com/profferhq/proffer/gateway/api/proffer/v1"
)

const (
	boughtModel = "../gateway/modelfile/testdata/buys.ubj"
	boughtRows  = "../gateway/modelfile/testdata/buys_golden.csv"
)

// scoring is a policy that multiplies with what a model says.
const scoring = `
policy: scoring
view: core@2
models: {buys: conversion_7d}
placements:
  - {id: home, channel: web}
offers:
  - id: voucher
    propensity: models.buys
    value: 10
    treatments:
      - {id: banner, channel: web}
`

func (s *server) wantDone(args ...string) string {
	s.t.Helper()
	out, code := s.proffer(args...)
	if code != 0 {
		s.t.Fatalf("proffer %s: exit code %d\n%s", strings.Join(args, " "), code, out)
	}
	return out
}

// decideAfter asks when the position is in effect.
func (s *server) decideAfter(position, user string) *profferv1.DecideResponse {
	s.t.Helper()
	r := decideFor(user)
	r.NotBefore, r.Timeout = position, durationpb.New(20*time.Second)
	a, err := s.decisions().Decide(s.t.Context(), r)
	if err != nil {
		s.t.Fatal(err)
	}
	return a
}

func (s *server) scoresOf(d *profferv1.DecideResponse) []*profferv1.ExplainedScore {
	s.t.Helper()
	e, err := s.audit().Explain(s.t.Context(), &profferv1.ExplainRequest{Position: d.GetPosition()})
	if err != nil {
		s.t.Fatal(err)
	}
	return e.GetScores()
}

// assigned is the part that matters of what the commands that assign print.
type assigned struct {
	Position string
	Use      struct {
		Roles    []struct{ Role, Model, Version, Rule string }
		Policies []string
	}
	Unchanged bool
}

// TestAModelFromItsFileToADecision walks the way of a model that XGBoost trained: imported, watched in the shadow, made
// the champion, decided with, challenged, rolled back; and every decision replays, also after a kill.
func TestAModelFromItsFileToADecision(t *testing.T) {
	t.Parallel()
	s := serve(t, t.TempDir(), "--no-database")
	imported := []string{"model", "import", boughtModel, "--name", "buys", "--label", "conversion_7d", "--golden", boughtRows}
	if out := s.wantDone(append(imported, "--validate-only")...); !strings.Contains(out, "nothing was written") {
		t.Error(out)
	}
	if out := s.wantDone(imported...); !strings.HasPrefix(out, "buys@1 is registered at POLICY/") {
		t.Error(out)
	}
	if out := s.wantDone(imported...); !strings.HasPrefix(out, "buys@1 has the same bytes") {
		t.Error(out)
	}
	s.wantDone(append(imported, "--calibration", "1.5,-0.5")...)
	s.publish(scoring)

	var a assigned
	s.jsonOf(&a, "model", "assign", "conversion_7d", "buys@1", "--role", "shadow")
	shadow := s.decideAfter(a.Position, "ann")
	if scores := s.scoresOf(shadow); len(scores) != 1 || scores[0].GetRole() != "shadow" || scores[0].GetEffective() || shadow.GetReason() != "NO_SCORE" {
		t.Errorf("in the shadow: %s, %v", shadow.GetReason(), scores)
	}
	s.jsonOf(&a, "model", "promote", "conversion_7d", "buys@1")
	first := s.decideAfter(a.Position, "ann")
	scores := s.scoresOf(first)
	if len(scores) != 1 || scores[0].GetRole() != "champion" || scores[0].GetFailure() != "" || first.GetOffer() != "voucher" {
		t.Fatalf("as the champion: %s, %v", first.GetReason(), scores)
	}
	if p := 1 / (1 + math.Exp(-scores[0].GetMargin())); math.Abs(p-scores[0].GetScore()) > 1e-6 {
		t.Errorf("the score is %v, the sigmoid of the margin %v", scores[0].GetScore(), p)
	}
	sum := scores[0].GetExpectedMargin()
	for _, r := range scores[0].GetReasons() {
		sum += r.GetContribution()
	}
	if len(scores[0].GetReasons()) == 0 || math.Abs(sum-scores[0].GetMargin()) > 1e-9 {
		t.Errorf("the reasons add up to %v, the margin is %v: %v", sum, scores[0].GetMargin(), scores[0].GetReasons())
	}
	s.jsonOf(&a, "model", "promote", "conversion_7d", "buys", "--reason", "calibrated")
	second := s.decideAfter(a.Position, "ann")
	if again := s.scoresOf(second); again[0].GetVersion() != 2 || again[0].GetMargin() != scores[0].GetMargin() || again[0].GetScore() == scores[0].GetScore() {
		t.Errorf("calibrated: %v, before %v", again, scores)
	}
	a = assigned{}
	s.jsonOf(&a, "model", "rollback", "conversion_7d")
	if len(a.Use.Roles) != 1 || a.Use.Roles[0].Version != "1" || a.Use.Roles[0].Rule != "rollback" || a.Use.Policies[0] != "scoring" {
		t.Errorf("rolled back: %+v", a)
	}
	s.jsonOf(&a, "model", "assign", "conversion_7d", "buys@2", "--role", "challenger", "--share", "0.5")
	third := s.decideAfter(a.Position, "ann")
	if both := s.scoresOf(third); len(both) != 2 || both[0].GetEffective() == both[1].GetEffective() {
		t.Errorf("champion and challenger: %v", both)
	}
	for _, d := range []*profferv1.DecideResponse{shadow, first, second, third} {
		s.wantIdentical(d)
	}
	s.restart()
	s.wantDone("replay", "--all")
	if scores := s.scoresOf(s.decideAfter("", "bob")); len(scores) != 2 || scores[0].GetFailure() != "" {
		t.Errorf("after a restart: %v", scores)
	}
	s.wantSameBytes()
}

// wantSameBytes compares what is downloaded with what the digest says.
func (s *server) wantSameBytes() {
	s.t.Helper()
	file := filepath.Join(s.t.TempDir(), "buys.json")
	s.wantDone("model", "download", "buys@1", file)
	data, err := os.ReadFile(file)
	if err != nil {
		s.t.Fatal(err)
	}
	var shown struct {
		Model struct{ Sha256 string }
		Card  string
	}
	s.jsonOf(&shown, "model", "show", "buys@1")
	if got := model.Digest(data).String(); got != shown.Model.Sha256 || !strings.Contains(shown.Card, "xgboost 1.7.4") {
		s.t.Errorf("downloaded %s, registered %s, card %s", got, shown.Model.Sha256, shown.Card)
	}
	// And what was downloaded can be registered elsewhere.
	if out := s.wantDone("model", "register", file, "--name", "copied"); !strings.HasPrefix(out, "copied@1 is registered") {
		s.t.Error(out)
	}
}

func TestModelsAreRefusedWithWhatWouldBeRight(t *testing.T) {
	t.Parallel()
	s := serve(t, t.TempDir(), "--no-database")
	s.wantDone("model", "import", boughtModel, "--name", "buys", "--golden", boughtRows)
	broken := filepath.Join(t.TempDir(), "broken.json")
	if err := os.WriteFile(broken, []byte(`{"format":"proffer-model/1"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		args []string
		code int
		want string
	}{
		"no golden rows":   {[]string{"model", "import", boughtModel, "--name", "x"}, 2, "--golden"},
		"not a model":      {[]string{"model", "import", boughtRows, "--name", "x", "--golden", boughtRows}, 2, "save_model"},
		"another view":     {[]string{"model", "import", boughtModel, "--name", "x", "--golden", boughtRows, "--view", "core@7"}, -1, "core@7"},
		"broken":           {[]string{"model", "register", broken, "--name", "x"}, 1, "MODEL_INVALID"},
		"a foreign one":    {[]string{"model", "register", boughtModel, "--name", "x"}, 1, "import models of other programs"},
		"a bad name":       {[]string{"model", "import", boughtModel, "--name", "X", "--golden", boughtRows}, 1, "MODEL_NAME_INVALID"},
		"misspelt":         {[]string{"model", "promote", "churn", "bays"}, 1, `did you mean "buys"?`},
		"no such version":  {[]string{"model", "promote", "churn", "buys@7"}, 1, "its latest is 1"},
		"no champion":      {[]string{"model", "assign", "churn", "buys", "--role", "challenger", "--share", "0.5"}, 1, "NO_CHAMPION"},
		"share":            {[]string{"model", "assign", "churn", "buys", "--role", "challenger", "--share", "1.5"}, 1, "SHARE_INVALID"},
		"nothing to go to": {[]string{"model", "rollback", "churn"}, 1, "NO_CHAMPION"},
		"show":             {[]string{"model", "show", "chrun"}, 1, "MODEL_NOT_REGISTERED"},
		"calibration":      {[]string{"model", "import", boughtModel, "--name", "x", "--golden", boughtRows, "--calibration", "1"}, 2, "two numbers"},
		"role and nobody":  {[]string{"model", "assign", "churn", "buys", "--nobody", "--role", "shadow"}, 2, "--nobody"},
	} {
		if out, code := s.proffer(c.args...); c.code >= 0 && code != c.code || code == 0 || !strings.Contains(out, c.want) {
			t.Errorf("%s: exit code %d, %s\nwant %d and %q", name, code, out, c.code, c.want)
		}
	}
}

func TestLimitsOfModelsAreSetForAUse(t *testing.T) {
	t.Parallel()
	s := serve(t, t.TempDir(), "--no-database")
	if out := s.wantDone("model", "limits", "churn"); !strings.Contains(out, "as they come") || !strings.Contains(out, "from 500 decisions") {
		t.Error(out)
	}
	set := []string{"model", "limits", "churn", "--set", "psi=0.5,2", "--set", "ks=0", "--least", "50", "--reason", "few decisions"}
	if out := s.wantDone(append(set, "--validate-only")...); !strings.Contains(out, "nothing was written") {
		t.Error(out)
	}
	if out := s.wantDone(set...); !strings.Contains(out, "in effect from POLICY/") || !strings.Contains(out, "version 1: over 7 days, from 50 decisions") {
		t.Error(out)
	}
	if out := s.wantDone(set...); !strings.Contains(out, "it is so already") {
		t.Error(out)
	}
	s.restart()
	if out := s.wantDone("model", "limits", "churn"); !regexp.MustCompile(`psi +0.5 +2\n`).MatchString(out) || !regexp.MustCompile(`ks +- +-\n`).MatchString(out) {
		t.Error(out)
	}
	if out := s.wantDone("model", "limits", "churn", "--defaults"); !strings.Contains(out, "version 2: over 7 days, from 500 decisions") {
		t.Error(out)
	}
	for want, args := range map[string][]string{
		`did you mean "psi"?`: {"--set", "psy=1"},
		"auc: 3 is no limit":  {"--set", "auc=3"},
		"METRIC=SOFT":         {"--set", "psi"},
		"nothing else can be": {"--defaults", "--days", "3"},
	} {
		if out, code := s.proffer(append([]string{"model", "limits", "churn"}, args...)...); code == 0 || !strings.Contains(out, want) {
			t.Errorf("%v: exit code %d, %s", args, code, out)
		}
	}
}

func TestAModelIsForOperators(t *testing.T) {
	t.Parallel()
	s := serve(t, t.TempDir(), "--no-database")
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	stream, err := s.models(s.file.Key).RegisterModel(ctx)
	if err != nil {
		t.Fatal(err)
	}
	_ = stream.Send(&profferv1.RegisterModelRequest{Name: "x"})
	if _, err := stream.CloseAndReceive(); err == nil || !strings.Contains(err.Error(), "operator") {
		t.Errorf("with a source's key: %v", err)
	}
	large, err := s.models(s.file.OperatorKey).RegisterModel(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for range 66 {
		if err := large.Send(&profferv1.RegisterModelRequest{Chunk: make([]byte, 1<<20)}); err != nil {
			break
		}
	}
	if _, err := large.CloseAndReceive(); err == nil || !strings.Contains(err.Error(), "64 MiB") {
		t.Errorf("66 MiB: %v", err)
	}
}

// assignSome registers a model and gives it a role.
func (s *server) assignSome() {
	s.t.Helper()
	s.wantDone("model", "import", boughtModel, "--name", "buys", "--golden", boughtRows)
	s.wantDone("model", "promote", "conversion_7d", "buys")
}

// modelShapes are the contracts of --json of the commands about models, as shapes has the others.
func modelShapes() map[string][]string {
	one := func(path string) []string {
		var out []string
		for _, field := range []string{
			"auc string", "baseline_auc string", "features number", "label string", "name string", "objective string", "position string",
			"registered_at string", "sha256 string", "size string", "version string", "view string", "withdrawn_at null",
		} {
			out = append(out, path+"."+field)
		}
		return out
	}
	use := func(path string) []string {
		return []string{
			path + ".policies list", path + ".roles[].model string", path + ".roles[].role string", path + ".roles[].rule string",
			path + ".roles[].share number", path + ".roles[].since string", path + ".roles[].version string", path + ".use string",
		}
	}
	limits := []string{
		"limits.days number", "limits.least string", "limits.limits[].hard number", "limits.limits[].metric string", "limits.limits[].soft number",
		"limits.reason string", "limits.use string", "limits.version string",
	}
	return map[string][]string{
		"model limits conversion_7d":                               limits,
		"model limits conversion_7d --set psi=0.3 --validate-only": joined(limits, []string{"position string", "unchanged bool"}),
		"model list":      joined(one("models[]"), use("uses[]")),
		"model show buys": joined(one("model"), []string{"card string", "features[] string", "judged_as string", "not_judged string"}),
		"model assign conversion_7d buys --role champion":  joined(use("use"), []string{"position string", "unchanged bool", "warnings list"}),
		"model promote conversion_7d buys --validate-only": joined(use("use"), []string{"position string", "unchanged bool", "warnings list"}),
		"model download buys " + os.DevNull:                {"bytes number", "file string"},
		"model import " + boughtModel + " --name b --golden " + boughtRows + " --validate-only": {
			"name string", "position string", "sha256 string", "unchanged bool", "version string",
		},
	}
}
