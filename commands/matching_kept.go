package commands

import (
	"encoding/binary"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/identity/match"
)

// kept holds what was read of records, in clear and in memory only, so that comparing does not read the log again and
// again: the values of the model's fields in normal form and their keys, one text after another. When it is full, what
// was read first goes.
type kept struct {
	most  int // bytes
	bytes int
	of    map[domain.Alias][]byte
	order []domain.Alias // as they came; what was dropped is skipped
	first int
}

// keptOverhead is what an entry costs beside its values: the map's cell, the slice's header, its place in the order.
const keptOverhead = 120

func newKept(most int) *kept { return &kept{most: most, of: map[domain.Alias][]byte{}} }

// find is a record as match.Matcher's Normal made it.
func (k *kept) find(a domain.Alias, fields int) (match.Record, bool) {
	packed, known := k.of[a]
	if !known {
		return match.Record{}, false
	}
	all := string(packed) // one copy, of which every text is a part
	at := 0
	number := func() int {
		n, size := binary.Uvarint(packed[at:])
		at += size
		return int(n)
	}
	text := func() string {
		length := number()
		at += length
		return all[at-length : at]
	}
	r := match.Record{ID: a, Values: make([][]string, fields), Keys: make([]string, fields)}
	values := make([]string, 0, fields)
	for i := range fields {
		from := len(values)
		for range number() {
			values = append(values, text())
		}
		r.Values[i] = values[from:len(values):len(values)]
		r.Keys[i] = text()
	}
	return r, true
}

func (k *kept) put(r match.Record) {
	k.drop(r.ID)
	var packed []byte
	add := func(text string) { packed = append(binary.AppendUvarint(packed, uint64(len(text))), text...) }
	for i, list := range r.Values {
		packed = binary.AppendUvarint(packed, uint64(len(list)))
		for _, v := range list {
			add(v)
		}
		add(r.Keys[i])
	}
	a := r.ID
	k.of[a] = packed
	k.bytes += len(packed) + keptOverhead
	k.order = append(k.order, a)
	for k.bytes > k.most && k.first < len(k.order) {
		k.drop(k.order[k.first])
		k.first++
	}
	if k.first > len(k.order)/2 {
		k.order, k.first = append([]domain.Alias(nil), k.order[k.first:]...), 0
	}
}

func (k *kept) drop(a domain.Alias) {
	if packed, known := k.of[a]; known {
		k.bytes -= len(packed) + keptOverhead
		delete(k.of, a)
	}
}
