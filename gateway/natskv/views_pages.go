package natskv

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/profferhq/proffer/domain"
)

// A bucket holds views in pages: one value with many of them. A key for each would cost a put and its acknowledgement
// whenever somebody does something, and the server 200 bytes of memory for each person. A round writes the views that
// changed into new pages, which is where they are from then on; what the pages before still hold of them is outdated.
// A page without a view that is not outdated is free: its number is used again. Pages that are mostly outdated, or
// small and many, are emptied into the next round's pages.
const (
	// pageKeys is what the keys of pages begin with; a number in hexadecimal follows, from 0 in each generation.
	pageKeys = "_page."
	// pageBytes is when a page ends. Only one view larger than that makes a larger page.
	pageBytes = 128 << 10
	// pageRoom is for the alias and the length of the view that ends it.
	pageRoom = 32
	// smallPage is what a page's current views have, in bytes, when it is better written together with others, and
	// smallPages how many such a bucket may have.
	smallPage  = pageBytes / 4
	smallPages = 32
	// outdatedViews is how many outdated views a bucket may hold beside as many as it has current ones.
	outdatedViews = 4096
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

// page is what the writer knows of one page of a bucket.
type page struct {
	// revision it was written under last; 0 while that is under way for the first time.
	revision uint64
	aliases  []domain.Alias
	bytes    int
	// current is how many of its views are not outdated.
	current int
}

// weight is what the page's current views have in bytes, by its average.
func (p *page) weight() int { return p.bytes * p.current / max(len(p.aliases), 1) }

// pages are all pages of one bucket, by number. They belong to whoever loads the bucket, and then to its writer.
type pages struct {
	all  []page
	at   map[uint64]int // by revision
	free []int
	// current and held count views: those that are not outdated, and all.
	current, held int
}

// next is the number of a page that may be written, and the revision which that replaces.
func (p *pages) next() (number int, replaces uint64) {
	if n := len(p.free); n > 0 {
		number, p.free = p.free[n-1], p.free[:n-1]
		return number, p.all[number].revision
	}
	p.all = append(p.all, page{})
	return len(p.all) - 1, 0
}

// landed takes a page that the bucket has now; its views are current.
func (p *pages) landed(number int, revision uint64, aliases []domain.Alias, bytes int) {
	for len(p.all) <= number {
		p.all = append(p.all, page{})
	}
	before := &p.all[number]
	p.current -= before.current // of a page that is not free: only where another process wrote it
	p.held -= len(before.aliases)
	delete(p.at, before.revision)
	if p.at == nil {
		p.at = map[uint64]int{}
	}
	*before = page{revision: revision, aliases: aliases, bytes: bytes, current: len(aliases)}
	p.at[revision] = number
	p.current += len(aliases)
	p.held += len(aliases)
}

// left takes that a view of the page with this revision is outdated now.
func (p *pages) left(revision uint64) {
	number, known := p.at[revision]
	if !known {
		return
	}
	left := &p.all[number]
	left.current--
	p.current--
	if left.current == 0 {
		p.held -= len(left.aliases)
		left.aliases, left.bytes = nil, 0
		p.free = append(p.free, number)
	}
}

// freed finds the pages without a current view once all are loaded.
func (p *pages) freed() {
	p.free = nil
	for number := range p.all {
		if p.all[number].current == 0 {
			p.free = append(p.free, number)
		}
	}
}

// worn are pages that had better be emptied: the most outdated until no more than half of what the pages hold is
// outdated, and the smallest when many are small. They have no more than that many current views together, or are one.
func (p *pages) worn(most int) []int {
	worn, chosen := []int(nil), map[int]bool{}
	outdated, views := p.held-p.current, 0
	choose := func(number int) bool {
		if number < 0 || len(worn) > 0 && views+p.all[number].current > most {
			return false
		}
		chosen[number], worn = true, append(worn, number)
		views += p.all[number].current
		outdated -= len(p.all[number].aliases) - p.all[number].current
		return true
	}
	for outdated > p.current+outdatedViews && choose(p.least(chosen, func(x *page) float64 {
		return float64(x.current) / float64(len(x.aliases))
	})) {
	}
	if p.small() <= smallPages {
		return worn
	}
	for range smallPages {
		if !choose(p.least(chosen, func(x *page) float64 { return float64(x.weight()) })) {
			break
		}
	}
	return worn
}

// least is the number of the page with current views, none of those chosen, that is least by a measure; -1 for none.
func (p *pages) least(chosen map[int]bool, measure func(*page) float64) int {
	found, least := -1, math.Inf(1)
	for number := range p.all {
		x := &p.all[number]
		if x.current == 0 || chosen[number] {
			continue
		}
		if m := measure(x); m < least {
			found, least = number, m
		}
	}
	return found
}

// small is how many pages are small.
func (p *pages) small() (n int) {
	for number := range p.all {
		if x := &p.all[number]; x.current > 0 && x.weight() < smallPage {
			n++
		}
	}
	return n
}

// revisions of all pages by number: what a checkpoint says that the bucket has.
func (p *pages) revisions() []uint64 {
	list := make([]uint64, len(p.all))
	for number := range p.all {
		list[number] = p.all[number].revision
	}
	return list
}

// has says whether every page is there, as it was under these revisions or written again later.
func (p *pages) has(revisions []uint64) bool {
	if len(p.all) < len(revisions) {
		return false
	}
	for number, revision := range revisions {
		if p.all[number].revision < revision {
			return false
		}
	}
	return true
}

// pageWriter turns views of one bucket into pages.
type pageWriter struct {
	bucket  *viewsBucket
	memory  *memory
	puts    []put
	aliases []domain.Alias
	value   []byte
	buffers *pageBuffers
	buffer  int // which of them the value is in
}

// pageBuffers are the memory of pages, used again by every round.
type pageBuffers struct {
	all  [][]byte
	used int
}

// keptBuffers is how many are kept from one round to the next.
const keptBuffers = 16

// reset begins a round: the pages of the one before are written.
func (b *pageBuffers) reset() {
	b.all, b.used = b.all[:min(len(b.all), keptBuffers)], 0
	clear(b.all[len(b.all):cap(b.all)])
}

// next is a buffer that is free, by its place.
func (b *pageBuffers) next() int {
	if b.used == len(b.all) {
		b.all = append(b.all, make([]byte, 0, pageBytes+pageRoom))
	}
	b.used++
	return b.used - 1
}

func (w *pageWriter) add(a domain.Alias, blob []byte) {
	if len(w.value) > 0 && len(w.value)+len(blob) > pageBytes {
		w.end()
	}
	if len(w.aliases) == 0 {
		w.buffer = w.buffers.next()
		w.value = w.buffers.all[w.buffer][:0]
	}
	w.value = appendToPage(w.value, a, blob)
	w.aliases = append(w.aliases, a)
}

// end closes the page.
func (w *pageWriter) end() {
	if len(w.aliases) == 0 {
		return
	}
	b, m, aliases, size := w.bucket, w.memory, w.aliases, len(w.value)
	number, replaces := b.pages.next()
	w.puts = append(w.puts, put{
		bucket: b, key: fmt.Sprintf("%s%x", pageKeys, number), value: w.value, replaces: replaces,
		done: func(revision uint64) {
			b.pages.landed(number, revision, aliases, size)
			for _, a := range aliases {
				b.pages.left(m.written(a, revision))
			}
		},
	})
	w.buffers.all[w.buffer] = w.value
	w.value, w.aliases = nil, nil
}

// empty adds the current views of pages that are worn, but those that are to be written anyway.
func (w *pageWriter) empty(numbers []int) {
	for _, number := range numbers {
		p := &w.bucket.pages.all[number]
		for _, a := range p.aliases {
			if blob, current := w.memory.under(a, p.revision); current {
				w.add(a, blob)
			}
		}
	}
}
