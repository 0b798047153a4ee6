package feature

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"math"
	"slices"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/expression"
)

// series is what features with a filter, lines or a value of their own are read from: the events of some kinds that
// match, each with the amount or the texts that the value gives. An activity keeps it beside its parts, in a part of
// its own, when its Layout has it.
type series struct {
	// id is the same for the same definition, whichever view it is in.
	id     uint64
	kinds  []Kind
	stream domain.Stream
	// filter and lines are nil when everything matches; value is nil for the event's own amount and items.
	filter, lines, value *expression.Compiled
	// keeps is what features look at of its events, beside times and amounts. The rest is not kept.
	keeps keeps
}

// keeps is a set of what a series keeps of its events.
type keeps uint8

const (
	keepsItems keeps = 1 << iota
	keepsChannels
)

// and is the series of the same definition that keeps more.
func (s *series) and(more keeps) *series {
	out := *s
	out.keeps |= more
	return &out
}

// definition is what makes two series the same.
type definition struct {
	Source []string `json:"source"`
	Filter string   `json:"filter"`
	Lines  string   `json:"lines"`
	Value  string   `json:"value"`
}

func (d definition) id() uint64 {
	d.Source = slices.Sorted(slices.Values(d.Source))
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(d); err != nil {
		panic(err) // texts and lists of texts
	}
	sum := sha256.Sum256(b.Bytes())
	return binary.BigEndian.Uint64(sum[:8])
}

// take is the entry of an event in the series, its items appended to the part's; false when the event does not belong.
// An expression that fails (a field that the event does not have, an overflow) means that it does not.
func (s *series) take(p *part, o *occurrence, e entry) (entry, bool) {
	if s.filter != nil && !holds(s.filter, o) {
		return e, false
	}
	matching := o.lines
	if s.lines != nil {
		if matching = s.matching(o); len(matching) == 0 {
			return e, false
		}
		e.amount, e.cost = amountOf(matching), 0
	}
	ok := true
	switch {
	case s.value == nil:
		if s.keeps&keepsItems != 0 {
			p.addItem(&e, matching...)
		}
	case s.lines == nil:
		ok = p.addValue(&e, s.value, o)
	default:
		ok = s.addLineValues(p, &e, o, matching)
	}
	return e, ok
}

func (s *series) matching(o *occurrence) []*event.Line {
	var out []*event.Line
	for _, l := range o.lines {
		if o.line = l; holds(s.lines, o) {
			out = append(out, l)
		}
	}
	o.line = nil
	return out
}

func amountOf(lines []*event.Line) int64 {
	sum := int64(0)
	for _, l := range lines {
		sum += l.GetAmountMicros()
	}
	return sum
}

// addLineValues adds the values of the lines up, or puts their texts together.
func (s *series) addLineValues(p *part, e *entry, o *occurrence, lines []*event.Line) bool {
	e.amount = 0
	var hashes []uint64
	for _, l := range lines {
		o.line = l
		value := s.value.Quick(o)
		if value == nil {
			continue
		}
		if micros, ok := microsOf(value); ok {
			e.amount += micros
		} else {
			hashes = appendTextHashes(hashes, value)
		}
	}
	o.line = nil
	p.addHashes(e, hashes)
	return true
}

func (p *part) addValue(e *entry, value *expression.Compiled, o *occurrence) bool {
	out := value.Quick(o)
	if out == nil {
		return false
	}
	e.amount, e.cost = 0, 0
	if _, number := out.(types.Double); number || out.Type() == types.IntType {
		micros, ok := microsOf(out)
		e.amount = micros
		return ok
	}
	p.addHashes(e, appendTextHashes(nil, out))
	return true
}

func holds(c *expression.Compiled, o *occurrence) bool {
	return c.Quick(o) == types.True
}

// microsOf is a number in millionths, halves to even; false for what is no number or out of range.
func microsOf(v ref.Val) (int64, bool) {
	var x float64
	switch n := v.(type) {
	case types.Double:
		x = float64(n)
	case types.Int:
		x = float64(n)
	default:
		return 0, false
	}
	x = math.RoundToEven(x * microsPerUnit)
	if !(math.Abs(x) < 1<<62) {
		return 0, false
	}
	return int64(x), true
}

func appendTextHashes(hashes []uint64, v ref.Val) []uint64 {
	if s, ok := v.(types.String); ok {
		return append(hashes, hashItem(string(s)))
	}
	list, ok := v.(traits.Lister)
	if !ok {
		return hashes
	}
	for i := types.Int(0); i < list.Size().(types.Int); i++ {
		if s, ok := list.Get(i).(types.String); ok {
			hashes = append(hashes, hashItem(string(s)))
		}
	}
	return hashes
}
