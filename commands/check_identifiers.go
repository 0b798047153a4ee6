package commands

import (
	"errors"
	"slices"
	"strconv"

	"github.com/profferhq/proffer/domain/identity"
)

// Normalizer brings an identifier to the form in which equal means the same.
type Normalizer interface {
	// Normalize fails with *identity.Malformed when the value cannot be an identifier of its type.
	Normalize(identity.Identifier) (identity.Identifier, error)
}

// checkIdentifiers brings them to normal form, leaves repeated ones out and tells the group apart.
func (c checker) checkIdentifiers(out *checked) *Refusal {
	it := out.item
	if it.Type == TypeOffer {
		return nil
	}
	if len(it.Identifiers) > MaxIdentifiers {
		return Refuse(ReasonTooManyIdentifiers, "identifiers", "at most "+strconv.Itoa(MaxIdentifiers))
	}
	out.ids = make([]identity.Identifier, 0, len(it.Identifiers)+len(it.Hints))
	var group identity.Identifier
	for i, id := range it.Identifiers {
		normal, err := c.normalizer.Normalize(id)
		if err != nil {
			return malformed(index("identifiers", i), err)
		}
		if it.Type == TypeGroup && normal.Type == identity.GroupID {
			group = normal
			continue
		}
		out.ids = appendNew(out.ids, normal)
	}
	if len(out.ids) == 0 {
		return Refuse(ReasonMissingIdentifier, "identifiers", "whom it is about is required")
	}
	if it.Type == TypeLink && len(out.ids) < 2 {
		return Refuse(ReasonMissingIdentifier, "identifiers[1]", "a link needs two different identifiers")
	}
	for _, id := range it.Hints {
		if normal, err := c.normalizer.Normalize(id); err == nil {
			out.ids = appendNew(out.ids, normal)
		}
	}
	if !c.dropBlocked(out) {
		return Refuse(ReasonIdentifierBlocked, "identifiers", blockedMessage)
	}
	if it.Type == TypeGroup {
		if group == (identity.Identifier{}) {
			return Refuse(ReasonMissingGroup, index("identifiers", len(it.Identifiers)), "an identifier of type group_id is required")
		}
		out.ids, out.group = append(out.ids, group), true
	}
	return nil
}

// blockedMessage is for senders.
const blockedMessage = "by the guards these identifiers mean nobody"

// dropBlocked leaves the identifiers out that mean nobody, before an alias is made of them. It is false when too few
// are left.
func (c checker) dropBlocked(out *checked) bool {
	kept := out.ids[:0]
	for _, id := range out.ids {
		if !c.guards.Blocked(id) {
			kept = append(kept, id)
		}
	}
	out.ids = kept
	return enough(out.item, len(kept))
}

// enough says whether an item can do with that many of a person's identifiers.
func enough(it *Item, people int) bool {
	return people > 1 || people == 1 && it.Type != TypeLink
}

func appendNew(ids []identity.Identifier, id identity.Identifier) []identity.Identifier {
	if slices.Contains(ids, id) {
		return ids
	}
	return append(ids, id)
}

// malformed turns the normalizer's finding into a refusal.
func malformed(field string, err error) *Refusal {
	if m, ok := errors.AsType[*identity.Malformed](err); ok {
		return Refuse(m.Reason, field, m.Message)
	}
	return Refuse(ReasonInvalidIdentifier, field, "not an identifier")
}
