package projections_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/recommend"
	"github.com/profferhq/proffer/projections"
	"github.com/profferhq/proffer/projections/projectionstest"
)

// listed is a sample of events that memories fold.
type listed struct {
	sample *projectionstest.Sample
	log    []domain.Envelope
}

const shoppers = 40

// goOn lets more happen, and is folded by the memories.
func (s *listed) goOn(t *testing.T, events int, memories ...*projections.Recommendations) {
	t.Helper()
	for range events {
		lane, e := s.sample.Next()
		s.happen(t, framed(t, lane, uint64(len(s.log))+1, e), memories...)
	}
}

func (s *listed) happen(t *testing.T, e domain.Envelope, memories ...*projections.Recommendations) {
	t.Helper()
	s.log = append(s.log, e)
	for _, m := range memories {
		if err := m.Apply(e); err != nil {
			t.Fatal(err)
		}
	}
}

func (s *listed) remember(t *testing.T) *projections.Recommendations {
	t.Helper()
	m := projections.NewRecommendations()
	for _, e := range s.log {
		if err := m.Apply(e); err != nil {
			t.Fatal(err)
		}
	}
	return m
}

// pairs links every other shopper with the next.
func (s *listed) pairs() town {
	linked := town{people: map[domain.Alias][]domain.Alias{}}
	for n := 0; n+1 < shoppers; n += 4 {
		link(linked, s.sample.Alias(n), s.sample.Alias(n+1))
	}
	return linked
}

func link(in town, aliases ...domain.Alias) {
	slices.SortFunc(aliases, func(a, b domain.Alias) int { return slices.Compare(a[:], b[:]) })
	for _, a := range aliases {
		in.people[a] = aliases
	}
}

// keepAll writes until nothing is left, and says how many pages that were.
func keepAll(t *testing.T, l *projections.RecommendationLists, now int64) (pages int) {
	t.Helper()
	for {
		more, err := l.Next(t.Context(), now)
		if err != nil {
			t.Fatal(err)
		}
		if !more {
			return pages
		}
		pages++
	}
}

func stored(t *testing.T, s projections.RecommendationStore) map[int]projections.RecommendationPage {
	t.Helper()
	numbers, err := s.Pages(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	all := map[int]projections.RecommendationPage{}
	for _, n := range numbers {
		page, _, err := s.LoadPage(t.Context(), n)
		if err != nil {
			t.Fatal(err)
		}
		if len(page.Lists) > 0 {
			all[n] = page
		}
	}
	return all
}

// wantComputed compares each list with what is computed now, in both ways.
func wantComputed(t *testing.T, s *listed, linked town, l *projections.RecommendationLists, m *projections.Recommendations, now int64) {
	t.Helper()
	lists := 0
	for n := range shoppers {
		profile, _ := linked.Profile(s.sample.Alias(n))
		list, learned, known, err := l.Of(t.Context(), profile, linked.Aliases(profile))
		if err != nil {
			t.Fatal(err)
		}
		if !known {
			continue
		}
		lists++
		for _, ask := range []recommend.Ask{{N: 3}, {N: projections.ListItems}, {N: 3, New: true}, {N: projections.ListItems, New: true}} {
			got, enough := list.Pick(ask)
			want, at := m.Top(linked.Aliases(profile), now, ask)
			if diff := cmp.Diff(want, got); diff != "" || !enough || at != learned {
				t.Fatalf("shopper %d, %+v: learned %+v and %+v, enough: %v (-computed +kept):\n%s", n, ask, at, learned, enough, diff)
			}
		}
		if _, enough := list.Pick(recommend.Ask{N: projections.ListItems + 1}); enough {
			t.Fatal("a list knows more than it has")
		}
	}
	if lists < shoppers/2 {
		t.Fatalf("%d of %d shoppers have lists", lists, shoppers)
	}
}

func TestListsAreWhatIsComputedAndARebuildMakesTheSame(t *testing.T) {
	t.Parallel()
	s := &listed{sample: projectionstest.NewSample(5, shoppers)}
	linked, store := s.pairs(), &projectionstest.MemoryLists{}
	memory := projections.NewRecommendations()
	lists := projections.NewRecommendationLists(memory, linked, store)
	s.goOn(t, 1500, memory)
	first := keepAll(t, lists, noon)
	wantComputed(t, s, linked, lists, memory, noon)
	if again := keepAll(t, lists, noon); again != 0 {
		t.Errorf("nothing happened, and %d pages were written", again)
	}
	s.goOn(t, 10, memory)
	if later := keepAll(t, lists, noon); later == 0 || later >= first {
		t.Errorf("%d pages for a few events, %d at first", later, first)
	}
	wantComputed(t, s, linked, lists, memory, noon)
	s.goOn(t, 300, memory)
	link(linked, s.sample.Alias(2), s.sample.Alias(3))
	link(linked, s.sample.Alias(6), s.sample.Alias(7))
	hours := noon + 2*time.Hour.Milliseconds()
	keepAll(t, lists, hours)
	wantComputed(t, s, linked, lists, memory, hours)
	rebuilt := &projectionstest.MemoryLists{}
	keepAll(t, projections.NewRecommendationLists(s.remember(t), linked, rebuilt), hours)
	if diff := cmp.Diff(stored(t, rebuilt), stored(t, store)); diff != "" {
		t.Errorf("kept over time (-rebuilt +kept):\n%s", diff)
	}
}

func TestAListOfOtherAliasesIsNone(t *testing.T) {
	t.Parallel()
	memory, linked := projections.NewRecommendations(), town{people: map[domain.Alias][]domain.Alias{}}
	lists := projections.NewRecommendationLists(memory, linked, &projectionstest.MemoryLists{})
	for n := range byte(4) {
		if err := memory.Apply(envelope(t, uint64(n)+1, bought(n+1, noon, uint64(n)+1, 1, "tea"))); err != nil {
			t.Fatal(err)
		}
	}
	keepAll(t, lists, noon)
	known := func(aliases ...domain.Alias) bool {
		list, _, known, err := lists.Of(t.Context(), aliases[0], aliases)
		if err != nil || known && list.Sequence != 4 {
			t.Errorf("%+v: %v", list, err)
		}
		return known
	}
	if !known(alias(1)) || known(alias(1), alias(2)) || known(alias(9)) {
		t.Error("lists of others, or none")
	}
}

// held stores as another process does, at moments that the test chooses.
type held struct {
	projectionstest.MemoryLists
	before func()
}

func (h *held) StorePage(ctx context.Context, number int, page projections.RecommendationPage, revision uint64) error {
	if before := h.before; before != nil {
		h.before = nil
		before()
	}
	return h.MemoryLists.StorePage(ctx, number, page, revision)
}

func TestPagesOfOthersAreNotLost(t *testing.T) {
	t.Parallel()
	linked := town{people: map[domain.Alias][]domain.Alias{}}
	for name, c := range map[string]struct {
		by   projections.Learned
		stay bool
	}{
		"learned later":           {projections.Learned{AtMS: noon + 5}, true},
		"learned before":          {projections.Learned{AtMS: noon - 5}, false},
		"by a clock that is fast": {projections.Learned{AtMS: noon + 50_000}, false},
	} {
		memory, store := projections.NewRecommendations(), &held{}
		if err := memory.Apply(envelope(t, 1, bought(1, noon, 1, 1, "tea"))); err != nil {
			t.Fatal(err)
		}
		keepAll(t, projections.NewRecommendationLists(memory, linked, store), noon)
		store.before = func() { // between the loading and the storing of a page
			for number, page := range stored(t, store) {
				_, revision, _ := store.LoadPage(t.Context(), number)
				page.Learned = c.by
				if err := store.MemoryLists.StorePage(t.Context(), number, page, revision); err != nil {
					t.Error(err)
				}
			}
		}
		other := projections.NewRecommendations()
		for n := range byte(2) {
			if err := other.Apply(envelope(t, uint64(n)+1, bought(1, noon, uint64(n)+1, 1, "tea"))); err != nil {
				t.Fatal(err)
			}
		}
		lists := projections.NewRecommendationLists(other, linked, store)
		if _, err := lists.Next(t.Context(), noon+1); err != nil { // learns at noon + 1
			t.Fatal(err)
		}
		keepAll(t, lists, noon+10)
		for _, page := range stored(t, store) {
			if stays := page.Learned == c.by; stays != c.stay {
				t.Errorf("%s: stays %v: %+v", name, stays, page.Learned)
			}
		}
	}
}

// Lists of people who are somebody else now, and pages of nobody, are removed when the likeness is learned anew.
func TestStaleListsAreRemoved(t *testing.T) {
	t.Parallel()
	store, linked := &projectionstest.MemoryLists{}, town{people: map[domain.Alias][]domain.Alias{}}
	memory := projections.NewRecommendations()
	for n := range byte(9) {
		if err := memory.Apply(envelope(t, uint64(n)+1, bought(n+1, noon, uint64(n)+1, 1, string('a'+rune(n))))); err != nil {
			t.Fatal(err)
		}
	}
	keepAll(t, projections.NewRecommendationLists(memory, linked, store), noon)
	var all []domain.Alias
	for n := range byte(9) {
		all = append(all, alias(n+1))
	}
	link(linked, all...)
	keepAll(t, projections.NewRecommendationLists(memory, linked, store), noon) // a likeness that this process has not kept before
	pages := stored(t, store)
	if len(pages) != 1 {
		t.Fatalf("%d pages for one person", len(pages))
	}
	for _, page := range pages {
		if len(page.Lists) != 1 || page.Lists[0].Profile != alias(1) {
			t.Fatalf("lists %+v", page.Lists)
		}
		if slices.ContainsFunc(page.Lists[0].Items, func(i projections.ListedItem) bool { return !i.Bought }) {
			t.Errorf("what was bought by those who are her now: %+v", page.Lists[0].Items)
		}
	}
}
