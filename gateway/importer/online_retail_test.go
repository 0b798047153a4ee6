package importer_test

import (
	"math/big"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	profferv1 "github.com/profferhq/proffer/gateway/api/proffer/v1"
)

func TestOnlineRetailGivesThePartitionThatAddsUp(t *testing.T) {
	t.Parallel()
	sink := newCountingSink()
	sums, rows, invoices := map[string]*big.Rat{}, map[string]int{}, map[string]map[string]bool{}
	customers := map[string]bool{}
	sink.each = func(_ string, item *profferv1.Item) {
		if item.GetRefusedReason() != "" {
			return
		}
		who := item.GetIdentifiers()
		if len(who) != 1 {
			t.Errorf("an invoice with %d identifiers", len(who))
			return
		}
		class := item.GetType() + " " + who[0].GetType()
		if class == "purchase customer" {
			customers[who[0].GetValue()] = true
		}
		add(sums, class, item.GetAmount())
		rows[class] += len(item.GetLines())
		if invoices[class] == nil {
			invoices[class] = map[string]bool{}
		}
		invoices[class][item.GetOrder()] = true
		if strings.HasPrefix(item.GetAmount(), "-") || strings.HasPrefix(item.GetLines()[0].GetQuantity(), "-") {
			t.Errorf("a %s is negative", item.GetType())
		}
	}
	summary := importAll(t, "online_retail", sink, dataFolder(t, "online_retail"))

	type class struct {
		Rows, Invoices int
		Amount         string
	}
	got := map[string]class{}
	for name := range rows {
		got[name] = class{rows[name], len(invoices[name]), sums[name].FloatString(3)}
	}
	want := map[string]class{
		"purchase customer":     {397_884, 18_532, "8911407.904"},
		"purchase anonymous_id": {132_219, 1427, "1744214.580"},
		"refund customer":       {8905, 3654, "611342.090"},
		"refund anonymous_id":   {383, 182, "285470.400"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("classes (-want +got):\n%s", diff)
	}
	if sink.types["purchase"] != 18_532+1427 || sink.types["refund"] != 3654+182 || len(customers) != 4338 {
		t.Errorf("an invoice is one item: %v, customers %d", sink.types, len(customers))
	}
	refused := map[string]uint64{"ACCOUNTING_ADJUSTMENT": 3, "STOCK_ADJUSTMENT": 1336, "FREE_OR_WRONG": 40 + 1139}
	if diff := cmp.Diff(refused, summary.Files[0].Refused); diff != "" {
		t.Errorf("refused (-want +got):\n%s", diff)
	}
	if f := summary.Files[0]; f.Lines != 541_910 || f.Rows != 541_909 {
		t.Errorf("lines %d, rows %d", f.Lines, f.Rows)
	}
}
