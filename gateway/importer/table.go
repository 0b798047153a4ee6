package importer

import (
	"errors"
	"fmt"
	"reflect"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

// tableKind is what a table keeps for a key.
type tableKind string

const (
	// tableRows keeps a value (the row itself unless the mapping says otherwise); a key stands once.
	tableRows tableKind = "rows"
	// tableCount counts the rows.
	tableCount tableKind = "count"
	// tableSet only knows which keys there are.
	tableSet tableKind = "set"
)

// tableSpec is a table as the mapping declares it.
type tableSpec struct {
	name    string
	input   inputSpec
	columns *rowColumns
	kind    tableKind
	lets    []namedExpression
	when    expression
	key     expression
	value   expression
}

// errRepeatedKey: a table of kind rows found a key twice with different values. Which one is meant is unknown.
var errRepeatedKey = errors.New("a key stands twice with different values")

// table is a loaded table as a CEL value: a map from text to a value, a count or true. It does not change once
// loading is over.
type table struct {
	kind    tableKind
	entries map[string]ref.Val
	counts  map[string]int64
	// keys are in the order in which they were first seen.
	keys []string
}

func newTable(kind tableKind) *table {
	return &table{kind: kind, entries: map[string]ref.Val{}, counts: map[string]int64{}}
}

// put notes one row under its key.
func (t *table) put(key string, value ref.Val) error {
	n := t.counts[key]
	t.counts[key] = n + 1
	if n == 0 {
		t.keys = append(t.keys, key)
	}
	if t.kind != tableRows {
		return nil
	}
	if before, known := t.entries[key]; known && before.Equal(value) != types.True {
		return errRepeatedKey
	}
	t.entries[key] = value
	return nil
}

// Find looks a key up; an integer key is its text.
func (t *table) Find(key ref.Val) (ref.Val, bool) {
	text, err := textOf(key)
	if err != nil {
		return failText("a table's key is a text or an integer"), false
	}
	n, known := t.counts[text]
	if !known {
		return nil, false
	}
	switch t.kind {
	case tableCount:
		return types.Int(n), true
	case tableSet:
		return types.True, true
	}
	return t.entries[text], true
}

// Get is Find for an index expression; a key that is not there is an error, see lookup() and count().
func (t *table) Get(key ref.Val) ref.Val {
	value, found := t.Find(key)
	switch {
	case found:
		return value
	case value != nil:
		return value
	}
	return failText("the table has no such key")
}

// Contains makes `in` work.
func (t *table) Contains(key ref.Val) ref.Val {
	value, found := t.Find(key)
	if value != nil && types.IsError(value) {
		return value
	}
	return types.Bool(found)
}

// Size is the number of keys.
func (t *table) Size() ref.Val { return types.Int(len(t.keys)) }

// Iterator walks the keys in the order in which they were first seen.
func (t *table) Iterator() traits.Iterator {
	return types.NewStringList(types.DefaultTypeAdapter, t.keys).Iterator()
}

// ConvertToNative refuses: a table is only looked up.
func (t *table) ConvertToNative(to reflect.Type) (any, error) {
	return nil, fmt.Errorf("importer: a table is not a %s", to)
}

// ConvertToType knows the type's name only.
func (t *table) ConvertToType(to ref.Type) ref.Val {
	if to == types.TypeType {
		return types.MapType
	}
	return failText("a table does not convert")
}

// Equal is identity.
func (t *table) Equal(other ref.Val) ref.Val { return types.Bool(ref.Val(t) == other) }

// Type is CEL's map.
func (t *table) Type() ref.Type { return types.MapType }

// Value is the table itself.
func (t *table) Value() any { return t }
