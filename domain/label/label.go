package label

import (
	"crypto/sha256"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/expression"
	"github.com/profferhq/proffer/domain/feature"
	"github.com/profferhq/proffer/domain/problem"
)

// Label is a checked document, ready to resolve. It is safe for concurrent use.
type Label struct {
	document  Document
	canonical string
	// horizonMS is 0 for the offer's own.
	startsMS, horizonMS int64
	selection           *feature.Selection
	conditions          []Condition
}

// Condition is a compiled AtLeast.
type Condition struct {
	Count     int64
	WithinMS  int64
	Selection *feature.Selection
}

// Faults of a label, beside those of every document.
const (
	FaultPast               = "LOOKS_INTO_THE_PAST"
	FaultUnknownAggregation = "UNKNOWN_AGGREGATION"
)

var labelName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,63}$`)

// Parse reads and checks a label's JSON document. All faults are reported together in a problem.List, each with its
// field; the error wraps ErrInvalid.
func Parse(data []byte) (Label, error) {
	d, err := Decode(data)
	if err != nil {
		return Label{}, err
	}
	return New(d)
}

// New checks a document, as Parse does.
func New(d Document) (Label, error) {
	l := Label{document: d}
	var found problem.List
	l.checkNames(&found)
	l.checkTimes(&found)
	l.selection = feature.NewSelection("", d.Source, d.Filter, d.Value, &found)
	l.checkAggregation(&found)
	l.checkAttribution(&found)
	for i, c := range d.Population.AtLeast {
		l.conditions = append(l.conditions, conditionOf(fmt.Sprintf("population.at_least[%d].", i), c, &found))
	}
	if len(found) > 0 {
		return Label{}, fmt.Errorf("%w: %w", ErrInvalid, found)
	}
	canonical, err := d.canonical()
	if err != nil {
		return Label{}, err
	}
	l.canonical = string(canonical)
	return l, nil
}

func (l *Label) checkNames(found *problem.List) {
	if !labelName.MatchString(l.document.Name) {
		found.Add("name", problem.Invalid, "name must be lower case letters, digits and underscores, at most 64")
	}
	for _, f := range []struct{ field, text string }{{"description", l.document.Description}, {"owner", l.document.Owner}} {
		if strings.TrimSpace(f.text) == "" {
			found.Add(f.field, problem.Required, "%s is empty", f.field)
		}
	}
}

// checkTimes reads starts and horizon: a label looks at what comes after its row, and only at that.
func (l *Label) checkTimes(found *problem.List) {
	var ok bool
	if l.document.Starts != "" {
		l.startsMS, ok = spanAfter("starts", l.document.Starts, found)
		if !ok {
			return
		}
	}
	if l.document.Horizon == Validity {
		return
	}
	if l.document.Horizon == "" {
		found.Add("horizon", problem.Required, `horizon is empty: want a length of time such as "90d", or %q`, Validity)
		return
	}
	if l.horizonMS, ok = spanAfter("horizon", l.document.Horizon, found); ok && l.startsMS >= l.horizonMS {
		found.Add("starts", problem.Conflict, "starts %q is not before horizon %q: nothing would be looked at", l.document.Starts, l.document.Horizon)
	}
}

var (
	backwards = regexp.MustCompile(`^-\s*[0-9]+[mhd]$`)
	nothing   = regexp.MustCompile(`^[+-]?0+[mhd]?$`)
)

func spanAfter(field, written string, found *problem.List) (int64, bool) {
	switch {
	case backwards.MatchString(written) && !nothing.MatchString(written):
		found.Add(field, FaultPast, "%s %q lies before the row: a label that looks into the past is no forecast (did you mean %q?)",
			field, written, strings.TrimLeft(written, "- "))
		return 0, false
	case nothing.MatchString(written) && field == "starts":
		return 0, true
	case nothing.MatchString(written):
		found.Add(field, problem.OutOfRange, `%s %q is nothing: want a length of time such as "90d"`, field, written)
		return 0, false
	}
	ms, err := feature.ParseSpan(written)
	if err != nil {
		found.Add(field, problem.Invalid, `%s %q is not a number of m, h or d, up to 400d, such as "90d"`, field, written)
		return 0, false
	}
	return ms, true
}

func (l *Label) checkAggregation(found *problem.List) {
	names := []string{Exists, None, Count, Sum}
	switch d := l.document; {
	case d.Aggregation == "":
		found.Add("aggregation", problem.Required, "aggregation is empty: want %s", strings.Join(names, ", "))
	case !slices.Contains(names, d.Aggregation):
		found.Add("aggregation", FaultUnknownAggregation, "aggregation %q is not %s%s", d.Aggregation, strings.Join(names, ", "),
			expression.Suggestion(d.Aggregation, names))
	case d.Value != "" && d.Aggregation != Sum:
		found.Add("value", problem.Conflict, "%s has no value: it only counts events", d.Aggregation)
	case d.Aggregation == Sum && d.Value == "" && !slices.ContainsFunc(l.selection.Kinds(), hasAmount):
		found.Add("value", problem.Required, "%s events have no amount to sum: give a value", strings.Join(d.Source, " and "))
	}
}

func hasAmount(k feature.Kind) bool {
	return k == feature.Carted || k == feature.Purchased || k == feature.Refunded || k == feature.Converted
}

// checkAttribution: only outcomes say which offer they belong to.
func (l *Label) checkAttribution(found *problem.List) {
	attributions := []string{OfPerson, OfOffer}
	switch d := l.document; {
	case d.Attribution == "":
		found.Add("attribution", problem.Required, "attribution is empty: want %s", strings.Join(attributions, " or "))
	case !slices.Contains(attributions, d.Attribution):
		found.Add("attribution", problem.Unknown, "attribution %q is not %s%s", d.Attribution, strings.Join(attributions, " or "),
			expression.Suggestion(d.Attribution, attributions))
	case d.Horizon == Validity && d.Attribution != OfOffer:
		found.Add("horizon", problem.Conflict, "%q is that of a decision's offer: it goes with attribution %q", Validity, OfOffer)
	case d.Attribution == OfOffer:
		for i, k := range l.selection.Kinds() {
			if k.Stream() != domain.Outcome {
				found.Add(fmt.Sprintf("source[%d]", i), problem.Conflict,
					"%s events do not say which offer they belong to: delivered, exposed, clicked and converted do", k)
			}
		}
	}
}

func conditionOf(at string, c AtLeast, found *problem.List) Condition {
	out := Condition{Count: c.Count, Selection: feature.NewSelection(at, c.Source, c.Filter, "", found)}
	if c.Count < 1 {
		found.Add(at+"count", problem.OutOfRange, "count %d: at least 1 is asked for, or nothing", c.Count)
	}
	var err error
	if c.Within == feature.Lifetime {
		out.WithinMS = math.MaxInt64
	} else if out.WithinMS, err = feature.ParseSpan(c.Within); err != nil {
		found.Add(at+"within", problem.Invalid, `within %v, such as "365d"`, err)
	}
	return out
}

// Name is how models and exports call the label.
func (l Label) Name() string { return l.document.Name }

// Document is the label as written.
func (l Label) Document() Document { return l.document }

// Canonical is its canonical JSON; Parse reads it back.
func (l Label) Canonical() []byte { return []byte(l.canonical) }

// Fingerprint is the SHA-256 of Canonical.
func (l Label) Fingerprint() domain.Hash { return sha256.Sum256([]byte(l.canonical)) }

// Binary says whether the label is 1 or 0.
func (l Label) Binary() bool {
	return l.document.Aggregation == Exists || l.document.Aggregation == None
}

// OfOffer says whether the label is about a decision's offer: its rows are decisions.
func (l Label) OfOffer() bool { return l.document.Attribution == OfOffer }

// Selection is which events decide it; Conditions are those of its population.
func (l Label) Selection() *feature.Selection { return l.selection }

// Conditions are what the population asks of the past.
func (l Label) Conditions() []Condition { return l.conditions }

// Window is what the label of a row looks at, in Unix milliseconds: later than after, up to until. The offer's validity
// is in milliseconds; false when the horizon is the offer's and that is unknown or for ever.
func (l Label) Window(nowMS, validityMS int64) (after, until int64, ok bool) {
	horizon := l.horizonMS
	if l.document.Horizon == Validity {
		if horizon = validityMS; horizon <= l.startsMS {
			return 0, 0, false
		}
	}
	return nowMS + l.startsMS, nowMS + horizon, true
}

// Value is the label of a row in whose window that many events had these amounts together, in micros.
func (l Label) Value(events, micros int64) float64 {
	const microsPerUnit = 1e6
	switch l.document.Aggregation {
	case Exists:
		return float64(min(events, 1))
	case None:
		return float64(1 - min(events, 1))
	case Count:
		return float64(events)
	}
	return float64(micros) / microsPerUnit
}
