package e2e

import (
	"crypto/sha256"
	"encoding/csv"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// sales is a file of invoices: people buy every month of a year, and one in three stops at some time.
func sales(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	var b strings.Builder
	b.WriteString("InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n")
	begin := time.Date(2025, 1, 3, 10, 0, 0, 0, time.UTC)
	for month := range 12 {
		for p := range 90 {
			if p%3 == 0 && month > 1+p%9 {
				continue // has stopped
			}
			at := begin.AddDate(0, month, p%25)
			fmt.Fprintf(&b, "%d,TEA,Tea,1,%s,%d.50,%d,France\n", 500000+month*1000+p, at.Format("2006-01-02 15:04:05"), 1+p%7, 10000+p)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "online_retail.csv"), []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

func digestOf(t *testing.T, path string) [32]byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return sha256.Sum256(data)
}

func TestFromImportedHistoryToAModel(t *testing.T) {
	t.Parallel()
	s := serve(t, t.TempDir(), "--no-database")
	if out, code := s.proffer("import", "online_retail", sales(t)); code != 0 {
		t.Fatal(out)
	}
	dir := t.TempDir()
	first, again, plain := filepath.Join(dir, "a.parquet"), filepath.Join(dir, "b.parquet"), filepath.Join(dir, "c.csv")
	var told struct {
		Rows, Outside, Unfinished, Skewed uint64
	}
	rows := []string{"export", "training", "--label", "churn_90d", "--at", "dates", "--every", "30d", "--out"}
	s.jsonOf(&told, append(rows, first)...)
	if told.Rows == 0 || told.Unfinished == 0 || told.Skewed != 0 {
		t.Errorf("exported %+v", told)
	}
	s.kill()
	s.start()
	s.jsonOf(&told, append(rows, again)...)
	if digestOf(t, first) != digestOf(t, again) {
		t.Error("after a restart the file is another")
	}
	s.jsonOf(&told, append(rows, plain)...)
	s.wantRow(plain, told.Rows)

	var made struct {
		Model   string
		Version uint64
		Card    struct {
			AUC      float64
			Baseline struct{ AUC float64 }
			Rows     struct{ All, Test, Purged int }
		}
	}
	s.jsonOf(&made, "model", "train", "--label", "churn_90d", "--at", "dates", "--every", "30d", "--name", "churn")
	if made.Model != "churn" || made.Version != 1 || made.Card.AUC < .6 || made.Card.Baseline.AUC < .6 || uint64(made.Card.Rows.All) != told.Rows {
		t.Errorf("made %+v", made)
	}
	if out, code := s.proffer("model", "train", "--label", "conversion_7d", "--name", "none"); code != 1 || !strings.Contains(out, "there are none with the label conversion_7d") {
		t.Errorf("no rows: exit code %d\n%s", code, out)
	}
	bad := filepath.Join(dir, "bad.yaml")
	if err := os.WriteFile(bad, []byte("name: x\ndescription: x\nowner: x\nsource: [purchased]\naggregation: exists\nhorizon: -7d\nattribution: person\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	out, code := s.proffer("export", "training", "--label", bad, "--at", "dates", "--out", filepath.Join(dir, "d.csv"))
	if code != 1 || !strings.Contains(out, "LABEL_INVALID") || !strings.Contains(out, `line 6: horizon "-7d" lies before the row`) {
		t.Errorf("a label of the past: exit code %d\n%s", code, out)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".*")); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

// wantRow compares one exported row with what GetFeatures reads at its moment.
func (s *server) wantRow(path string, rows uint64) {
	s.t.Helper()
	file, err := os.Open(path)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	table, err := csv.NewReader(file).ReadAll()
	if err != nil || uint64(len(table)) != rows+1 {
		s.t.Fatalf("%d lines, want %d and a head: %v", len(table), rows, err)
	}
	head, row := table[0], table[len(table)/2]
	var got struct {
		Profile  string
		Features []struct {
			Name    string
			Missing bool
			Value   float64
		}
	}
	s.jsonOf(&got, "feature", "get", row[0], "--at", row[1])
	if got.Profile != row[0] || len(got.Features) != len(head)-4 {
		s.t.Fatalf("profile %s with %d features, want %s with %d", got.Profile, len(got.Features), row[0], len(head)-4)
	}
	for i, f := range got.Features {
		value, err := strconv.ParseFloat(row[4+i], 64)
		if (err != nil) != f.Missing || f.Name != head[4+i] || err == nil && math.Float64bits(value) != math.Float64bits(f.Value) {
			s.t.Errorf("%s is %q in the row and %v (missing %v) then", f.Name, row[4+i], f.Value, f.Missing)
		}
	}
}
