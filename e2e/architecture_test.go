// Package e2e tests the product from outside: its structure, its binary, its histories.
package e2e

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/profferhq/proffer"

// layers is DESIGN's import table: what a folder may name beside itself and the standard library.
// A third-party path stands for everything below it; "*" is anything.
var layers = map[string][]string{
	"domain": {
		"google.golang.org/protobuf", "cel.dev/cel-go", "cel.dev/expr", "gonum.org/v1/gonum",
	},
	"commands":    {"domain", "google.golang.org/protobuf"},
	"projections": {"domain", "google.golang.org/protobuf"},
	"decider":     {"domain", "google.golang.org/protobuf", "github.com/dmitryikh/leaves"},
	"migrations":  {},
	"gateway":     {"*"},
	"e2e":         {"*"},
}

// testsMay is what a layer's tests may name in addition.
var testsMay = []string{"github.com/google/go-cmp", "pgregory.net/rapid", "go.uber.org/goleak"}

// A folder of test support beside a layer: conformance suites and in-memory stores of that layer's ports.
func isTestSupport(dir string) bool { return strings.HasSuffix(dir, "test") }

func TestFoldersImportOnlyWhatTheDesignAllows(t *testing.T) {
	root := repositoryRoot(t)
	for _, file := range goFiles(t, root) {
		top, _, _ := strings.Cut(file, "/")
		allowed, known := layers[top]
		if !known {
			t.Errorf("%s: DESIGN has no top folder %q", file, top)
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, file), nil, parser.ImportsOnly)
		if err != nil {
			t.Fatalf("parse %s: %v", file, err)
		}
		if strings.HasSuffix(file, "_test.go") || isTestSupport(filepath.Dir(file)) {
			allowed = append(slices.Clone(allowed), testsMay...)
		}
		for _, spec := range parsed.Imports {
			path, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatalf("%s: import %s: %v", file, spec.Path.Value, err)
			}
			if !mayImport(top, path, allowed) {
				t.Errorf("%s: %s may not import %s", file, top, path)
			}
		}
	}
}

func mayImport(top, path string, allowed []string) bool {
	if slices.Contains(allowed, "*") {
		return true
	}
	if inside, ok := strings.CutPrefix(path, module+"/"); ok {
		name, _, _ := strings.Cut(inside, "/")
		return name == top || slices.Contains(allowed, name)
	}
	first, _, _ := strings.Cut(path, "/")
	if !strings.Contains(first, ".") {
		return true // the standard library
	}
	return slices.ContainsFunc(allowed, func(a string) bool {
		return path == a || strings.HasPrefix(path, a+"/")
	})
}

func TestTopLevelHoldsOnlyTheFoldersOfTheDesign(t *testing.T) {
	root := repositoryRoot(t)
	entries, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	built := []string{"bin", "data"} // ignored by git: what make writes
	for _, e := range entries {
		name := e.Name()
		if !e.IsDir() || strings.HasPrefix(name, ".") || name == "docs" || slices.Contains(built, name) {
			continue
		}
		if _, ok := layers[name]; !ok {
			t.Errorf("%s is not a folder of DESIGN section 6", name)
		}
	}
}

func TestNobodyHidesWiring(t *testing.T) {
	root := repositoryRoot(t)
	for _, file := range goFiles(t, root) {
		for part := range strings.SplitSeq(filepath.Dir(file), "/") {
			if slices.Contains([]string{"util", "utils", "common", "helpers", "misc"}, part) {
				t.Errorf("%s: no folder is called %q here", file, part)
			}
		}
		if generated(file) {
			continue
		}
		text, err := os.ReadFile(filepath.Join(root, file))
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), "\nfunc init()") {
			t.Errorf("%s has an init(): wiring belongs to gateway.Run", file)
		}
	}
}

// repositoryRoot is the folder of go.mod.
func repositoryRoot(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		if dir == filepath.Dir(dir) {
			t.Fatal("no go.mod above the test's folder")
		}
		dir = filepath.Dir(dir)
	}
}

// goFiles lists every Go file of the module, relative to root, with forward slashes.
func goFiles(t testing.TB, root string) []string {
	t.Helper()
	var files []string
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() {
			skip := name == "node_modules" || name == "testdata" || (path != root && strings.HasPrefix(name, ".")) ||
				(path != root && filepath.Dir(path) == root && (name == "bin" || name == "data"))
			if skip {
				return filepath.SkipDir
			}
			return nil
		}
		if strings.HasSuffix(name, ".go") {
			rel, err := filepath.Rel(root, path)
			if err != nil {
				return err
			}
			files = append(files, filepath.ToSlash(rel))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Fatal("found no Go files: the test would prove nothing")
	}
	return files
}

func generated(file string) bool {
	return strings.HasSuffix(file, ".pb.go") || strings.HasSuffix(file, ".connect.go")
}
