package commands

import (
	"context"
	"fmt"
	"io"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
)

// seal encrypts what is to be sealed of the events that are new. A data key is made only for these. What was decided on
// in the order of the graph is in the log by now: nothing is sealed of that.
func (in *Ingest) seal(ctx context.Context, c *call) error {
	var owners []domain.Alias
	var which []int
	refused := false
	for i := range c.items {
		if !c.claims[i].isNew() {
			continue
		}
		if c.checked[i] == nil {
			refused = true
		} else if !c.events[i].graph && !c.items[i].Properties.Empty() && len(c.aliases[i]) > 0 {
			owners, which = append(owners, c.aliases[i][0]), append(which, i)
		}
	}
	if refused {
		if err := in.sealRefused(ctx, c); err != nil {
			return err
		}
	}
	if len(owners) == 0 {
		return nil
	}
	keys, err := in.ports.Vault.DataKeys(ctx, owners)
	if err != nil {
		return fmt.Errorf("find data keys: %w", err)
	}
	for k, i := range which {
		sealed, err := in.sealed(keys[k], owners[k][:], c.items[i].Properties.Raw())
		if err != nil {
			return err
		}
		c.events[i].event.Sealed = sealed
	}
	return nil
}

// sealRefused encrypts the originals of the refused items under the quarantine's key.
func (in *Ingest) sealRefused(ctx context.Context, c *call) error {
	key, err := in.ports.Vault.QuarantineKey(ctx)
	if err != nil {
		return fmt.Errorf("find the quarantine's key: %w", err)
	}
	for i := range c.items {
		if c.checked[i] != nil || !c.claims[i].isNew() || c.items[i].Original == nil {
			continue
		}
		original := c.items[i].Original()
		original = original[:min(len(original), MaxOriginalBytes)]
		e := c.events[i].event
		sealed, err := in.sealed(key, e.GetId(), original)
		if err != nil {
			return err
		}
		e.GetQuarantined().Original = sealed
	}
	return nil
}

func (in *Ingest) sealed(key Key, owner, plain []byte) (*event.Sealed, error) {
	var nonce Nonce
	if _, err := io.ReadFull(in.ports.Random, nonce[:]); err != nil {
		return nil, fmt.Errorf("draw a nonce: %w", err)
	}
	return Seal(key, nonce, owner, plain)
}
