package postgres

import (
	"context"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgtype"
	"pgregory.net/rapid"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/projections"
)

// decoded reads a cell back with pgx's own codecs.
func decoded[T any](t interface {
	Fatal(...any)
	Helper()
}, oid uint32, cell []byte) T {
	t.Helper()
	var v T
	if err := pgtype.NewMap().Scan(oid, pgtype.BinaryFormatCode, cell[4:], &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestCellsReadBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Int64().Draw(t, "n")
		if got := decoded[int64](t, oidInt8, int8Cell(nil, n)); got != n {
			t.Fatalf("int8: got %d, want %d", got, n)
		}
		f := rapid.Float64().Draw(t, "f")
		if got := decoded[float64](t, oidFloat8, float8Cell(nil, f)); math.Float64bits(got) != math.Float64bits(f) {
			t.Fatalf("float8: got %v, want %v", got, f)
		}
		ms := rapid.Int64Range(-62135596800000, 253402300799999).Draw(t, "ms")
		if got := decoded[time.Time](t, oidTimestamptz, timeCell(nil, ms)); got.UnixMilli() != ms {
			t.Fatalf("timestamptz: got %v, want %d ms", got, ms)
		}
		checkNumeric(t, microsCell(nil, n), n, -6)
		checkNumeric(t, milliCell(nil, n), n, -3)
		text := rapid.String().Draw(t, "text")
		if got := decoded[string](t, oidText, textCell(nil, text)); got != text {
			t.Fatalf("text: got %q, want %q", got, text)
		}
	})
}

// checkNumeric compares with n * 10^exponent exactly.
func checkNumeric(t *rapid.T, cell []byte, n int64, exponent int32) {
	got := decoded[pgtype.Numeric](t, oidNumeric, cell)
	want := pgtype.Numeric{Exp: exponent, Valid: true}
	if err := want.ScanScientific(big(n, exponent)); err != nil {
		t.Fatal(err)
	}
	g, err := got.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	w, err := want.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	if plain(string(g)) != plain(string(w)) {
		t.Fatalf("numeric: got %s, want %s", g, w)
	}
}

// big writes n * 10^exponent as decimal text.
func big(n int64, exponent int32) string {
	whole, part := split(n, uint64(math.Pow10(int(-exponent))))
	digits := strings.Repeat("0", int(-exponent)) + strconv.FormatUint(part, 10)
	sign := ""
	if n < 0 {
		sign = "-"
	}
	return sign + strconv.FormatUint(whole, 10) + "." + digits[len(digits)-int(-exponent):]
}

// plain leaves out zeros that say nothing.
func plain(number string) string {
	if strings.Contains(number, ".") {
		number = strings.TrimRight(strings.TrimRight(number, "0"), ".")
	}
	if number == "-0" {
		return "0"
	}
	return number
}

func TestCopyStreamSurvivesSmallReads(t *testing.T) {
	t.Parallel()
	rows := make([]projections.AliasRow, 3000)
	for i := range rows {
		rows[i].Totals.Events = int64(i)
	}
	whole, err := io.ReadAll(&copyStream[projections.AliasRow]{columns: aliasTable().columns, rows: rows})
	if err != nil {
		t.Fatal(err)
	}
	var pieces []byte
	s := &copyStream[projections.AliasRow]{columns: aliasTable().columns, rows: rows}
	for b := make([]byte, 7); ; {
		n, err := s.Read(b)
		pieces = append(pieces, b[:n]...)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if string(pieces) != string(whole) || len(whole) < copyChunk {
		t.Errorf("%d bytes in pieces, %d at once", len(pieces), len(whole))
	}
}

func TestMonths(t *testing.T) {
	t.Parallel()
	at := func(text string) int64 {
		when, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
		return when.UnixMilli()
	}
	for text, want := range map[string]string{
		"2024-01-01T00:00:00Z": "behaviour_events_2024_01", "2024-12-31T23:59:59Z": "behaviour_events_2024_12",
		"2000-01-01T00:00:00Z": "behaviour_events_2000_01", "1999-12-31T23:59:59Z": "",
		"2099-12-31T23:59:59Z": "behaviour_events_2099_12", "2100-01-01T00:00:00Z": "",
	} {
		rows := projections.Rows{Behaviour: []projections.BehaviourRow{{Place: projections.Place{OccurredMs: at(text)}}}}
		got := ""
		for _, m := range monthsOf(rows) {
			got += m.partition()
		}
		if got != want {
			t.Errorf("%s: got %q, want %q", text, got, want)
		}
	}
}

func TestPostmasterFile(t *testing.T) {
	t.Parallel()
	for content, want := range map[string]postmaster{
		"12\n/d\n1\n5433\n\n127.0.0.1\n 1 2\nready   \n": {pid: 12, port: 5433, ready: true},
		"12\n/d\n1\n5433\n\n127.0.0.1\n 1 2\nstarting\n": {pid: 12, port: 5433},
		"12\n/d\n1\n5433\n": {pid: 12, port: 5433},
		"":                  {},
		"-1\n/d\n1\n5433\n\n127.0.0.1\n 1 2\nready   \n":    {},
		"12\n/d\n1\nport\n\n127.0.0.1\n 1 2\nready   \n":    {},
		"twelve\n/d\n1\n5433\n\n127.0.0.1\n 1 2\nready  \n": {},
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "postmaster.pid"), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := readPostmaster(dir)
		if (err != nil) != (want == postmaster{}) {
			t.Errorf("%q: %v", content, err)
		}
		if err == nil && got != want {
			t.Errorf("%q: got %+v, want %+v", content, got, want)
		}
	}
}

func TestEnvironmentKeepsSecretsAway(t *testing.T) {
	t.Parallel()
	got := environment([]string{"PATH=/bin", "PGPORT=1", "DATABASE_URL=x", "PROFFER_KEY=x", "HOME=/h"})
	if diff := cmp.Diff([]string{"PATH=/bin", "HOME=/h"}, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestNoPostgresNamesTheRemedies(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, err := fromArchive(context.Background(), Options{Cache: t.TempDir(), NoDownload: true}, account{})
	if err == nil || !strings.Contains(err.Error(), "not allowed") {
		t.Errorf("an archive that may not be fetched: %v", err)
	}
	if _, err := probe(context.Background(), t.TempDir(), account{}); err == nil {
		t.Error("a folder without programs was taken")
	}
}

func TestUUIDCellsOfNobody(t *testing.T) {
	t.Parallel()
	if got := optionalUUID(nil, domain.Alias{}); string(got) != "\xff\xff\xff\xff" {
		t.Errorf("the zero alias is %x, want NULL", got)
	}
}
