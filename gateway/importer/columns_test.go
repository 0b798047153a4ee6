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
