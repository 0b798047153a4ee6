package natskv

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"

	"github.com/profferhq/proffer/domain"
)

func FuzzPage(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{pageVersion})
	f.Add(appendToPage(appendToPage(nil, domain.Alias{1}, []byte("blob")), domain.Alias{2}, nil))
	f.Add(append(appendToPage(nil, domain.Alias{1}, []byte("blob")), 7))
	f.Fuzz(func(t *testing.T, page []byte) {
		var again []byte
		read := 0
		err := eachInPage(page, func(a domain.Alias, blob []byte) {
			again, read = appendToPage(again, a, blob), read+1
		})
		if err == nil && read > 0 && len(again) == len(page) && !bytes.Equal(again, page) {
			t.Fatalf("a page of %d views has two encodings", read)
		}
		if len(again) > len(page)+1 {
			t.Fatalf("%d bytes of views out of %d", len(again), len(page))
		}
	})
}

// Pages of every size are written again and again; whatever is chosen to be emptied, the pages hold each alias once, no
// more is outdated than is current and a bit, and few pages are small.
func TestPagesStayFewAndFull(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var p pages
		where, revision := map[domain.Alias]uint64{}, uint64(0)
		everybody := someAliases(20_000)
		write := func(aliases []domain.Alias) {
			number, replaces := p.next()
			if replaces != p.all[number].revision || p.all[number].current != 0 {
				t.Fatalf("page %d is not free", number)
			}
			revision++
			p.landed(number, revision, aliases, 100*len(aliases))
			for _, a := range aliases {
				p.left(where[a])
				where[a] = revision
			}
		}
		for range rapid.IntRange(1, 200).Draw(t, "rounds") {
			from, n := rapid.IntRange(0, 19_000).Draw(t, "from"), rapid.SampledFrom([]int{1, 2, 50, 900}).Draw(t, "views")
			write(everybody[from : from+n])
			var moved []domain.Alias
			for _, number := range p.worn(n + outdatedViews) {
				for _, a := range p.all[number].aliases {
					if where[a] == p.all[number].revision {
						moved = append(moved, a)
					}
				}
			}
			for len(moved) > 0 {
				n := min(len(moved), pageBytes/100)
				write(moved[:n])
				moved = moved[n:]
			}
			current := 0
			for number := range p.all {
				current += p.all[number].current
			}
			if current != len(where) || p.current != len(where) {
				t.Fatalf("%d and %d views are current, want %d", current, p.current, len(where))
			}
			if p.held > 2*p.current+outdatedViews+900 {
				t.Fatalf("%d views are held, %d of them current", p.held, p.current)
			}
			if small := p.small(); small > smallPages+1 {
				t.Fatalf("%d pages are small", small)
			}
		}
		if !p.has(p.revisions()) || p.has(append(p.revisions(), 1)) {
			t.Fatal("the pages are not those that there are")
		}
		before := p.revisions()
		before[len(before)-1]++
		if p.has(before) {
			t.Fatal("a page of an earlier revision passes for the later one")
		}
	})
}
