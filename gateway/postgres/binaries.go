package postgres

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

// binaries are the programs of one Postgres.
type binaries struct {
	dir   string
	major int
}

// oldestMajor is the oldest Postgres that the migrations are tested with.
const oldestMajor = 15

// findBinaries looks on this machine, then in the archive.
func findBinaries(ctx context.Context, options Options, a account) (binaries, error) {
	if options.Binaries != "" {
		return probe(ctx, options.Binaries, a)
	}
	var refused []error
	for _, dir := range candidateFolders(ctx) {
		b, err := probe(ctx, dir, a)
		if err == nil {
			return b, nil
		}
		refused = append(refused, err)
	}
	b, err := fromArchive(ctx, options, a)
	if err == nil {
		return b, nil
	}
	return binaries{}, fmt.Errorf(`%w. Looked for: DATABASE_URL (not set); postgres and initdb (version %d or later) in PATH, through pg_config and in the usual folders (%w); the archive (%w). Install PostgreSQL, or allow the archive to be fetched with npm, or set DATABASE_URL`,
		ErrNoPostgres, oldestMajor, noneOr(refused), err)
}

func noneOr(refused []error) error {
	if len(refused) == 0 {
		return errors.New("none there")
	}
	return errors.Join(refused...)
}

// candidateFolders are the folders where a Postgres may be, the likeliest first, each once.
func candidateFolders(ctx context.Context) []string {
	var dirs []string
	add := func(dir string) {
		if _, err := os.Stat(filepath.Join(dir, program("initdb"))); err == nil && !slices.Contains(dirs, dir) {
			dirs = append(dirs, dir)
		}
	}
	if path, err := exec.LookPath("postgres"); err == nil {
		if real, err := filepath.EvalSymlinks(path); err == nil {
			add(filepath.Dir(real))
		}
		add(filepath.Dir(path))
	}
	if out, err := exec.CommandContext(ctx, "pg_config", "--bindir").Output(); err == nil {
		add(strings.TrimSpace(string(out)))
	}
	for _, pattern := range []string{
		"/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/usr/local/pgsql/bin",
		"/opt/homebrew/opt/postgresql@*/bin", "/usr/local/opt/postgresql@*/bin", "/opt/homebrew/opt/postgresql/bin",
		"/Applications/Postgres.app/Contents/Versions/*/bin",
	} {
		found, _ := filepath.Glob(pattern) // the patterns are well formed
		slices.SortFunc(found, func(a, b string) int { return lastNumber(b) - lastNumber(a) })
		for _, dir := range found {
			add(dir)
		}
	}
	return dirs
}

// lastNumber is the last number in a path: its version.
func lastNumber(path string) int {
	numbers := regexp.MustCompile(`\d+`).FindAllString(path, -1)
	if len(numbers) == 0 {
		return 0
	}
	n, _ := strconv.Atoi(numbers[len(numbers)-1]) // digits only; too many is 0, too
	return n
}

// probe asks the server program for its version.
func probe(ctx context.Context, dir string, a account) (binaries, error) {
	if !a.canReach(dir) {
		return binaries{}, fmt.Errorf("%s cannot be reached by the account %s", dir, a.name)
	}
	out, err := exec.CommandContext(ctx, filepath.Join(dir, program("postgres")), "--version").CombinedOutput()
	if err != nil {
		return binaries{}, fmt.Errorf("%s does not run: %w: %s", dir, err, lastLines(out))
	}
	match := regexp.MustCompile(`\(PostgreSQL\) (\d+)`).FindSubmatch(out)
	if match == nil {
		return binaries{}, fmt.Errorf("%s is no PostgreSQL", dir)
	}
	major, err := strconv.Atoi(string(match[1]))
	if err != nil || major < oldestMajor {
		return binaries{}, fmt.Errorf("%s is version %s", dir, match[1])
	}
	return binaries{dir: dir, major: major}, nil
}

func program(name string) string {
	if runtime.GOOS == "windows" {
		return name + ".exe"
	}
	return name
}
