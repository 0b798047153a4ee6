package domain

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"time"
)

// Alias is the random id that stands for one identifier. It starts with the millisecond in which it was
// drawn (as RFC 9562's UUID version 7), so that the earliest-seen alias of a profile is the smallest.
type Alias [16]byte

// ErrNotAnAlias is returned for text or bytes that cannot be an alias.
var ErrNotAnAlias = errors.New("domain: not an alias")

// NewAlias makes an alias from the time it is first seen and 10 random bytes.
func NewAlias(at time.Time, random [10]byte) Alias {
	var a Alias
	ms := uint64(at.UnixMilli())
	for i := range 6 {
		a[i] = byte(ms >> (40 - 8*i))
	}
	copy(a[6:], random[:])
	a[6] = a[6]&0x0f | 0x70
	a[8] = a[8]&0x3f | 0x80
	return a
}

// AliasFromBytes reads the 16 bytes an event carries.
func AliasFromBytes(b []byte) (Alias, error) {
	if len(b) != len(Alias{}) {
		return Alias{}, fmt.Errorf("%w: %d bytes", ErrNotAnAlias, len(b))
	}
	return Alias(b), nil
}

// ParseAlias reads 32 hexadecimal digits.
func ParseAlias(text string) (Alias, error) {
	b, err := hex.DecodeString(text)
	if err != nil || len(b) != len(Alias{}) {
		return Alias{}, ErrNotAnAlias
	}
	return Alias(b), nil
}

// String is 32 hexadecimal digits.
func (a Alias) String() string { return hex.EncodeToString(a[:]) }

// IsZero says whether there is no alias.
func (a Alias) IsZero() bool { return a == Alias{} }

// Compare orders aliases by when they were first seen.
func (a Alias) Compare(b Alias) int { return bytes.Compare(a[:], b[:]) }

// Hash spreads aliases evenly over 64 bits: FNV-1a, then the finaliser of SplitMix64.
func (a Alias) Hash() uint64 {
	h := uint64(14695981039346656037)
	for _, b := range a {
		h = (h ^ uint64(b)) * 1099511628211
	}
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>27) * 0x94d049bb133111eb
	return h ^ h>>31
}
