package commands

import (
	"encoding/binary"

	"github.com/profferhq/proffer/domain"
)

// kept holds what was read of records, in clear and in memory only, so that comparing does not read the log again and
// again: the values of the model's fields, one text after another. When it is full, what was read first goes.
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

// find is nil for what is not kept.
func (k *kept) find(a domain.Alias, fields int) ([][]string, bool) {
	packed, known := k.of[a]
	if !known {
		return nil, false
	}
	values := make([][]string, fields)
	for i := range values {
		n, size := binary.Uvarint(packed)
		packed = packed[size:]
		for range n {
			length, size := binary.Uvarint(packed)
			end := size + int(length)
			values[i] = append(values[i], string(packed[size:end]))
			packed = packed[end:]
		}
	}
	return values, true
}

func (k *kept) put(a domain.Alias, values [][]string) {
	k.drop(a)
	var packed []byte
	for _, list := range values {
		packed = binary.AppendUvarint(packed, uint64(len(list)))
		for _, v := range list {
			packed = append(binary.AppendUvarint(packed, uint64(len(v))), v...)
		}
	}
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
