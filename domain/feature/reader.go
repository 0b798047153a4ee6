package feature

import (
	"encoding/binary"
	"math"

	"github.com/profferhq/proffer/domain"
)

// reader takes values from the front of a blob. After the first failure it gives zeros and has nothing left.
type reader struct {
	blob []byte
	at   int
	what string
}

// fail keeps what was wrong first.
func (r *reader) fail(what string) {
	if r.what == "" {
		r.what = what
	}
	r.at = len(r.blob)
}

// left is how many bytes are still to come.
func (r *reader) left() int { return len(r.blob) - r.at }

// take is the next n bytes; the caller has seen that they are there.
func (r *reader) take(n int) []byte {
	b := r.blob[r.at:][:n]
	r.at += n
	return b
}

// piece is what follows after its length.
func (r *reader) piece() []byte {
	n := r.uvarint()
	if n > uint64(r.left()) {
		r.fail("length")
		return nil
	}
	return r.take(int(n))
}

func (r *reader) byte() byte {
	if r.at >= len(r.blob) {
		r.fail("too short")
		return 0
	}
	r.at++
	return r.blob[r.at-1]
}

// uvarint reads the shortest form only: a value has one encoding.
func (r *reader) uvarint() uint64 {
	if r.at < len(r.blob) && r.blob[r.at] < 0x80 {
		r.at++
		return uint64(r.blob[r.at-1])
	}
	return r.longUvarint()
}

func (r *reader) longUvarint() uint64 {
	v, n := binary.Uvarint(r.blob[r.at:])
	if n <= 0 || r.blob[r.at+n-1] == 0 {
		r.fail("number")
		return 0
	}
	r.at += n
	return v
}

func (r *reader) varint() int64 {
	u := r.uvarint()
	return int64(u>>1) ^ -int64(u&1)
}

// index is a position's index, or a like number of 32 bits.
func (r *reader) index() uint32 {
	v := r.uvarint()
	if v > math.MaxUint32 {
		r.fail("position")
		return 0
	}
	return uint32(v)
}

// length reads how many things follow that take at least so many bytes each.
func (r *reader) length(atLeast, most int) int {
	n := r.uvarint()
	if n > uint64(most) || n > uint64(r.left()/atLeast) {
		r.fail("length")
		return 0
	}
	return int(n)
}

func (r *reader) position() domain.Position {
	return domain.Position{Sequence: r.uvarint(), Index: r.index()}
}

// counted reads a count of at least one.
func (r *reader) counted() int64 {
	n := r.uvarint()
	if n == 0 || n > math.MaxInt64 {
		r.fail("count")
		return 0
	}
	return int64(n)
}

// later reads a number as its distance from one that is not greater.
func (r *reader) later(from int64) int64 {
	v := int64(uint64(from) + r.uvarint())
	if v < from {
		r.fail("order of numbers")
	}
	return v
}

// amount reads an amount that is not zero, in micros.
func (r *reader) amount(head byte) int64 {
	v := r.varint()
	if v == 0 {
		r.fail("amount")
	}
	if head&inCents == 0 {
		return v
	}
	if v > math.MaxInt64/centMicros || v < math.MinInt64/centMicros {
		r.fail("amount")
		return 0
	}
	return v * centMicros
}

func (r *reader) fixed64() uint64 {
	if r.left() < 8 {
		r.fail("too short")
		return 0
	}
	return binary.BigEndian.Uint64(r.take(8))
}
