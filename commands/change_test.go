package commands_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/profferhq/proffer/commands"
	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/identity"
)

// tracked are items that name identifiers together.
func tracked(groups ...[]identity.Identifier) []commands.Item {
	items := make([]commands.Item, len(groups))
	for i, g := range groups {
		items[i] = commands.Item{Type: "track", Name: "x", Identifiers: g}
	}
	return items
}

func ofRequest(id string) commands.Change {
	return commands.Change{RequestID: id, Reason: "they say so", Actor: "operator"}
}

// count is how many events of each type the log has of those that commands write.
func (w *world) count(t interface{ Fatal(...any) }) map[string]int {
	out := w.types(t)
	delete(out, "tracked")
	return out
}

// command is one change of the tables below.
type command func(context.Context, *world, *commands.IdentityChanges, commands.Change) (commands.Outcome, error)

func link(a, b identity.Identifier, lift bool) command {
	return func(ctx context.Context, w *world, x *commands.IdentityChanges, c commands.Change) (commands.Outcome, error) {
		return x.Link(ctx, commands.LinkPeople{First: w.named(a), Second: w.named(b), LiftBars: lift, Change: c})
	}
}

func unlink(a, b identity.Identifier, bar bool) command {
	return func(ctx context.Context, w *world, x *commands.IdentityChanges, c commands.Change) (commands.Outcome, error) {
		return x.Unlink(ctx, commands.UnlinkPeople{First: w.named(a), Second: w.named(b), Bar: bar, Change: c})
	}
}

func mark(a identity.Identifier, m identity.Mark) command {
	return func(ctx context.Context, w *world, x *commands.IdentityChanges, c commands.Change) (commands.Outcome, error) {
		return x.Mark(ctx, commands.MarkAlias{About: w.named(a), Mark: m, Change: c})
	}
}

func consents(a identity.Identifier, purpose string, given bool) command {
	return func(ctx context.Context, w *world, x *commands.IdentityChanges, c commands.Change) (commands.Outcome, error) {
		return x.Consent(ctx, commands.SetConsent{About: w.named(a), Purpose: purpose, Given: given, Change: c})
	}
}

func review(a, b identity.Identifier, confirmed bool) command {
	return func(ctx context.Context, w *world, x *commands.IdentityChanges, c commands.Change) (commands.Outcome, error) {
		return x.Review(ctx, commands.ReviewMatch{First: w.named(a), Second: w.named(b), Confirmed: confirmed, Change: c})
	}
}

func guardsOf(change func(*event.IdentityGuards)) command {
	return func(ctx context.Context, _ *world, x *commands.IdentityChanges, c commands.Change) (commands.Outcome, error) {
		guards := identity.DefaultGuards()
		change(guards)
		set, err := x.SetGuards(ctx, commands.SetGuards{Guards: guards, Source: "a document", Change: c})
		return set.Outcome, err
	}
}

func matching(name, document string) command {
	return func(ctx context.Context, _ *world, x *commands.IdentityChanges, c commands.Change) (commands.Outcome, error) {
		_, outcome, err := x.SetMatching(ctx, commands.SetMatching{Name: name, Document: []byte(document), Change: c})
		return outcome, err
	}
}

// proposed puts a proposal into the log.
func (w *world) proposed(t *testing.T, a, b identity.Identifier) {
	first, second := w.named(a), w.named(b)
	_, err := w.log.Append(t.Context(), domain.LaneOf(domain.Identity, first.Alias, 4), &event.Event{
		Id: make([]byte, 16), Alias: first.Alias[:], AliasType: first.Type, Body: &event.Event_MatchProposed{MatchProposed: &event.MatchProposed{
			Other: second.Alias[:], OtherType: second.Type, Posterior: 0.6,
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestChangesOfOperators(t *testing.T) {
	t.Parallel()
	u, v, a, b, jane := user("u"), user("v"), anon("a"), anon("b"), email("jane@example.com")
	apart, together := [][]identity.Identifier{ids(u, a), ids(v, b)}, [][]identity.Identifier{ids(u, a), ids(a, jane), ids(u, jane)}
	for _, c := range []struct {
		name     string
		given    [][]identity.Identifier
		before   []command
		explicit bool // u and jane are linked by a source's own statement, too
		proposed bool
		when     command
		want     map[string]int // events that the command adds
		err      error
		linked   bool // u and a for unlink, u and v for link
		of       [2]identity.Identifier
	}{
		{name: "link", given: apart, when: link(u, v, false), want: map[string]int{"identity_linked": 1}, linked: true, of: [2]identity.Identifier{a, b}},
		{name: "link those who are linked", given: apart, when: link(u, a, false), want: map[string]int{}, linked: true, of: [2]identity.Identifier{u, a}},
		{name: "link one to itself", when: link(u, u, false), err: commands.ErrSameAlias},
		{name: "link the barred", given: apart, before: []command{unlink(u, v, true)}, when: link(a, b, false), err: commands.ErrBarred, of: [2]identity.Identifier{a, b}},
		{name: "link and lift the bar", given: apart, before: []command{unlink(u, v, true)}, when: link(a, b, true), want: map[string]int{"identity_linked": 1, "identity_barred": 1}, linked: true, of: [2]identity.Identifier{u, v}},
		{name: "link the blocked", given: apart, before: []command{mark(v, identity.Blocked)}, when: link(u, v, false), err: commands.ErrBlocked, of: [2]identity.Identifier{u, v}},
		{name: "link too many", given: apart, before: []command{guardsOf(func(g *event.IdentityGuards) { g.ProfileMost = 3 })}, when: link(u, v, false), err: commands.ErrProfileTooLarge, of: [2]identity.Identifier{u, v}},
		{name: "unlink", given: apart, when: unlink(a, u, false), want: map[string]int{"identity_unlinked": 1}, of: [2]identity.Identifier{u, a}},
		{name: "unlink strangers", given: apart, when: unlink(u, v, false), err: commands.ErrNothingToUnlink, of: [2]identity.Identifier{u, v}},
		{name: "bar strangers", given: apart, when: unlink(u, v, true), want: map[string]int{"identity_barred": 1}, of: [2]identity.Identifier{u, v}},
		{name: "bar the barred", given: apart, before: []command{unlink(u, v, true)}, when: unlink(v, u, true), want: map[string]int{}, of: [2]identity.Identifier{u, v}},
		{name: "unlink who is joined in another way", given: together, explicit: true, when: unlink(u, a, false), want: map[string]int{"identity_unlinked": 1}, linked: true, of: [2]identity.Identifier{u, jane}},
		{name: "review: nothing was proposed", given: apart, when: review(u, v, true), err: commands.ErrNotProposed, of: [2]identity.Identifier{u, v}},
		{name: "confirm", given: apart, proposed: true, when: review(v, u, true), want: map[string]int{"match_reviewed": 1, "identity_linked": 1}, linked: true, of: [2]identity.Identifier{a, b}},
		{name: "confirm the barred", given: apart, proposed: true, before: []command{unlink(a, b, true)}, when: review(u, v, true), err: commands.ErrBarred, of: [2]identity.Identifier{u, v}},
		{name: "reject", given: apart, proposed: true, when: review(u, v, false), want: map[string]int{"match_reviewed": 1, "identity_barred": 1}, of: [2]identity.Identifier{u, v}},
		{name: "block", given: apart, when: mark(a, identity.Blocked), want: map[string]int{"alias_marked": 1}, of: [2]identity.Identifier{u, a}},
		{name: "block the blocked", given: apart, before: []command{mark(a, identity.Blocked)}, when: mark(a, identity.Blocked), want: map[string]int{}, of: [2]identity.Identifier{u, a}},
		{name: "lift", given: apart, before: []command{mark(a, identity.Shared)}, when: mark(a, identity.Unmarked), want: map[string]int{"alias_marked": 1}, linked: true, of: [2]identity.Identifier{u, a}},
		{name: "an unknown mark", when: mark(a, 9), err: commands.ErrMarkInvalid},
		{name: "consent", given: apart, when: consents(u, "marketing", true), want: map[string]int{"consent_stated": 1}},
		{name: "object to what was never asked", given: apart, when: consents(u, "marketing", false), want: map[string]int{"consent_stated": 1}},
		{name: "consent again", given: apart, before: []command{consents(u, "marketing", true)}, when: consents(u, "marketing", true), want: map[string]int{}},
		{name: "withdraw", given: apart, before: []command{consents(u, "marketing", true)}, when: consents(u, "marketing", false), want: map[string]int{"consent_stated": 1}},
		{name: "withdraw again, as another identifier consented since", given: apart, before: []command{consents(u, "marketing", false), consents(a, "marketing", true)}, when: consents(u, "marketing", false), want: map[string]int{"consent_stated": 1}},
		{name: "withdraw, as another identifier did", given: apart, before: []command{consents(a, "marketing", false)}, when: consents(u, "marketing", false), want: map[string]int{"consent_stated": 1}},
		{name: "consent to no purpose", when: consents(u, "Marketing!", true), err: commands.ErrPurposeInvalid},
		{name: "a model", when: matching("m", `{"a":1}`), want: map[string]int{"match_model_changed": 1}},
		{name: "the same model", before: []command{matching("m", `{"a":1}`)}, when: matching("m", `{"a":1}`), want: map[string]int{}},
		{name: "a model without a name", when: matching("", `{"a":1}`), err: commands.ErrModelInvalid},
		{name: "nothing to turn off", when: matching("m", ""), want: map[string]int{}},
		{name: "guards that change nothing older", given: apart, when: guardsOf(func(*event.IdentityGuards) {}), want: map[string]int{"guards_changed": 1}, linked: true, of: [2]identity.Identifier{u, a}},
		{name: "guards: a pattern", given: apart, when: guardsOf(func(g *event.IdentityGuards) { g.Types[4].BlockedPatterns = []string{"^a$"} }), want: map[string]int{"guards_changed": 1, "alias_marked": 1}, of: [2]identity.Identifier{u, a}},
		{name: "guards: another cap", given: together, when: guardsOf(func(g *event.IdentityGuards) { g.ProfileMost = 2 }), want: map[string]int{"guards_changed": 1, "identity_unlinked": 1, "identity_withheld": 1}, linked: true, of: [2]identity.Identifier{u, a}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.do(t, "test", tracked(c.given...)...)
			if c.explicit {
				w.do(t, "test", commands.Item{Type: "link", Identifiers: ids(u, jane)})
			}
			if c.proposed {
				w.proposed(t, u, v)
			}
			changes := w.changes(w.log)
			for i, before := range c.before {
				if _, err := before(t.Context(), w, changes, ofRequest(fmt.Sprint("before ", i))); err != nil {
					t.Fatal(err)
				}
			}
			had := w.count(t)
			dry := ofRequest("request")
			dry.ValidateOnly = true
			if _, err := c.when(t.Context(), w, changes, dry); !errors.Is(err, c.err) {
				t.Errorf("validated: got %v, want %v", err, c.err)
			}
			w.compare(t)
			if diff := cmp.Diff(had, w.count(t)); diff != "" {
				t.Errorf("validating wrote (-before +after):\n%s", diff)
			}
			first, err := c.when(t.Context(), w, changes, ofRequest("request"))
			if !errors.Is(err, c.err) {
				t.Fatalf("got %v, want %v", err, c.err)
			}
			added := w.count(t)
			for kind, n := range had {
				if added[kind] -= n; added[kind] == 0 {
					delete(added, kind)
				}
			}
			if diff := cmp.Diff(c.want, added); diff != "" && c.err == nil {
				t.Errorf("events (-want +got):\n%s", diff)
			}
			if c.err == nil && (first.Unchanged != (len(c.want) == 0) || (first.At.Position.Sequence == 0) != first.Unchanged) {
				t.Errorf("got %+v", first)
			}
			if c.of != ([2]identity.Identifier{}) && w.linked(c.of[0], c.of[1]) != c.linked {
				t.Errorf("linked is %t, want %t", !c.linked, c.linked)
			}
			w.compare(t)
			w.retried(t, c.when, first, c.err)
		})
	}
}

// retried asks again under the same request's id, at the same server and after a restart.
func (w *world) retried(t *testing.T, when command, first commands.Outcome, want error) {
	t.Helper()
	had := w.count(t)
	for _, server := range []*world{w, startWorld(t, w.log, w.vault)} {
		again, err := when(t.Context(), server, server.changes(server.log), ofRequest("request"))
		if !errors.Is(err, want) || again != first {
			t.Errorf("again: got %+v, %v; want %+v, %v", again, err, first, want)
		}
	}
	if diff := cmp.Diff(had, w.count(t)); diff != "" {
		t.Errorf("a retry wrote (-before +after):\n%s", diff)
	}
}

func TestABarSplitsWhoeverIsJoinedInAnotherWay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	u, a, jane := user("u"), anon("a"), email("jane@example.com")
	w.do(t, "test", tracked(ids(u, a), ids(a, jane), ids(u, jane))...)
	w.do(t, "test", commands.Item{Type: "link", Identifiers: ids(u, jane)})
	if _, err := unlink(u, a, true)(t.Context(), w, w.changes(w.log), ofRequest("r")); err != nil {
		t.Fatal(err)
	}
	if w.linked(u, a) {
		t.Error("the two are still one person")
	}
	w.compare(t)
	w.do(t, "test", tracked(ids(u, a))...)
	w.do(t, "test", tracked(ids(a, jane, u))...)
	w.do(t, "test", commands.Item{Type: "link", Identifiers: ids(u, a)})
	if w.linked(u, a) {
		t.Error("the next event joined the barred")
	}
	w.compare(t)
}

func TestARequestIsOneChange(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	changes := w.changes(w.log)
	if _, err := link(user("u"), anon("a"), false)(t.Context(), w, changes, ofRequest("r")); err != nil {
		t.Fatal(err)
	}
	if _, err := link(user("u"), anon("b"), false)(t.Context(), w, changes, ofRequest("r")); !errors.Is(err, commands.ErrRequestReused) {
		t.Errorf("got %v, want ErrRequestReused", err)
	}
	for _, c := range []commands.Change{
		{RequestID: strings.Repeat("x", 101)}, {Reason: strings.Repeat("x", 251)}, {Actor: "\xff"},
	} {
		if _, err := link(user("u"), anon("b"), false)(t.Context(), w, changes, c); !errors.Is(err, commands.ErrChangeInvalid) {
			t.Errorf("got %v, want ErrChangeInvalid", err)
		}
	}
	var invalid *identity.GuardsInvalid
	bad := guardsOf(func(g *event.IdentityGuards) { g.Types[0].BlockedPatterns = []string{"("} })
	if _, err := bad(t.Context(), w, changes, ofRequest("g")); !errors.As(err, &invalid) {
		t.Errorf("got %v, want GuardsInvalid", err)
	}
}

func TestAnUnlinkedPairIsNotJoinedByADuplicate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	item := commands.Item{MessageID: "m", Type: "track", Name: "x", Identifiers: ids(user("u"), anon("a"))}
	w.do(t, "test", item)
	if _, err := unlink(user("u"), anon("a"), false)(t.Context(), w, w.changes(w.log), ofRequest("r")); err != nil {
		t.Fatal(err)
	}
	if v := w.do(t, "test", item)[0]; v.Status != commands.Duplicate || w.linked(user("u"), anon("a")) {
		t.Errorf("got %+v; a duplicate joined the two again", v)
	}
	item.MessageID = "n"
	if w.do(t, "test", item); !w.linked(user("u"), anon("a")) {
		t.Error("without a bar the next message joins the two")
	}
	w.compare(t)
}

func TestPreviewSaysWhatTheChangeDoes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	u, v, a, b := user("u"), user("v"), anon("a"), anon("b")
	w.do(t, "test", tracked(ids(u, a), ids(v, b))...)
	changes := w.changes(w.log)
	both := commands.LinkPeople{First: w.named(a), Second: w.named(b)}
	p, err := changes.PreviewLink(t.Context(), both)
	if err != nil {
		t.Fatal(err)
	}
	one := []domain.Alias{w.named(u).Alias, w.named(a).Alias}
	two := []domain.Alias{w.named(v).Alias, w.named(b).Alias}
	all := append(append([]domain.Alias{}, one...), two...)
	want := identity.Realignment{
		Merges: 1, Profiles: -1, Affected: two,
		Regroupings: []identity.Regrouping{{Before: [][]domain.Alias{one, two}, After: [][]domain.Alias{all}}},
	}
	if diff := cmp.Diff(want, p.Realignment); diff != "" || len(p.Events) != 1 {
		t.Errorf("link (-want +got):\n%s", diff)
	}
	w.compare(t)
	if _, err := changes.Link(t.Context(), both); err != nil {
		t.Fatal(err)
	}
	if p, err = changes.PreviewUnlink(t.Context(), apartOf(both)); err != nil {
		t.Fatal(err)
	}
	want = identity.Realignment{
		Splits: 1, Profiles: 1, Affected: two,
		Regroupings: []identity.Regrouping{{Before: [][]domain.Alias{all}, After: [][]domain.Alias{one, two}}},
	}
	if diff := cmp.Diff(want, p.Realignment); diff != "" {
		t.Errorf("unlink (-want +got):\n%s", diff)
	}
	guards := identity.DefaultGuards()
	guards.ProfileMost = 2
	if p, err = changes.PreviewGuards(t.Context(), guards); err != nil || len(p.Events) == 0 || p.Events[0].GetGuardsChanged() == nil {
		t.Errorf("guards: got %v, %v", p, err)
	}
	w.compare(t)
	if got := w.types(t)["guards_changed"]; got != 0 {
		t.Error("a preview wrote")
	}
}

func apartOf(l commands.LinkPeople) commands.UnlinkPeople {
	return commands.UnlinkPeople{First: l.First, Second: l.Second}
}
