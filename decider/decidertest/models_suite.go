package decidertest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"math/rand/v2"
	"testing"

	"github.com/profferhq/proffer/domain"
)

// TestModelBytes holds a store of models' bytes to what its users rely on.
func TestModelBytes(t *testing.T, store interface {
	Put(ctx context.Context, data []byte) (domain.Hash, error)
	Get(ctx context.Context, digest domain.Hash) ([]byte, bool, error)
}) {
	t.Helper()
	ctx := t.Context()
	large := make([]byte, 3<<20+17)
	random := rand.NewChaCha8([32]byte{3})
	if _, err := random.Read(large); err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{"small": []byte("a model"), "large": large, "one byte": {0}} {
		want := domain.Hash(sha256.Sum256(data))
		if _, known, err := store.Get(ctx, want); known || err != nil {
			t.Errorf("%s: known before: %v, %v", name, known, err)
		}
		for range 2 { // the second changes nothing
			if digest, err := store.Put(ctx, data); err != nil || digest != want {
				t.Fatalf("%s: put: %s, %v", name, digest, err)
			}
		}
		got, known, err := store.Get(ctx, want)
		if err != nil || !known || !bytes.Equal(got, data) {
			t.Fatalf("%s: %d bytes, %v, %v", name, len(got), known, err)
		}
		got[0]++
		if again, _, _ := store.Get(ctx, want); !bytes.Equal(again, data) {
			t.Errorf("%s: a reader changed the bytes", name)
		}
	}
	if _, known, err := store.Get(ctx, domain.Hash{}); known || err != nil {
		t.Errorf("the zero digest: %v, %v", known, err)
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := store.Put(ended, []byte("another")); err == nil {
		if _, known, _ := store.Get(ctx, sha256.Sum256([]byte("another"))); !known {
			t.Error("acknowledged and not kept")
		}
	}
}
