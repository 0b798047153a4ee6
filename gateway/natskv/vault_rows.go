package natskv

import (
	"encoding/binary"

	"github.com/profferhq/proffer/domain"
)

// rows is what memory keeps of one bucket of a table.
type rows[V any] interface {
	find(key [16]byte) (V, bool)
	put(key [16]byte, v V)
	drop(key [16]byte)
	len() int
}

// mapRows keeps all of it.
type mapRows[V any] map[[16]byte]V

func (m mapRows[V]) find(key [16]byte) (V, bool) {
	v, ok := m[key]
	return v, ok
}

func (m mapRows[V]) put(key [16]byte, v V) { m[key] = v }
func (m mapRows[V]) drop(key [16]byte)     { delete(m, key) }
func (m mapRows[V]) len() int              { return len(m) }

// The two keys of an aliasRow.
const (
	byDigest = 0
	byAlias  = 1
)

// aliasRow is an identifier's digest and its alias.
type aliasRow [2][16]byte

const (
	// rowChunk is how many rows are allocated at a time: growing copies none.
	rowChunk = 4096
	// slotTables is over how many tables each key's slots are spread: growing one is a pause of its rows only.
	slotTables = 64
)

// aliasRows finds the alias of a digest and the digest of an alias. Both ways share one row of 32 bytes, so that the
// way back costs a slot of 4 bytes: about 50 bytes an identifier in all, no more than a map of one way.
type aliasRows struct {
	chunks [][]aliasRow
	used   uint32
	free   []uint32
	slots  [2][slotTables]slots
}

// slots are the rows of one key, in open addressing with linear probing: a row's number plus one, 0 is empty.
type slots struct {
	at    []uint32
	taken int
}

func newAliasRows() rows[domain.Alias] { return &aliasRows{} }

func (r *aliasRows) row(n uint32) *aliasRow { return &r.chunks[n/rowChunk][n%rowChunk] }

func (r *aliasRows) len() int { return int(r.used) - len(r.free) }

func (r *aliasRows) find(digest [16]byte) (domain.Alias, bool) {
	n, ok := r.number(byDigest, digest)
	if !ok {
		return domain.Alias{}, false
	}
	return r.row(n)[byAlias], true
}

// digestOf is the way back.
func (r *aliasRows) digestOf(alias domain.Alias) ([16]byte, bool) {
	n, ok := r.number(byAlias, alias)
	if !ok {
		return [16]byte{}, false
	}
	return r.row(n)[byDigest], true
}

// put takes a row; a digest's other alias, should it have had one, is dropped.
func (r *aliasRows) put(digest [16]byte, alias domain.Alias) {
	if n, ok := r.number(byDigest, digest); ok {
		if r.row(n)[byAlias] == alias {
			return
		}
		r.drop(digest)
	}
	n := r.room()
	*r.row(n) = aliasRow{byDigest: digest, byAlias: alias}
	r.insert(byDigest, n)
	r.insert(byAlias, n)
}

func (r *aliasRows) drop(digest [16]byte) {
	n, ok := r.number(byDigest, digest)
	if !ok {
		return
	}
	r.remove(byDigest, n)
	r.remove(byAlias, n)
	*r.row(n) = aliasRow{}
	r.free = append(r.free, n)
}

func (r *aliasRows) room() uint32 {
	if last := len(r.free) - 1; last >= 0 {
		n := r.free[last]
		r.free = r.free[:last]
		return n
	}
	if int(r.used) == len(r.chunks)*rowChunk {
		r.chunks = append(r.chunks, make([]aliasRow, rowChunk))
	}
	r.used++
	return r.used - 1
}

// hashOf spreads keys that are random already, and those of tests that are not.
func hashOf(key [16]byte) uint64 {
	h := binary.LittleEndian.Uint64(key[:8])*0x9e3779b97f4a7c15 ^ binary.LittleEndian.Uint64(key[8:])*0xc2b2ae3d27d4eb4f
	return h ^ h>>32
}

// number is the row that has the key.
func (r *aliasRows) number(by int, key [16]byte) (uint32, bool) {
	h := hashOf(key)
	s := &r.slots[by][h%slotTables]
	if len(s.at) == 0 {
		return 0, false
	}
	mask := uint64(len(s.at) - 1)
	for i := h / slotTables & mask; s.at[i] != 0; i = (i + 1) & mask {
		if n := s.at[i] - 1; r.row(n)[by] == key {
			return n, true
		}
	}
	return 0, false
}

// insert adds a row to its table, which is at most three quarters full.
func (r *aliasRows) insert(by int, n uint32) {
	h := hashOf(r.row(n)[by])
	s := &r.slots[by][h%slotTables]
	if (s.taken+1)*4 > len(s.at)*3 {
		old := s.at
		s.at = make([]uint32, max(8, 2*len(old)))
		for _, x := range old {
			if x != 0 {
				s.place(hashOf(r.row(x - 1)[by]), x)
			}
		}
	}
	s.place(h, n+1)
	s.taken++
}

func (s *slots) place(h uint64, x uint32) {
	mask := uint64(len(s.at) - 1)
	i := h / slotTables & mask
	for s.at[i] != 0 {
		i = (i + 1) & mask
	}
	s.at[i] = x
}

// remove empties the row's slot and moves up those behind it that would no longer be found.
func (r *aliasRows) remove(by int, n uint32) {
	h := hashOf(r.row(n)[by])
	s := &r.slots[by][h%slotTables]
	mask := uint64(len(s.at) - 1)
	hole := h / slotTables & mask
	for s.at[hole] != n+1 {
		hole = (hole + 1) & mask
	}
	for i := (hole + 1) & mask; s.at[i] != 0; i = (i + 1) & mask {
		home := hashOf(r.row(s.at[i] - 1)[by]) / slotTables & mask
		if (i-home)&mask >= (i-hole)&mask {
			s.at[hole], hole = s.at[i], i
		}
	}
	s.at[hole] = 0
	s.taken--
}
