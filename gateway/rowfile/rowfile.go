// Package rowfile writes training rows into files, Parquet or CSV. A file has its name only when it is whole.
package rowfile

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// ErrFormat is wrapped when a file's name says no known format.
var ErrFormat = errors.New("rowfile: want a name that ends in .parquet or .csv")

// Head is what the rows of a file are.
type Head struct {
	View string
	// ViewFingerprint and Cut are as answers write them.
	ViewFingerprint string
	Features        []string
	Label           string
	// LabelJSON is the label's canonical document.
	LabelJSON string
	Cut       string
}

// Rows are some rows, column by column; Values has the features, row after row. NaN is missing.
type Rows struct {
	Profiles  []string
	AtMS      []int64
	Decisions []string
	Labels    []float64
	Values    []float64
}

// format writes rows into a stream.
type format interface {
	write(r Rows) error
	close() error
}

// File is one in the making.
type File struct {
	path string
	part *os.File
	into format
}

// Create begins a file beside its final place; what it is called says its format. Nothing of that name is touched
// before Commit.
func Create(path string, h Head) (*File, error) {
	begin := map[string]func(io.Writer, Head) (format, error){".parquet": newParquet, ".csv": newCSV}[strings.ToLower(filepath.Ext(path))]
	if begin == nil {
		return nil, fmt.Errorf("%w, not %q", ErrFormat, filepath.Base(path))
	}
	part, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*.part")
	if err != nil {
		return nil, fmt.Errorf("rowfile: begin %s: %w", path, err)
	}
	f := &File{path: path, part: part}
	if f.into, err = begin(part, h); err != nil {
		f.Abort()
		return nil, err
	}
	return f, nil
}

// Known says whether the name of a file says a format.
func Known(path string) error {
	if !slices.Contains([]string{".parquet", ".csv"}, strings.ToLower(filepath.Ext(path))) {
		return fmt.Errorf("%w, not %q", ErrFormat, filepath.Base(path))
	}
	return nil
}

// Write adds rows, which it does not keep.
func (f *File) Write(r Rows) error {
	if err := f.into.write(r); err != nil {
		return fmt.Errorf("rowfile: write %s: %w", f.path, err)
	}
	return nil
}

// Commit ends the file, makes it durable and gives it its name, in place of one that had it.
func (f *File) Commit() error {
	err := f.into.close()
	if err == nil {
		err = f.part.Chmod(0o644)
	}
	if err == nil {
		err = f.part.Sync()
	}
	if err = errors.Join(err, f.part.Close()); err == nil {
		err = os.Rename(f.part.Name(), f.path)
	}
	if err != nil {
		_ = os.Remove(f.part.Name())
		return fmt.Errorf("rowfile: end %s: %w", f.path, err)
	}
	return nil
}

// Abort leaves nothing behind.
func (f *File) Abort() {
	_ = f.part.Close()
	_ = os.Remove(f.part.Name())
}

// The columns before the features.
const (
	columnProfile  = "profile"
	columnAt       = "at"
	columnDecision = "decision"
	columnLabel    = "label"
)

// columnsOf are the names of the features' columns: a feature with the name of another column gets an underscore.
func columnsOf(features []string) []string {
	taken := []string{columnProfile, columnAt, columnDecision, columnLabel}
	out := make([]string, len(features))
	for i, name := range features {
		for slices.Contains(taken, name) || slices.Contains(features, name) && name != features[i] {
			name += "_"
		}
		out[i] = name
	}
	return out
}
