package cli

import (
	"errors"
	"strings"
	"testing"

	profferv1 "github.com/profferhq/proffer/gateway/api/proffer/v1"
	"github.com/profferhq/proffer/gateway/importer"
	"github.com/profferhq/proffer/gateway/lab"
)

func TestAModelIsShownAsADocumentThatTrainTakes(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	tellMatching(&out, 3, `{"name":"people","fields":[{"name":"surname","kind":"surname"},{"name":"born","kind":"date"}]}`)
	m, err := lab.ParseModel([]byte(out.String()))
	if err != nil {
		t.Fatal(err)
	}
	if m.Name != "people" || !strings.Contains(out.String(), "version 3") {
		t.Errorf("%s: %+v", out.String(), m)
	}
	out.Reset()
	tellMatching(&out, 4, "")
	if out.String() != "matching is off\n" {
		t.Error(out.String())
	}
}

func TestAnImportThatStoppedSaysHowItGoesOn(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	tellStopped(&out, importer.FileSummary{Accepted: 12, Duplicates: 5})
	if want := "stopped: 12 new, 5 duplicate so far; run it again to go on: nothing is taken twice\n"; out.String() != want {
		t.Error(out.String())
	}
}

func TestAnImportOfWhatIsThereSaysByWhatRowsAreKnown(t *testing.T) {
	t.Parallel()
	for duplicates, want := range map[uint64]bool{0: false, 7: true} {
		var out strings.Builder
		tellImport(&out, importer.Summary{Files: []importer.FileSummary{{Source: "shop/orders.csv", Rows: 9, Duplicates: duplicates}}})
		if got := strings.Contains(out.String(), "7 were known: by a message_id"); got != want {
			t.Errorf("%d duplicates: %s", duplicates, out.String())
		}
	}
}

func TestThatThereAreNoTablesIsSaid(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	counted{NatsURL: "nats://here"}.tell(&out)
	if !strings.Contains(out.String(), "tables  none\n") {
		t.Error(out.String())
	}
}

func TestContentIsToldInOneOrder(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	tellAnswer(&out, &profferv1.DecideResponse{Offer: "tea", Content: map[string]string{"c": "3", "a": "1", "d": "4", "b": "2"}})
	if want := "  a: 1\n  b: 2\n  c: 3\n  d: 4\n"; !strings.Contains(out.String(), want) {
		t.Error(out.String())
	}
}

func TestAnAnswerSaysWhetherItIsRecorded(t *testing.T) {
	t.Parallel()
	for position, want := range map[string]string{
		"":             "offer tea, treatment cup\nby shop version 2; nothing was recorded\n",
		"DECISION/7/0": "offer tea, treatment cup\ndecision 01 at DECISION/7/0 by shop version 2\n",
	} {
		var out strings.Builder
		tellAnswer(&out, &profferv1.DecideResponse{Offer: "tea", Treatment: "cup", DecisionId: "01", Position: position, Policy: "shop", PolicyVersion: 2})
		if out.String() != want {
			t.Errorf("got %q, want %q", out.String(), want)
		}
	}
}

// full is a file on a disk that is full.
type full struct{}

var errFull = errors.New("no space left on device")

func (full) Write([]byte) (int, error) { return 0, errFull }

func TestAnAnswerThatCannotBeWrittenIsNoSuccess(t *testing.T) {
	t.Parallel()
	for _, c := range []version{{}, {output{JSON: true}}} {
		if err := c.Run(&run{out: full{}}); !errors.Is(err, errFull) {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

func TestAnotherSystemsDecisionSaysWhatIsKnown(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	tellExplanation(&out, &profferv1.ExplainResponse{Summary: "Another system gave coffee; it was recorded here.", External: true, Policy: "campaign-8"})
	if got := out.String(); !strings.HasSuffix(got, "\npolicy campaign-8\n") || strings.Contains(got, "placement") {
		t.Error(got)
	}
}
