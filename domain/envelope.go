package domain

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/profferhq/proffer/domain/event"
)

// Hash is a SHA-256.
type Hash [sha256.Size]byte

// String is the hash in hexadecimal.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// Limits of one envelope. A NATS message may be 1 MiB; an appender that takes all that has gathered must stop
// before that.
const (
	MaxEnvelopeBytes  = 768 << 10
	MaxEnvelopeEvents = 4096
)

// The layout of an envelope, for ever:
//
//	magic "PE" | version 1 | previous envelope's hash of the lane (32 bytes; zero for the first)
//	| uvarint n | n times (uvarint length | event, protobuf) | SHA-256 of all the bytes before it
//
// The closing hash is the checksum, the link that the lane's next envelope carries, and the message id.
const (
	envelopeHeader = 3 + sha256.Size
	envelopeMin    = envelopeHeader + 1 + sha256.Size
)

var envelopeMagic = [3]byte{'P', 'E', 1}

// Errors of decoding and of walking a lane's chain.
var (
	ErrEnvelopeCorrupt = errors.New("domain: the envelope is corrupt")
	ErrChainBroken     = errors.New("domain: the envelope does not follow the one before it")
)

// Envelope is one message of the log: the events of one lane that were appended together.
type Envelope struct {
	Sequence uint64
	Lane     Lane
	Prev     Hash
	Hash     Hash
	// Frames are the encoded events; they share the memory of the message.
	Frames [][]byte
}

// EncodeEnvelope appends the envelope of these encoded events to dst and returns it with its hash.
// The caller keeps within MaxEnvelopeBytes and MaxEnvelopeEvents.
func EncodeEnvelope(dst []byte, prev Hash, frames [][]byte) ([]byte, Hash) {
	start, size := len(dst), envelopeMin+binary.MaxVarintLen64
	for _, f := range frames {
		size += FrameSize(len(f))
	}
	dst = slices.Grow(dst, size)
	dst = append(dst, envelopeMagic[:]...)
	dst = append(dst, prev[:]...)
	dst = binary.AppendUvarint(dst, uint64(len(frames)))
	for _, f := range frames {
		dst = binary.AppendUvarint(dst, uint64(len(f)))
		dst = append(dst, f...)
	}
	sum := Hash(sha256.Sum256(dst[start:]))
	return append(dst, sum[:]...), sum
}

// FrameSize is what an encoded event of n bytes adds to an envelope, at most.
func FrameSize(n int) int { return n + 5 }

// DecodeEnvelope checks the checksum and splits the frames. Sequence and Lane are the caller's to set.
// It fails with ErrEnvelopeCorrupt on anything EncodeEnvelope did not write.
func DecodeEnvelope(data []byte) (Envelope, error) {
	if len(data) < envelopeMin || [3]byte(data[:3]) != envelopeMagic {
		return Envelope{}, fmt.Errorf("%w: no header", ErrEnvelopeCorrupt)
	}
	body, sum := data[:len(data)-sha256.Size], Hash(data[len(data)-sha256.Size:])
	if sha256.Sum256(body) != sum {
		return Envelope{}, fmt.Errorf("%w: checksum", ErrEnvelopeCorrupt)
	}
	e := Envelope{Prev: Hash(body[3:envelopeHeader]), Hash: sum}
	rest := body[envelopeHeader:]
	n, rest, ok := uvarint(rest)
	if !ok || n > MaxEnvelopeEvents {
		return Envelope{}, fmt.Errorf("%w: count", ErrEnvelopeCorrupt)
	}
	e.Frames = make([][]byte, 0, n)
	for range n {
		var size uint64
		if size, rest, ok = uvarint(rest); !ok || size > uint64(len(rest)) {
			return Envelope{}, fmt.Errorf("%w: frame", ErrEnvelopeCorrupt)
		}
		e.Frames = append(e.Frames, rest[:size:size])
		rest = rest[size:]
	}
	if len(rest) != 0 {
		return Envelope{}, fmt.Errorf("%w: %d bytes too many", ErrEnvelopeCorrupt, len(rest))
	}
	return e, nil
}

// uvarint reads one canonical (shortest) uvarint.
func uvarint(b []byte) (uint64, []byte, bool) {
	v, n := binary.Uvarint(b)
	if n <= 0 || (n > 1 && b[n-1] == 0) {
		return 0, b, false
	}
	return v, b[n:], true
}

// Events decodes the frames. An event of a later version keeps its unknown fields.
func (e Envelope) Events() ([]*event.Event, error) {
	events := make([]*event.Event, len(e.Frames))
	for i, f := range e.Frames {
		events[i] = new(event.Event)
		if err := proto.Unmarshal(f, events[i]); err != nil {
			return nil, fmt.Errorf("%w: event %d of %s/%d", ErrEnvelopeCorrupt, i, e.Lane.Stream, e.Sequence)
		}
	}
	return events, nil
}

// Recorded is an event with its place in the log.
type Recorded struct {
	At    Position
	Event *event.Event
}

// Recorded decodes the events with their positions.
func (e Envelope) Recorded() ([]Recorded, error) {
	events, err := e.Events()
	if err != nil {
		return nil, err
	}
	out := make([]Recorded, len(events))
	for i, ev := range events {
		out[i] = Recorded{At: Position{Sequence: e.Sequence, Index: uint32(i)}, Event: ev}
	}
	return out, nil
}
