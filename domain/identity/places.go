package identity

import (
	"encoding/binary"
	"slices"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
)

// Places knows in which envelopes of IDENTITY something is said about an alias, so that one profile's history is read
// without reading everybody's. It costs 8 bytes for each envelope that names an alias, and tells an envelope too many
// now and then: an alias is held by 24 of its bits.
//
// Places is for one goroutine at a time: its owner guards it. Its readers may run side by side.
type Places struct{ said, marks notes }

// notes are sorted runs, each at least twice as long as the next, and a tail that is not sorted yet.
type notes struct {
	runs [][]uint64
	tail []uint64
}

// tailMost is how many notes wait to be sorted.
const tailMost = 256

// A note is 24 bits of an alias and 40 of a sequence.
const sequenceBits = 40

func noteOf(a domain.Alias, sequence uint64) uint64 { return prefixOf(a)<<sequenceBits | sequence }

// prefixOf are the last bits of an alias, which are random.
func prefixOf(a domain.Alias) uint64 {
	return uint64(binary.BigEndian.Uint32(a[len(a)-4:]) & (1<<(64-sequenceBits) - 1))
}

// Note remembers that the envelope names the alias. Sequences must not fall.
func (p *Places) Note(a domain.Alias, sequence uint64) { p.said.add(a, sequence) }

// Of are the sequences up to `to` of the envelopes that may name one of the aliases, ascending.
func (p *Places) Of(aliases []domain.Alias, to uint64) []uint64 { return p.said.of(aliases, to) }

// Marks are the sequences up to `to` of the envelopes that may mark one of the aliases, ascending: few, also for an
// alias that a million links name.
func (p *Places) Marks(aliases []domain.Alias, to uint64) []uint64 { return p.marks.of(aliases, to) }

func (n *notes) add(a domain.Alias, sequence uint64) {
	n.tail = append(n.tail, noteOf(a, sequence))
	if len(n.tail) < tailMost {
		return
	}
	slices.Sort(n.tail)
	n.runs = append(n.runs, slices.Clone(slices.Compact(n.tail)))
	n.tail = n.tail[:0]
	for last := len(n.runs) - 1; last > 0 && len(n.runs[last-1]) < 2*len(n.runs[last]); last-- {
		n.runs = append(n.runs[:last-1], merged(n.runs[last-1], n.runs[last]))
	}
}

// merged is one sorted run of two, with what stands in both once.
func merged(a, b []uint64) []uint64 {
	out := make([]uint64, 0, len(a)+len(b))
	for len(a) > 0 && len(b) > 0 {
		switch {
		case a[0] < b[0]:
			out, a = append(out, a[0]), a[1:]
		case a[0] > b[0]:
			out, b = append(out, b[0]), b[1:]
		default:
			out, a, b = append(out, a[0]), a[1:], b[1:]
		}
	}
	return append(append(out, a...), b...)
}

func (n *notes) of(aliases []domain.Alias, to uint64) []uint64 {
	var out []uint64
	wanted := make(map[uint64]bool, len(aliases))
	for _, a := range aliases {
		wanted[prefixOf(a)] = true
	}
	for _, run := range n.runs {
		for prefix := range wanted {
			from, _ := slices.BinarySearch(run, prefix<<sequenceBits)
			for _, note := range run[from:] {
				if note>>sequenceBits != prefix {
					break
				}
				out = append(out, note&(1<<sequenceBits-1))
			}
		}
	}
	for _, note := range n.tail {
		if wanted[note>>sequenceBits] {
			out = append(out, note&(1<<sequenceBits-1))
		}
	}
	slices.Sort(out)
	out = slices.Compact(out)
	end, _ := slices.BinarySearch(out, to+1)
	return out[:end]
}

// Observe notes what an event says somebody of. Changes of guards, which concern everybody, are noted under the zero
// alias.
func (p *Places) Observe(r domain.Recorded) {
	if r.Event.GetGuardsChanged() != nil {
		p.Note(domain.Alias{}, r.At.Sequence)
	}
	if a, err := domain.AliasFromBytes(r.Event.GetAlias()); err == nil {
		p.Note(a, r.At.Sequence)
		if r.Event.GetAliasMarked() != nil {
			p.marks.add(a, r.At.Sequence)
		}
	}
	if b, err := domain.AliasFromBytes(OtherEnd(r.Event)); err == nil {
		p.Note(b, r.At.Sequence)
	}
}

// OtherEnd is the second alias that an event of IDENTITY names, nil where there is none.
func OtherEnd(e *event.Event) []byte {
	if group := e.GetGroupJoined(); group != nil {
		return group.GetGroup()
	}
	other, _, _ := OtherOf(e)
	return other
}
