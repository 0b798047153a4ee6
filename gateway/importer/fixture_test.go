package importer_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/profferhq/proffer/gateway/importer"
)

var update = flag.Bool("update", false, "rewrite the golden files; review them as a diff")

// Small files written by hand, one folder a mapping: every item that they become is in a golden file.
func TestFixturesBecomeTheGoldenItems(t *testing.T) {
	t.Parallel()
	for _, name := range append(importer.Shipped(), "shop") {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder, mapping := filepath.Join("testdata", name), name
			if name == "shop" {
				mapping = filepath.Join(folder, "shop.yaml")
			}
			sink := newCountingSink()
			sink.keep = true
			summary := importAll(t, mapping, sink, folder)
			compareGolden(t, filepath.Join("testdata", "golden", name+".jsonl"), goldenText(t, sink, summary))
		})
	}
}

// goldenText has one line an item and one a file's summary. Our own compact JSON: protojson's spaces vary.
func goldenText(t *testing.T, sink *countingSink, summary importer.Summary) string {
	t.Helper()
	var out bytes.Buffer
	for _, item := range sink.items {
		wire, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(item)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Compact(&out, wire); err != nil {
			t.Fatal(err)
		}
		out.WriteByte('\n')
	}
	for _, f := range summary.Files {
		line, err := json.Marshal(f)
		if err != nil {
			t.Fatal(err)
		}
		out.Write(append(line, '\n'))
	}
	return out.String()
}

func compareGolden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
		t.Errorf("items (-want +got):\n%s", diff)
	}
}

func TestAPlanRunTwiceSendsIdenticalItems(t *testing.T) {
	t.Parallel()
	for _, name := range importer.Shipped() {
		m, err := importer.Load(name)
		if err != nil {
			t.Fatal(err)
		}
		plan, err := m.Open([]string{filepath.Join("testdata", name)})
		if err != nil {
			t.Fatal(err)
		}
		var digests [2]string
		for i := range digests {
			sink := newCountingSink()
			if _, err := plan.Run(t.Context(), sink, nil); err != nil {
				t.Fatal(err)
			}
			digests[i] = string(sink.digest.Sum(nil))
		}
		if digests[0] != digests[1] {
			t.Errorf("%s: two runs sent different items", name)
		}
	}
}
