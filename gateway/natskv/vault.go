package natskv

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/identity"
)

// ErrWrongVaultKey: the vault was made with another key. Nothing in it can be found with this one.
var ErrWrongVaultKey = errors.New("natskv: the vault was made with another key")

// ErrVaultDamaged: rows that a bucket counts do not come. To go on without them would give their identifiers other aliases.
var ErrVaultDamaged = errors.New("natskv: the vault is damaged")

// Names of the vault's buckets. The number of a bucket's shard follows.
const (
	vaultIdentifiers = "vault_identifiers"
	vaultKeys        = "vault_keys"
	vaultCheckKey    = "_check"
)

// VaultOptions say how a vault is kept. The shards are fixed when it is made.
type VaultOptions struct {
	// Key is the secret under which identifiers are looked up and data keys are wrapped. It is kept apart from the
	// vault and its back-ups.
	Key [32]byte
	// Replicas of the buckets; 0 is 1.
	Replicas int
	// Shards is in how many buckets identifiers and keys are spread; 0 is 2.
	Shards int
	// Timeout bounds one write; 0 is 5 s.
	Timeout time.Duration
	// Silence is how long opening waits for the next row before the vault counts as damaged; 0 is 20 s.
	Silence time.Duration
	// Now is the clock that aliases begin with; nil is the system's.
	Now func() time.Time
}

func (o VaultOptions) defaults() VaultOptions {
	if o.Replicas == 0 {
		o.Replicas = 1
	}
	if o.Shards == 0 {
		o.Shards = 2
	}
	if o.Timeout == 0 {
		o.Timeout = 5 * time.Second
	}
	if o.Silence == 0 {
		o.Silence = 20 * time.Second
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

// Vault is the one erasable place that maps identifiers to aliases and holds the aliases' data keys. What is written
// is durable as the server's streams are (it is no projection: the log cannot restore it). Everything is looked up
// in memory, which follows the buckets. An identifier's key in its bucket is HMAC-SHA256 under a secret; its row is its
// alias and, for those who may see it, the identifier sealed under another secret. Memory keeps no identifier.
type Vault struct {
	macs        macs
	wrap        cipher.AEAD
	seal        cipher.AEAD
	mint        *mint
	identifiers *table[domain.Alias]
	keys        *table[wrappedKey]
}

// OpenVault makes the vault or opens it, and loads it into memory. It fails with ErrWrongVaultKey,
// ErrBucketDiffers and ErrVaultDamaged. The context bounds the opening only.
func OpenVault(ctx context.Context, nc *nats.Conn, o VaultOptions) (*Vault, error) {
	o = o.defaults()
	js, err := jetstream.New(nc)
	if err != nil {
		return nil, fmt.Errorf("natskv: open the vault: %w", err)
	}
	v := &Vault{macs: newMacs(o.Key), mint: &mint{now: o.Now}}
	if v.wrap, err = gcm(derive(o.Key, "wrap")); err != nil {
		return nil, fmt.Errorf("natskv: open the vault: %w", err)
	}
	if v.seal, err = gcm(derive(o.Key, "identifier")); err != nil {
		return nil, fmt.Errorf("natskv: open the vault: %w", err)
	}
	return v, v.open(ctx, nc, js, o)
}

func gcm(secret []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(secret)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

func (v *Vault) open(ctx context.Context, nc *nats.Conn, js jetstream.JetStream, o VaultOptions) (err error) {
	if v.identifiers, err = newTable(ctx, nc, js, vaultIdentifiers, o, newAliasRows, aliasIn); err != nil {
		return err
	}
	if err = v.identifiers.check(ctx, derive(o.Key, "check")); err != nil {
		return err
	}
	if v.keys, err = newTable(ctx, nc, js, vaultKeys, o, newKeyRows, wrappedIn); err != nil {
		return err
	}
	if err = v.identifiers.load(ctx); err == nil {
		err = v.keys.load(ctx)
	}
	if err != nil {
		v.Close()
	}
	return err
}

// Close ends following the buckets. Calls in flight end with an error.
func (v *Vault) Close() {
	v.identifiers.close()
	v.keys.close()
}

// Len is how many identifiers have an alias.
func (v *Vault) Len() int { return v.identifiers.len() }

// Aliases are the aliases of identifiers in normal form, in order. Unknown identifiers get one, durably, strictly
// increasing in the order given. It fails with domain.ErrUnavailable; what was written then is found again.
func (v *Vault) Aliases(ctx context.Context, ids []identity.Identifier) ([]domain.Alias, error) {
	aliases, err := v.identifiers.ensure(ctx, v.digests(ids), func(places []int) []drawn[domain.Alias] { return v.newAliases(ids, places) })
	if err != nil {
		return nil, fmt.Errorf("natskv: make aliases: %w", err)
	}
	return aliases, nil
}

// Lookup are the aliases of identifiers in normal form, in order; zero where there is none. It makes none and needs
// no network; one that another server has just made may be missing for a moment.
func (v *Vault) Lookup(ids []identity.Identifier) []domain.Alias {
	aliases, _ := v.identifiers.find(v.digests(ids))
	return aliases
}

// DataKeys are the aliases' data keys, in order; missing ones are made, durably. It fails with
// domain.ErrUnavailable.
func (v *Vault) DataKeys(ctx context.Context, aliases []domain.Alias) ([][32]byte, error) {
	owners := make([][16]byte, len(aliases))
	for i, a := range aliases {
		owners[i] = a
	}
	return v.dataKeys(ctx, owners)
}

// QuarantineKey seals what was refused. It fails with domain.ErrUnavailable.
func (v *Vault) QuarantineKey(ctx context.Context) ([32]byte, error) {
	keys, err := v.dataKeys(ctx, [][16]byte{{}}) // no alias is zero
	if err != nil {
		return [32]byte{}, err
	}
	return keys[0], nil
}

func (v *Vault) dataKeys(ctx context.Context, owners [][16]byte) ([][32]byte, error) {
	wrapped, err := v.keys.ensure(ctx, owners, func(places []int) []drawn[wrappedKey] { return v.newKeys(owners, places) })
	if err != nil {
		return nil, fmt.Errorf("natskv: make data keys: %w", err)
	}
	out := make([][32]byte, len(owners))
	for i := range wrapped {
		if err := v.unwrap(&out[i], &owners[i], &wrapped[i]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// wrappedKey is a data key under the vault's key: nonce, ciphertext, tag. Keys lie in memory wrapped.
type wrappedKey [12 + 32 + 16]byte

func newKeyRows() rows[wrappedKey] { return mapRows[wrappedKey]{} }

// wrappedIn reads a data key from how it stands in its bucket: as it is.
func wrappedIn(stored []byte) (wrappedKey, bool) {
	if len(stored) != len(wrappedKey{}) {
		return wrappedKey{}, false
	}
	return wrappedKey(stored), true
}

func (v *Vault) newKeys(owners [][16]byte, places []int) []drawn[wrappedKey] {
	out := make([]drawn[wrappedKey], len(places))
	for i, place := range places {
		var key [32]byte
		rand.Read(key[:])
		nonce := out[i].value[:12]
		rand.Read(nonce)
		v.wrap.Seal(nonce, nonce, key[:], owners[place][:])
		out[i].stored = out[i].value[:]
	}
	return out
}

// errUnwrap is for a data key that was damaged, moved to another alias or wrapped by another vault.
var errUnwrap = errors.New("natskv: a data key of the vault does not unwrap")

// unwrap takes pointers, as what the cipher is given is taken to escape.
func (v *Vault) unwrap(key *[32]byte, owner *[16]byte, wrapped *wrappedKey) error {
	if _, err := v.wrap.Open(key[:0], wrapped[:12], wrapped[12:], owner[:]); err != nil {
		return errUnwrap
	}
	return nil
}

// MessageID is the keyed digest of a message's id within its source.
func (v *Vault) MessageID(source, messageID string) [16]byte {
	return v.macs.sum('m', source, messageID)
}

func (v *Vault) digests(ids []identity.Identifier) [][16]byte {
	out := make([][16]byte, len(ids))
	for i, id := range ids {
		out[i] = v.macs.sum('i', id.Type, id.Value)
	}
	return out
}

// derive makes a secret of its own for each use of the vault's key.
func derive(key [32]byte, use string) []byte {
	m := hmac.New(sha256.New, key[:])
	m.Write([]byte("proffer vault " + use))
	return m.Sum(nil)
}

// macs are keyed hashes ready for use: a keyed state costs four times the hash of an identifier.
type macs struct{ pool *sync.Pool }

type mac struct {
	hash hash.Hash
	buf  []byte
}

func newMacs(key [32]byte) macs {
	secret := derive(key, "digest")
	return macs{pool: &sync.Pool{New: func() any { return &mac{hash: hmac.New(sha256.New, secret)} }}}
}

// sum is HMAC-SHA256 of the two texts, told apart by their use and a zero byte, cut to 16 bytes.
func (m macs) sum(use byte, a, b string) [16]byte {
	h := m.pool.Get().(*mac)
	defer m.pool.Put(h)
	h.hash.Reset()
	h.buf = append(append(append(append(h.buf[:0], use), a...), 0), b...)
	h.hash.Write(h.buf)
	h.buf = h.hash.Sum(h.buf[:0])
	return [16]byte(h.buf)
}

// Room fails with domain.ErrLogFull when the vault has refused a new identifier or data key for lack of room since a time, and
// has taken none after it where that belongs.
func (v *Vault) Room(since time.Time) error {
	return errors.Join(v.identifiers.room(since), v.keys.room(since))
}
