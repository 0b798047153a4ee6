package natskv_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/identity"
	"github.com/profferhq/proffer/gateway/natskv"
)

func TestVaultTellsWhomAnAliasStandsFor(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	e := vaultServer(t, dir, "100ms")
	v := openVault(t, vaultConn(t, e), 1)
	ids := append(users(0, 40), identity.Identifier{Type: "email", Value: "somebody@example.com"})
	aliases, err := v.Aliases(t.Context(), ids)
	if err != nil {
		t.Fatal(err)
	}
	check := func(v *natskv.Vault) {
		t.Helper()
		asked := append(slices.Clone(aliases), domain.Alias{1, 2, 3})
		got, err := v.Identifiers(t.Context(), asked)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got[:len(ids)], ids) || got[len(ids)] != (identity.Identifier{}) {
			t.Error("the identifiers are not those that were given")
		}
		if !v.Knows(aliases[7]) || v.Knows(domain.Alias{1, 2, 3}) {
			t.Error("the vault does not know which aliases it has")
		}
		scanned := map[domain.Alias]identity.Identifier{}
		if err := v.Scan(t.Context(), func(a domain.Alias, id identity.Identifier) error { scanned[a] = id; return nil }); err != nil {
			t.Fatal(err)
		}
		for i, a := range aliases {
			if scanned[a] != ids[i] || len(scanned) != len(ids) {
				t.Fatalf("scanned %d rows; alias %d is another's", len(scanned), i)
			}
		}
	}
	check(v)
	v.Close()
	e.Close()
	if leaked := filesWith(t, dir, "somebody@example.com"); leaked != "" {
		t.Errorf("%s holds an identifier in clear", leaked)
	}
	e = vaultServer(t, dir, "100ms")
	check(openVault(t, vaultConn(t, e), 1))
}

// filesWith names a file below the folder that holds the text.
func filesWith(t *testing.T, dir, text string) (found string) {
	t.Helper()
	read := 0
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		read += len(content)
		if bytes.Contains(content, []byte(text)) {
			found = path
		}
		return err
	})
	if err != nil || read == 0 {
		t.Fatalf("read %d bytes below the folder: %v", read, err)
	}
	return found
}

// TestAnIdentifierOpensForItsOwnAliasOnly: a row that was moved to another alias is damage, not another's identifier.
func TestAnIdentifierOpensForItsOwnAliasOnly(t *testing.T) {
	t.Parallel()
	nc := vaultConn(t, vaultServer(t, t.TempDir(), "100ms"))
	v := openVault(t, nc, 1)
	aliases, err := v.Aliases(t.Context(), users(0, 1))
	if err != nil {
		t.Fatal(err)
	}
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	for _, bucket := range []string{"vault_identifiers_0", "vault_identifiers_1"} {
		kv, err := js.KeyValue(t.Context(), bucket)
		if err != nil {
			t.Fatal(err)
		}
		keys, err := kv.Keys(t.Context())
		if err != nil && !errors.Is(err, jetstream.ErrNoKeysFound) {
			t.Fatal(err)
		}
		for _, key := range keys {
			if key == "_check" {
				continue
			}
			row, err := kv.Get(t.Context(), key)
			if err != nil {
				t.Fatal(err)
			}
			moved := slices.Clone(row.Value())
			moved[0] ^= 1 // another alias
			if _, err := kv.Put(t.Context(), key, moved); err != nil {
				t.Fatal(err)
			}
		}
	}
	if id, err := v.Identifiers(t.Context(), aliases); err == nil && id[0] != (identity.Identifier{}) {
		t.Error("the row of another alias opened")
	}
	if err := v.Scan(t.Context(), func(domain.Alias, identity.Identifier) error { return nil }); err == nil {
		t.Error("a damaged row was scanned without an error")
	}
}

func TestAScanStopsWhenItIsTold(t *testing.T) {
	t.Parallel()
	v := openVault(t, vaultConn(t, vaultServer(t, t.TempDir(), "100ms")), 1)
	if _, err := v.Aliases(t.Context(), users(0, 100)); err != nil {
		t.Fatal(err)
	}
	stop := errors.New("enough")
	n := 0
	if err := v.Scan(t.Context(), func(domain.Alias, identity.Identifier) error { n++; return stop }); !errors.Is(err, stop) || n != 1 {
		t.Errorf("got %v after %d rows", err, n)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := v.Scan(ended, func(domain.Alias, identity.Identifier) error { return nil }); err == nil {
		t.Error("an ended context scans")
	}
}

func BenchmarkVaultScan(b *testing.B) {
	v := openVault(b, vaultConn(b, vaultServer(b, b.TempDir(), "100ms")), 1)
	const n = 50_000
	aliases, err := v.Aliases(b.Context(), users(0, n))
	if err != nil {
		b.Fatal(err)
	}
	b.Run("all", func(b *testing.B) {
		for b.Loop() {
			if err := v.Scan(b.Context(), func(domain.Alias, identity.Identifier) error { return nil }); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(n*b.N)/b.Elapsed().Seconds(), "ids/s")
	})
	b.Run("one", func(b *testing.B) {
		i := 0
		for b.Loop() {
			if _, err := v.Identifiers(b.Context(), aliases[i%n:i%n+1]); err != nil {
				b.Fatal(err)
			}
			i++
		}
	})
}
