package importer

import (
	"embed"
	"fmt"
	"io"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // a mapping may name a zone on a machine without zone files

	"cel.dev/cel-go/cel"
)

//go:embed mappings/*.yaml
var shipped embed.FS

// Mapping is a mapping document, checked and compiled. It is immutable and may be used by several imports at once.
type Mapping struct {
	// Name is part of every source's name: "import:<name>/<file>".
	Name string
	// Description is for people.
	Description string

	zone      *time.Location
	origin    time.Time
	tables    []*tableSpec
	constants []namedExpression
	sources   []*sourceSpec
}

// Shipped lists the mappings that are part of the program.
func Shipped() []string {
	entries, err := shipped.ReadDir("mappings")
	if err != nil {
		return nil // the folder is embedded: it is there
	}
	all := make([]string, 0, len(entries))
	for _, e := range entries {
		all = append(all, strings.TrimSuffix(e.Name(), ".yaml"))
	}
	return all
}

// Load reads a shipped mapping by its name or any mapping from a YAML file. A mapping that is not valid is an
// error that wraps ErrMapping and names the line.
func Load(nameOrPath string) (*Mapping, error) {
	if slices.Contains(Shipped(), nameOrPath) {
		data, err := shipped.ReadFile("mappings/" + nameOrPath + ".yaml")
		if err != nil {
			return nil, fmt.Errorf("read the shipped mapping: %w", err)
		}
		return Parse(data)
	}
	f, err := os.Open(nameOrPath)
	if err != nil {
		return nil, fmt.Errorf("importer: %q is neither a shipped mapping (%s) nor a readable YAML file: %w",
			nameOrPath, strings.Join(Shipped(), ", "), err)
	}
	defer func() { _ = f.Close() }() // only read
	data, err := io.ReadAll(io.LimitReader(f, maxDocumentBytes+1))
	if err != nil {
		return nil, fmt.Errorf("read the mapping: %w", err)
	}
	return Parse(data)
}

// Parse checks and compiles a mapping document.
func Parse(data []byte) (*Mapping, error) {
	doc, err := readDocument(data)
	if err != nil {
		return nil, err
	}
	m, err := compile(doc)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMapping, err)
	}
	return m, nil
}

var (
	namePattern   = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,49}$`)
	wordPattern   = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]{0,49}$`)
	reasonPattern = regexp.MustCompile(`^[A-Z][A-Z0-9_]{0,59}$`)
	typePattern   = regexp.MustCompile(`^[a-z][a-z0-9_]{0,39}$`)
)

func compile(doc document) (*Mapping, error) {
	m := &Mapping{Name: doc.Name, Description: doc.Description}
	if !namePattern.MatchString(doc.Name) {
		return nil, fmt.Errorf("name: want lower-case letters, digits, _ and -, at most 50")
	}
	if len(doc.Sources) == 0 {
		return nil, fmt.Errorf("sources: there must be one at least")
	}
	if err := m.compileTime(doc.Time); err != nil {
		return nil, err
	}
	c, err := newCompiler(m)
	if err != nil {
		return nil, err
	}
	for _, d := range doc.Tables {
		spec, err := c.table(d)
		if err != nil {
			return nil, err
		}
		m.tables = append(m.tables, spec)
	}
	if m.constants, err = c.constants(doc.Constants); err != nil {
		return nil, err
	}
	for _, d := range doc.Sources {
		spec, err := c.source(d)
		if err != nil {
			return nil, err
		}
		m.sources = append(m.sources, spec)
	}
	return m, nil
}

func (m *Mapping) compileTime(doc timeDocument) error {
	var err error
	if m.zone, err = time.LoadLocation(doc.Zone); err != nil || doc.Zone == "Local" {
		return fmt.Errorf("time.zone: there is no such zone") // "Local" would differ between machines
	}
	if doc.Origin != "" {
		if m.origin, err = timeOf(doc.Origin, m.zone); err != nil {
			return fmt.Errorf("time.origin: %w", err)
		}
	}
	return nil
}

// sourceName is the name under which items of a file arrive.
func (m *Mapping) sourceName(base string) string { return "import:" + m.Name + "/" + base }

// inputSpec is which files, and how to read them.
type inputSpec struct {
	pattern   string
	format    string
	optional  bool
	separator byte
	trim      bool
	header    []string
}

func compileInput(d inputDocument) (inputSpec, error) {
	at := func(what string) error { return fmt.Errorf("line %d: %s", d.Line, what) }
	in := inputSpec{pattern: d.File, format: d.Format, optional: d.Optional, separator: ',', trim: d.CSV.Trim, header: d.CSV.Header}
	if _, err := path.Match(d.File, ""); d.File == "" || err != nil || strings.ContainsAny(d.File, `/\`) {
		return in, at("file: want a file's name without folder, or a pattern")
	}
	if withoutCompression(d.File) != d.File {
		return in, at("file: leave .gz and .zst out; compressed files are found too")
	}
	if in.format == "" {
		in.format = formatOf(d.File)
	}
	if in.format != formatCSV && in.format != formatJSONLines {
		return in, at("format: want csv or jsonl")
	}
	if s := d.CSV.Separator; s != "" {
		if len(s) != 1 || s == `"` || s == "\n" || s == "\r" {
			return in, at("csv.separator: want one ASCII character")
		}
		in.separator = s[0]
	}
	for i, name := range in.header {
		if name == "" || slices.Contains(in.header[:i], name) {
			return in, at("csv.header: a column has no name, or a name stands twice")
		}
	}
	return in, nil
}

// The formats of rows.
const (
	formatCSV       = "csv"
	formatJSONLines = "jsonl"
)

func formatOf(name string) string {
	switch path.Ext(name) {
	case ".csv", ".tsv", ".txt":
		return formatCSV
	case ".json", ".jsonl", ".ndjson":
		return formatJSONLines
	}
	return ""
}

// withoutCompression is a file's name without .gz or .zst.
func withoutCompression(name string) string {
	for _, ext := range []string{".gz", ".zst"} {
		if base, cut := strings.CutSuffix(name, ext); cut && base != "" {
			return base
		}
	}
	return name
}

// expression is a compiled CEL expression with the text it came from.
type expression struct {
	text    string
	program cel.Program
	// result is the type that CEL's checker found.
	result string
	// gives says whether it is a row, or rows, of which columns are read.
	gives meaning
}

type namedExpression struct {
	name string
	expression
}
