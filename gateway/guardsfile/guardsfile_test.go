package guardsfile

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"
	"pgregory.net/rapid"

	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/identity"
)

const sample = `# ours
profile_most: 500
types:
  - type: user_id
    most: 1
  - type: email # five in a week
    most: 5
    window: 7d
    shared_above: 4
    blocked_patterns: ['^[0-]*$', '(?i)^(null|guest)$']
    blocked_values: [front.desk@example.com]
`

func TestParseKeepsWhatTheOperatorWrote(t *testing.T) {
	t.Parallel()
	got, err := Parse([]byte(sample))
	if err != nil {
		t.Fatal(err)
	}
	want := Document{
		Guards: &event.IdentityGuards{ProfileMost: 500, Types: []*event.IdentifierGuard{
			{Type: "user_id", Most: 1},
			{
				Type: "email", Most: 5, WindowMs: 7 * 24 * 3600 * 1000, SharedAbove: 4,
				BlockedPatterns: []string{"^[0-]*$", "(?i)^(null|guest)$"},
			},
		}},
		Blocked: []identity.Identifier{{Type: "email", Value: "front.desk@example.com"}},
	}
	if diff := cmp.Diff(want.Guards, got.Guards, protocmp.Transform()); diff != "" {
		t.Errorf("guards (-want +got)\n%s", diff)
	}
	if len(got.Blocked) != 1 || got.Blocked[0] != want.Blocked[0] {
		t.Error("the blocked values are not those of the document")
	}
	if strings.Contains(got.Source, "front.desk") || !strings.Contains(got.Source, "# ours") || !strings.Contains(got.Source, "five in a week") {
		t.Errorf("the source is to hold all but the values:\n%s", got.Source)
	}
	again, err := Parse([]byte(got.Source))
	if err != nil || len(again.Blocked) != 0 || !cmp.Equal(again.Guards, want.Guards, protocmp.Transform()) {
		t.Errorf("the source reads back otherwise (%v)", err)
	}
}

func TestADocumentWithoutValuesIsKeptAsItStands(t *testing.T) {
	t.Parallel()
	text := "types:   [{type: email, most: 2}] # as it stands\n"
	got, err := Parse([]byte(text))
	if err != nil || got.Source != text {
		t.Errorf("got %q, %v", got.Source, err)
	}
}

func TestParseNamesTheLineOfAMistake(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ text, says string }{
		"unknown key":       {"profile_most: 5\ntipes: []\n", "line 2"},
		"unknown in guard":  {"types:\n  - type: email\n    mots: 3\n", "line 3"},
		"no type":           {"types:\n  - most: 3\n", "line 2"},
		"a bad type":        {"types:\n  - type: E-Mail\n", "line 2"},
		"a type twice":      {"types:\n  - type: email\n  - type: email\n", "line 3"},
		"a negative":        {"types:\n  - type: email\n    most: -1\n", "line 3"},
		"a share":           {"types:\n  - type: email\n    shared_above: 2.5\n", "line 3"},
		"a bad pattern":     {"types:\n  - type: email\n    blocked_patterns: ['(']\n", "line 3"},
		"not RE2":           {"types:\n  - type: email\n    blocked_patterns: ['(?=x)']\n", "line 3"},
		"a long pattern":    {"types:\n  - type: email\n    blocked_patterns: ['" + strings.Repeat("x", 201) + "']\n", "line 3"},
		"a bad window":      {"types:\n  - type: email\n    most: 1\n    window: soon\n", "line 4"},
		"an empty window":   {"types:\n  - type: email\n    most: 1\n    window: 0d\n", "line 4"},
		"a window alone":    {"types:\n  - type: email\n    window: 7d\n", "line 2"},
		"an empty value":    {"types:\n  - type: email\n    blocked_values: ['']\n", "line 3"},
		"a guard that is a": {"types:\n  - email\n", "line 2"},
		"types no list":     {"types: email\n", "line 1"},
		"says nothing":      {"types: []\n", "nothing"},
		"a second":          {"profile_most: 1\n---\nprofile_most: 2\n", "one"},
		"nothing":           {"", "empty"},
		"too many values":   {"types:\n  - type: a\n    blocked_values: [" + strings.Repeat("x,", 101) + "]\n", "100"},
		"a huge window":     {"types:\n  - type: email\n    most: 1\n    window: 60000d\n", "window"},
		"an anchor":         {"types:\n  - type: email\n    blocked_values: &x [a]\n    blocked_patterns: *x\n", "refer"},
		"an over-long one":  {"#" + strings.Repeat("x", MaxBytes), "at most"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := Parse([]byte(c.text))
			if !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v, want ErrInvalid that says %q", err, c.says)
			}
		})
	}
}

// TestAComplaintHoldsNoValue: what is blocked is an identifier, and errors reach logs.
func TestAComplaintHoldsNoValue(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"types:\n  - type: email\n    blocked_values: secret@example.com\n",
		"types:\n  - type: email\n    blocked_values: {secret@example.com: 1}\n",
		"types:\n  - type: email\n    blocked_values: [[secret@example.com]]\n",
		"types: secret@example.com\n",
		"types:\n  - type: email\n    blocked_patterns: ['secret@example.com(']\n",
		"types:\n  - type: secret@example.com\n",
		"types:\n  - type: email\n    most: secret@example.com\n",
		"types:\n  - type: email\n    window: secret@example.com\n",
		"profile_most: secret@example.com\n",
	} {
		_, err := Parse([]byte(text))
		if err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: got %v", text, err)
		}
	}
}

func TestFormatReadsBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := &event.IdentityGuards{ProfileMost: rapid.Uint32Range(1, identity.MaxProfileMost).Draw(t, "profile_most")}
		for _, kind := range rapid.SliceOfNDistinct(rapid.StringMatching(`[a-z][a-z0-9_]{0,8}`), 0, 9, rapid.ID[string]).Draw(t, "types") {
			g := &event.IdentifierGuard{
				Type: kind, Most: rapid.Uint32Range(1, 1000).Draw(t, "most"), SharedAbove: rapid.Uint32Range(0, 1000).Draw(t, "shared"),
				WindowMs:        rapid.Int64Range(0, identity.MaxWindow.Milliseconds()).Draw(t, "window"),
				BlockedPatterns: rapid.SliceOfN(rapid.SampledFrom([]string{"^[0-]*$", "'", "a: b", "(?i)^x$", `\d+`, "#", "日本", "- "}), 0, 3).Draw(t, "patterns"),
			}
			want.Types = append(want.Types, g)
		}
		text, err := Format(want)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Parse([]byte(text))
		if err != nil {
			t.Fatalf("%v in\n%s", err, text)
		}
		if diff := cmp.Diff(want, got.Guards, protocmp.Transform()); diff != "" {
			t.Fatalf("%s\n%s", diff, text)
		}
	})
}

// TestTheExampleOfTheGuideParses: docs/identity.md shows a document that is one.
func TestTheExampleOfTheGuideParses(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/identity.md")
	if err != nil {
		t.Fatal(err)
	}
	_, guards, _ := strings.Cut(string(page), "## Guards\n")
	_, rest, _ := strings.Cut(guards, "```yaml\n")
	example, _, found := strings.Cut(rest, "```")
	if got, err := Parse([]byte(example)); !found || err != nil || len(got.Guards.GetTypes()) != 3 || len(got.Blocked) != 1 {
		t.Errorf("got %v of\n%s", err, example)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(sample))
	f.Add([]byte("types:\n  - {type: email, most: 1, window: 36h, blocked_values: [a]}"))
	f.Add([]byte("types: &a [*a]\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		got, err := Parse(text)
		if err != nil {
			if !errors.Is(err, ErrInvalid) {
				t.Fatalf("got %v, want ErrInvalid", err)
			}
			return
		}
		again, err := Parse([]byte(got.Source))
		if err != nil || len(again.Blocked) != 0 || !cmp.Equal(again.Guards, got.Guards, protocmp.Transform()) {
			t.Fatalf("the source reads back otherwise: %v", err)
		}
	})
}
