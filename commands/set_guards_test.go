package commands_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/profferhq/proffer/commands"
	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/identity"
)

// alone are guards under which nobody has two identifiers.
func alone() commands.SetGuards {
	guards := identity.DefaultGuards()
	guards.ProfileMost = 1
	return commands.SetGuards{Guards: guards, Source: "alone", Change: ofRequest("alone")}
}

// couples are that many people of two identifiers: enough that taking their links back fills several envelopes.
func couples(t *testing.T, n int) *world {
	t.Helper()
	w := newWorld(t)
	for from := 0; from < n; from += commands.MaxItems {
		var groups [][]identity.Identifier
		for k := from; k < min(n, from+commands.MaxItems); k++ {
			groups = append(groups, ids(user(fmt.Sprint("u", k)), email(fmt.Sprint("e", k))))
		}
		w.do(t, "test", tracked(groups...)...)
	}
	return w
}

func (w *world) unlinkedCouples(n int) int {
	apart := 0
	for k := range n {
		if !w.linked(user(fmt.Sprint("u", k)), email(fmt.Sprint("e", k))) {
			apart++
		}
	}
	return apart
}

func TestGuardsThatWereCutOffAreCompleted(t *testing.T) {
	t.Parallel()
	const people = 5000
	for _, c := range []struct {
		name     string
		complete func(*testing.T, *world, *commands.IdentityChanges)
	}{
		{"by the next start", func(t *testing.T, _ *world, x *commands.IdentityChanges) {
			if err := x.Resume(t.Context()); err != nil {
				t.Fatal(err)
			}
		}},
		{"by a retry", func(t *testing.T, _ *world, x *commands.IdentityChanges) {
			set, err := x.SetGuards(t.Context(), alone())
			if err != nil || set.Version != 1 || set.LinksTakenBack != people || set.Unchanged {
				t.Errorf("got %+v, %v", set, err)
			}
		}},
		{"by another change", func(t *testing.T, w *world, x *commands.IdentityChanges) {
			if _, err := link(user("x"), user("y"), false)(t.Context(), w, x, ofRequest("r")); !errors.Is(err, commands.ErrProfileTooLarge) {
				t.Errorf("got %v", err)
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := couples(t, people)
			dying := &killed{MemoryLog: w.log, left: 1}
			if _, err := w.changes(dying).SetGuards(t.Context(), alone()); !errors.Is(err, domain.ErrUnavailable) {
				t.Fatalf("got %v, want ErrUnavailable", err)
			}
			w.compare(t)
			if n := w.unlinkedCouples(people); n == 0 || n == people {
				t.Fatalf("%d couples are apart: the change was not cut off", n)
			}
			w = startWorld(t, w.log, w.vault)
			c.complete(t, w, w.changes(w.log))
			w.compare(t)
			if n := w.unlinkedCouples(people); n != people {
				t.Errorf("%d of %d couples are apart", n, people)
			}
			want := map[string]int{"identity_linked": people, "identity_unlinked": people, "identity_withheld": people, "guards_changed": 1}
			if diff := cmp.Diff(want, w.count(t)); diff != "" {
				t.Errorf("events (-want +got):\n%s", diff)
			}
			had := w.count(t)
			again := startWorld(t, w.log, w.vault)
			if err := again.changes(w.log).Resume(t.Context()); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(had, w.count(t)); diff != "" {
				t.Errorf("what was complete was completed again:\n%s", diff)
			}
		})
	}
}

func TestGuardsTellWhatTheyDo(t *testing.T) {
	t.Parallel()
	w := couples(t, 10)
	changes := w.changes(w.log)
	dry := alone()
	dry.Change.ValidateOnly = true
	for i, set := range []commands.SetGuards{dry, alone(), alone()} {
		got, err := changes.SetGuards(t.Context(), set)
		if err != nil || got.Version != 1 || got.LinksTakenBack != 10 || got.LinksAdded != 0 || got.Unchanged {
			t.Errorf("call %d: got %+v, %v", i, got, err)
		}
	}
	same := alone()
	same.Change.RequestID = "another"
	if got, err := changes.SetGuards(t.Context(), same); err != nil || !got.Unchanged || got.Version != 1 {
		t.Errorf("the same guards: got %+v, %v", got, err)
	}
	back := commands.SetGuards{Guards: identity.DefaultGuards(), Source: "default"}
	if got, err := changes.SetGuards(t.Context(), back); err != nil || got.Version != 2 || got.LinksAdded != 10 {
		t.Errorf("back: got %+v, %v", got, err)
	}
	if w.unlinkedCouples(10) != 0 {
		t.Error("the couples are not together again")
	}
	w.compare(t)
}

func TestAPatternIsAppliedToThePast(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.do(t, "test", tracked(ids(user("u"), email("shop@example.com")), ids(user("v"), email("v@example.com")))...)
	changes := w.changes(w.log)
	pattern := func(source string, patterns ...string) {
		guards := identity.DefaultGuards()
		guards.GetTypes()[1].BlockedPatterns = patterns
		if _, err := changes.SetGuards(t.Context(), commands.SetGuards{Guards: guards, Source: source}); err != nil {
			t.Fatal(err)
		}
		w.compare(t)
	}
	pattern("shops", "^shop@")
	if w.linked(user("u"), email("shop@example.com")) || !w.linked(user("v"), email("v@example.com")) {
		t.Error("the pattern blocks the wrong ones")
	}
	if v := w.do(t, "test", tracked(ids(email("shop@example.com")))...)[0]; v.Reason != commands.ReasonIdentifierBlocked {
		t.Errorf("got %+v", v)
	}
	pattern("no shops")
	if !w.linked(user("u"), email("shop@example.com")) {
		t.Error("the link does not count again")
	}
}
