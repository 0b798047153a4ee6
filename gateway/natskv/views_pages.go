package natskv

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/profferhq/proffer/domain"
)

// Many views that are written for the first time, as a rebuild does, go into the bucket together: pages. A view that
// changes afterwards gets a key of its own, whose revision is later than the page's. An alias is in one page at most,
// hence pages never hold more than one outdated view of each.
const (
	// pageKeys is what the keys of pages begin with; a number in hexadecimal follows, from 0 in each generation.
	pageKeys = "_page."
	// pageBytes is when a page ends, and the size of a view that does not go into one.
	pageBytes = 128 << 10
	// pageLeast is how many first views of a bucket a round must have to go into pages.
	pageLeast = 256
	// paged marks, in the second highest bit of a revision, that of a page: the alias has no key of its own.
	paged = 1 << 62
)

// errPage is for bytes that no page was written as.
var errPage = errors.New("natskv: not a page of views")

const pageVersion = 1

// appendToPage appends a view to a page, or begins one.
func appendToPage(page []byte, a domain.Alias, blob []byte) []byte {
	if len(page) == 0 {
		page = append(page, pageVersion)
	}
	page = append(page, a[:]...)
	page = binary.AppendUvarint(page, uint64(len(blob)))
	return append(page, blob...)
}

// eachInPage yields the views of a page; they share its memory.
func eachInPage(page []byte, yield func(domain.Alias, []byte)) error {
	if len(page) == 0 || page[0] != pageVersion {
		return errPage
	}
	for page = page[1:]; len(page) > 0; {
		if len(page) < len(domain.Alias{}) {
			return errPage
		}
		a := domain.Alias(page[:len(domain.Alias{})])
		page = page[len(a):]
		size, n := binary.Uvarint(page)
		if n <= 0 || size > uint64(len(page)-n) {
			return errPage
		}
		yield(a, page[n:][:size:size])
		page = page[n+int(size):]
	}
	return nil
}

// firstViews are views of one bucket that it has in no way yet.
type firstViews struct {
	aliases []domain.Alias
	blobs   [][]byte
}

func (f *firstViews) add(a domain.Alias, blob []byte) {
	f.aliases, f.blobs = append(f.aliases, a), append(f.blobs, blob)
}

// appendPuts appends what writes these views to a bucket: pages when they are many, else keys.
func (f *firstViews) appendPuts(puts []put, b *viewsBucket, m *memory) []put {
	if len(f.aliases) < pageLeast {
		for i, a := range f.aliases {
			puts = append(puts, putKey(b, m, a, f.blobs[i], 0))
		}
		return puts
	}
	from, page := 0, make([]byte, 0, pageBytes)
	for i, a := range f.aliases {
		page = appendToPage(page, a, f.blobs[i])
		if len(page) >= pageBytes || i == len(f.aliases)-1 {
			puts = append(puts, putPage(b, m, f.aliases[from:i+1], page))
			from, page = i+1, make([]byte, 0, pageBytes)
		}
	}
	return puts
}

func putKey(b *viewsBucket, m *memory, a domain.Alias, blob []byte, replaces uint64) put {
	return put{bucket: b, key: a.String(), value: blob, replaces: replaces,
		done: func(revision uint64) { m.written(a, revision) }}
}

func putPage(b *viewsBucket, m *memory, aliases []domain.Alias, page []byte) put {
	number := b.pages.Add(1) - 1
	return put{bucket: b, key: fmt.Sprintf("%s%x", pageKeys, number), value: page, done: func(revision uint64) {
		for _, a := range aliases {
			m.written(a, revision|paged)
		}
	}}
}
