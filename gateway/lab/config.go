package lab

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/profferhq/proffer/domain/identity/match"
	"github.com/profferhq/proffer/domain/problem"
)

// propose is the model of the configuration, or one proposed from the columns that all tables have.
func propose(config []byte, tables []Table, skip []string) (match.Model, error) {
	if len(config) > 0 {
		return ParseModel(config)
	}
	var columns []match.Column
	shared, rows := false, 0
	for _, table := range tables {
		rows += len(table.Rows)
	}
	for i, name := range tables[0].Columns {
		shared = shared || everywhere(name, tables)
		if slices.Contains(skip, name) || !everywhere(name, tables) {
			continue
		}
		columns = append(columns, match.Column{Name: name, Values: tables[0].values(i)})
	}
	switch {
	case !shared:
		return match.Model{}, fmt.Errorf("%w: the two have no column of one name", ErrOptions)
	case rows < 2:
		return match.Model{}, match.ErrTooFew
	}
	return match.Propose(columns)
}

// ParseModel reads a model as YAML or JSON: fields with their kinds, and optionally comparisons and blocks, which are
// proposed from the fields where they are left out. It fails with match.ErrModel.
func ParseModel(document []byte) (match.Model, error) {
	var m match.Model
	if len(document) > match.MaxModelBytes {
		return m, fmt.Errorf("%w: it has more than %d bytes", match.ErrModel, match.MaxModelBytes)
	}
	var node any
	if err := yaml.Unmarshal(document, &node); err != nil {
		return m, fmt.Errorf("%w: %w", match.ErrModel, err)
	}
	text, err := json.Marshal(node)
	if err != nil {
		return m, fmt.Errorf("%w: %w", match.ErrModel, err)
	}
	d := json.NewDecoder(strings.NewReader(string(text)))
	d.DisallowUnknownFields()
	if err := d.Decode(&m); err != nil {
		return match.Model{}, fmt.Errorf("%w: %w", match.ErrModel, problem.InJSON(err))
	}
	if len(m.Fields) > 0 && (len(m.Comparisons) == 0 || len(m.Blocks) == 0) {
		if err := match.ProposeFor(&m); err != nil {
			return match.Model{}, err
		}
	}
	if err := m.Validate(); err != nil {
		return match.Model{}, err
	}
	return m, nil
}

// columnOf is the place of a field's column; a field's name may have _ for : and +.
func columnOf(t Table, field string) int {
	return slices.IndexFunc(t.Columns, func(c string) bool {
		return c == field || strings.NewReplacer(":", "_", "+", "_").Replace(c) == field
	})
}

// values takes an array apart at | and ;, what devices did, whose tokens may have bars of their own, at ; only.
func values(k match.Kind, cell string) []string {
	switch {
	case cell == "":
		return nil
	case k == match.Array:
		return strings.FieldsFunc(cell, func(r rune) bool { return r == '|' || r == ';' })
	case k == match.CoPresence, k == match.LoginPattern:
		return strings.Split(cell, ";")
	}
	return []string{cell}
}
