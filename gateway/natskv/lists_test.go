package natskv

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/projections"
)

// pageOfLists has lists of items whose names are that long.
func pageOfLists(lists, name int) projections.RecommendationPage {
	page := projections.RecommendationPage{Learned: projections.Learned{AtMS: 5, People: lists, Items: 9}}
	for n := range lists {
		list := projections.RecommendationList{Profile: domain.Alias{byte(n >> 8), byte(n)}, Sequence: uint64(n), Aliases: 7}
		for i := range 3 {
			text := fmt.Sprintf("%d of %d %s", i, n/2, strings.Repeat("x", name))
			list.Items = append(list.Items, projections.ListedItem{Item: projections.Item{Item: text, Score: float64(i)}, Bought: i == 1})
		}
		page.Lists = append(page.Lists, list)
	}
	return page
}

func TestAPageOfListsFitsInAMessage(t *testing.T) {
	t.Parallel()
	page := pageOfLists(4000, 200)
	b := encodeLists(page)
	if len(b) > maxListsBytes+64 {
		t.Errorf("%d bytes", len(b))
	}
	got, err := decodeLists(b)
	if err != nil || len(got.Lists) < 1000 || len(got.Lists) >= 4000 {
		t.Fatalf("%d lists: %v", len(got.Lists), err)
	}
	page.Lists = page.Lists[:len(got.Lists)]
	if diff := cmp.Diff(page, got); diff != "" {
		t.Errorf("the first of them (-stored +loaded):\n%s", diff)
	}
}

func TestADamagedPageOfListsIsNone(t *testing.T) {
	t.Parallel()
	whole := encodeLists(pageOfLists(3, 2))
	for n := range whole {
		if got, err := decodeLists(whole[:n]); err == nil || len(got.Lists) > 0 {
			t.Errorf("the first %d bytes: %v, %v", n, got, err)
		}
		for _, flip := range []byte{1, 0x80, 0xff} {
			damaged := append([]byte(nil), whole...)
			damaged[n] ^= flip
			_, _ = decodeLists(damaged) // whatever it is, it ends
		}
	}
}

func TestANameWhoseLengthCannotBeReadEndsAPageOfLists(t *testing.T) {
	t.Parallel()
	for _, length := range [][]byte{{0x80}, bytes.Repeat([]byte{0xff}, 11)} {
		page := append([]byte{listsFormat, 0, 0, 0, byte(len(length))}, length...)
		if _, err := decodeLists(append(page, 0)); !errors.Is(err, errLists) {
			t.Errorf("% x: %v, want %v", length, err, errLists)
		}
	}
}

func FuzzDecodeLists(f *testing.F) {
	f.Add(encodeLists(pageOfLists(3, 2)))
	f.Fuzz(func(_ *testing.T, b []byte) { _, _ = decodeLists(b) })
}
