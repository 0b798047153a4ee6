package commands

import "encoding/binary"

// idSet is a set of message ids. It takes 21 bytes an id on average, where a map takes 40: there are millions. They are
// keyed digests, random to the bit, and need no hashing. They are spread over many small tables, so that growing copies
// little at a time.
type idSet struct {
	tables [256]idTable // by an id's first byte
	len    int
}

func (s *idSet) has(id [16]byte) bool {
	t := &s.tables[id[0]]
	if id == [16]byte{} {
		return t.zero
	}
	_, found := t.place(numberOf(id))
	return found
}

// add adds an id that is not in the set.
func (s *idSet) add(id [16]byte) {
	s.len++
	t := &s.tables[id[0]]
	if id == [16]byte{} {
		t.zero = true
		return
	}
	t.add(numberOf(id))
}

// idNumber is an id as a number of 128 bits.
type idNumber struct{ high, low uint64 }

func numberOf(id [16]byte) idNumber {
	return idNumber{high: binary.BigEndian.Uint64(id[:8]), low: binary.BigEndian.Uint64(id[8:])}
}

func (n idNumber) less(than idNumber) bool {
	return n.high < than.high || n.high == than.high && n.low < than.low
}

// idTable is a flat hash table with linear probing, at most 5/6 full. Its ids ascend, with empty places, which are zero, in
// between: so the search for one that it does not have, as most are, ends after two or three.
type idTable struct {
	ids []idNumber
	// homes are the places that ids are spread over. What the last of them have no room for stands behind.
	homes int
	len   int
	// zero: the id of 16 zero bytes is in the set.
	zero bool
}

// home is where the id stands when nothing is in its way. That of a greater id is no smaller.
func (t *idTable) home(id idNumber) int {
	return int(uint64(uint32(id.high>>24)) * uint64(t.homes) >> 32) // by what follows the first byte
}

// place is where the id is, or else belongs.
func (t *idTable) place(id idNumber) (at int, found bool) {
	for at = t.home(id); at < len(t.ids) && t.ids[at] != (idNumber{}) && t.ids[at].less(id); at++ {
	}
	return at, at < len(t.ids) && t.ids[at] == id
}

func (t *idTable) add(id idNumber) {
	if (t.len+1)*6 > t.homes*5 {
		t.grow()
	}
	at, _ := t.place(id)
	empty := at
	for empty < len(t.ids) && t.ids[empty] != (idNumber{}) {
		empty++
	}
	if empty == len(t.ids) {
		t.ids = append(t.ids, idNumber{})
	}
	copy(t.ids[at+1:empty+1], t.ids[at:empty])
	t.ids[at] = id
	t.len++
}

func (t *idTable) grow() {
	before := t.ids
	t.homes += t.homes/4 + 8
	t.ids = make([]idNumber, t.homes, t.homes+16)
	next := 0
	for _, id := range before {
		if id == (idNumber{}) {
			continue
		}
		at := max(next, t.home(id))
		for at >= len(t.ids) {
			t.ids = append(t.ids, idNumber{})
		}
		t.ids[at], next = id, at+1
	}
}
