package natskv_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/profferhq/proffer/commands"
	"github.com/profferhq/proffer/commands/commandstest"
	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/identity"
	"github.com/profferhq/proffer/gateway/natskv"
	"github.com/profferhq/proffer/gateway/natslog"
)

func vaultServer(t testing.TB, dir, sync string) *natslog.Embedded {
	t.Helper()
	e, err := natslog.StartEmbedded(natslog.EmbeddedOptions{Dir: dir, Sync: sync})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	return e
}

func vaultConn(t testing.TB, e *natslog.Embedded) *nats.Conn {
	t.Helper()
	nc, err := e.Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

func openVault(t testing.TB, nc *nats.Conn, key byte) *natskv.Vault {
	t.Helper()
	v, err := natskv.OpenVault(t.Context(), nc, natskv.VaultOptions{Key: [32]byte{key}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(v.Close)
	return v
}

func users(from, to int) []identity.Identifier {
	out := make([]identity.Identifier, 0, to-from)
	for i := from; i < to; i++ {
		out = append(out, identity.Identifier{Type: "user_id", Value: fmt.Sprintf("u%d", i)})
	}
	return out
}

func TestOneIdentifierHasOneAliasOnOneServer(t *testing.T) {
	t.Parallel()
	e := vaultServer(t, t.TempDir(), "100ms")
	oneAlias(t, 1, vaultConn(t, e), vaultConn(t, e))
}

func TestOneIdentifierHasOneAliasOnACluster(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("skipped: three servers are not started under -short")
	}
	nc := connectCluster(t)
	oneAlias(t, 3, nc, nc)
}

// oneAlias lets two vaults over one store, which know nothing of each other, make the same aliases at once.
func oneAlias(t *testing.T, replicas int, connections ...*nats.Conn) {
	t.Helper()
	vaults := make([]*natskv.Vault, len(connections))
	for i, nc := range connections {
		v, err := natskv.OpenVault(t.Context(), nc, natskv.VaultOptions{Key: [32]byte{1}, Replicas: replicas})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(v.Close)
		vaults[i] = v
	}
	const callers = 64
	for _, size := range []int{3, 70} {
		got := make([][]domain.Alias, callers)
		var wg sync.WaitGroup
		for i := range callers {
			wg.Go(func() {
				ids := users(size*1000, size*1000+size)
				slices.Reverse(ids[:i%size])
				aliases, err := vaults[i%len(vaults)].Aliases(context.Background(), ids)
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
		for _, v := range vaults {
			if found := v.Lookup(users(size*1000, size*1000+size)); !slices.Equal(found, got[0]) {
				t.Error("looking up gives other aliases")
			}
		}
	}
}

func TestAliasesIncreaseInTheOrderOfRequest(t *testing.T) {
	t.Parallel()
	v := openVault(t, vaultConn(t, vaultServer(t, t.TempDir(), "100ms")), 1)
	last := domain.Alias{}
	for _, size := range []int{1, 2, 2500, 3} {
		aliases, err := v.Aliases(t.Context(), users(size*10000, size*10000+size))
		if err != nil {
			t.Fatal(err)
		}
		for i, a := range aliases {
			if a.Compare(last) <= 0 {
				t.Fatalf("alias %d of %d does not follow the one before", i, size)
			}
			last = a
		}
	}
	if got := v.Len(); got != 2506 {
		t.Errorf("got %d identifiers, want 2506", got)
	}
}

func TestLookupMakesNothing(t *testing.T) {
	t.Parallel()
	v := openVault(t, vaultConn(t, vaultServer(t, t.TempDir(), "100ms")), 1)
	if got := v.Lookup(users(0, 2)); !got[0].IsZero() || v.Len() != 0 {
		t.Errorf("got %v and %d identifiers, want none", got, v.Len())
	}
}

func TestVaultSurvivesRestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ids := append(users(0, 30), identity.Identifier{Type: "email", Value: "u0"})
	e := vaultServer(t, dir, "always")
	v := openVault(t, vaultConn(t, e), 1)
	want, err := v.Aliases(t.Context(), ids)
	if err != nil {
		t.Fatal(err)
	}
	if want[0] == want[30] {
		t.Error("a user id and an e-mail of the same text share an alias")
	}
	keys, err := v.DataKeys(t.Context(), want[:3])
	if err != nil {
		t.Fatal(err)
	}
	quarantine, err := v.QuarantineKey(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	message := v.MessageID("s", "m")
	v.Close()
	e.Close()

	e = vaultServer(t, dir, "always")
	nc := vaultConn(t, e)
	v = openVault(t, nc, 1)
	if got := v.Lookup(ids); !slices.Equal(got, want) {
		t.Error("aliases changed over a restart")
	}
	again, err := v.DataKeys(t.Context(), want[:3])
	if err != nil || !slices.Equal(again, keys) {
		t.Errorf("data keys changed over a restart (%v)", err)
	}
	if keys[0] == keys[1] || keys[0] == quarantine {
		t.Error("two owners share a key")
	}
	if got, err := v.QuarantineKey(t.Context()); err != nil || got != quarantine {
		t.Errorf("the quarantine's key changed over a restart (%v)", err)
	}
	if v.MessageID("s", "m") != message || v.MessageID("s", "n") == message || v.MessageID("sm", "") == message {
		t.Error("message ids do not tell messages apart")
	}
	if _, err := natskv.OpenVault(t.Context(), nc, natskv.VaultOptions{Key: [32]byte{2}}); !errors.Is(err, natskv.ErrWrongVaultKey) {
		t.Errorf("another key: got %v, want ErrWrongVaultKey", err)
	}
	if _, err := natskv.OpenVault(t.Context(), nc, natskv.VaultOptions{Key: [32]byte{1}, Shards: 1}); !errors.Is(err, natskv.ErrBucketDiffers) {
		t.Errorf("another number of shards: got %v, want ErrBucketDiffers", err)
	}
}

func TestVaultHoldsNoIdentifier(t *testing.T) {
	t.Parallel()
	nc := vaultConn(t, vaultServer(t, t.TempDir(), "100ms"))
	v := openVault(t, nc, 1)
	const secret = "somebody@example.com"
	aliases, err := v.Aliases(t.Context(), []identity.Identifier{{Type: "email", Value: secret}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := v.DataKeys(t.Context(), aliases); err != nil {
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
		for _, k := range keys {
			if k != "_check" && len(k) != 32 {
				t.Errorf("bucket %s has key %q", bucket, k)
			}
		}
	}
}

func TestVaultIsUnavailableWithoutNATS(t *testing.T) {
	t.Parallel()
	e := vaultServer(t, t.TempDir(), "100ms")
	v, err := natskv.OpenVault(t.Context(), vaultConn(t, e), natskv.VaultOptions{Key: [32]byte{1}, Timeout: 300 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	known, err := v.Aliases(t.Context(), users(0, 1))
	if err != nil {
		t.Fatal(err)
	}
	e.Close()
	for _, n := range []int{1, 5} {
		if _, err := v.Aliases(t.Context(), users(100, 100+n)); !errors.Is(err, domain.ErrUnavailable) {
			t.Errorf("%d new identifiers: got %v, want ErrUnavailable", n, err)
		}
	}
	if got, err := v.Aliases(t.Context(), users(0, 1)); err != nil || got[0] != known[0] {
		t.Errorf("a known identifier: got %v, %v", got, err)
	}
}

// TestADamagedVaultIsNotOpened: the disk has changed a bit of a row.
func TestADamagedVaultIsNotOpened(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	e := vaultServer(t, dir, "always")
	v := openVault(t, vaultConn(t, e), 1)
	if _, err := v.Aliases(t.Context(), users(0, 200)); err != nil {
		t.Fatal(err)
	}
	v.Close()
	e.Close()
	changeBit(t, dir, "KV_vault_identifiers_0")
	nc := vaultConn(t, vaultServer(t, dir, "always"))
	if _, err := natskv.OpenVault(t.Context(), nc, natskv.VaultOptions{Key: [32]byte{1}, Silence: 300 * time.Millisecond}); !errors.Is(err, natskv.ErrVaultDamaged) {
		t.Errorf("got %v, want damaged", err)
	}
}

// changeBit changes a bit in the middle of a stream's only block, as a disk may. Its server is not running.
func changeBit(t *testing.T, dir, stream string) {
	t.Helper()
	blocks, err := filepath.Glob(filepath.Join(dir, "*", "jetstream", "*", "streams", stream, "msgs", "*.blk"))
	if err != nil || len(blocks) != 1 {
		t.Fatalf("blocks %q: %v", blocks, err)
	}
	bytes, err := os.ReadFile(blocks[0])
	if err != nil {
		t.Fatal(err)
	}
	bytes[len(bytes)/2] ^= 1
	if err := os.WriteFile(blocks[0], bytes, 0o600); err != nil {
		t.Fatal(err)
	}
}

func BenchmarkVaultCreate(b *testing.B) {
	for _, size := range []int{1, 2, 4, 8, 16, 64, 256, 1000, 2000} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			v := openVault(b, vaultConn(b, vaultServer(b, b.TempDir(), "always")), 1)
			n := 0
			for b.Loop() {
				if _, err := v.Aliases(b.Context(), users(n, n+size)); err != nil {
					b.Fatal(err)
				}
				n += size
			}
			b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "ids/s")
		})
	}
}

func BenchmarkVaultLookup(b *testing.B) {
	v := openVault(b, vaultConn(b, vaultServer(b, b.TempDir(), "100ms")), 1)
	ids := users(0, 1000)
	if _, err := v.Aliases(b.Context(), ids); err != nil {
		b.Fatal(err)
	}
	i := 0
	for b.Loop() {
		v.Lookup(ids[i%1000 : i%1000+1])
		i++
	}
}

func TestVaultSuite(t *testing.T) {
	t.Parallel()
	commandstest.RunVaultSuite(t, func(t *testing.T) commands.Vault {
		return openVault(t, vaultConn(t, vaultServer(t, t.TempDir(), "100ms")), 1)
	})
}

// limit bounds the vault's buckets of identifiers, in bytes; -1 is no limit.
func limit(t *testing.T, nc *nats.Conn, bytes int64) {
	t.Helper()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"KV_vault_identifiers_0", "KV_vault_identifiers_1"} {
		stream, err := js.Stream(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		config := stream.CachedInfo().Config
		config.MaxBytes = bytes
		if _, err := js.UpdateStream(t.Context(), config); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAFullVaultHasNoRoomUntilAWriteSucceeds(t *testing.T) {
	t.Parallel()
	began := time.Now()
	nc := vaultConn(t, vaultServer(t, t.TempDir(), "100ms"))
	v := openVault(t, nc, 1)
	if _, err := v.Aliases(t.Context(), users(0, 50)); err != nil {
		t.Fatal(err)
	}
	if err := v.Room(began); err != nil {
		t.Fatalf("before it is full: %v", err)
	}
	limit(t, nc, 6_000)
	for _, to := range []int{60, 1000} { // one by one, and in batches
		if _, err := v.Aliases(t.Context(), users(50, to)); !errors.Is(err, domain.ErrLogFull) {
			t.Fatalf("identifiers to %d: %v, want %v", to, err, domain.ErrLogFull)
		}
		if err := v.Room(began); !errors.Is(err, domain.ErrLogFull) {
			t.Errorf("while it is full: %v", err)
		}
	}
	if _, err := v.Aliases(t.Context(), users(0, 50)); err != nil {
		t.Errorf("who is known stays known: %v", err)
	}
	if err := v.Room(time.Now()); err != nil {
		t.Errorf("a refusal speaks for a while only: %v", err)
	}
	limit(t, nc, -1)
	if _, err := v.Aliases(t.Context(), users(50, 1000)); err != nil {
		t.Fatal(err)
	}
	if err := v.Room(began); err != nil {
		t.Errorf("with room again: %v", err)
	}
}
