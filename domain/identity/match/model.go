package match

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/profferhq/proffer/domain/problem"
)

// Bounds of a model.
const (
	MaxFields      = 40
	MaxComparisons = 16
	MaxLevels      = 14
	MaxBlocks      = 32
	MaxKeys        = 6
	MaxModelBytes  = 256 << 10
	maxNameBytes   = 80
)

// Levels that every comparison has: what is left when no test holds, and a value that is missing on either side. Else
// stands last in the list; Missing is never listed, has no chances and adds nothing.
const (
	Else    = "else"
	Missing = "missing"
)

// HouseholdTerm is the last term of a waterfall: what is taken off because two people who share a home would agree
// as well.
const HouseholdTerm = "household"

// ErrModel is wrapped by every error that says what is wrong with a model's document.
var ErrModel = errors.New("match: the model is not valid")

// Model is what records are compared by. It holds no value of any record. Its canonical form is JSON.
type Model struct {
	Name string `json:"name"`
	// Prior is the chance that two records drawn at random stand for one person. 0 means not fitted.
	Prior float64 `json:"prior"`
	// Household is the chance that they are two people who share a home; 0 leaves that out.
	Household float64 `json:"household,omitempty"`
	// Records is how many records it was fitted on.
	Records int `json:"records"`
	// Fields are what a record has, in the order of Record.Values.
	Fields []Field `json:"fields"`
	// Comparisons are summed up in this order.
	Comparisons []Comparison `json:"comparisons"`
	// Blocks are the keys of which two records must share one to be compared, the strictest first. A block is a list of
	// parts that must all agree: "field", "field:transform", "field+field:sorted" for words in any order, or
	// "field+field:either" for a value that may stand in either field.
	Blocks [][]string `json:"blocks"`
}

// Field is one property of a record.
type Field struct {
	Name string `json:"name"`
	Kind Kind   `json:"kind"`
}

// Comparison is a list of levels of agreement, the strongest first; the first level that holds counts.
type Comparison struct {
	Name  string `json:"name"`
	Field string `json:"field"`
	// With makes this the comparison of the order of two fields: its levels are "swapped" and "else", and comparisons
	// of the two fields read them crosswise where that agrees better.
	With string `json:"with,omitempty"`
	// Given names an earlier comparison on which the chances depend. GivenU then has a row of chances between two people
	// for each of its levels and a last one for missing, and GivenM, if there, the same within one person.
	Given  string      `json:"given,omitempty"`
	Levels []Level     `json:"levels"`
	GivenU [][]float64 `json:"given_u,omitempty"`
	GivenM [][]float64 `json:"given_m,omitempty"`
}

// Level is a degree of agreement.
type Level struct {
	// Level is one test, or several joined by "|" of which one must hold.
	Level string `json:"level"`
	// M is its chance between two records of one person, U between records of two people, both among the pairs where
	// neither is missing.
	M float64 `json:"m"`
	U float64 `json:"u"`
	// H is its chance between two people who share a home; a comparison without it is of something that they do not
	// share, and U is its chance.
	H float64 `json:"h,omitempty"`
	// Frequency is how much of the frequency of the value itself is added, from 0 to 1.
	Frequency float64 `json:"frequency,omitempty"`
}

// Encode is the canonical form: the same model gives the same bytes. Numbers have nine significant digits.
func (m Model) Encode() ([]byte, error) {
	if err := m.Validate(); err != nil {
		return nil, err
	}
	b, err := json.Marshal(m.rounded())
	if err != nil {
		return nil, fmt.Errorf("encode the model: %w", err)
	}
	if len(b) > MaxModelBytes {
		return nil, invalid("it has %d bytes, %d at most", len(b), MaxModelBytes)
	}
	return b, nil
}

// Decode reads and validates what Encode wrote.
func Decode(document []byte) (Model, error) {
	var m Model
	if len(document) > MaxModelBytes {
		return m, invalid("it has %d bytes, %d at most", len(document), MaxModelBytes)
	}
	d := json.NewDecoder(bytes.NewReader(document))
	d.DisallowUnknownFields()
	if err := d.Decode(&m); err != nil {
		return Model{}, fmt.Errorf("%w: %w", ErrModel, problem.InJSON(err))
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return Model{}, invalid("something follows the document")
	}
	if err := m.Validate(); err != nil {
		return Model{}, err
	}
	return m, nil
}

// Fitted says whether the model's parameters are known.
func (m Model) Fitted() bool { return m.Prior > 0 }

// rounded is a copy with nine significant digits.
func (m Model) rounded() Model {
	m.Prior, m.Household = round9(m.Prior), round9(m.Household)
	comparisons := make([]Comparison, len(m.Comparisons))
	for i, c := range m.Comparisons {
		levels := make([]Level, len(c.Levels))
		for j, l := range c.Levels {
			l.M, l.U, l.H, l.Frequency = round9(l.M), round9(l.U), round9(l.H), round9(l.Frequency)
			levels[j] = l
		}
		c.Levels = levels
		c.GivenU, c.GivenM = roundRows(c.GivenU), roundRows(c.GivenM)
		comparisons[i] = c
	}
	m.Comparisons = comparisons
	return m
}

func roundRows(rows [][]float64) [][]float64 {
	var out [][]float64
	for _, row := range rows {
		rounded := make([]float64, len(row))
		for i, x := range row {
			rounded[i] = round9(x)
		}
		out = append(out, rounded)
	}
	return out
}

func round9(x float64) float64 {
	r, err := strconv.ParseFloat(strconv.FormatFloat(x, 'g', 9, 64), 64)
	if err != nil {
		return x
	}
	return r
}

// Validate says what is wrong with the model, if anything; the error wraps ErrModel.
func (m Model) Validate() error {
	switch {
	case len(m.Name) > maxNameBytes:
		return invalid("its name is longer than %d bytes", maxNameBytes)
	case !(m.Prior >= 0 && m.Prior < 1):
		return invalid("prior must be at least 0 and below 1")
	case !(m.Household >= 0 && m.Household+m.Prior < 1):
		return invalid("household must be at least 0, and with prior below 1")
	case m.Records < 0:
		return invalid("records must not be negative")
	case len(m.Fields) == 0 || len(m.Fields) > MaxFields:
		return invalid("it has %d fields, from 1 to %d are allowed", len(m.Fields), MaxFields)
	case len(m.Comparisons) == 0 || len(m.Comparisons) > MaxComparisons:
		return invalid("it has %d comparisons, from 1 to %d are allowed", len(m.Comparisons), MaxComparisons)
	case len(m.Blocks) == 0 || len(m.Blocks) > MaxBlocks:
		return invalid("it has %d blocks, from 1 to %d are allowed", len(m.Blocks), MaxBlocks)
	}
	fields, err := m.fieldNames()
	if err != nil {
		return err
	}
	before := map[string]int{}
	for _, c := range m.Comparisons {
		if err := c.validate(fields, before, m.Fitted()); err != nil {
			return err
		}
		before[c.Name] = len(c.Levels)
	}
	for i, b := range m.Blocks {
		if _, err := m.block(b); err != nil {
			return invalid("block %d: %s", i+1, err.Error())
		}
	}
	return nil
}

// fieldNames are the names of the fields, which it checks.
func (m Model) fieldNames() (map[string]bool, error) {
	fields := map[string]bool{}
	for _, f := range m.Fields {
		if f.Name == "" || len(f.Name) > maxNameBytes || strings.ContainsAny(f.Name, ":+") || fields[f.Name] {
			return nil, invalid("field %q: the name is empty, too long, repeated or has : or +", f.Name)
		}
		if !ValidKind(f.Kind) {
			return nil, invalid("field %q: no such kind: %q", f.Name, f.Kind)
		}
		fields[f.Name] = true
	}
	return fields, nil
}

func (c Comparison) validate(fields map[string]bool, before map[string]int, fitted bool) error {
	_, repeated := before[c.Name]
	switch {
	case c.Name == "" || len(c.Name) > maxNameBytes || repeated || c.Name == HouseholdTerm:
		return invalid("comparison %q: the name is empty, too long, repeated or reserved", c.Name)
	case !fields[c.Field]:
		return invalid("comparison %q: no such field: %q", c.Name, c.Field)
	case c.With != "" && (!fields[c.With] || c.With == c.Field):
		return invalid("comparison %q: no such other field: %q", c.Name, c.With)
	case len(c.Levels) < 2 || len(c.Levels) > MaxLevels:
		return invalid("comparison %q: it has %d levels, from 2 to %d are allowed", c.Name, len(c.Levels), MaxLevels)
	case c.Levels[len(c.Levels)-1].Level != Else:
		return invalid("comparison %q: the last level must be %q", c.Name, Else)
	case c.With != "" && (len(c.Levels) != 2 || c.Levels[0].Level != swappedTest):
		return invalid("comparison %q: the levels of an order are %q and %q", c.Name, swappedTest, Else)
	}
	shared := 0
	for i, l := range c.Levels {
		if l.H > 0 {
			shared++
		}
		if err := l.validate(i == len(c.Levels)-1, c.With != "", fitted); err != nil {
			return invalid("comparison %q: level %q: %s", c.Name, l.Level, err.Error())
		}
	}
	if shared != 0 && shared != len(c.Levels) {
		return invalid("comparison %q: every level needs h, or none", c.Name)
	}
	return c.validateGiven(before, fitted)
}

func (c Comparison) validateGiven(before map[string]int, fitted bool) error {
	if c.Given == "" {
		if c.GivenU != nil || c.GivenM != nil {
			return invalid("comparison %q: given_u or given_m without given", c.Name)
		}
		return nil
	}
	levels, known := before[c.Given]
	if !known || len(c.GivenU) != levels+1 || !fitted {
		return invalid("comparison %q: given must name an earlier comparison, given_u have a row for each of its levels and one for missing, and the model be fitted", c.Name)
	}
	if c.GivenM != nil && len(c.GivenM) != len(c.GivenU) {
		return invalid("comparison %q: given_m needs as many rows as given_u", c.Name)
	}
	for _, row := range slices.Concat(c.GivenU, c.GivenM) {
		if len(row) != len(c.Levels) {
			return invalid("comparison %q: each row of given_u and given_m needs %d numbers", c.Name, len(c.Levels))
		}
		if slices.ContainsFunc(row, func(p float64) bool { return !chance(p) }) {
			return invalid("comparison %q: given_u and given_m must be above 0, and 1 at most", c.Name)
		}
	}
	return nil
}

func (l Level) validate(last, order, fitted bool) error {
	if !last && !order {
		if _, err := parseTests(l.Level); err != nil {
			return err
		}
	}
	if !(l.H >= 0 && l.H <= 1) {
		return errors.New("h must be from 0 to 1")
	}
	if !(l.Frequency >= 0 && l.Frequency <= 1) {
		return errors.New("frequency must be from 0 to 1")
	}
	if fitted && (!chance(l.M) || !chance(l.U)) {
		return errors.New("m and u must be above 0, and 1 at most")
	}
	if !fitted && !(l.M >= 0 && l.M <= 1 && l.U >= 0 && l.U <= 1) {
		return errors.New("m and u must be from 0 to 1")
	}
	return nil
}

// chance says whether p can be the chance of something that happens.
func chance(p float64) bool { return p > 0 && p <= 1 && !math.IsNaN(p) }

func invalid(format string, a ...any) error {
	return fmt.Errorf("%w: %s", ErrModel, fmt.Sprintf(format, a...))
}
