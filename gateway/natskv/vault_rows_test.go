package natskv

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"

	"github.com/profferhq/proffer/domain"
)

// TestAliasRowsAreTwoMaps: whatever is put and dropped, both ways find what two maps would.
func TestAliasRowsAreTwoMaps(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		r := &aliasRows{}
		digests, aliases := map[[16]byte]domain.Alias{}, map[domain.Alias][16]byte{}
		for range rapid.IntRange(1, 400).Draw(t, "steps") {
			digest := [16]byte{byte(rapid.IntRange(0, 60).Draw(t, "digest"))}
			if was, known := digests[digest]; known {
				delete(aliases, was)
			}
			if rapid.IntRange(0, 2).Draw(t, "kind") == 0 {
				r.drop(digest)
				delete(digests, digest)
				continue
			}
			alias := domain.Alias{15: byte(rapid.IntRange(0, 3).Draw(t, "alias")), 0: digest[0]}
			r.put(digest, alias)
			digests[digest], aliases[alias] = alias, digest
		}
		if r.len() != len(digests) {
			t.Fatalf("got %d rows, want %d", r.len(), len(digests))
		}
		for d := range 61 {
			digest := [16]byte{byte(d)}
			got, known := r.find(digest)
			if want, should := digests[digest]; known != should || got != want {
				t.Fatalf("digest %d: got %v %t, want %v %t", d, got, known, want, should)
			}
			for a := range 4 {
				alias := domain.Alias{15: byte(a), 0: byte(d)}
				got, known := r.digestOf(alias)
				if want, should := aliases[alias]; known != should || got != want {
					t.Fatalf("alias %v: got %v %t, want %v %t", alias, got, known, want, should)
				}
			}
		}
	})
}

// TestAliasRowsStayFoundWhenOthersGo: tables that are as full as they get, where rows stand behind one another.
func TestAliasRowsStayFoundWhenOthersGo(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(3, 4))
	r, want := &aliasRows{}, map[[16]byte]domain.Alias{}
	list := someAliases(6000)
	for step := range 60_000 {
		digest := [16]byte{byte(random.Uint32N(200)), byte(random.Uint32N(25))}
		if _, known := want[digest]; known {
			r.drop(digest)
			delete(want, digest)
		} else if len(want) < len(list) {
			alias := list[step%len(list)]
			if _, taken := r.digestOf(alias); !taken {
				r.put(digest, alias)
				want[digest] = alias
			}
		}
	}
	if r.len() != len(want) || len(want) < 1000 {
		t.Fatalf("got %d rows, want %d", r.len(), len(want))
	}
	for digest, alias := range want {
		if got, known := r.find(digest); !known || got != alias {
			t.Fatal("a row is lost")
		}
		if got, known := r.digestOf(alias); !known || got != digest {
			t.Fatal("a row is lost by its alias")
		}
	}
}

// Not parallel: it measures the heap.
func TestAnIdentifierTakesFewBytesOfMemory(t *testing.T) {
	const n = 1_000_000
	list := someAliases(n)
	digest := func(i int) (d [16]byte) {
		binary.LittleEndian.PutUint64(d[:], uint64(i)*0x9e3779b97f4a7c15)
		binary.LittleEndian.PutUint64(d[8:], uint64(i)*0xc2b2ae3d27d4eb4f)
		return d
	}
	before := heap()
	r := &aliasRows{}
	for i, a := range list {
		r.put(digest(i), a)
	}
	each := float64(heap()-before) / n
	t.Logf("%.1f bytes an identifier, both ways", each)
	if each > 60 {
		t.Errorf("an identifier takes %.1f bytes", each)
	}
	if a, ok := r.find(digest(7)); !ok || a != list[7] {
		t.Error("a row is not found")
	}
	if d, ok := r.digestOf(list[n-1]); !ok || d != digest(n-1) {
		t.Error("a row is not found by its alias")
	}
}
