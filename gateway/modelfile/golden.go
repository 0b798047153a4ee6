package modelfile

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/profferhq/proffer/decider/model"
	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/expression"
	"github.com/profferhq/proffer/domain/feature"
)

// MinGolden is how many golden rows an imported model needs: fewer do not reach enough leaves.
const MinGolden = 100

// golden reads CSV with a header: every feature, in any order, and the margins.
func golden(data []byte, features []string, outputs int) ([]model.Golden, error) {
	if len(bytes.TrimSpace(data)) == 0 {
		return nil, fmt.Errorf("%w: golden rows are required: rows of the features with the raw margins that the other program gives", ErrInvalid)
	}
	r := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))))
	r.ReuseRecord = true
	header, err := r.Read()
	if err != nil {
		return nil, fmt.Errorf("%w: golden rows: %w", ErrInvalid, err)
	}
	header = slices.Clone(header) // the reader uses its memory again
	places, err := columns(header, features, outputs)
	if err != nil {
		return nil, err
	}
	var out []model.Golden
	for {
		record, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("%w: golden rows: %w", ErrInvalid, err)
		}
		line, _ := r.FieldPos(0)
		g, err := goldenRow(record, places, len(features), line, header)
		if err != nil {
			return nil, err
		}
		if out = append(out, g); len(out) > model.MaxGolden {
			return nil, fmt.Errorf("%w: more than %d golden rows", ErrInvalid, model.MaxGolden)
		}
	}
	if len(out) < MinGolden {
		return nil, fmt.Errorf("%w: %d golden rows, want %d or more, some with missing values", ErrInvalid, len(out), MinGolden)
	}
	return out, nil
}

// missingTried refuses golden rows that do not try where missing values go, if any of the features can be missing.
func missingTried(view feature.View, features []string, rows []model.Golden) error {
	for _, g := range rows {
		if slices.ContainsFunc(g.Row, func(v float64) bool { return v != v }) {
			return nil
		}
	}
	specs := view.Specs()
	for _, name := range features {
		if i, known := view.Index(name); known && specs[i].Default == feature.Missing {
			return fmt.Errorf("%w: golden rows: none has a missing value, and %s may be missing: add rows with empty cells, they tell where missing values go",
				ErrInvalid, name)
		}
	}
	return nil
}

// columns finds the places of the features and then of the margins.
func columns(header, features []string, outputs int) ([]int, error) {
	wanted := slices.Clone(features)
	for k := range outputs {
		name := "margin"
		if outputs > 1 {
			name += "_" + strconv.Itoa(k)
		}
		wanted = append(wanted, name)
	}
	places := make([]int, len(wanted))
	for i, name := range wanted {
		if places[i] = slices.Index(header, name); places[i] < 0 {
			return nil, fmt.Errorf("%w: golden rows: no column %q%s", ErrInvalid, name, expression.Suggestion(name, header))
		}
	}
	for i, name := range header {
		if !slices.Contains(wanted, name) {
			return nil, fmt.Errorf("%w: golden rows: column %d, %q, is neither a feature nor a margin%s", ErrInvalid, i+1, name, expression.Suggestion(name, wanted))
		}
		if slices.Contains(header[:i], name) {
			return nil, fmt.Errorf("%w: golden rows: the column %q is there twice", ErrInvalid, name)
		}
	}
	return places, nil
}

func goldenRow(record []string, places []int, features, line int, header []string) (model.Golden, error) {
	g := model.Golden{Row: make([]float64, features), Margins: make([]float64, len(places)-features)}
	for i, at := range places {
		v, err := number(record[at])
		if i < features {
			g.Row[i] = v
		} else if g.Margins[i-features] = v; v != v {
			err = errors.New("a margin is missing")
		}
		if err != nil {
			return g, fmt.Errorf("%w: golden rows, line %d, %s: %w", ErrInvalid, line, header[at], err)
		}
	}
	return g, nil
}

// number reads a cell; empty, nan, na and null are missing.
func number(cell string) (float64, error) {
	cell = strings.TrimSpace(cell)
	switch strings.ToLower(cell) {
	case "", "nan", "na", "null", "none":
		return domain.CanonicalNaN, nil
	}
	v, err := strconv.ParseFloat(cell, 64)
	if err != nil || v-v != 0 {
		return 0, fmt.Errorf("%.40q is no finite number", cell)
	}
	return v, nil
}

// Names reads names of features: a JSON list, or one a line.
func Names(data []byte) ([]string, error) {
	text := strings.TrimSpace(strings.TrimPrefix(string(data), "\ufeff"))
	var names []string
	if strings.HasPrefix(text, "[") {
		if err := json.Unmarshal([]byte(text), &names); err != nil {
			return nil, fmt.Errorf("%w: features: %w", ErrInvalid, err)
		}
		return names, nil
	}
	for line := range strings.Lines(text) {
		if name := strings.TrimSpace(line); name != "" {
			names = append(names, name)
		}
	}
	return names, nil
}
