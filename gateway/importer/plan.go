package importer

import (
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// ErrFiles is wrapped by errors about the files: one is missing, two have one name, or one has not the columns that
// the mapping reads.
var ErrFiles = errors.New("importer: the files do not fit the mapping")

// Plan is a mapping with the files it found. It does not change; running it twice sends the same items.
type Plan struct {
	mapping *Mapping
	tables  []plannedTable
	sources []plannedSource
}

type plannedTable struct {
	spec  *tableSpec
	files []inputFile
}

type plannedSource struct {
	spec *sourceSpec
	file inputFile
}

// Open finds the files that the tables and sources of the mapping need, among these files and in these folders
// (not below them), and reads the headers of those that are CSV. What is missing is an error that wraps ErrFiles and
// names all of it.
func (m *Mapping) Open(paths []string) (*Plan, error) {
	files, err := listFiles(paths)
	if err != nil {
		return nil, err
	}
	plan := &Plan{mapping: m}
	var missing []string
	for _, spec := range m.tables {
		found, err := spec.input.among(files)
		if err != nil {
			return nil, err
		}
		if len(found) == 0 && !spec.input.optional {
			missing = append(missing, fmt.Sprintf("%s (table %s)", spec.input.pattern, spec.name))
		}
		plan.tables = append(plan.tables, plannedTable{spec, found})
	}
	for _, spec := range m.sources {
		found, err := spec.input.among(files)
		if err != nil {
			return nil, err
		}
		if len(found) == 0 && !spec.input.optional {
			missing = append(missing, spec.input.pattern)
		}
		for _, f := range found {
			plan.sources = append(plan.sources, plannedSource{spec, f})
		}
	}
	if len(missing) > 0 {
		return nil, fmt.Errorf("%w: missing %s (each may end in .gz or .zst)", ErrFiles, strings.Join(missing, ", "))
	}
	if err := plan.distinctSources(); err != nil {
		return nil, err
	}
	if err := plan.checkColumns(); err != nil {
		return nil, err
	}
	return plan, nil
}

// Sources lists the names under which items will arrive, in order.
func (p *Plan) Sources() []string {
	var all []string
	for _, s := range p.sources {
		all = append(all, p.mapping.sourceName(s.file.base))
	}
	return all
}

// distinctSources: a file that two entries read would give two items one identity.
func (p *Plan) distinctSources() error {
	names := p.Sources()
	slices.Sort(names)
	for i := 1; i < len(names); i++ {
		if names[i] == names[i-1] {
			return fmt.Errorf("%w: two entries of sources read %s", ErrFiles, names[i])
		}
	}
	if len(names) == 0 {
		return fmt.Errorf("%w: there is no file for any source", ErrFiles)
	}
	return nil
}

// checkColumns: with a column that is not there, every row of the file would be refused.
func (p *Plan) checkColumns() error {
	var missing []string
	check := func(c *rowColumns, spec inputSpec, file inputFile) error {
		more, err := c.missing(file, spec)
		missing = append(missing, more...)
		return err
	}
	for _, t := range p.tables {
		for _, f := range t.files {
			if err := check(t.spec.columns, t.spec.input, f); err != nil {
				return fmt.Errorf("%w: %w", ErrFiles, err)
			}
		}
	}
	for _, s := range p.sources {
		if err := check(s.spec.columns, s.spec.input, s.file); err != nil {
			return fmt.Errorf("%w: %w", ErrFiles, err)
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("%w: %s", ErrFiles, strings.Join(missing, "; "))
	}
	return nil
}

func listFiles(paths []string) ([]inputFile, error) {
	var files []inputFile
	for _, p := range paths {
		info, err := os.Stat(p)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrFiles, err)
		}
		if !info.IsDir() && !info.Mode().IsRegular() { // to open a pipe may take for ever, and it could be read only once
			return nil, fmt.Errorf("%w: %s is no regular file, and it is read more than once", ErrFiles, p)
		}
		if !info.IsDir() {
			files = append(files, inputFile{p, withoutCompression(filepath.Base(p)), info.Size()})
			continue
		}
		entries, err := os.ReadDir(p)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrFiles, err)
		}
		for _, e := range entries {
			full := filepath.Join(p, e.Name())
			info, err := os.Stat(full)
			if err != nil || !info.Mode().IsRegular() {
				continue // a folder, or a link to nothing: not a file of the mapping
			}
			files = append(files, inputFile{full, withoutCompression(e.Name()), info.Size()})
		}
	}
	return files, nil
}

// among are the files whose name fits, in the order of their names.
func (in inputSpec) among(files []inputFile) ([]inputFile, error) {
	var found []inputFile
	for _, f := range files {
		if ok, err := path.Match(in.pattern, f.base); err != nil || !ok {
			continue
		}
		for _, other := range found {
			if other.base == f.base && other.path != f.path {
				return nil, fmt.Errorf("%w: %s is there twice (%s and %s)", ErrFiles, f.base, other.path, f.path)
			}
		}
		if !slices.Contains(found, f) {
			found = append(found, f)
		}
	}
	slices.SortFunc(found, func(a, b inputFile) int { return strings.Compare(a.base, b.base) })
	return found, nil
}
