package importer

import (
	"fmt"
	"reflect"
	"slices"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

// fields are named values in a fixed order: what a row is, whatever it was read from.
type fields interface {
	find(name string) (ref.Val, bool)
	names() []string
}

// columns are the names of a CSV file's columns.
type columns struct {
	all []string
	at  map[string]int
}

func newColumns(names []string) *columns {
	c := &columns{all: names, at: make(map[string]int, len(names))}
	for i, name := range names {
		c.at[name] = i
	}
	return c
}

// csvRow is a row of a CSV file; it has a text for every column.
type csvRow struct {
	columns *columns
	cells   []string
}

func (r csvRow) names() []string { return r.columns.all }

func (r csvRow) find(name string) (ref.Val, bool) {
	i, known := r.columns.at[name]
	if !known {
		return nil, false
	}
	return types.String(r.cells[i]), true
}

// object is a JSON object in the order of its text.
type object struct {
	keys   []string
	values []ref.Val
}

func (o object) names() []string { return o.keys }

func (o object) find(name string) (ref.Val, bool) {
	for i, key := range o.keys {
		if key == name {
			return o.values[i], true
		}
	}
	return nil, false
}

// groupedRow is a row of a group: its columns and the values of the source's lets, which hide columns of the
// same name.
type groupedRow struct {
	fields
	lets   []namedExpression
	values []ref.Val
}

func (r groupedRow) names() []string {
	all := slices.Clone(r.fields.names())
	for _, let := range r.lets {
		if !slices.Contains(all, let.name) {
			all = append(all, let.name)
		}
	}
	return all
}

func (r groupedRow) find(name string) (ref.Val, bool) {
	for i := range r.lets {
		if r.lets[i].name == name {
			return r.values[i], true
		}
	}
	return r.fields.find(name)
}

// record makes fields a CEL map.
type record struct{ fields }

// Find looks a name up.
func (r record) Find(key ref.Val) (ref.Val, bool) {
	name, ok := key.(types.String)
	if !ok {
		return nil, false
	}
	return r.find(string(name))
}

// Get is Find for an index expression.
func (r record) Get(key ref.Val) ref.Val {
	if value, found := r.Find(key); found {
		return value
	}
	return types.NewErr("no such key: %v", key)
}

// Contains makes `in` work.
func (r record) Contains(key ref.Val) ref.Val {
	_, found := r.Find(key)
	return types.Bool(found)
}

// Size is the number of names.
func (r record) Size() ref.Val { return types.Int(len(r.names())) }

// Iterator walks the names in order.
func (r record) Iterator() traits.Iterator {
	return types.NewStringList(types.DefaultTypeAdapter, r.names()).Iterator()
}

// ConvertToNative refuses: a row is only looked up.
func (r record) ConvertToNative(to reflect.Type) (any, error) {
	return nil, fmt.Errorf("importer: a row is not a %s", to)
}

// ConvertToType knows the type's name only.
func (r record) ConvertToType(to ref.Type) ref.Val {
	if to == types.TypeType {
		return types.MapType
	}
	return failText("a row does not convert")
}

// Equal compares names and values, in whatever order.
func (r record) Equal(other ref.Val) ref.Val {
	o, ok := other.(traits.Mapper)
	if !ok || o.Size() != r.Size() {
		return types.False
	}
	for _, name := range r.names() {
		mine, _ := r.find(name)
		if theirs, found := o.Find(types.String(name)); !found || mine.Equal(theirs) != types.True {
			return types.False
		}
	}
	return types.True
}

// Type is CEL's map.
func (r record) Type() ref.Type { return types.MapType }

// Value is the row itself.
func (r record) Value() any { return r }
