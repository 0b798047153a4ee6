package cli

import (
	"strings"
	"testing"

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

func TestThatThereAreNoTablesIsSaid(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	counted{NatsURL: "nats://here"}.tell(&out)
	if !strings.Contains(out.String(), "tables  none\n") {
		t.Error(out.String())
	}
}
