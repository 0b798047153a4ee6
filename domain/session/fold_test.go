package session_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/profferhq/proffer/domain/session"
)

const day = 24 * 60 * 60 * 1000

func page(id, in, view string, at int64) session.Hit {
	return session.Hit{ID: id, Session: in, Visitor: "device", User: "ada", View: view, Kind: session.Page, OccurredMS: at, ReceivedMS: at}
}

// with changes a hit.
func with(h session.Hit, change func(*session.Hit)) session.Hit {
	change(&h)
	return h
}

func TestWhatCounts(t *testing.T) {
	t.Parallel()
	late := func(h *session.Hit) { h.ReceivedMS += 3*day + 1 }
	for name, c := range map[string]struct {
		hits                      []session.Hit
		views, sessions, visitors int
		left                      session.Left
	}{
		"nothing": {},
		"a page":  {[]session.Hit{page("1", "s", "v", 5)}, 1, 1, 1, session.Left{}},
		"a page in two messages": {
			[]session.Hit{page("1", "s", "v", 5), page("2", "s", "v", 9)}, 1, 1, 1, session.Left{},
		},
		"a message twice": {
			[]session.Hit{page("1", "s", "v", 5), page("1", "s", "w", 9)}, 1, 1, 1, session.Left{Repeated: 1},
		},
		"a page in two sessions": {
			[]session.Hit{page("1", "s", "v", 5), page("2", "r", "v", 9)}, 1, 2, 1, session.Left{},
		},
		"late": {[]session.Hit{with(page("1", "s", "v", 5), late)}, 0, 0, 0, session.Left{Late: 1}},
		"just in time": {
			[]session.Hit{with(page("1", "s", "v", 5), func(h *session.Hit) { h.ReceivedMS += 3 * day })}, 1, 1, 1, session.Left{},
		},
		"late does not begin a session": {
			[]session.Hit{with(page("1", "s", "v", 5), late), page("2", "s", "w", 5*day)}, 1, 1, 1, session.Left{Late: 1},
		},
		"too long": {
			[]session.Hit{page("1", "s", "v", 5), page("2", "s", "w", 5+3*day), page("3", "s", "x", 6+3*day)}, 2, 1, 1, session.Left{TooLong: 1},
		},
		"no session": {[]session.Hit{page("1", "", "v", 5)}, 0, 0, 0, session.Left{NoSession: 1}},
		"no view":    {[]session.Hit{page("1", "s", "", 5)}, 0, 0, 0, session.Left{NoView: 1}},
		"no visitor": {
			[]session.Hit{with(page("1", "s", "v", 5), func(h *session.Hit) { h.Visitor = "" })}, 1, 1, 0, session.Left{},
		},
		"a click is no session": {
			[]session.Hit{with(page("1", "s", "v", 5), func(h *session.Hit) { h.Kind = session.Other })}, 0, 0, 0, session.Left{},
		},
		"looking is a session without a new view": {
			[]session.Hit{with(page("1", "s", "v", 5), func(h *session.Hit) { h.Kind = session.Looking })}, 0, 1, 1, session.Left{},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := session.Fold(session.Default(), c.hits)
			if len(got.Views) != c.views || len(got.Sessions) != c.sessions || len(got.Visitors) != c.visitors || got.Left != c.left {
				t.Errorf("got %+v", got)
			}
		})
	}
}

func TestTheEarliestCountsAndTheLastUserStitches(t *testing.T) {
	t.Parallel()
	got := session.Fold(session.Default(), []session.Hit{
		page("2", "s", "v", 9), page("1", "s", "v", 5),
		with(page("3", "r", "w", 50), func(h *session.Hit) { h.User = "bea" }),
		with(page("4", "r", "x", 60), func(h *session.Hit) { h.Visitor, h.User = "other device", "" }),
	})
	want := session.Result{
		Views: []session.View{
			{ID: "v", Hit: "1", Session: "s", Visitor: "device", User: "ada", OccurredMS: 5, Index: 1},
			{ID: "w", Hit: "3", Session: "r", Visitor: "device", User: "bea", OccurredMS: 50, Index: 1},
			{ID: "x", Hit: "4", Session: "r", Visitor: "device", OccurredMS: 60, Index: 2},
		},
		Sessions: []session.Session{
			{ID: "s", Visitor: "device", User: "ada", Stitched: "bea", StartMS: 5, EndMS: 9, Views: 1, Hits: 2},
			{ID: "r", Visitor: "device", User: "bea", Stitched: "bea", StartMS: 50, EndMS: 60, Views: 2, Hits: 2},
		},
		Visitors: []session.Visitor{{ID: "device", User: "ada", Stitched: "bea", Sessions: 2, Views: 3, StartMS: 5, EndMS: 60}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

// The result is that of the set: in another order, and with what is repeated exactly, it is the same.
func TestOrderAndRepetitionChangeNothing(t *testing.T) {
	t.Parallel()
	one := func(prefix string, n int) *rapid.Generator[string] {
		return rapid.Map(rapid.IntRange(0, n), func(i int) string {
			if i == 0 {
				return ""
			}
			return fmt.Sprint(prefix, i)
		})
	}
	hit := rapid.Custom(func(t *rapid.T) session.Hit {
		return session.Hit{
			ID: fmt.Sprint(rapid.IntRange(1, 12).Draw(t, "id")), Session: one("s", 3).Draw(t, "session"), Visitor: one("d", 3).Draw(t, "visitor"),
			User: one("u", 3).Draw(t, "user"), View: one("v", 4).Draw(t, "view"), Kind: session.Kind(rapid.IntRange(0, 2).Draw(t, "kind")),
			OccurredMS: day * rapid.Int64Range(0, 8).Draw(t, "occurred"), ReceivedMS: day * rapid.Int64Range(0, 8).Draw(t, "received"),
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		hits := rapid.SliceOfN(hit, 0, 20).Draw(t, "hits")
		want := session.Fold(session.Default(), hits)
		again := rapid.Permutation(append(append([]session.Hit(nil), hits...), hits...)).Draw(t, "in another order")
		got := session.Fold(session.Default(), again)
		want.Left.Repeated += len(hits)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("-want +got\n%s", diff)
		}
	})
}
