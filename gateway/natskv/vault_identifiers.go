package natskv

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/identity"
)

// errUnseal is for an identifier that was damaged, moved to another alias or sealed by another vault.
var errUnseal = errors.New("natskv: an identifier of the vault does not open")

// An identifier's row: the alias, a nonce, and the identifier under AES-256-GCM with the alias as additional data.
const (
	rowAlias = len(domain.Alias{})
	rowNonce = 12
)

// newAliases draws aliases for the identifiers at these places, and makes their rows.
func (v *Vault) newAliases(ids []identity.Identifier, places []int) []drawn[domain.Alias] {
	out := make([]drawn[domain.Alias], len(places))
	for i, alias := range v.mint.draw(len(places)) {
		out[i] = drawn[domain.Alias]{value: alias, stored: v.sealed(alias, ids[places[i]])}
	}
	return out
}

// sealed is the row of an alias. No type holds a zero byte, so that one ends it.
func (v *Vault) sealed(alias domain.Alias, id identity.Identifier) []byte {
	row := make([]byte, rowAlias+rowNonce, rowAlias+rowNonce+len(id.Type)+1+len(id.Value)+v.seal.Overhead())
	copy(row, alias[:])
	nonce := row[rowAlias:]
	rand.Read(nonce)
	return v.seal.Seal(row, nonce, []byte(id.Type+"\x00"+id.Value), alias[:])
}

// aliasIn reads the alias from an identifier's row.
func aliasIn(row []byte) (domain.Alias, bool) {
	if len(row) < rowAlias {
		return domain.Alias{}, false
	}
	a, err := domain.AliasFromBytes(row[:rowAlias])
	return a, err == nil
}

// opened reads all of a row. A row of before identifiers were kept has none: the zero Identifier.
func (v *Vault) opened(row []byte) (domain.Alias, identity.Identifier, error) {
	alias, ok := aliasIn(row)
	if !ok || (len(row) > rowAlias && len(row) < rowAlias+rowNonce) {
		return alias, identity.Identifier{}, errUnseal
	}
	if len(row) == rowAlias {
		return alias, identity.Identifier{}, nil
	}
	sealed := row[rowAlias:]
	plain, err := v.seal.Open(nil, sealed[:rowNonce], sealed[rowNonce:], alias[:])
	if err != nil {
		return alias, identity.Identifier{}, errUnseal
	}
	kind, value, ok := strings.Cut(string(plain), "\x00")
	if !ok {
		return alias, identity.Identifier{}, errUnseal
	}
	return alias, identity.Identifier{Type: kind, Value: value}, nil
}

// Identifiers are the identifiers that aliases stand for, in order; zero where the vault has none (any more). Each is
// read from its bucket and opened: memory knows only where it stands. It fails with domain.ErrUnavailable.
func (v *Vault) Identifiers(ctx context.Context, aliases []domain.Alias) ([]identity.Identifier, error) {
	out := make([]identity.Identifier, len(aliases))
	for i, alias := range aliases {
		p, digest, ok := v.placeOf(alias)
		if !ok {
			continue
		}
		m, err := p.stream.GetLastMsgForSubject(ctx, p.subject(digest))
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("natskv: read an identifier: %w: %w", domain.ErrUnavailable, err)
		}
		if len(m.Data) == 0 {
			continue // deleted a moment ago
		}
		stands, id, err := v.opened(m.Data)
		if err != nil {
			return nil, err
		}
		if stands == alias {
			out[i] = id
		}
	}
	return out, nil
}

// Knows says whether an alias stands for an identifier. It needs no network.
func (v *Vault) Knows(alias domain.Alias) bool {
	_, _, known := v.placeOf(alias)
	return known
}

// placeOf is where the alias's row stands.
func (v *Vault) placeOf(alias domain.Alias) (p *part[domain.Alias], digest [16]byte, ok bool) {
	for _, p := range v.identifiers.parts {
		p.mu.RLock()
		known, is := p.known.(*aliasRows)
		if is {
			digest, ok = known.digestOf(alias)
		}
		p.mu.RUnlock()
		if ok {
			return p, digest, true
		}
	}
	return nil, digest, false
}

// Scan yields every alias with its identifier, in no order, as the buckets hold them now; it stops at the first error
// of yield and returns it. It fails with domain.ErrUnavailable. A million take a few seconds.
func (v *Vault) Scan(ctx context.Context, yield func(domain.Alias, identity.Identifier) error) error {
	for _, p := range v.identifiers.parts {
		if err := v.scan(ctx, p, yield); err != nil {
			return fmt.Errorf("natskv: scan bucket %s: %w", p.bucket, err)
		}
	}
	return nil
}

func (v *Vault) scan(ctx context.Context, p *part[domain.Alias], yield func(domain.Alias, identity.Identifier) error) error {
	kv, err := p.js.KeyValue(ctx, p.bucket)
	if err != nil {
		return fmt.Errorf("%w: %w", domain.ErrUnavailable, err)
	}
	watcher, err := kv.WatchAll(ctx, jetstream.IgnoreDeletes())
	if err != nil {
		return fmt.Errorf("%w: %w", domain.ErrUnavailable, err)
	}
	defer func() { _ = watcher.Stop() }() // the connection may be gone already; there is nothing left to stop then
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case e, open := <-watcher.Updates():
			if !open {
				return fmt.Errorf("%w: the bucket's watcher ended", domain.ErrUnavailable)
			}
			if e == nil {
				return nil // all that was there
			}
			if _, ours := keyOf(e); !ours {
				continue
			}
			alias, id, err := v.opened(e.Value())
			if err == nil && id != (identity.Identifier{}) {
				err = yield(alias, id)
			}
			if err != nil {
				return err
			}
		}
	}
}
