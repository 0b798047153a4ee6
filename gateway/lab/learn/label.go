package learn

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/profferhq/proffer/gateway/lab"
)

// label is the column to predict, read: which rows are positive, and which have no label.
type label struct {
	column   int
	name     string
	positive string // as the file writes it
	negative string
	of       []float64 // 0, 1, or NaN
	missing  int
	guessed  bool
}

// yes and no are words that say which of two labels is the positive one.
func yes(word string) bool {
	return slices.Contains([]string{
		"yes", "y", "true", "t", "1", "1.0", "positive", "pos", "on", "churn", "churned", "left", "lost", "exited", "exit", "cancelled",
		"canceled", "attrited", "attrited customer", "gone", "quit", "converted", "conversion", "bought", "purchased", "purchase", "clicked", "click",
		"responded", "accepted", "subscribed", "success", "won", "default", "defaulted", "fraud", "bad", "spam", "sick", "died", "dead", "+",
		"ja", "oui", "si", "sí", "是", "有",
	}, word)
}

func no(word string) bool {
	return slices.Contains([]string{
		"no", "n", "false", "f", "0", "0.0", "-1", "-1.0", "negative", "neg", "off", "stayed", "stay", "active", "retained", "existing", "existing customer",
		"current", "loyal", "none", "failure", "lost deal", "good", "ham", "healthy", "alive", "survived no", "-", "nein", "non", "否", "无",
	}, word) || strings.HasPrefix(word, "not ") || strings.HasPrefix(word, "no ") || strings.HasPrefix(word, "non-") || strings.HasPrefix(word, "not_") ||
		strings.HasPrefix(word, "no_") || strings.HasPrefix(word, "un") && strings.HasSuffix(word, "ed")
}

// maxListed is how many values an error names.
const maxListed = 5

// readLabel finds the column and what its two values mean. It fails with lab.ErrOptions.
func readLabel(t lab.Table, name string) (label, error) {
	l := label{column: t.Column(name), name: name}
	if l.column < 0 {
		l.column = slices.IndexFunc(t.Columns, func(c string) bool { return strings.EqualFold(c, name) })
	}
	if l.column < 0 {
		return l, fmt.Errorf("%w: no column %q; there are %s", lab.ErrOptions, name, listed(t.Columns))
	}
	l.name = t.Columns[l.column]
	counts := map[string]int{}
	var values []string // in the order in which they come
	for _, row := range t.Rows {
		word := canonical(row[l.column])
		if word == "" {
			l.missing++
			continue
		}
		if counts[word] == 0 {
			values = append(values, word)
		}
		counts[word]++
	}
	if err := l.refuse(values, counts); err != nil {
		return l, err
	}
	l.choose(values, counts)
	l.of = make([]float64, len(t.Rows))
	for i, row := range t.Rows {
		switch canonical(row[l.column]) {
		case canonical(l.positive):
			l.of[i] = 1
		case canonical(l.negative):
		default:
			l.of[i] = math.NaN()
		}
	}
	return l, nil
}

// canonical is a label without what people write differently: case, and 1.0 for 1.
func canonical(cell string) string {
	word := strings.ToLower(strings.TrimSpace(cell))
	if absent(word) {
		return ""
	}
	if v := plainNumber.parse(word); !math.IsNaN(v) && v == math.Trunc(v) && !strings.ContainsAny(word, "$€£¥%") {
		return fmt.Sprintf("%.0f", v)
	}
	return word
}

func (l *label) refuse(values []string, counts map[string]int) error {
	switch {
	case len(values) == 0:
		return fmt.Errorf("%w: the label %q has no values", lab.ErrOptions, l.name)
	case len(values) == 1:
		return fmt.Errorf("%w: the label %q has one class only, %q (%d rows): there is nothing to tell apart", lab.ErrOptions, l.name, values[0], counts[values[0]])
	case len(values) == 2:
		return nil
	}
	numbers, _, numeric := numbersOf(values)
	if numeric && len(numbers) > 20 {
		return fmt.Errorf("%w: the label %q has %d different numbers, for example %s: a value to estimate, while this trains a yes or no",
			lab.ErrOptions, l.name, len(values), listed(values))
	}
	return fmt.Errorf("%w: the label %q has %d classes, %s: this trains a yes or no, so make it two",
		lab.ErrOptions, l.name, len(values), listed(values))
}

// choose says which of two values is positive: by what the words say, the larger number, or else the rarer one.
func (l *label) choose(values []string, counts map[string]int) {
	a, b := values[0], values[1]
	score := func(word string) int {
		switch {
		case no(word):
			return -1
		case yes(word):
			return 1
		}
		return 0
	}
	x, y := plainNumber.parse(a), plainNumber.parse(b)
	switch {
	case !math.IsNaN(x) && !math.IsNaN(y):
		if x > y {
			a, b = b, a
		}
		l.guessed = !(min(x, y) <= 0 && max(x, y) == 1)
	case score(a) != score(b):
		if score(a) > score(b) {
			a, b = b, a
		}
	default:
		l.guessed = true
		if counts[a] < counts[b] || counts[a] == counts[b] && a > b {
			a, b = b, a
		}
	}
	l.negative, l.positive = a, b
}

// listed is the first few of a list, for people.
func listed(values []string) string {
	var out []string
	for i, v := range values {
		if i == maxListed {
			return strings.Join(out, ", ") + ", ..."
		}
		out = append(out, fmt.Sprintf("%q", v))
	}
	return strings.Join(out, ", ")
}
