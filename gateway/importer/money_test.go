package importer_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const sold = `name: m
sources:
  - file: a.jsonl
    emit:
      - type: purchase
        identifiers:
          - {type: user_id, value: "'u'"}
        amount: row.amount
        lines: {item: "'i'", quantity: row.quantity, amount: row.line}
      - type: convert
        identifiers:
          - {type: user_id, value: "'u'"}
        cost: row.cost
`

// TestAmountsThatTheLogCannotHoldAreRefused: as text and as number, and never rounded. Quantities are not money.
func TestAmountsThatTheLogCannotHoldAreRefused(t *testing.T) {
	t.Parallel()
	rows := []string{
		`{"amount":"19.1234567","line":1,"cost":1,"quantity":1}`,
		`{"amount":1,"line":0.0000001,"cost":1,"quantity":1}`,
		`{"amount":1,"line":1,"cost":1e-7,"quantity":1}`,
		`{"amount":"19.1234560000","line":0.000001,"cost":"","quantity":"1.23456789"}`,
	}
	sink := newCountingSink()
	sink.keep = true
	path := write(t, t.TempDir(), "a.jsonl", strings.Join(rows, "\n"))
	if _, err := open(t, sold, path).Run(t.Context(), sink, nil); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, item := range sink.items {
		if item.GetRefusedReason() != "" {
			got = append(got, fmt.Sprintf("%s in %s: %s", item.GetRefusedReason(), item.GetRefusedField(), item.GetRefusedMessage()))
			continue
		}
		got = append(got, fmt.Sprintf("%s %s", item.GetType(), item.GetAmount()))
		for _, l := range item.GetLines() {
			got = append(got, fmt.Sprintf("line %s of %s", l.GetAmount(), l.GetQuantity()))
		}
	}
	want := []string{
		"MAPPING_ERROR in amount: money has at most 6 digits after the point",
		"MAPPING_ERROR in lines.amount: money has at most 6 digits after the point",
		"MAPPING_ERROR in cost: money has at most 6 digits after the point",
		"purchase 19.123456", "line 0.000001 of 1.23456789", "convert ",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("items (-want +got):\n%s", diff)
	}
}
