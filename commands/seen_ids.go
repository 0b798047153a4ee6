package commands

import "hash/maphash"

// idSet is a set of message ids. It takes 21 bytes an id on average, where a map takes 40: there are millions.
// Its ids are spread over many small tables, so that growing copies little at a time.
type idSet struct {
	seed   maphash.Seed
	tables [256]idTable
	len    int
}

// idTable is a flat hash table with linear probing, at most 5/6 full. Zero marks an empty place.
type idTable struct {
	ids [][16]byte
	len int
	// zero: the id of 16 zero bytes is in the set.
	zero bool
}

func newIDSet() *idSet { return &idSet{seed: maphash.MakeSeed()} }

func (s *idSet) has(id [16]byte) bool {
	h := maphash.Bytes(s.seed, id[:])
	t := &s.tables[h>>56]
	if id == [16]byte{} {
		return t.zero
	}
	if t.len == 0 {
		return false
	}
	_, found := t.place(id, h)
	return found
}

// add adds an id that is not in the set.
func (s *idSet) add(id [16]byte) {
	s.len++
	h := maphash.Bytes(s.seed, id[:])
	t := &s.tables[h>>56]
	if id == [16]byte{} {
		t.zero = true
		return
	}
	if (t.len+1)*6 > len(t.ids)*5 {
		t.grow(s.seed)
	}
	at, _ := t.place(id, h)
	t.ids[at] = id
	t.len++
}

// place is where the id is, or else would be; the table has an empty place.
func (t *idTable) place(id [16]byte, h uint64) (at int, found bool) {
	at = int(uint64(uint32(h)) * uint64(len(t.ids)) >> 32)
	for t.ids[at] != id {
		if t.ids[at] == ([16]byte{}) {
			return at, false
		}
		if at++; at == len(t.ids) {
			at = 0
		}
	}
	return at, true
}

func (t *idTable) grow(seed maphash.Seed) {
	before := t.ids
	t.ids = make([][16]byte, len(before)+len(before)/4+8)
	for _, id := range before {
		if id != ([16]byte{}) {
			at, _ := t.place(id, maphash.Bytes(seed, id[:]))
			t.ids[at] = id
		}
	}
}
