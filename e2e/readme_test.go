package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	profferv1 "github.com/profferhq/proffer/gateway/api/proffer/v1"
)

// shellBlock is one block of shell in the README, with the heading above it.
type shellBlock struct{ heading, text string }

func readmeBlocks(t testing.TB) []shellBlock {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(repositoryRoot(t), "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	var blocks []shellBlock
	heading, inside := "", false
	for line := range strings.Lines(string(text)) {
		switch {
		case inside && strings.HasPrefix(line, "```"):
			inside = false
		case inside:
			blocks[len(blocks)-1].text += line
		case strings.HasPrefix(line, "```sh"):
			blocks, inside = append(blocks, shellBlock{heading: heading}), true
		case strings.HasPrefix(line, "#"):
			heading = strings.TrimSpace(strings.TrimLeft(line, "#"))
		}
	}
	if len(blocks) == 0 {
		t.Fatal("the README has no blocks of shell: the test would prove nothing")
	}
	return blocks
}

// commandLines are a block's lines, those that end with a backslash joined to the next, without remarks.
func (b shellBlock) commandLines() []string {
	var out []string
	for line := range strings.Lines(strings.ReplaceAll(b.text, "\\\n", " ")) {
		line, _, _ = strings.Cut(line, " #")
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			out = append(out, line)
		}
	}
	return out
}

// TestTheCommandsOfTheReadmeExist: every command of the README is one that the binary or make knows, with its flags.
func TestTheCommandsOfTheReadmeExist(t *testing.T) {
	t.Parallel()
	makefile, err := os.ReadFile(filepath.Join(repositoryRoot(t), "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	for _, block := range readmeBlocks(t) {
		for _, line := range block.commandLines() {
			words := strings.Fields(line)
			switch words[0] {
			case "make":
				for _, target := range words[1:] {
					if !strings.Contains(target, "=") && !strings.Contains(string(makefile), "\n"+target+":") {
						t.Errorf("README, %q: make has no target %s", line, target)
					}
				}
			case "bin/proffer", "proffer":
				checked++
				checkCommandLine(t, line, words[1:])
			}
		}
	}
	if checked == 0 {
		t.Error("the README never calls proffer")
	}
}

func checkCommandLine(t *testing.T, line string, words []string) {
	t.Helper()
	name := words[:1]
	switch {
	case words[0] == "identity" && slices.Contains([]string{"guards", "match", "preview", "review"}, words[1]):
		name = words[:3]
	case slices.Contains([]string{"policy", "quarantine", "identity", "lab", "feature", "model", "segment", "export"}, words[0]):
		name = words[:2]
	}
	help, code := command(t, t.Context(), append(append([]string{}, name...), "--help")...)
	if code != 0 {
		t.Errorf("README, %q: there is no such command", line)
		return
	}
	for _, flag := range regexp.MustCompile(`(?:^| )(--[a-z-]+)`).FindAllStringSubmatch(line, -1) {
		if !regexp.MustCompile(`(?m)` + flag[1] + `(?:[ =,]|$)`).MatchString(help) {
			t.Errorf("README, %q: the command has no flag %s", line, flag[1])
		}
	}
}

// TestTheReadmesWalksWork runs what the README shows under two headings, as it stands there, with the sample.
func TestTheReadmesWalksWork(t *testing.T) {
	t.Parallel()
	s := serve(t, t.TempDir(), "--no-database", "--sample")
	s.awaitPolicy("shop")
	for _, c := range []struct {
		heading string
		says    []string
	}{
		{"One decision", []string{"decision ", "policy shop version 1", "all identical", `"decisionId"`}},
		{"One person", []string{
			"└─ user_id:shopper-0007", "by operator", `"one person, two accounts"`, // joined
			"profiles affected: 1, which would become 2 (splits: 1", "decisions made again", // the preview
			"taken_back", "two sisters", // apart
			"1 replayed: 1 identical", "would", // the decision in between
			"withdrawn", "CONSENT_WITHDRAWN marketing", // consent
		}},
	} {
		said := s.runReadme(c.heading)
		for _, want := range c.says {
			if !strings.Contains(said, want) {
				t.Errorf("the README's commands under %q did not say %q:\n%s", c.heading, want, said)
			}
		}
	}
}

// TestTheReadmesFeaturesAndModelsWork goes from imported files to a model that decides, as the README shows it.
func TestTheReadmesFeaturesAndModelsWork(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("skipped: imports whole data sets (make e2e)")
	}
	starbucks := dataSet(t, "starbucks", "transcript.json.zst")
	dataSet(t, "online_retail", "online_retail.csv.zst")
	if _, err := exec.LookPath("psql"); err != nil {
		t.Skip("skipped: no psql")
	}
	s := serve(t, dataFolder(t))
	if out, code := s.proffer("import", "starbucks", starbucks); code != 0 {
		t.Fatalf("import: %s", out)
	}
	said := s.runReadme("Features and models")
	for _, want := range []string{
		"habit@1 is published: 2 features", "large_orders_365d   3", // of a past moment
		"churn: churn_90d of core@2 (binary)", "completion: offer_completion of core@2 (binary)", "BASELINE",
		"shadow", "champion", "the margin", "1 replayed: 1 identical", "missing_then",
	} {
		if !strings.Contains(said, want) {
			t.Errorf("the README's commands did not say %q:\n%s", want, said)
		}
	}
}

// runReadme runs the README's blocks under a heading that begins so, and returns what they said.
func (s *server) runReadme(heading string) (said string) {
	s.t.Helper()
	path, err := binary()
	if err != nil {
		s.t.Fatal(err)
	}
	home := s.t.TempDir() // where bin/proffer and data are
	for name, target := range map[string]string{"bin": filepath.Dir(path), "data": s.dir} {
		if err := os.Symlink(target, filepath.Join(home, name)); err != nil {
			s.t.Fatal(err)
		}
	}
	for _, block := range readmeBlocks(s.t) {
		if !strings.HasPrefix(block.heading, heading) {
			continue
		}
		script := "set -eu -o pipefail\ncurl() { command curl -sS --fail-with-body \"$@\"; }\n" +
			strings.NewReplacer("http://127.0.0.1:8420", s.file.URL, "../shared/data", dataRoot(s.t)).Replace(block.text)
		shell := exec.CommandContext(s.t.Context(), "bash", "-c", script)
		shell.Dir, shell.Env = home, append(os.Environ(), "KEY="+s.file.Key)
		out, err := shell.CombinedOutput()
		if err != nil {
			s.t.Fatalf("the README's\n%s\nfailed: %v\n%s", block.text, err, out)
		}
		said += string(out)
	}
	return said
}

// awaitPolicy waits until a policy is in effect: the sample's is published when all of the sample is in.
func (s *server) awaitPolicy(id string) {
	s.t.Helper()
	deadline := time.NewTimer(2 * time.Minute)
	defer deadline.Stop()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	started := time.Now()
	for {
		listed, err := s.policies().List(s.t.Context(), &profferv1.ListRequest{})
		if err != nil {
			s.t.Fatal(err)
		}
		for _, p := range listed.GetPolicies() {
			if p.GetPolicy() == id {
				s.t.Logf("%s is in effect after %s", id, time.Since(started).Round(time.Millisecond))
				return
			}
		}
		select {
		case <-deadline.C:
			s.t.Fatalf("%s is not in effect:\n%s", id, s.output)
		case <-tick.C:
		}
	}
}
