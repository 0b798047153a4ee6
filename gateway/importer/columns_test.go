package importer_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/profferhq/proffer/gateway/importer"
)

const priced = `name: m
tables:
  known: {file: known.csv, key: row.sku, value: "row['group']"}
sources:
  - file: a.csv
    let:
      price: dec(row.pricee)
    refuse:
      - {when: "row['oder'] == ''", reason: NO_ORDER}
    group: {key: row.order}
    emit:
      - type: purchase
        identifiers:
          - {type: user_id, value: row.user}
        amount: sum(rows, 'price')
        coupon: "rows.exists(row, row.price > dec(1))"
        order: "has(row.invoice) ? row.invoice : row.order"
        channel: "'channel' in row ? row.channel : ''"
        currency: lookup(row, 'currency')
        lines:
          item: row.pricee
`

// TestOpenNamesTheColumnsThatAreNotThere: before anything is sent, and only those that a row cannot do without.
func TestOpenNamesTheColumnsThatAreNotThere(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	write(t, folder, "a.csv", "order,user\n1,u\n")
	write(t, folder, "known.csv", "sku,class\n1,u\n")
	m, err := importer.Parse([]byte(priced))
	if err != nil {
		t.Fatal(err)
	}
	_, err = m.Open([]string{folder})
	want := `importer: the files do not fit the mapping: known.csv has no column "group" (line 3 of the mapping); ` +
		`a.csv has no column "pricee" (line 7 of the mapping); a.csv has no column "oder" (line 9 of the mapping)`
	if !errors.Is(err, importer.ErrFiles) || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	right := strings.NewReplacer("pricee", "price", "oder", "order", "'group'", "'class'").Replace(priced)
	write(t, folder, "a.csv", "order,user,price\n1,u,2.50\n")
	sink := newCountingSink()
	if _, err := open(t, right, folder).Run(t.Context(), sink, nil); err != nil || sink.sum("purchase", 2) != "2.50" {
		t.Errorf("with its columns: %v, amounts %s", err, sink.sum("purchase", 2))
	}
}

func TestOpenRefusesACSVFileWithoutHeader(t *testing.T) {
	t.Parallel()
	m, err := importer.Parse([]byte(strings.Replace(smallest, "a.jsonl", "a.csv", 1)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Open([]string{write(t, t.TempDir(), "a.csv", "")}); !errors.Is(err, importer.ErrFiles) || !strings.Contains(err.Error(), "a.csv") {
		t.Errorf("an empty file: %v", err)
	}
}

// TestOpenNamesTheColumnsThatAGroupLacks: by whatever name a macro, an entry of each or a let gives the row.
func TestOpenNamesTheColumnsThatAGroupLacks(t *testing.T) {
	t.Parallel()
	path := write(t, t.TempDir(), "a.csv", "order,user\n1,u\n")
	for expression, want := range map[string]string{
		"rows.map(r, r.x).join()":                            "x",
		"rows.map(row, row.x).join()":                        "x",
		"rows.filter(r, r.x == '').size()":                   "x",
		"rows.filter(r, r.user == '')[0].x":                  "x",
		"rows.filter(r, r.user == '').map(s, s['x']).join()": "x",
		"rows.map(r, r.user == '', r.x).join()":              "x",
		"rows.map(r, rows.exists(s, s.x == r.user))":         "x",
		"rows[0].x":                      "x",
		"first.x":                        "x",
		"sum(rows, 'x')":                 "x",
		"sum(rows.filter(r, true), 'x')": "x",
		"each.x":                         "x",
		"rows.map(r, has(r.x) ? r.x : '').join()":              "",
		"'x' in each ? each.x : ''":                            "",
		"rows.map(r, r.price).join() + each.price":             "", // a let
		"rows.map(r, {'x': r.user}).map(r, r.x).join()":        "", // no row any more
		"[{'x': row.user}].map(row, row.x).join()":             "",
		"rows.map(r, lookup(r, 'x')).size()":                   "",
		"rows.map(row, row.user).join() + row.order + row.x":   "x",
		"first.user + each.order + rows[0].order + rows[0].at": "at",
	} {
		m, err := importer.Parse([]byte(`name: m
sources:
  - file: a.csv
    let: {price: "'1'", first: row}
    group: {key: row.order}
    emit:
      - type: track
        each: rows
        identifiers: [{type: user_id, value: row.user}]
        name: "'x'"
        properties:
          p: "` + expression + `"
`))
		if err != nil {
			t.Fatal(err)
		}
		told := ""
		if _, err := m.Open([]string{path}); err != nil {
			told = strings.TrimPrefix(err.Error(), "importer: the files do not fit the mapping: ")
		}
		if want != "" {
			want = `a.csv has no column "` + want + `" (line 12 of the mapping)`
		}
		if told != want {
			t.Errorf("%s: got %q, want %q", expression, told, want)
		}
	}
}
