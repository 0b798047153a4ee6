package feature_test

import (
	"bytes"
	"errors"
	"slices"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"
	"pgregory.net/rapid"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/feature"
)

func TestDecodeReadsWhatEncodeWrote(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a := fold(feature.Activity{}, drawn(t))
		blob := feature.Encode(a)
		back, err := feature.Decode(blob)
		if err != nil {
			t.Fatalf("decoding: %v", err)
		}
		for i := range blob {
			blob[i] = 0xff // the activity must not share the blob's memory
		}
		same(t, "decoded", back, a)
		if diff := cmp.Diff(a.Totals(), back.Totals()); diff != "" {
			t.Fatalf("totals (-encoded +decoded)\n%s", diff)
		}
		if diff := cmp.Diff(a.Contacts(0), back.Contacts(0), protocmp.Transform()); diff != "" {
			t.Fatalf("contacts (-encoded +decoded)\n%s", diff)
		}
		for _, s := range domain.AllStreams() {
			if a.Applied(s) != back.Applied(s) {
				t.Fatalf("applied of %s is %v, want %v", s, back.Applied(s), a.Applied(s))
			}
		}
		sameVector(t, feature.Core(), feature.Core().Read(back, noon, nil), feature.Core().Read(a, noon, nil))
	})
}

// Whatever an activity held, another one is decoded into its memory as into new memory; after a failure it is empty.
func TestDecodeIntoTheMemoryOfAnother(t *testing.T) {
	t.Parallel()
	var people []feature.Activity
	s, views := source(12), []feature.View{feature.Core(), feature.Retail()}
	for _, layout := range []*feature.Layout{nil, feature.LayoutOf(views...)} {
		for _, events := range []int{0, 1, 1, 5, 40, 60, 300} {
			people = append(people, fold(layout.Empty(), history(&s, events, 90*day)))
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		var a feature.Activity
		for range rapid.IntRange(1, 6).Draw(t, "lives") {
			want := people[rapid.IntRange(0, len(people)-1).Draw(t, "person")]
			layout, blob := want.Layout(), feature.Encode(want)
			if rapid.IntRange(0, 4).Draw(t, "torn") == 0 {
				want, blob = layout.Empty(), blob[:len(blob)-1]
				if err := layout.DecodeInto(&a, blob); !errors.Is(err, feature.ErrActivityCorrupt) {
					t.Fatalf("torn: %v", err)
				}
			} else if err := layout.DecodeInto(&a, blob); err != nil {
				t.Fatal(err)
			}
			same(t, "decoded", a, want)
			for _, v := range views {
				sameVector(t, v, v.Read(a, noon, nil), v.Read(want, noon, nil))
			}
		}
	})
}

func TestAppendEncodeAppends(t *testing.T) {
	t.Parallel()
	a := mustFold(t, at(1, noon, viewed("a")))
	if got, want := string(feature.AppendEncode([]byte("x"), a)), "x"+string(feature.Encode(a)); got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestDecodeRefusesWhatNobodyEncoded(t *testing.T) {
	t.Parallel()
	s := source(5)
	blob := feature.Encode(fold(feature.Activity{}, history(&s, 2000, 90*day)))
	if _, err := feature.Decode([]byte{99}); !errors.Is(err, feature.ErrActivitySchema) {
		t.Errorf("another schema: %v", err)
	}
	if _, err := feature.AppliedOf([]byte{99}, domain.Behaviour); !errors.Is(err, feature.ErrActivitySchema) {
		t.Errorf("another schema, peeked: %v", err)
	}
	if _, err := feature.AppliedOf(blob[:2], domain.Outcome); !errors.Is(err, feature.ErrActivityCorrupt) {
		t.Errorf("cut, peeked: %v", err)
	}
	for n := 1; n < len(blob); n++ {
		if _, err := feature.Decode(blob[:n]); !errors.Is(err, feature.ErrActivityCorrupt) {
			t.Fatalf("the first %d bytes: %v", n, err)
		}
	}
	if _, err := feature.Decode(append(blob, 0)); !errors.Is(err, feature.ErrActivityCorrupt) {
		t.Errorf("one byte more: %v", err)
	}
	if a, err := feature.Decode(nil); err != nil || a.Totals().Events != 0 {
		t.Errorf("no bytes: %v", err)
	}
}

// Whichever bit is another: what is still accepted is what Encode writes of it.
func TestDecodeAcceptsOnlyWhatEncodeWrites(t *testing.T) {
	t.Parallel()
	retail := feature.LayoutOf(feature.Retail())
	for name, c := range map[string]struct {
		layout       *feature.Layout
		events, step int
	}{"few events": {nil, 20, 1}, "many": {nil, 300, 23}, "series": {retail, 20, 5}} {
		s, accepted := source(c.events), 0
		blob := feature.Encode(fold(c.layout.Empty(), history(&s, c.events, 90*day)))
		for i := 0; i < 8*len(blob); i += c.step {
			other := slices.Clone(blob)
			other[i/8] ^= 1 << (i % 8)
			a, err := c.layout.Decode(other)
			if err != nil {
				continue
			}
			accepted++
			if !slices.Equal(feature.Encode(a), other) {
				t.Fatalf("%s: accepted with another bit %d of byte %d, and encoded otherwise", name, i%8, i/8)
			}
		}
		if accepted == 0 {
			t.Errorf("%s: nothing was accepted", name)
		}
	}
}

// What says the same in other bytes is refused, too: equal states have equal bytes.
func TestDecodeRefusesWhatEncodeWritesOtherwise(t *testing.T) {
	t.Parallel()
	app := viewed("x")
	app.Channel = "app"
	texts := feature.Encode(mustFold(t, at(1, noon, viewed("x")), at(2, noon, app)))
	basket := feature.Encode(mustFold(t, at(1, noon, purchased(1, "x", "y"))))
	items := basket[len(basket)-len("\x06mobile")-2*9:][:2*9]
	one, other := items[1:9], items[10:]
	in := func(one, other []byte) []byte { return slices.Concat([]byte{0x80}, one, []byte{0}, other) }
	for name, c := range map[string]struct{ whole, from, to []byte }{
		"a text twice":         {texts, []byte("webapp"), []byte("webweb")},
		"no text":              {texts, []byte("\x03\x03webapp"), []byte("\x06\x00webapp")},
		"items the other way":  {basket, in(one, other), in(other, one)},
		"an item twice":        {basket, in(one, other), in(other, other)},
		"an alias type longer": {texts, []byte("\x0canonymous_id"), []byte("\x8c\x00anonymous_id")},
	} {
		if !bytes.Contains(c.whole, c.from) {
			t.Fatalf("%s: %x is not in %x", name, c.from, c.whole)
		}
		if _, err := feature.Decode(bytes.Replace(c.whole, c.from, c.to, 1)); !errors.Is(err, feature.ErrActivityCorrupt) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzDecode: whatever the bytes, Decode answers; what it accepts are the bytes of a state like any other, and no others.
func FuzzDecode(f *testing.F) {
	s := source(1)
	for _, n := range []int{0, 1, 5, 40, 1500} {
		blob := feature.Encode(fold(feature.Activity{}, history(&s, n, 30*day)))
		f.Add(blob)
		f.Add(blob[:len(blob)/2])
	}
	v := feature.Core()
	f.Fuzz(func(t *testing.T, blob []byte) {
		a, err := feature.Decode(blob)
		if err != nil {
			return
		}
		if again := feature.Encode(a); len(blob) > 0 && !bytes.Equal(again, blob) {
			t.Fatalf("%x was accepted for %x", blob, again)
		}
		v.Read(a, noon, nil)
		a.Contacts(0)
		folder := feature.NewFolder(feature.Merge(a, a))
		for i := range 600 {
			sequence := folder.Applied(domain.Behaviour).Sequence + 1
			folder.Fold(at(sequence, noon-int64(i)*day, purchased(1, "sku-"+strconv.Itoa(i))))
		}
		v.Read(folder.Activity(), noon, nil)
		feature.Encode(folder.Activity())
	})
}

// What a person costs: the figures the buckets and the decider's memory are planned with.
func TestEncodedSize(t *testing.T) {
	t.Parallel()
	buyer := feature.NewFolder(feature.Activity{})
	for i := range 20 {
		buyer.Fold(domain.Recorded{
			At:    domain.Position{Sequence: uint64(1000 + 40*i), Index: uint32(i * 7 % 100)},
			Event: at(0, noon+int64(i)*31*hour, purchased(int64(999+37*i)*10_000)).Event,
		})
	}
	empty := len(feature.Encode(feature.Activity{}))
	if n := len(buyer.AppendEncode(nil)); n > 20*15+40 {
		t.Errorf("20 plain purchases take %d bytes, want at most 15 each", n)
	}
	if empty > 16 {
		t.Errorf("nothing takes %d bytes", empty)
	}
	s := source(9)
	whale := fold(feature.Activity{}, history(&s, 20_000, 390*day))
	if n := len(feature.Encode(whale)); n > 64<<10 {
		t.Errorf("20,000 events take %d bytes, want at most 64 KiB", n)
	}
}

// Orders of a thousand different lines keep MaxItems items each: a wholesaler's state stays far below a message.
func TestLargeBasketsAreBounded(t *testing.T) {
	t.Parallel()
	f := feature.NewFolder(feature.Activity{})
	item := 0
	for i := range 300 {
		items := make([]string, 1000)
		for j := range items {
			item++
			items[j] = strconv.Itoa(item)
		}
		f.Fold(at(uint64(i+1), noon+int64(i), purchased(1, items...)))
	}
	blob := f.AppendEncode(nil)
	if len(blob) > 512<<10 {
		t.Errorf("%d bytes, want at most half a mebibyte", len(blob))
	}
	a, err := feature.Decode(blob)
	if err != nil {
		t.Fatal(err)
	}
	v := feature.Core()
	i, _ := v.Index("distinct_items_purchased_30d")
	if got := v.Read(a, noon+day, nil)[i]; got != feature.MaxEntries*feature.MaxItems {
		t.Errorf("%v different items, want the bound %d", got, feature.MaxEntries*feature.MaxItems)
	}
}
