package segment

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"regexp"
	"slices"
	"strings"

	"github.com/profferhq/proffer/domain/expression"
	"github.com/profferhq/proffer/domain/problem"
)

// Definition says which segments there are and who belongs to them. It has exactly one of Rules, Centres and RFM. It is
// data: a version of it never changes, and means the same for ever.
type Definition struct {
	// ID is lower case letters, digits, _ and -.
	ID          string `json:"id"`
	Description string `json:"description,omitempty"`
	// View is the feature view, with its version, whose features it reads.
	View string `json:"view"`
	// Rules are tags: a person has each whose condition holds.
	Rules []Rule `json:"rules,omitempty"`
	// Centres are groups by likeness: a person is in the one that is nearest.
	Centres *Centres `json:"centres,omitempty"`
	// RFM are groups by recency, frequency and money: a person who bought is in exactly one.
	RFM *RFM `json:"rfm,omitempty"`
}

// Rule is a segment with its condition, CEL over features.<name>. One that reads a feature that is missing does not hold.
type Rule struct {
	Segment string `json:"segment"`
	When    string `json:"when"`
}

// Centres are what k-means found, over these features.
type Centres struct {
	Features []string `json:"features"`
	// Log are the features, by place, of which the logarithm of 1 + the value is taken; empty for none. A negative value of
	// one is missing.
	Log   []bool `json:"log,omitempty"`
	Scale Scale  `json:"scale"`
	// Names has the segment of each centre; Points are the centres, scaled.
	Names  []string    `json:"names"`
	Points [][]float64 `json:"points"`
}

// RFM says which features are read, and where the scores are cut.
type RFM struct {
	Days      string `json:"days"`
	Purchases string `json:"purchases"`
	Money     string `json:"money"`
	Cuts      Cuts   `json:"cuts"`
}

// Bounds of a definition.
const (
	MaxDefinition = 256 << 10
	// maxRules keeps a person's segments to what expressions may meet in a list.
	maxRules = expression.MaxList
)

var segmentName = regexp.MustCompile(`^[a-z0-9][a-z0-9_ -]{0,62}$`)

// Parse reads a definition as JSON, strictly. It fails with ErrDefinition.
func Parse(data []byte) (Definition, error) {
	var d Definition
	if len(data) > MaxDefinition {
		return d, fmt.Errorf("%w: it has more than %d bytes", ErrDefinition, MaxDefinition)
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&d); err != nil {
		return Definition{}, fmt.Errorf("%w: %w", ErrDefinition, problem.InJSON(err))
	}
	if _, err := decoder.Token(); err != io.EOF { //nolint:errorlint // io.EOF is returned as it is
		return Definition{}, fmt.Errorf("%w: something follows the document", ErrDefinition)
	}
	return d, nil
}

// Canonical is the definition as it is kept: equal definitions are equal bytes. It fails with ErrDefinition where a number is
// not finite.
func (d Definition) Canonical() ([]byte, error) {
	data, err := json.Marshal(d)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDefinition, err)
	}
	return data, nil
}

// Kind is what the definition has: "rules", "centres" or "rfm".
func (d Definition) Kind() string {
	switch {
	case d.Centres != nil:
		return "centres"
	case d.RFM != nil:
		return "rfm"
	}
	return "rules"
}

// Segments are the names of all segments, ascending, each once.
func (d Definition) Segments() []string {
	var all []string
	for _, r := range d.Rules {
		all = append(all, r.Segment)
	}
	if d.Centres != nil {
		all = append(all, d.Centres.Names...)
	}
	if d.RFM != nil {
		all = append(all, Names()...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// Compiled is a definition that is ready to use. It is safe for concurrent use.
type Compiled struct {
	definition Definition
	rules      []expression.Compiled
	// columns are the places of the features of Centres or RFM in the vector.
	columns []int
}

// Definition is what was compiled. It is shared: read it only.
func (c *Compiled) Definition() Definition { return c.definition }

// Features are the names of the features that the definition reads, ascending.
func (c *Compiled) Features() []string {
	var out []string
	for _, r := range c.rules {
		out = append(out, r.Reads["features"]...)
	}
	if x := c.definition.Centres; x != nil {
		out = append(out, x.Features...)
	}
	if x := c.definition.RFM; x != nil {
		out = append(out, x.Days, x.Purchases, x.Money)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Compile checks a definition against the features of its view, in the view's order. It fails with a problem.List that names
// every fault by its field.
func Compile(d Definition, features []string) (*Compiled, error) {
	c := &Compiled{definition: d}
	var found problem.List
	kinds := 0
	for _, has := range []bool{len(d.Rules) > 0, d.Centres != nil, d.RFM != nil} {
		if has {
			kinds++
		}
	}
	if kinds != 1 {
		found.Add("rules", problem.Required, "give one of rules, centres and rfm, and only one")
	}
	if !segmentName.MatchString(d.ID) || strings.Contains(d.ID, " ") {
		found.Add("id", problem.Invalid, "must be lower case letters, digits, _ and -, at most 63")
	}
	if err := c.compileRules(features, &found); err != nil {
		return nil, err
	}
	c.checkCentres(features, &found)
	c.checkRFM(features, &found)
	if err := found.Err(); err != nil {
		return nil, err
	}
	return c, nil
}

func (c *Compiled) compileRules(features []string, found *problem.List) error {
	if len(c.definition.Rules) > maxRules {
		found.Add("rules", problem.TooMany, "%d rules; %d are possible", len(c.definition.Rules), maxRules)
		return nil
	}
	e, err := environment(c.definition.View, features)
	if err != nil {
		return err
	}
	for i, r := range c.definition.Rules {
		at := fmt.Sprintf("rules[%d]", i)
		checkName(at+".segment", r.Segment, found)
		if slices.ContainsFunc(c.definition.Rules[:i], func(o Rule) bool { return o.Segment == r.Segment }) {
			found.Add(at+".segment", problem.Duplicate, "%q is there already: join the conditions by ||", r.Segment)
		}
		compiled, faults := compileRule(e, r.When)
		for _, f := range faults {
			found.Add(at+".when", f.Reason, "%s", f.Message)
		}
		c.rules = append(c.rules, compiled)
	}
	return nil
}

func checkName(field, name string, found *problem.List) {
	if !segmentName.MatchString(name) {
		found.Add(field, problem.Invalid, "%q must be lower case letters, digits, spaces, _ and -, at most 63", name)
	}
}

func (c *Compiled) column(field, name string, features []string, found *problem.List) {
	at := slices.Index(features, name)
	if at < 0 {
		found.Add(field, problem.Unknown, "the view %s has no feature %q%s", c.definition.View, name, expression.Suggestion(name, features))
	}
	c.columns = append(c.columns, at)
}

func (c *Compiled) checkCentres(features []string, found *problem.List) {
	x := c.definition.Centres
	if x == nil {
		return
	}
	n := len(x.Features)
	if n == 0 || n > MaxColumns {
		found.Add("centres.features", problem.OutOfRange, "%d features; 1 to %d are possible", n, MaxColumns)
	}
	for i, name := range x.Features {
		c.column(fmt.Sprintf("centres.features[%d]", i), name, features, found)
	}
	if len(x.Scale.Mean) != n || len(x.Scale.Deviation) != n {
		found.Add("centres.scale", problem.Invalid, "must have %d means and deviations", n)
	}
	if len(x.Log) != 0 && len(x.Log) != n {
		found.Add("centres.log", problem.Invalid, "must be left out, or have %d values", n)
	}
	for i, v := range x.Scale.Deviation {
		if !(v > 0) {
			found.Add(fmt.Sprintf("centres.scale.deviation[%d]", i), problem.OutOfRange, "must be above 0")
		}
	}
	if len(x.Points) == 0 || len(x.Points) > MaxGroups || len(x.Points) != len(x.Names) {
		found.Add("centres.points", problem.Invalid, "%d points and %d names; there must be as many, from 1 to %d", len(x.Points), len(x.Names), MaxGroups)
	}
	for i, p := range x.Points {
		if len(p) != n {
			found.Add(fmt.Sprintf("centres.points[%d]", i), problem.Invalid, "must have %d numbers", n)
		}
	}
	for i, name := range x.Names {
		checkName(fmt.Sprintf("centres.names[%d]", i), name, found)
		if slices.Contains(x.Names[:i], name) {
			found.Add(fmt.Sprintf("centres.names[%d]", i), problem.Duplicate, "%q is there already", name)
		}
	}
}

func (c *Compiled) checkRFM(features []string, found *problem.List) {
	x := c.definition.RFM
	if x == nil {
		return
	}
	c.column("rfm.days", x.Days, features, found)
	c.column("rfm.purchases", x.Purchases, features, found)
	c.column("rfm.money", x.Money, features, found)
	for name, cuts := range map[string][4]float64{"days": x.Cuts.Days, "purchases": x.Cuts.Purchases, "money": x.Cuts.Money} {
		if !slices.IsSorted(cuts[:]) {
			found.Add("rfm.cuts."+name, problem.Invalid, "must be ascending")
		}
	}
}

// Of are the segments of a person by the vector of her features, in the view's order, ascending. A person with no known
// value among the features of centres, or without a purchase, is in none.
func (c *Compiled) Of(vector []float64) []string {
	var out []string
	scope := scopeOf(vector)
	for i := range c.rules {
		if holds(&c.rules[i], scope) {
			out = append(out, c.definition.Rules[i].Segment)
		}
	}
	row, known := c.row(vector)
	switch {
	case c.definition.Centres != nil && known > 0:
		out = append(out, c.definition.Centres.name(row))
	case c.definition.RFM != nil && known == 3 && row[1] > 0:
		out = append(out, c.definition.RFM.Cuts.Score(Bought{row[0], row[1], row[2]}).Name())
	}
	slices.Sort(out)
	return out
}

// name is the segment of the nearest centre.
func (x *Centres) name(row []float64) string {
	for i, logged := range x.Log {
		if logged {
			row[i] = math.Log1p(row[i])
		}
	}
	at, _ := Nearest(x.Scale.Apply(row, nil), x.Points)
	return x.Names[at]
}

// row picks the columns, and counts those that are known.
func (c *Compiled) row(vector []float64) (row []float64, known int) {
	for _, at := range c.columns {
		v := math.NaN()
		if at < len(vector) {
			v = vector[at]
		}
		if !math.IsNaN(v) {
			known++
		}
		row = append(row, v)
	}
	return row, known
}
