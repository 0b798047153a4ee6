package metrics

import (
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
)

// ContentType is the page's.
const ContentType = "text/plain; version=0.0.4; charset=utf-8"

// Page gathers samples and writes them, metric by metric.
type Page struct{ samples map[string][]byte }

// NewPage is empty.
func NewPage() *Page { return &Page{samples: map[string][]byte{}} }

// Add adds a sample of a counter or gauge, with a value for each of its labels. NaN is no sample.
func (p *Page) Add(f Family, value float64, labels ...string) {
	if math.IsNaN(value) {
		return
	}
	p.line(f, "", value, "", labels)
}

// AddHistogram adds a histogram's.
func (p *Page) AddHistogram(f Family, h *Durations, labels ...string) {
	counts, sum := h.read()
	below := uint64(0)
	for i, count := range counts {
		below += count
		bound := "+Inf"
		if i < len(bounds) {
			bound = number(bounds[i].Seconds())
		}
		p.line(f, "_bucket", float64(below), bound, labels)
	}
	p.line(f, "_sum", sum.Seconds(), "", labels)
	p.line(f, "_count", float64(below), "", labels)
}

func (p *Page) line(f Family, suffix string, value float64, bound string, labels []string) {
	b := append(append(p.samples[f.Name], f.Name...), suffix...)
	sep := byte('{')
	pair := func(name, value string) {
		b = append(append(append(b, sep), name...), '=', '"')
		b = append(append(b, escape.Replace(value)...), '"')
		sep = ','
	}
	for i, name := range f.Labels {
		pair(name, labels[i])
	}
	if bound != "" {
		pair("le", bound)
	}
	if sep == ',' {
		b = append(b, '}')
	}
	p.samples[f.Name] = append(append(append(b, ' '), number(value)...), '\n')
}

// escape is that of label values.
var escape = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)

func number(x float64) string { return strconv.FormatFloat(x, 'g', -1, 64) }

// WriteTo writes the metrics that have samples, in the order of All.
func (p *Page) WriteTo(w io.Writer) (n int64, err error) {
	for _, f := range All() {
		samples := p.samples[f.Name]
		if len(samples) == 0 {
			continue
		}
		m, err := fmt.Fprintf(w, "# HELP %s %s\n# TYPE %s %s\n%s", f.Name, f.Help, f.Name, f.Kind, samples)
		if n += int64(m); err != nil {
			return n, fmt.Errorf("metrics: write: %w", err)
		}
	}
	return n, nil
}

// Reference is the list of metrics as a table of Markdown.
func Reference() string {
	var b strings.Builder
	b.WriteString("| metric | type | unit | labels | |\n| --- | --- | --- | --- | --- |\n")
	for _, f := range All() {
		labels := ""
		if len(f.Labels) > 0 {
			labels = "`" + strings.Join(f.Labels, "`, `") + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s |\n", f.Name, f.Kind, f.Unit, labels, f.Help)
	}
	return b.String()
}
