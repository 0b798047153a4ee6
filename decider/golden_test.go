package decider_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"flag"
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/profferhq/proffer/decider"
	"github.com/profferhq/proffer/decider/decidertest"
	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/model/registry"
	"github.com/profferhq/proffer/domain/segment"
)

var update = flag.Bool("update", false, "write the wanted decisions of testdata/cases anew")

// golden is one case: who did what, the policy, the request, and the decision that must come of it, live and in
// every replay. Days count from noon of 1 March 2026 and are negative before it.
type golden struct {
	About  string          `json:"about"`
	Policy json.RawMessage `json:"policy"`
	Models []stump         `json:"models,omitempty"`
	// Segments are definitions in effect, each the first version.
	Segments []json.RawMessage `json:"segments,omitempty"`
	History  []step            `json:"history"`
	Ask      ask               `json:"ask"`
	Wanted   *wanted           `json:"wanted"`
}

type step struct {
	Who      string  `json:"who"`
	Days     float64 `json:"days"`
	Paid     int64   `json:"paid,omitempty"`
	Linked   string  `json:"linked,omitempty"`
	Unlinked string  `json:"unlinked,omitempty"`
	Marked   string  `json:"marked,omitempty"` // SHARED, BLOCKED or NONE
	Withheld string  `json:"withheld,omitempty"`
	Given    *gift   `json:"given,omitempty"`
	// A purpose that was said yes or no to.
	Consents string `json:"consents,omitempty"`
	Objects  string `json:"objects,omitempty"`
}

// stump is a model with a role: low where the feature is at most the threshold or missing, high elsewhere.
type stump struct {
	Model     string  `json:"model"`
	Use       string  `json:"use"`
	Role      string  `json:"role"`
	Share     float64 `json:"share,omitempty"`
	Feature   string  `json:"feature"`
	Threshold float64 `json:"threshold"`
	Low       float64 `json:"low"`
	High      float64 `json:"high"`
	// Lost: its bytes are not kept.
	Lost bool `json:"lost,omitempty"`
}

// assigned are the events by which a stump has its role; its bytes are kept, unless they are lost.
func (s stump) assigned(t *testing.T, kept *decidertest.ModelBytes) []*event.Event {
	t.Helper()
	data, err := decidertest.Stump(core(), s.Feature, s.Threshold, s.Low, s.High).Encode()
	if err != nil {
		t.Fatal(err)
	}
	if !s.Lost {
		if _, err := kept.Put(t.Context(), data); err != nil {
			t.Fatal(err)
		}
	}
	role, err := registry.RoleOf(s.Role)
	if err != nil {
		t.Fatal(err)
	}
	at := noon.Add(-29 * 24 * time.Hour)
	return []*event.Event{
		decidertest.Registered(s.Model, 1, data, at), decidertest.Assigned(s.Use, role, s.Model, 1, data, s.Share, at),
	}
}

type gift struct {
	Offer    string `json:"offer"`
	Category string `json:"category"`
	Channel  string `json:"channel"`
}

type ask struct {
	Who       string         `json:"who"`
	Placement string         `json:"placement"`
	Context   map[string]any `json:"context,omitempty"`
}

type wanted struct {
	Reason     string               `json:"reason"`
	Offer      string               `json:"offer"`
	Treatment  string               `json:"treatment"`
	Propensity float64              `json:"logged_propensity"`
	Aliases    int                  `json:"aliases"`
	Candidates []*event.Candidate   `json:"candidates"`
	Contacts   []*event.Contact     `json:"contacts"`
	Scores     []*event.ModelScore  `json:"scores,omitempty"`
	Segments   []*event.InSegments  `json:"segments,omitempty"`
	Consents   []*event.SeenConsent `json:"consents,omitempty"`
	Features   map[string]float64   `json:"features"`
	Summary    string               `json:"summary"`
	SHA256     string               `json:"sha256"`
}

func (s step) event(t *testing.T) *event.Event {
	at := noon.Add(time.Duration(s.Days * float64(24*time.Hour)))
	switch {
	case s.Paid != 0:
		return decidertest.Purchased(s.Who, at, s.Paid)
	case s.Linked != "":
		return decidertest.Linked(s.Who, s.Linked, at)
	case s.Unlinked != "":
		return decidertest.Unlinked(s.Who, s.Unlinked, at)
	case s.Marked != "":
		return decidertest.Marked(s.Who, event.AliasMarked_Mark(event.AliasMarked_Mark_value["MARK_"+s.Marked]), at)
	case s.Withheld != "":
		return decidertest.Withheld(s.Who, s.Withheld, at)
	case s.Consents != "":
		return decidertest.Consented(s.Who, s.Consents, true, at)
	case s.Objects != "":
		return decidertest.Consented(s.Who, s.Objects, false, at)
	case s.Given != nil:
		return decidertest.Given(s.Who, at, s.Given.Offer, s.Given.Category, s.Given.Channel)
	}
	t.Fatalf("a step of %s says nothing", s.Who)
	return nil
}

func TestGoldenDecisions(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/cases/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("found no cases: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var c golden
			decoder := json.NewDecoder(bytes.NewReader(data))
			decoder.DisallowUnknownFields()
			if err := decoder.Decode(&c); err != nil {
				t.Fatalf("read the case: %v", err)
			}
			got := run(t, c)
			if *update {
				c.Wanted = got
				write(t, file, c)
				return
			}
			if diff := cmp.Diff(asJSON(t, c.Wanted), asJSON(t, got)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", c.About, diff)
			}
		})
	}
}

// run decides a case live, and lets both replays confirm it.
func run(t *testing.T, c golden) *wanted {
	t.Helper()
	p := new(event.Policy)
	if err := protojson.Unmarshal(c.Policy, p); err != nil {
		t.Fatalf("read the policy: %v", err)
	}
	events := []*event.Event{published(p)}
	for _, s := range c.History {
		events = append(events, s.event(t))
	}
	models := &decidertest.ModelBytes{}
	for _, m := range c.Models {
		events = append(events, m.assigned(t, models)...)
	}
	for _, s := range c.Segments {
		d, err := segment.Parse(s)
		if err != nil {
			t.Fatal(err)
		}
		document, err := d.Canonical()
		if err != nil {
			t.Fatal(err)
		}
		events = append(events, decidertest.SegmentsDefined(d.ID, 1, string(document), noon.Add(-29*24*time.Hour)))
	}
	w := givenModels(t, models, events...)
	request := w.ask(c.Ask.Who, c.Ask.Placement)
	for name, v := range c.Ask.Context {
		request.Context = append(request.Context, fact(t, name, v))
	}
	answer, err := w.decider.Decide(w.ctx, request)
	if err != nil {
		t.Fatalf("decide: %v", err)
	}
	replayer := decider.NewReplayer(w.log, w.policies)
	logged, err := replayer.At(w.ctx, answer.At.Position)
	if err != nil {
		t.Fatalf("find: %v", err)
	}
	one, err := replayer.One(w.ctx, logged)
	if err != nil || !one.Identical() {
		t.Errorf("replay of the one: %+v, error %v; want identical", one.Differences, err)
	}
	w.allReplay()
	explanation, err := replayer.Explain(logged)
	if err != nil {
		t.Fatalf("explain: %v", err)
	}
	d := logged.Record
	digest := decider.Digest(d)
	out := &wanted{
		Reason: d.GetReason(), Offer: d.GetOffer(), Treatment: d.GetTreatment(), Propensity: d.GetLoggedPropensity(),
		Aliases: len(d.GetAliases()), Candidates: d.GetCandidates(), Contacts: d.GetContacts(), Scores: d.GetScores(),
		Segments: d.GetSegments(), Consents: d.GetConsents(), Features: map[string]float64{},
		Summary: explanation.Summary, SHA256: hex.EncodeToString(digest[:]),
	}
	for i, spec := range core().Specs() {
		if x := d.GetVector()[i]; x != 0 && !math.IsNaN(x) {
			out.Features[spec.Name] = x
		}
	}
	return out
}

func fact(t *testing.T, name string, v any) *event.ContextValue {
	t.Helper()
	switch of := v.(type) {
	case string:
		return &event.ContextValue{Name: name, Value: &event.ContextValue_Text{Text: of}}
	case float64:
		return &event.ContextValue{Name: name, Value: &event.ContextValue_Number{Number: of}}
	case bool:
		return &event.ContextValue{Name: name, Value: &event.ContextValue_Flag{Flag: of}}
	}
	t.Fatalf("the fact %s is a %T", name, v)
	return nil
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func write(t *testing.T, file string, c golden) {
	t.Helper()
	if err := os.WriteFile(file, []byte(asJSON(t, c)+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestTheBytesOfARecordNeverChange guards the canonical encoding of a whole record, field by field in a file.
func TestTheBytesOfARecordNeverChange(t *testing.T) {
	t.Parallel()
	w := given(t, published(oneTea()), decidertest.Purchased("ann", noon.Add(-time.Hour), 12),
		decidertest.Given("ann", noon.Add(-time.Hour), "coffee", "drinks", "email"))
	got := hex.EncodeToString(domain.Canonical(w.decides("ann").Record)) + "\n"
	const file = "testdata/record.hex"
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("the canonical bytes are\n%s, want\n%s", got, want)
	}
}
