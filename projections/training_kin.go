package projections

import (
	"context"
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
)

// kin knows who was ever joined to whom: a forest of aliases, each pointing to an earlier one.
type kin map[domain.Alias]domain.Alias

func (k kin) earliest(a domain.Alias) domain.Alias {
	root := a
	for up, linked := k[root]; linked; up, linked = k[root] {
		root = up
	}
	for a != root { // shorten the way for the next
		a, k[a] = k[a], root
	}
	return root
}

// settle is for when all links are known: from then on many may ask whose family an alias is of.
func (k kin) settle() {
	for a := range k {
		k.earliest(a)
	}
}

// settled is the earliest alias of an alias's family.
func (k kin) settled(a domain.Alias) domain.Alias {
	if root, linked := k[a]; linked {
		return root
	}
	return a
}

func (k kin) join(a, b domain.Alias) {
	a, b = k.earliest(a), k.earliest(b)
	switch a.Compare(b) {
	case 1:
		k[a] = b
	case -1:
		k[b] = a
	}
}

// linksAndOffers reads IDENTITY for who was ever joined, and POLICY for offers.
func (x *export) linksAndOffers(ctx context.Context) error {
	lean := newFoldDecoder(nil)
	defer x.kin.settle()
	return x.scan(ctx, []domain.Stream{domain.Identity, domain.Policy}, func(s domain.Stream, e domain.Envelope) error {
		if s == domain.Policy {
			return x.offers.take(e)
		}
		for i, frame := range e.Frames {
			h, ok := headOf(frame)
			if !ok || h.body != bodyLinked {
				continue
			}
			ev, ok := lean.decode(frame)
			if !ok {
				return corrupt(s, e, i)
			}
			if other, err := domain.AliasFromBytes(ev.GetIdentityLinked().GetOther()); err == nil {
				x.kin.join(h.alias, other)
			}
		}
		return nil
	})
}

func corrupt(s domain.Stream, e domain.Envelope, i int) error {
	return fmt.Errorf("%w: event %d of %s/%d", domain.ErrEnvelopeCorrupt, i, s, e.Sequence)
}

func whole(frame []byte) (*event.Event, bool) {
	ev := new(event.Event)
	return ev, proto.Unmarshal(frame, ev) == nil
}
