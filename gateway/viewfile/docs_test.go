package viewfile_test

import (
	"os"
	"strings"
	"testing"

	"github.com/profferhq/proffer/gateway/viewfile"
)

// The features shown in docs/people.md are features.
func TestTheFeaturesOfTheDocsAreValid(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/people.md")
	if err != nil {
		t.Fatal(err)
	}
	_, shown, found := strings.Cut(string(page), "    - name: price_sensitivity\n")
	shown, _, ended := strings.Cut(shown, "\n\n")
	if !found || !ended {
		t.Fatal("docs/people.md shows no features")
	}
	v, err := viewfile.Parse([]byte("view: people@1\ndescription: d\nowner: o\nfeatures:\n    - name: price_sensitivity\n" + shown))
	if err != nil {
		t.Fatal(err)
	}
	specs := v.Specs()
	if len(specs) != 2 || specs[0].Prior == nil || specs[0].Prior.Share != 0.2 || specs[0].Prior.Weight != 5 || specs[1].Aggregation != "purchase_intent" {
		t.Errorf("%+v", specs)
	}
}
