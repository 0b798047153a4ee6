package commandstest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"

	"github.com/profferhq/proffer/commands"
	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/identity"
)

// RunVaultSuite checks that a vault keeps what commands.Vault and commands.Identifiers promise. Open returns an empty
// one.
func RunVaultSuite(t *testing.T, open func(t *testing.T) commands.Vault) {
	for _, c := range []struct {
		name string
		test func(*testing.T, commands.Vault)
	}{
		{"an identifier keeps its alias", testVaultStable},
		{"aliases increase in the order of request", testVaultOrder},
		{"one identifier has one alias whoever asks", testVaultConcurrent},
		{"every alias has a key of its own", testVaultKeys},
		{"message ids tell sources and messages apart", testVaultMessages},
		{"a scan tells every alias and its identifier", testVaultScan},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.test(t, open(t))
		})
	}
}

func person(i int) identity.Identifier {
	return identity.Identifier{Type: "user_id", Value: fmt.Sprintf("u%d", i)}
}

func people(from, to int) []identity.Identifier {
	out := make([]identity.Identifier, 0, to-from)
	for i := from; i < to; i++ {
		out = append(out, person(i))
	}
	return out
}

func mustAliases(t *testing.T, v commands.Vault, ids []identity.Identifier) []domain.Alias {
	t.Helper()
	aliases, err := v.Aliases(t.Context(), ids)
	if err != nil {
		t.Fatal(err)
	}
	if len(aliases) != len(ids) {
		t.Fatalf("got %d aliases for %d identifiers", len(aliases), len(ids))
	}
	return aliases
}

func testVaultStable(t *testing.T, v commands.Vault) {
	other := identity.Identifier{Type: "email", Value: "u1"}
	first := mustAliases(t, v, []identity.Identifier{person(1), other, person(1)})
	if first[0] != first[2] || first[0] == first[1] || first[0].IsZero() {
		t.Errorf("got %v", first)
	}
	if again := mustAliases(t, v, []identity.Identifier{other, person(1)}); again[0] != first[1] || again[1] != first[0] {
		t.Errorf("asked again: got %v, want those of %v", again, first)
	}
	if none := mustAliases(t, v, nil); len(none) != 0 {
		t.Errorf("got %v for nobody", none)
	}
}

func testVaultOrder(t *testing.T, v commands.Vault) {
	var last domain.Alias
	for i, size := range []int{1, 2, 30, 1500, 3} {
		for k, a := range mustAliases(t, v, people(i*10000, i*10000+size)) {
			if a.Compare(last) <= 0 {
				t.Fatalf("alias %d of request %d does not follow the one before", k, i)
			}
			last = a
		}
	}
}

func testVaultConcurrent(t *testing.T, v commands.Vault) {
	const callers, size = 64, 40
	got := make([][]domain.Alias, callers)
	var wg sync.WaitGroup
	for i := range callers {
		wg.Go(func() {
			ids := people(0, size)
			slices.Reverse(ids[:i%size])
			aliases, err := v.Aliases(context.Background(), ids)
			if err != nil {
				t.Error(err)
				return
			}
			slices.Reverse(aliases[:i%size])
			got[i] = aliases
		})
	}
	wg.Wait()
	for i := range got {
		if !slices.Equal(got[i], got[0]) {
			t.Fatalf("caller %d got other aliases than caller 0", i)
		}
	}
}

func testVaultKeys(t *testing.T, v commands.Vault) {
	aliases := mustAliases(t, v, people(0, 30))
	keys, err := v.DataKeys(t.Context(), append(aliases, aliases[0]))
	if err != nil {
		t.Fatal(err)
	}
	quarantine, err := v.QuarantineKey(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if keys[0] != keys[30] {
		t.Error("an alias has two keys")
	}
	seen := map[[32]byte]bool{{}: true, quarantine: true}
	for i, k := range keys[:30] {
		if seen[k] {
			t.Errorf("the key of alias %d is no key of its own", i)
		}
		seen[k] = true
	}
	if again, err := v.DataKeys(t.Context(), aliases); err != nil || !slices.Equal(again, keys[:30]) {
		t.Errorf("asked again the keys differ (%v)", err)
	}
	if again, err := v.QuarantineKey(t.Context()); err != nil || again != quarantine {
		t.Errorf("asked again the quarantine's key differs (%v)", err)
	}
}

func testVaultMessages(t *testing.T, v commands.Vault) {
	seen := map[[16]byte]bool{}
	for _, m := range [][2]string{{"s", "m"}, {"s", "n"}, {"t", "m"}, {"sm", ""}, {"", "sm"}, {"s", ""}} {
		id := v.MessageID(m[0], m[1])
		if seen[id] || id != v.MessageID(m[0], m[1]) {
			t.Errorf("the id of %q is not its own", m)
		}
		seen[id] = true
	}
}

func testVaultScan(t *testing.T, v commands.Vault) {
	identifiers, ok := v.(commands.Identifiers)
	if !ok {
		t.Fatalf("%T does not implement commands.Identifiers", v)
	}
	want := map[domain.Alias]identity.Identifier{}
	ids := append(people(0, 300), identity.Identifier{Type: "email", Value: "u1"})
	for i, a := range mustAliases(t, v, ids) {
		want[a] = ids[i]
	}
	got := map[domain.Alias]identity.Identifier{}
	if err := identifiers.Scan(t.Context(), func(a domain.Alias, id identity.Identifier) error {
		if _, twice := got[a]; twice {
			t.Errorf("alias %s is told twice", a)
		}
		got[a] = id
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if !maps.Equal(want, got) {
		t.Errorf("the scan tells %d identifiers, or others than the %d made", len(got), len(want))
	}
	enough := errors.New("enough")
	if err := identifiers.Scan(t.Context(), func(domain.Alias, identity.Identifier) error { return enough }); !errors.Is(err, enough) {
		t.Errorf("got %v, want the function's own error", err)
	}
}
