package policy

import (
	"crypto/sha256"
	"encoding/binary"

	"github.com/profferhq/proffer/domain"
)

// Draw is the random number of one candidate in one decision: the first 8 bytes, big endian, of the SHA-256 of
// the salt, the decision's id, the offer and the treatment, each preceded by its length as a uvarint. It
// depends on nothing else, so it can be drawn again for ever; salts that differ in one character are independent.
func Draw(salt string, decision domain.Alias, offer, treatment string) uint64 {
	return drawOf(salt, string(decision[:]), offer, treatment)
}

// HoldoutDraw is the share in [0, 1) by which a profile falls into the hold-out of a salt: the hash of the salt,
// the word "holdout" and the profile's id, with 53 bits. It is the same in every decision of the profile.
func HoldoutDraw(salt string, profile domain.Alias) float64 {
	return float64(drawOf(salt, "holdout", string(profile[:]))>>11) / (1 << 53)
}

// ChallengerDraw is the share in [0, 1) by which a profile falls to the challenger of a use of models: as HoldoutDraw,
// of the use, the word "challenger" and the profile's id.
func ChallengerDraw(use string, profile domain.Alias) float64 {
	return float64(drawOf(use, "challenger", string(profile[:]))>>11) / (1 << 53)
}

// HeldOut draws for a profile and says whether it belongs to the policy's hold-out.
func (c *Compiled) HeldOut(profile domain.Alias) (draw float64, heldOut bool) {
	draw = HoldoutDraw(c.policy.GetSalt(), profile)
	return draw, draw < c.policy.GetHoldout()
}

func drawOf(parts ...string) uint64 {
	var space [256]byte
	b := space[:0]
	for _, p := range parts {
		b = binary.AppendUvarint(b, uint64(len(p)))
		b = append(b, p...)
	}
	sum := sha256.Sum256(b)
	return binary.BigEndian.Uint64(sum[:8])
}
