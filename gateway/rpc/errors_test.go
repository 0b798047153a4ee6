package rpc

import (
	"cmp"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	gotoken "go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"connectrpc.com/connect"

	"github.com/profferhq/proffer/commands"
	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/identity"
	"github.com/profferhq/proffer/domain/policy"
)

// Messages are for callers: they know nothing of the program's packages.
func TestAMessageDoesNotNameThePackageOfItsCause(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err          error
		reason, want string
	}{
		{fmt.Errorf("%w: %q", commands.ErrUnknownView, "coffee"), "UNKNOWN_VIEW", `there is no such version of a feature view: "coffee"`},
		{fmt.Errorf("append to BEHAVIOUR: %w", domain.ErrLogFull), "LOG_FULL", "append to BEHAVIOUR: the log is full"},
		{&identity.Malformed{Message: "not an e-mail address"}, "IDENTIFIER_INVALID", "not an e-mail address"},
		{fmt.Errorf("identifiers[1] (email): %w", &identity.Malformed{Message: "it is empty"}), "IDENTIFIER_INVALID", "identifiers[1] (email): it is empty"},
		{
			fmt.Errorf("decider: decide: %w", fmt.Errorf("%w: %w", domain.ErrUnavailable, errors.New("natslog: wait for the append: again"))),
			"LOG_UNAVAILABLE", "decide: the log is unavailable: wait for the append: again",
		},
		{&policy.ContextError{Name: "div", Message: "must be a number"}, "CONTEXT_INVALID", "context.div: must be a number"},
		{fmt.Errorf("tables: %w", domain.ErrEndLost), "LOG_END_LOST", "tables: the log has lost its end"},
		{ErrTablesAway, "DATABASE_UNAVAILABLE", ErrTablesAway.Error()},
		{errNoSegments, "UNKNOWN_SEGMENTS", "there is no segment definition with this id"},
	} {
		var told *connect.Error
		if !errors.As(asConnect("p", c.err), &told) || told.Message() != c.want || reasonOf(told) != c.reason {
			t.Errorf("%v: told %v %s, want %s %q", c.err, told, reasonOf(told), c.reason, c.want)
		}
	}
}

// A package that names itself in its errors is known here, so that callers are not told it.
func TestThePackagesThatNameThemselvesAreKnown(t *testing.T) {
	t.Parallel()
	for _, folder := range []string{"domain", "commands", "projections", "decider", "gateway"} {
		err := filepath.WalkDir(filepath.Join("..", "..", folder), func(path string, d fs.DirEntry, err error) error {
			switch {
			case err != nil || d.Name() == "node_modules" || d.Name() == "testdata":
				return cmp.Or(err, fs.SkipDir)
			case !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
				return nil
			}
			file, err := parser.ParseFile(gotoken.NewFileSet(), path, nil, parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			name := file.Name.Name
			ast.Inspect(file, func(n ast.Node) bool {
				literal, ok := n.(*ast.BasicLit)
				if !ok || literal.Kind != gotoken.STRING {
					return true
				}
				text, err := strconv.Unquote(literal.Value)
				if err == nil && strings.HasPrefix(text, name+": ") && !strings.HasSuffix(name, "test") && !slices.Contains(packages, name) {
					t.Errorf("%s: %q would be told to callers: packages lacks %s", path, text, name)
				}
				return true
			})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
