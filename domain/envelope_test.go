package domain

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"pgregory.net/rapid"

	"github.com/profferhq/proffer/domain/event"
)

// goldenEnvelope is the envelope of the frames "one" and "" behind a predecessor of 32 bytes 0x01, for ever.
const (
	goldenEnvelope = "504501" + // PE, version 1
		"0101010101010101010101010101010101010101010101010101010101010101" +
		"02" + "03" + "6f6e65" + "00"
	goldenHash = "669c809685939fc46a5989aae424e48f8aa2466f3b5f38b06ca6c6071b0f2ca6"
)

func TestEnvelopeGolden(t *testing.T) {
	t.Parallel()
	data, hash := EncodeEnvelope(nil, Hash(bytes.Repeat([]byte{1}, 32)), [][]byte{[]byte("one"), {}})
	if got := hex.EncodeToString(data); got != goldenEnvelope+goldenHash {
		t.Fatalf("got  %s\nwant %s", got, goldenEnvelope+goldenHash)
	}
	if hash.String() != goldenHash {
		t.Fatalf("got hash %s, want %s", hash, goldenHash)
	}
}

func TestEnvelopeRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		frames := rapid.SliceOfN(rapid.SliceOfN(rapid.Byte(), 0, 300), 0, 20).Draw(t, "frames")
		prev := Hash(rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "prev"))
		dst := rapid.SliceOfN(rapid.Byte(), 0, 10).Draw(t, "dst")
		data, hash := EncodeEnvelope(bytes.Clone(dst), prev, frames)
		if !bytes.HasPrefix(data, dst) {
			t.Fatal("what was in the buffer has gone")
		}
		env, err := DecodeEnvelope(data[len(dst):])
		if err != nil {
			t.Fatal(err)
		}
		if env.Prev != prev || env.Hash != hash || len(env.Frames) != len(frames) {
			t.Fatalf("got %+v", env)
		}
		size := 3 + 32 + 2 + 32
		for i := range frames {
			if !bytes.Equal(env.Frames[i], frames[i]) {
				t.Fatalf("frame %d: got %x, want %x", i, env.Frames[i], frames[i])
			}
			size += FrameSize(len(frames[i]))
		}
		if len(data)-len(dst) > size {
			t.Fatalf("%d bytes, more than the %d that the frame sizes promise", len(data)-len(dst), size)
		}
	})
}

func TestDecodeEnvelopeRefusesEveryChange(t *testing.T) {
	t.Parallel()
	good, _ := EncodeEnvelope(nil, Hash{7}, [][]byte{[]byte("abc"), []byte("de")})
	for i := range good {
		bad := bytes.Clone(good)
		bad[i] ^= 1
		if _, err := DecodeEnvelope(bad); !errors.Is(err, ErrEnvelopeCorrupt) {
			t.Fatalf("with byte %d changed: got %v, want corrupt", i, err)
		}
	}
	for i := range good {
		if _, err := DecodeEnvelope(good[:i]); !errors.Is(err, ErrEnvelopeCorrupt) {
			t.Fatalf("cut to %d bytes: got %v, want corrupt", i, err)
		}
	}
}

// sealed closes a body with its checksum, so that only its layout can be wrong.
func sealed(body []byte) []byte {
	data, _ := EncodeEnvelope(nil, Hash{}, nil)
	head := data[:envelopeHeader]
	sum := sha256.Sum256(append(bytes.Clone(head), body...))
	return append(append(bytes.Clone(head), body...), sum[:]...)
}

func TestDecodeEnvelopeRefusesOtherLayouts(t *testing.T) {
	t.Parallel()
	for name, body := range map[string][]byte{
		"fewer frames than counted":    {2, 1, 'a'},
		"more bytes than frames":       {1, 1, 'a', 'b'},
		"a frame beyond the end":       {1, 200, 1, 'a'},
		"a count that is not shortest": {0x81, 0x00, 1, 'a'},
		"a size that is not shortest":  {1, 0x81, 0x00, 'a'},
		"a count without end":          {0x80},
		"more frames than allowed":     {0x81, 0x20}, // 4097
		"a count beyond 64 bits":       bytes.Repeat([]byte{0xff}, 11),
	} {
		if _, err := DecodeEnvelope(sealed(body)); !errors.Is(err, ErrEnvelopeCorrupt) {
			t.Errorf("%s: got %v, want corrupt", name, err)
		}
	}
	if _, err := DecodeEnvelope(sealed([]byte{1, 1, 'a'})); err != nil {
		t.Errorf("the right layout: %v", err)
	}
}

func TestFramesDoNotReachIntoOneAnother(t *testing.T) {
	t.Parallel()
	data, _ := EncodeEnvelope(nil, Hash{}, [][]byte{[]byte("abc"), []byte("def")})
	env, err := DecodeEnvelope(data)
	if err != nil {
		t.Fatal(err)
	}
	_ = append(env.Frames[0], "overwritten"...)
	if string(env.Frames[1]) != "def" {
		t.Fatalf("appending to a frame changed the next: %q", env.Frames[1])
	}
}

func TestRecorded(t *testing.T) {
	t.Parallel()
	var frames [][]byte
	var want []Recorded
	for i, name := range []string{"a", "b"} {
		e := &event.Event{Body: &event.Event_Tracked{Tracked: &event.Tracked{Name: name}}}
		e.ProtoReflect().SetUnknown([]byte{0xd8, 0x3f, 1}) // field 1019 of a later version
		frame, err := proto.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		frames = append(frames, frame)
		want = append(want, Recorded{At: Position{Sequence: 9, Index: uint32(i)}, Event: e})
	}
	got, err := Envelope{Sequence: 9, Frames: frames}.Recorded()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
		t.Fatal(diff)
	}
	_, err = Envelope{Sequence: 9, Lane: Lane{Stream: Outcome}, Frames: [][]byte{frames[0], {0xff}}}.Recorded()
	if !errors.Is(err, ErrEnvelopeCorrupt) || !strings.Contains(err.Error(), "event 1 of OUTCOME/9") {
		t.Fatalf("got %v, want corrupt, with the place", err)
	}
}

func FuzzDecodeEnvelope(f *testing.F) {
	for _, frames := range [][][]byte{nil, {{}}, {[]byte("abc"), []byte("d")}, {bytes.Repeat([]byte{0x80}, 300)}} {
		data, _ := EncodeEnvelope(nil, Hash{1}, frames)
		f.Add(data, false)
		f.Add(data[envelopeHeader:len(data)-32], true)
	}
	f.Add([]byte("PE\x01"), false)
	f.Fuzz(func(t *testing.T, data []byte, seal bool) {
		if seal { // get past the checksum
			data = sealed(data)
		}
		env, err := DecodeEnvelope(data)
		if err != nil {
			if !errors.Is(err, ErrEnvelopeCorrupt) {
				t.Fatalf("got %v, want corrupt", err)
			}
			return
		}
		again, hash := EncodeEnvelope(nil, env.Prev, env.Frames)
		if !bytes.Equal(again, data) || hash != env.Hash {
			t.Fatalf("one envelope has two encodings:\n%x\n%x", data, again)
		}
	})
}
