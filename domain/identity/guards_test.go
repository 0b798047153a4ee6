package identity_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/identity"
)

func TestGuardsSayWhatIsWrong(t *testing.T) {
	t.Parallel()
	many := make([]*event.IdentifierGuard, identity.MaxGuardedTypes+1)
	for i := range many {
		many[i] = guardOf("t"+strings.Repeat("x", i%30), 0, 0)
	}
	with := func(change func(*event.IdentifierGuard)) *event.IdentityGuards {
		g := guardOf(identity.Email, 1, 0)
		change(g)
		return documentOf(0, guardOf(identity.UserID, 1, 0), g)
	}
	for field, document := range map[string]*event.IdentityGuards{
		"profile_most":          documentOf(identity.MaxProfileMost + 1),
		"types":                 documentOf(0, many...),
		"types[0].type":         documentOf(0, guardOf("E-Mail", 0, 0)),
		"types[1].type":         documentOf(0, guardOf(identity.Email, 0, 0), guardOf(identity.Email, 1, 0)),
		"types[1].most":         with(func(g *event.IdentifierGuard) { g.Most = identity.MaxTypeMost + 1 }),
		"types[1].window_ms":    with(func(g *event.IdentifierGuard) { g.WindowMs = -1 }),
		"types[1].shared_above": with(func(g *event.IdentifierGuard) { g.SharedAbove = identity.MaxSharedAbove + 1 }),
		"types[1].blocked_patterns": with(func(g *event.IdentifierGuard) {
			g.BlockedPatterns = slices.Repeat([]string{"x"}, identity.MaxPatterns+1)
		}),
		"types[1].blocked_patterns[1]": with(func(g *event.IdentifierGuard) { g.BlockedPatterns = []string{"x", "(?=x)"} }),
		"types[1].blocked_patterns[0]": with(func(g *event.IdentifierGuard) { g.BlockedPatterns = []string{""} }),
	} {
		_, err := identity.NewGuards(document)
		var invalid *identity.GuardsInvalid
		if !errors.As(err, &invalid) || invalid.Field != field || !strings.Contains(err.Error(), field) {
			t.Errorf("%s: %v", field, err)
		}
	}
	window := documentOf(0, &event.IdentifierGuard{Type: identity.Email, WindowMs: 5})
	if _, err := identity.NewGuards(window); err == nil {
		t.Error("a window without a limit is taken")
	}
	long := documentOf(0, &event.IdentifierGuard{
		Type: identity.Email, BlockedPatterns: []string{strings.Repeat("x", identity.MaxPatternBytes+1)},
	})
	if _, err := identity.NewGuards(long); err == nil {
		t.Error("a long pattern is taken")
	}
}

func TestDefaultGuards(t *testing.T) {
	t.Parallel()
	g, version := identity.NewRegister().Guards()
	if most, window := g.Most(identity.UserID); version != 0 || most != 1 || window != 0 {
		t.Errorf("user_id: most %d within %v, version %d", most, window, version)
	}
	if g.SharedAbove(identity.DeviceID) != 5 || g.SharedAbove(identity.UserID) != 0 || g.SharedAbove("card") != 0 {
		t.Error("shared_above is wrong")
	}
	if g.ProfileMost() != 1000 {
		t.Errorf("profile_most = %d", g.ProfileMost())
	}
	order := []string{identity.UserID, identity.Email, identity.Phone, identity.OpenID, identity.AnonymousID, identity.DeviceID, "card"}
	for i := 1; i < len(order); i++ {
		if g.Rank(order[i-1]) >= g.Rank(order[i]) {
			t.Errorf("%s is not stronger than %s", order[i-1], order[i])
		}
	}
	for _, value := range []string{"", "-", "00", "000-000", "-1", "NULL", "undefined", "n/a", "Guest"} {
		if !g.Blocked(identity.Identifier{Type: identity.DeviceID, Value: value}) {
			t.Errorf("%q means somebody", value)
		}
	}
	for _, value := range []string{"0", "7", "guest7", "nullable"} {
		if g.Blocked(identity.Identifier{Type: identity.DeviceID, Value: value}) {
			t.Errorf("%q means nobody", value)
		}
	}
	if g.Blocked(identity.Identifier{Type: "card", Value: "00"}) {
		t.Error("a type that is not listed has patterns")
	}
	weekly := documentOf(7, &event.IdentifierGuard{Type: identity.Email, Most: 5, WindowMs: 7 * 24 * 3600 * 1000})
	if most, window := mustGuards(t, weekly).Most(identity.Email); most != 5 || window != 7*24*time.Hour {
		t.Errorf("email: most %d within %v", most, window)
	}
}

// An event with guards that do not compile cannot come from a command; a log that holds one keeps the earlier guards.
func TestBrokenGuardsDoNotTakeEffect(t *testing.T) {
	t.Parallel()
	b := newBook(documentOf(7))
	b.append(guardsChanged(2, documentOf(0, guardOf("E-Mail", 0, 0))))
	if g, version := b.Guards(); version != 1 || g.ProfileMost() != 7 {
		t.Errorf("version %d, profile_most %d", version, g.ProfileMost())
	}
}

func FuzzGuards(f *testing.F) {
	for _, pattern := range []string{`^[0-]*$`, `(?i)null`, `(a+)+$`, `\p{Han}{3}`, `(`, "\xff", ``} {
		f.Add("email", pattern, "000", uint32(1), int64(5))
	}
	f.Fuzz(func(t *testing.T, kind, pattern, value string, most uint32, windowMS int64) {
		document := documentOf(0, &event.IdentifierGuard{
			Type: kind, Most: most, WindowMs: windowMS, BlockedPatterns: []string{pattern},
		})
		g, err := identity.NewGuards(document)
		if err != nil {
			var invalid *identity.GuardsInvalid
			if !errors.As(err, &invalid) || invalid.Field == "" {
				t.Fatalf("an error without a field: %v", err)
			}
			return
		}
		if got, _ := g.Most(kind); got != int(most) {
			t.Errorf("most = %d", got)
		}
		g.Blocked(identity.Identifier{Type: kind, Value: value})
	})
}
