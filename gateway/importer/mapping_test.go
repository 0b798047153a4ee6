package importer_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/profferhq/proffer/gateway/importer"
)

const smallest = "name: m\nsources:\n  - file: a.jsonl\n    emit:\n      - type: track\n        identifiers:\n          - {type: user_id, value: row.id}\n"

func TestMistakesInAMappingAreNamedWithTheirLine(t *testing.T) {
	t.Parallel()
	if _, err := importer.Parse([]byte(smallest)); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ document, want string }{
		"empty":               {"", "it is empty"},
		"two documents":       {smallest + "---\n" + smallest, "want one YAML document"},
		"not YAML":            {"a: [", "line 1"},
		"a list":              {"- a\n", "line 1: want keys"},
		"unknown key":         {smallest + "    colour: red\n", `line 8: unknown key "colour"`},
		"unknown key deep":    {strings.Replace(smallest, "value: row.id", "value: row.id, weight: 1", 1), `line 7: unknown key "weight"`},
		"unknown key in time": {smallest + "time: {zome: UTC}\n", `line 8: unknown key "zome"`},
		"wrong kind":          {strings.Replace(smallest, "type: track", "type: [track]", 1), "line 5: want one value"},
		"wrong number":        {smallest + "    group: {key: row.id, within: many}\n", "line 8: cannot use"},
		"no name":             {strings.Replace(smallest, "name: m\n", "", 1), "name: want"},
		"bad name":            {strings.Replace(smallest, "name: m", "name: a/b", 1), "name: want"},
		"no sources":          {"name: m\n", "sources: there must be one"},
		"zone":                {smallest + "time: {zone: Mars/Base}\n", "time.zone"},
		"local zone":          {smallest + "time: {zone: Local}\n", "time.zone"},
		"origin":              {smallest + "time: {origin: yesterday}\n", "time.origin"},
		"file in a folder":    {strings.Replace(smallest, "a.jsonl", "../a.jsonl", 1), "line 3: file"},
		"compressed name":     {strings.Replace(smallest, "a.jsonl", "a.jsonl.gz", 1), "line 3: file: leave .gz"},
		"format":              {strings.Replace(smallest, "a.jsonl", "a.xml", 1), "line 3: format"},
		"type":                {strings.Replace(smallest, "type: track", "type: tracked", 1), "line 5: emit: type: want one of"},
		"no identifiers":      {strings.Split(smallest, "        identifiers")[0], "identifiers: whom"},
		"identifier type":     {strings.Replace(smallest, "type: user_id", "type: User", 1), "line 7: identifiers: type"},
		"field of another":    {smallest + "        amount: row.a\n", "line 5: emit: amount: an item of type track has no such field"},
		"consent of nobody":   {strings.Replace(smallest, "type: track", "type: consent", 1) + "        purpose: \"'ads'\"\n", "line 5: emit: given: a consent needs it"},
		"unknown variable":    {smallest + "        name: rwo.a\n", "line 8: name: undeclared reference"},
		"unknown table":       {smallest + "        name: tables.offers[row.a]\n", "line 8: name: undeclared reference"},
		"unknown function":    {smallest + "        name: upper(row.a)\n", "line 8: name: undeclared reference"},
		"origin not declared": {smallest + "        time: origin\n", "line 8: time: undeclared reference"},
		"each outside each":   {smallest + "        name: each\n", "line 8: name: undeclared reference"},
		"rows outside group":  {smallest + "        name: string(size(rows))\n", "line 8: name: undeclared reference"},
		"syntax":              {smallest + "        name: row.(\n", "line 8: name: Syntax error"},
		"not a condition":     {smallest + "        when: \"'yes'\"\n", "line 8: when: want true or false, got string"},
		"a let twice":         {smallest + "    let: {a: row.a, a: row.b}\n", "line 8"},
		"a reserved let":      {smallest + "    let: {row: row.a}\n", `line 8: let: "row"`},
		"a let of a later":    {smallest + "    let: {a: b, b: row.b}\n", "line 8: let.a: undeclared"},
		"a constant again":    {smallest + "    let: {a: row.a}\nconstants: {a: '1'}\n", `line 8: let: "a"`},
		"reason":              {smallest + "    refuse: [{when: row.a, reason: bad thing}]\n", "line 8: refuse: reason"},
		"no condition":        {smallest + "    skip: [{reason: STAFF}]\n", "line 8: skip: there is no condition"},
		"group without a key": {smallest + "    group: {within: 1}\n", "group: there is no key"},
		"negative within":     {smallest + "    group: {key: row.a, within: -1}\n", "group.within"},
		"separator":           {smallest + "    csv: {separator: '||'}\n", "csv.separator"},
		"header twice":        {smallest + "    csv: {header: [a, a]}\n", "csv.header"},
		"table kind":          {smallest + "tables: {t: {file: a.csv, kind: list, key: row.a}}\n", "line 8: kind"},
		"table without key":   {smallest + "tables: {t: {file: a.csv}}\n", "line 8: a table needs"},
		"value of a set":      {smallest + "tables: {t: {file: a.csv, kind: set, key: row.a, value: row.b}}\n", "line 8: a table needs"},
		"message id of none":  {smallest + "        message_id: rwo.a\n", "line 8: message_id: undeclared reference"},
		"received":            {smallest + "        received: rwo.a\n", "line 8: received: undeclared reference"},
		"nothing to do":       {"name: m\nsources:\n  - file: a.csv\n", "line 3: emit"},
		"too large":           {smallest + strings.Repeat("#\n", 1<<19+1), "larger than"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := importer.Parse([]byte(c.document))
			if !errors.Is(err, importer.ErrMapping) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error = %v, want %q", err, c.want)
			}
			if err != nil && strings.Contains(err.Error(), "importer.") {
				t.Errorf("the error names a Go type: %v", err)
			}
		})
	}
}

func TestLoadNamesWhatIsShipped(t *testing.T) {
	t.Parallel()
	_, err := importer.Load("starbuck")
	if err == nil || !strings.Contains(err.Error(), "completejourney, online_retail, snowplow_web, starbucks") {
		t.Errorf("error = %v", err)
	}
}

func write(t *testing.T, folder, name, text string) string {
	t.Helper()
	path := filepath.Join(folder, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestOpenNamesAllThatIsMissing(t *testing.T) {
	t.Parallel()
	m, err := importer.Load("starbucks")
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	write(t, folder, "profile.json.gz", "")
	_, err = m.Open([]string{folder})
	if !errors.Is(err, importer.ErrFiles) || !strings.Contains(err.Error(), "portfolio.json") || !strings.Contains(err.Error(), "transcript.json") ||
		strings.Contains(err.Error(), "profile.json") {
		t.Errorf("error = %v", err)
	}
	if _, err := m.Open([]string{os.DevNull}); !errors.Is(err, importer.ErrFiles) || !strings.Contains(err.Error(), "no regular file") {
		t.Errorf("a device: %v", err)
	}
	if _, err := m.Open([]string{filepath.Join(folder, "none")}); !errors.Is(err, importer.ErrFiles) {
		t.Errorf("a path that is not there: %v", err)
	}
}

func TestOpenRefusesTwoFilesOfOneName(t *testing.T) {
	t.Parallel()
	m, err := importer.Parse([]byte(smallest))
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	one, two := write(t, folder, "a.jsonl", ""), write(t, folder, "a.jsonl.gz", "")
	if _, err := m.Open([]string{one, two}); !errors.Is(err, importer.ErrFiles) || !strings.Contains(err.Error(), "twice") {
		t.Errorf("error = %v", err)
	}
	plan, err := m.Open([]string{one, one})
	if err != nil || len(plan.Sources()) != 1 || plan.Sources()[0] != "import:m/a.jsonl" {
		t.Errorf("the same file named twice: %v, %v", plan, err)
	}
}

// FuzzParse: a mapping is accepted or refused with ErrMapping; never a panic.
func FuzzParse(f *testing.F) {
	f.Add([]byte(smallest))
	for _, name := range importer.Shipped() {
		data, err := os.ReadFile(filepath.Join("mappings", name+".yaml"))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	for _, seed := range []string{"&a [*a]", "name: m\nsources: &s [*s]", "name: m\nsources: [{<<: {file: a.csv}}]", "? [a]\n: b", "name: !!binary aGk=", "tables: {? {} : x}"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := importer.Parse(data)
		if (m == nil) == (err == nil) || err != nil && !errors.Is(err, importer.ErrMapping) {
			t.Errorf("Parse = %v, %v", m, err)
		}
	})
}

// The examples of the manual are mappings.
func TestTheManualsExamplesAreValid(t *testing.T) {
	t.Parallel()
	manual, err := os.ReadFile(filepath.Join(moduleRoot(t), "docs", "mappings.md"))
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split(string(manual), "```yaml\n")[1:]
	if len(blocks) == 0 {
		t.Fatal("the manual has no example")
	}
	for i, block := range blocks {
		example, _, closed := strings.Cut(block, "```")
		if _, err := importer.Parse([]byte(example)); err != nil || !closed {
			t.Errorf("example %d: %v", i+1, err)
		}
	}
}
