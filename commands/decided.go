package commands

import (
	"crypto/sha256"
	"encoding/binary"

	"github.com/profferhq/proffer/domain/identity"
)

// eventID is an event's id.
type eventID [16]byte

// decidedID is the id of an event that the guards decided on because of a message: it depends on the message and on
// what was decided, so that a retry gives the same event the same id.
func decidedID(message []byte, p identity.Part) []byte {
	sum := decidedSum(message, p)
	return sum[:len(eventID{})]
}

func decidedSum(message []byte, p identity.Part) [sha256.Size]byte {
	b := append(make([]byte, 0, 64), message...)
	b = append(b, p.Kind)
	b = append(b, p.First[:]...)
	b = append(b, p.Second[:]...)
	return sha256.Sum256(binary.BigEndian.AppendUint64(b, uint64(p.Times)))
}
