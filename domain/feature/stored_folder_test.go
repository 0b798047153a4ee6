package feature_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"testing"

	"pgregory.net/rapid"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/feature"
)

// Folding into what is stored gives the bytes that folding into what is decoded gives, whatever the folder's memory held before,
// and encoding in between changes nothing.
func TestAStoredActivityIsFoldedAsADecodedOne(t *testing.T) {
	t.Parallel()
	layouts := []*feature.Layout{nil, feature.LayoutOf(feature.Retail()), feature.LayoutOf(feature.Core(), everything(t))}
	rapid.Check(t, func(t *rapid.T) {
		var f feature.StoredFolder
		for range rapid.IntRange(1, 5).Draw(t, "lives") {
			layout := layouts[rapid.IntRange(0, len(layouts)-1).Draw(t, "layout")]
			all := drawn(t)
			stored := rapid.IntRange(max(0, len(all)-20), len(all)).Draw(t, "stored")
			blob := feature.Encode(fold(layout.Empty(), all[:stored]))
			if stored == 0 && rapid.Bool().Draw(t, "unknown") {
				blob = nil
			}
			want, err := layout.Decode(blob)
			if err != nil {
				t.Fatal(err)
			}
			if err := f.Resume(layout, blob); err != nil {
				t.Fatal(err)
			}
			for _, r := range all[max(0, stored-3):] {
				changed, err := f.Fold(r)
				if err != nil {
					t.Fatal(err)
				}
				if isNew := r.At.After(want.Applied(streamOf(r))); changed != isNew {
					t.Fatalf("the event at %v changed the state: %v", r.At, changed)
				}
				want = feature.Fold(want, r)
				if rapid.IntRange(0, 4).Draw(t, "look") == 0 && !bytes.Equal(f.AppendEncode(nil), feature.Encode(want)) {
					t.Fatalf("after the event at %v the states differ", r.At)
				}
			}
			if !bytes.Equal(f.AppendEncode(nil), feature.Encode(want)) {
				t.Fatal("the states differ")
			}
		}
	})
}

func streamOf(r domain.Recorded) domain.Stream {
	s, _ := domain.StreamOf(r.Event)
	return s
}

// encodedParts are an activity's parts as its encoding has them, of an activity without a layout.
func encodedParts(blob []byte) (parts [4][]byte) {
	rest := blob[1:]
	next := func() uint64 {
		v, n := binary.Uvarint(rest)
		rest = rest[n:]
		return v
	}
	for range 2 * len(parts) {
		next() // applied
	}
	flags := next()
	rest = rest[next():] // the alias type
	for i := range parts {
		if flags&(2<<i) != 0 {
			n := next()
			parts[i], rest = rest[:n], rest[n:]
		}
	}
	return parts
}

func TestADecisionLeavesTheBehaviourPartAsItWas(t *testing.T) {
	t.Parallel()
	given := feature.Encode(lena(t))
	var f feature.StoredFolder
	if err := f.Resume(nil, given); err != nil {
		t.Fatal(err)
	}
	if changed, err := f.Fold(at(3, noon, offered("web", "drinks", "tea"))); !changed || err != nil {
		t.Fatalf("the decision changed the state: %v, %v", changed, err)
	}
	before, after := encodedParts(given), encodedParts(f.AppendEncode(nil))
	for _, s := range []domain.Stream{domain.Behaviour, domain.Identity, domain.Outcome} {
		if len(before[s]) == 0 || !bytes.Equal(after[s], before[s]) {
			t.Errorf("%s was %x, and is %x", s, before[s], after[s])
		}
	}
	if bytes.Equal(after[domain.Decision], before[domain.Decision]) {
		t.Errorf("%s is as it was", domain.Decision)
	}
}

// A part that is torn is found out when an event touches it, and stays as it was.
func TestATornPartFailsWhenItIsTouched(t *testing.T) {
	t.Parallel()
	blob := feature.Encode(lena(t))
	torn := encodedParts(blob)[domain.Behaviour]
	torn[0] ^= 0x80
	blob = bytes.Clone(blob)
	var f feature.StoredFolder
	if err := f.Resume(nil, blob); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Fold(at(3, noon, offered("web", "drinks", "tea"))); err != nil {
		t.Errorf("another part: %v", err)
	}
	before := f.AppendEncode(nil)
	for range 2 {
		if changed, err := f.Fold(at(9, noon, viewed("tea"))); changed || !errors.Is(err, feature.ErrActivityCorrupt) {
			t.Errorf("the torn part: %v, %v", changed, err)
		}
	}
	if !bytes.Equal(f.AppendEncode(nil), before) {
		t.Error("what failed has changed the state")
	}
	for name, blob := range map[string][]byte{"cut": blob[:len(blob)-1], "longer": append(bytes.Clone(blob), 0)} {
		if err := f.Resume(nil, blob); !errors.Is(err, feature.ErrActivityCorrupt) {
			t.Errorf("%s: %v", name, err)
		}
		if !bytes.Equal(f.AppendEncode(nil), feature.Encode(feature.Activity{})) {
			t.Errorf("%s: the folder holds something", name)
		}
	}
	if err := f.Resume(nil, []byte{2}); !errors.Is(err, feature.ErrActivitySchema) {
		t.Errorf("another schema: %v", err)
	}
}
