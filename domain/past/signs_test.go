package past

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/profferhq/proffer/domain"
)

// signedAlias has random bits, the same for a number.
func signedAlias(n int) domain.Alias {
	draw := rand.New(rand.NewPCG(uint64(n), 1))
	var random [10]byte
	binary.BigEndian.PutUint64(random[2:], draw.Uint64())
	return domain.NewAlias(time.UnixMilli(int64(n)), random)
}

// All that was noted of somebody up to a sequence lies in the stretches, which ascend and do not overlap.
func TestSignsMissNothing(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var s Signs
		people := rapid.IntRange(1, 3000).Draw(t, "people")
		seed := rapid.IntRange(0, 1000).Draw(t, "seed")
		of := map[int][]uint64{}
		sequence := uint64(0)
		for i := range rapid.IntRange(0, 5000).Draw(t, "events") {
			if (i*7+seed)%3 > 0 {
				sequence++
			}
			n := (i*i + seed*i) % people
			s.Note(signedAlias(n), sequence)
			of[n] = append(of[n], sequence)
		}
		to := rapid.Uint64Range(0, sequence+1).Draw(t, "to")
		a, b := rapid.IntRange(0, people-1).Draw(t, "a"), rapid.IntRange(0, people-1).Draw(t, "b")
		stretches := s.Of([]domain.Alias{signedAlias(a), signedAlias(b)}, to)
		for _, sequence := range append(of[a], of[b]...) {
			in := 0
			for _, x := range stretches {
				if x.From <= sequence && sequence <= x.To {
					in++
				}
			}
			if want := 0; sequence <= to && in != 1 || sequence > to && in != want {
				t.Fatalf("%d up to %d lies in %d of %v", sequence, to, in, stretches)
			}
		}
		for i, x := range stretches {
			if x.From > x.To || x.To > to || i > 0 && x.From <= stretches[i-1].To {
				t.Fatalf("stretches %v up to %d", stretches, to)
			}
		}
	})
}

// Of a million events about others, nearly none are read.
func TestSignsTellOthersApart(t *testing.T) {
	t.Parallel()
	var s Signs
	for n := range 1_000_000 {
		s.Note(signedAlias(n), uint64(n))
	}
	read := uint64(0)
	for n := range 100 {
		for _, x := range s.Of([]domain.Alias{signedAlias(2_000_000 + n)}, 1_000_000) {
			read += x.To - x.From + 1
		}
	}
	if share := float64(read) / 100e6; share > 0.002 {
		t.Errorf("%.4f of the events are read for somebody whom none is about", share)
	}
	bytes := 0
	for _, x := range s.closed {
		bytes += 8 * cap(x.filter)
	}
	if bytes > 2_100_000 {
		t.Errorf("%d bytes for a million events", bytes)
	}
}
