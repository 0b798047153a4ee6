package feature_test

import (
	"bytes"
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/feature"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares with a file of testdata, or writes it.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(want, []byte(got)) {
		t.Errorf("%s differs (see -update)\ngot:\n%s\nwant:\n%s", name, got, want)
	}
}

// lena is a person whose state and features can be checked by hand.
func lena(t *testing.T) feature.Activity {
	exposed := &event.Event{Body: &event.Event_Exposed{Exposed: &event.Exposed{Of: &event.OutcomeOf{Offer: "ten-off"}}}}
	delivered := &event.Event{Body: &event.Event_Delivered{Delivered: &event.Delivered{Of: &event.OutcomeOf{Offer: "ten-off"}}}}
	return mustFold(t,
		at(1, noon-100*day, &event.Event{AliasType: "user_id", Body: &event.Event_TraitsChanged{
			TraitsChanged: &event.TraitsChanged{Names: []string{"city"}}}}),
		at(1, noon-95*day, purchased(20_000_000, "lamp")),
		at(2, noon-40*day, viewed("chair")),
		at(3, noon-20*day, viewed("table")),
		at(4, noon-20*day+hour, viewed("chair")),
		at(5, noon-3*day, carted("chair", 49_990_000)),
		at(6, noon-3*day+2*hour, purchased(49_990_000, "chair", "glue")),
		at(1, noon-4*day, offered("email", "discount", "ten-off")),
		at(2, noon-30*minute, offered("", "", "")),
		at(1, noon-4*day+minute, delivered),
		at(2, noon-3*day, exposed),
		at(3, noon-3*day+2*hour, converted("ten-off", 49_990_000, 5_000_000)),
		at(7, noon-10*minute, viewed("sofa")),
		at(8, noon+hour, viewed("later")),
	)
}

// The encoding of a state is for ever: activity-3.hex is never written anew without another schema number. So are a
// view, which its fingerprint stands for, and its vectors: what changes is another version of the view.
func TestGolden(t *testing.T) {
	t.Parallel()
	goldenActivity(t)
	goldenVector(t, "core-1.txt", feature.Core(), noon)
	goldenVector(t, "core-2.txt", feature.Core2(), noon-3*day+2*hour+30*minute) // half an hour after an offer was redeemed
}

func goldenActivity(t *testing.T) {
	t.Helper()
	blob := feature.Encode(lena(t))
	var lines strings.Builder
	for rest := blob; len(rest) > 0; {
		n := min(32, len(rest))
		fmt.Fprintln(&lines, hex.EncodeToString(rest[:n]))
		rest = rest[n:]
	}
	golden(t, "activity-3.hex", lines.String())
}

// goldenVector reads the recorded state, not one folded just now.
func goldenVector(t *testing.T, name string, v feature.View, now int64) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "activity-3.hex"))
	if err != nil {
		t.Fatal(err)
	}
	blob, err := hex.DecodeString(strings.ReplaceAll(string(text), "\n", ""))
	if err != nil {
		t.Fatal(err)
	}
	a, err := feature.Decode(blob)
	if err != nil {
		t.Fatal(err)
	}
	var lines strings.Builder
	fmt.Fprintf(&lines, "%s %s\n", v.Name(), v.Fingerprint())
	for i, x := range v.Read(a, now, nil) {
		fmt.Fprintf(&lines, "%s %v\n", v.Specs()[i].Name, x)
	}
	golden(t, name, lines.String())
}
