package importer_test

import (
	"testing"

	"github.com/profferhq/proffer/gateway/importer"
)

func TestAFileIsRefusedWholeWhenNoRowOfItIsTaken(t *testing.T) {
	t.Parallel()
	counts := func(n uint64) map[string]uint64 { return map[string]uint64{"A": 1, "B": n - 1} }
	for name, c := range map[string]struct {
		file importer.FileSummary
		want bool
	}{
		"no rows":                            {importer.FileSummary{}, false},
		"skipped":                            {importer.FileSummary{Rows: 9, Skipped: counts(9)}, false},
		"some refused":                       {importer.FileSummary{Rows: 9, Mapped: 1, Refused: counts(8), Items: 9, Accepted: 1, Rejected: counts(8)}, false},
		"refused by the mapping":             {importer.FileSummary{Rows: 9, Skipped: counts(2), Refused: counts(7), Items: 7, Rejected: counts(7)}, true},
		"refused by the mapping, and before": {importer.FileSummary{Rows: 9, Refused: counts(9), Items: 9, Duplicates: 9}, true},
		"refused by the server":              {importer.FileSummary{Rows: 9, Mapped: 9, Items: 9, Rejected: counts(9)}, true},
		"there already":                      {importer.FileSummary{Rows: 9, Mapped: 9, Items: 9, Duplicates: 9}, false},
	} {
		if got := c.file.RefusedWhole(); got != c.want {
			t.Errorf("%s: got %t", name, got)
		}
	}
}
