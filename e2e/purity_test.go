package e2e

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// pureStd is what pure code may take from the standard library: nothing that reads a clock, does I/O,
// draws randomness or synchronises.
var pureStd = []string{
	"bytes", "cmp", "crypto/aes", "crypto/cipher", "crypto/hmac", "crypto/sha256", "embed", "encoding", "encoding/base64",
	"encoding/binary", "encoding/hex", "encoding/json", "errors", "fmt", "hash", "hash/fnv", "io", "iter", "log/slog", "maps", "math",
	"math/big", "math/bits", "reflect", "regexp", "regexp/syntax", "slices", "sort", "strconv", "strings", "time", "unicode",
	"unicode/utf8", "unsafe",
}

// clockCalls are the functions of package time that read or wait for the clock.
var clockCalls = []string{
	"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker",
}

// pureFiles of the decider are held to the same rule as the domain.
var pureFiles = []string{"decider/choose.go", "decider/record.go", "decider/scores.go"}

func TestTheCoreIsPure(t *testing.T) {
	root := repositoryRoot(t)
	checked := 0
	for _, file := range goFiles(t, root) {
		inDomain := strings.HasPrefix(file, "domain/") && !isTestSupport(path.Dir(file))
		if (!inDomain && !slices.Contains(pureFiles, file)) || strings.HasSuffix(file, "_test.go") || generated(file) {
			continue
		}
		checked++
		for _, problem := range impurities(t, filepath.Join(root, file)) {
			t.Errorf("%s: %s", file, problem)
		}
	}
	if checked < 5 {
		t.Fatalf("checked %d files only", checked)
	}
}

func impurities(t *testing.T, file string) []string {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	var problems []string
	clock := ""
	for _, spec := range parsed.Imports {
		name, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			t.Fatal(err)
		}
		first, _, _ := strings.Cut(name, "/")
		if !strings.Contains(first, ".") && !slices.Contains(pureStd, name) {
			problems = append(problems, "imports "+name)
		}
		local := path.Base(name)
		if spec.Name != nil {
			local = spec.Name.Name
		}
		if local == "." {
			problems = append(problems, "dot-imports "+name)
		}
		if name == "time" {
			clock = local
		}
	}
	ast.Inspect(parsed, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			problems = append(problems, "starts a goroutine")
		case *ast.SelectorExpr:
			if x, ok := n.X.(*ast.Ident); ok && clock != "" && x.Name == clock && slices.Contains(clockCalls, n.Sel.Name) {
				problems = append(problems, "names time."+n.Sel.Name)
			}
		}
		return true
	})
	return problems
}
