package commandstest

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"io"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/identity"
)

// MemoryVault is commands.Vault in memory. Its aliases and keys are a function of the order in which they are asked
// for, so that tests are repeatable. It is safe for concurrent use.
type MemoryVault struct {
	mu      sync.Mutex
	aliases map[identity.Identifier]domain.Alias
	keys    map[domain.Alias][32]byte
}

// NewMemoryVault is an empty vault.
func NewMemoryVault() *MemoryVault {
	return &MemoryVault{aliases: map[identity.Identifier]domain.Alias{}, keys: map[domain.Alias][32]byte{}}
}

// Aliases are the aliases of the identifiers, made if there are none.
func (v *MemoryVault) Aliases(_ context.Context, ids []identity.Identifier) ([]domain.Alias, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	out := make([]domain.Alias, len(ids))
	for i, id := range ids {
		a, ok := v.aliases[id]
		if !ok {
			a = domain.NewAlias(time.UnixMilli(int64(len(v.aliases)+1)), [10]byte(sum("alias", id.Type, id.Value)))
			v.aliases[id] = a
		}
		out[i] = a
	}
	return out, nil
}

// DataKeys are the aliases' keys, made if there are none.
func (v *MemoryVault) DataKeys(_ context.Context, aliases []domain.Alias) ([][32]byte, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	out := make([][32]byte, len(aliases))
	for i, a := range aliases {
		v.keys[a] = [32]byte(sum("key", string(a[:]), ""))
		out[i] = v.keys[a]
	}
	return out, nil
}

// QuarantineKey is always the same.
func (v *MemoryVault) QuarantineKey(context.Context) ([32]byte, error) {
	return [32]byte(sum("quarantine", "", "")), nil
}

// MessageID is a keyed digest.
func (v *MemoryVault) MessageID(source, messageID string) [16]byte {
	return [16]byte(sum("message", source, messageID))
}

// Scan calls a function with every alias and the identifier it stands for, the earliest first.
func (v *MemoryVault) Scan(_ context.Context, yield func(domain.Alias, identity.Identifier) error) error {
	v.mu.Lock()
	byAlias := make(map[domain.Alias]identity.Identifier, len(v.aliases))
	for id, a := range v.aliases {
		byAlias[a] = id
	}
	v.mu.Unlock()
	for _, a := range slices.SortedFunc(maps.Keys(byAlias), domain.Alias.Compare) {
		if err := yield(a, byAlias[a]); err != nil {
			return err
		}
	}
	return nil
}

// Len is how many identifiers have an alias.
func (v *MemoryVault) Len() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return len(v.aliases)
}

// Keys is how many aliases have a data key.
func (v *MemoryVault) Keys() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return len(v.keys)
}

func sum(use, a, b string) []byte {
	m := hmac.New(sha256.New, []byte("a vault in memory"))
	m.Write([]byte(use + "\x00" + a + "\x00" + b))
	return m.Sum(nil)
}

// NewRandom is a repeatable stream of bytes, safe for concurrent use.
func NewRandom(seed uint64) io.Reader {
	var key [32]byte
	binary.LittleEndian.PutUint64(key[:], seed)
	return &lockedReader{r: rand.NewChaCha8(key)}
}

type lockedReader struct {
	mu sync.Mutex
	r  io.Reader
}

// Read never fails.
func (l *lockedReader) Read(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.r.Read(p)
}
