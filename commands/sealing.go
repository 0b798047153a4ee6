package commands

import (
	"context"
	"fmt"
	"io"

	"github.com/profferhq/proffer/domain"
)

// seal encrypts what is to be sealed of the events that are new, in the memory of a room. A data key is made only for these.
// What was decided on in the order of the graph is in the log by now: nothing is sealed of that.
func (in *Ingest) seal(ctx context.Context, c *call, room *sealRoom) error {
	bytes := 0
	owners, which := make([]domain.Alias, 0, len(c.items)), make([]int, 0, len(c.items))
	var refused []int
	for i := range c.items {
		if !c.claims[i].isNew() {
			continue
		}
		if c.checked[i] == nil {
			if c.items[i].Original != nil {
				refused = append(refused, i)
			}
		} else if !c.events[i].graph && !c.items[i].Properties.Empty() && len(c.aliases[i]) > 0 {
			owners, which = append(owners, c.aliases[i][0]), append(which, i)
			bytes += len(c.items[i].Properties.Raw())
		}
	}
	if len(refused) > 0 {
		if err := in.sealRefused(ctx, c, refused); err != nil {
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
	drawn, err := in.draw(len(owners))
	if err != nil {
		return err
	}
	room.prepare(len(owners), bytes)
	var s sealer
	for k, i := range which {
		if k == 0 || owners[k] != owners[k-1] { // what a browser sends at once is about one visitor
			if s, err = newSealer(&keys[k]); err != nil {
				return err
			}
		}
		c.events[i].event.Sealed = s.seal(room, drawn.at(k), owners[k][:], c.items[i].Properties.Raw())
	}
	return nil
}

// sealRefused encrypts the originals of the refused items under the quarantine's key.
func (in *Ingest) sealRefused(ctx context.Context, c *call, refused []int) error {
	key, err := in.ports.Vault.QuarantineKey(ctx)
	if err != nil {
		return fmt.Errorf("find the quarantine's key: %w", err)
	}
	s, err := newSealer(&key)
	if err != nil {
		return err
	}
	drawn, err := in.draw(len(refused))
	if err != nil {
		return err
	}
	for k, i := range refused {
		original := c.items[i].Original()
		original = original[:min(len(original), MaxOriginalBytes)]
		e := c.events[i].event
		e.GetQuarantined().Original = s.seal(new(sealRoom), drawn.at(k), e.GetId(), original)
	}
	return nil
}

// nonces are drawn together.
type nonces []byte

func (in *Ingest) draw(n int) (nonces, error) {
	drawn := make(nonces, n*len(nonce{}))
	if _, err := io.ReadFull(in.ports.Random, drawn); err != nil {
		return nil, fmt.Errorf("draw nonces: %w", err)
	}
	return drawn, nil
}

func (n nonces) at(i int) nonce { return nonce(n[i*len(nonce{}):]) }
