package importer_test

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"math/big"
	"os"
	"path/filepath"
	"testing"

	"google.golang.org/protobuf/proto"

	profferv1 "github.com/profferhq/proffer/gateway/api/proffer/v1"
	"github.com/profferhq/proffer/gateway/importer"
)

// countingSink keeps counts, sums and a digest of what it is sent, and checks the order. With keep it keeps the
// items too. Refused items are rejected with their reason, everything else is accepted.
type countingSink struct {
	keep    bool
	items   []*profferv1.Item
	types   map[string]int
	amounts map[string]*big.Rat
	costs   *big.Rat
	calls   int
	largest int
	lastSeq map[string]uint64
	outOf   int
	digest  hash.Hash
	each    func(source string, item *profferv1.Item)
}

func newCountingSink() *countingSink {
	return &countingSink{
		types: map[string]int{}, amounts: map[string]*big.Rat{}, costs: new(big.Rat),
		lastSeq: map[string]uint64{}, digest: sha256.New(),
	}
}

func (s *countingSink) Send(_ context.Context, source string, items []*profferv1.Item) ([]*profferv1.Verdict, error) {
	s.calls++
	s.largest = max(s.largest, len(items))
	verdicts := make([]*profferv1.Verdict, len(items))
	for i, item := range items {
		if last, begun := s.lastSeq[source]; begun && item.GetSourceSeq() <= last {
			s.outOf++
		}
		s.lastSeq[source] = item.GetSourceSeq()
		verdicts[i] = s.take(source, item)
	}
	return verdicts, nil
}

func (s *countingSink) take(source string, item *profferv1.Item) *profferv1.Verdict {
	bytes, err := proto.MarshalOptions{Deterministic: true}.Marshal(item)
	if err != nil {
		panic(err) // the importer must never make an item that cannot be sent
	}
	s.digest.Write([]byte(source))
	s.digest.Write(binary.AppendUvarint(nil, uint64(len(bytes))))
	s.digest.Write(bytes)
	if s.keep {
		s.items = append(s.items, item)
	}
	if s.each != nil {
		s.each(source, item)
	}
	if item.GetRefusedReason() != "" {
		return &profferv1.Verdict{Status: profferv1.Verdict_STATUS_REJECTED, Reason: item.GetRefusedReason()}
	}
	s.types[item.GetType()]++
	add(s.amounts, item.GetType(), item.GetAmount())
	if cost, ok := new(big.Rat).SetString(item.GetCost()); ok {
		s.costs.Add(s.costs, cost)
	}
	return &profferv1.Verdict{Status: profferv1.Verdict_STATUS_ACCEPTED}
}

func add(sums map[string]*big.Rat, key, amount string) {
	n, ok := new(big.Rat).SetString(amount)
	if !ok {
		return
	}
	if sums[key] == nil {
		sums[key] = new(big.Rat)
	}
	sums[key].Add(sums[key], n)
}

// sum is an exact amount with so many digits after the point.
func (s *countingSink) sum(itemType string, places int) string {
	if s.amounts[itemType] == nil {
		return "none"
	}
	return s.amounts[itemType].FloatString(places)
}

// dataFolder finds a public data set, or skips the test.
func dataFolder(t testing.TB, name string) string {
	t.Helper()
	if testing.Short() {
		t.Skip("skipped: imports whole data sets (run without -short)")
	}
	root := os.Getenv("PROFFER_DATA")
	if root == "" {
		root = filepath.Join(moduleRoot(t), "..", "shared", "data")
	}
	folder := filepath.Join(root, name)
	if _, err := os.Stat(folder); err != nil {
		t.Skipf("skipped: no %s under ../shared/data (set PROFFER_DATA)", name)
	}
	return folder
}

func moduleRoot(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			t.Fatal("no go.mod above the package")
		}
		dir = parent
	}
}

// importAll loads, opens and runs, and checks what holds for every import.
func importAll(t testing.TB, mapping string, sink *countingSink, paths ...string) importer.Summary {
	t.Helper()
	m, err := importer.Load(mapping)
	if err != nil {
		t.Fatalf("load: %v", err)
	}
	plan, err := m.Open(paths)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	summary, err := plan.Run(t.Context(), sink, nil)
	if err != nil {
		t.Fatalf("run: %v", err)
	}
	checkAccounts(t, summary)
	if sink.outOf != 0 {
		t.Errorf("%d items came out of order", sink.outOf)
	}
	if sink.largest > importer.MaxBatchItems {
		t.Errorf("a batch of %d items", sink.largest)
	}
	return summary
}

// checkAccounts: nothing vanishes.
func checkAccounts(t testing.TB, s importer.Summary) {
	t.Helper()
	for _, f := range s.Files {
		if got := f.Header + f.Blank + f.Continued + int(f.Rows); got != f.Lines {
			t.Errorf("%s: header + blank + continued + rows = %d, lines = %d", f.Source, got, f.Lines)
		}
		if got := f.Mapped + total(f.Refused) + total(f.Skipped); got != f.Rows {
			t.Errorf("%s: mapped + refused + skipped = %d, rows = %d", f.Source, got, f.Rows)
		}
		if got := f.Accepted + f.Duplicates + total(f.Rejected); got != f.Items {
			t.Errorf("%s: verdicts = %d, items = %d", f.Source, got, f.Items)
		}
		if got := total(f.Types) + total(f.Refused); got != f.Items {
			t.Errorf("%s: types + refused = %d, items = %d", f.Source, got, f.Items)
		}
	}
}

func total(counts map[string]uint64) uint64 {
	var n uint64
	for _, c := range counts {
		n += c
	}
	return n
}
