package natskv

import (
	"bytes"
	"testing"

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

func TestAViewWrittenInAPageGetsAKeyAfterwards(t *testing.T) {
	t.Parallel()
	m, a := newMemory(0), someAliases(1)[0]
	m.put(a, []byte("first"))
	if _, revision := m.take(a); revision != 0 {
		t.Fatalf("revision %d before the first write", revision)
	}
	m.written(a, 7|paged)
	m.observe(a, []byte("before"), 6)
	m.observe(a, []byte("its own echo"), 7|paged)
	if blob, _ := m.blob(a); string(blob) != "first" {
		t.Fatalf("blob = %q", blob)
	}
	m.put(a, []byte("second"))
	if _, revision := m.take(a); revision != 7|paged {
		t.Fatalf("revision %x, want that of a page", revision)
	}
	m.written(a, 8)
	m.observe(a, []byte("the page, read late"), 7|paged)
	if blob, _ := m.blob(a); string(blob) != "second" {
		t.Fatalf("blob = %q", blob)
	}
	if n := m.durable[domain.PartitionOf(a)].Load(); n != 1 {
		t.Fatalf("%d views are durable, want 1", n)
	}
}
