package importer

import (
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
	"google.golang.org/protobuf/types/known/structpb"

	profferv1 "github.com/profferhq/proffer/gateway/api/proffer/v1"
)

// MaxItemsPerRow is how many items one row may become: an item's number within its row has 8 bits.
const MaxItemsPerRow = 255

// mapped turns the scope's row, or its group, into items. Either all of them or a fault.
func (s *sourceSpec) mapped(sc *scope, group []groupMember) ([]*profferv1.Item, *fault) {
	var items []*profferv1.Item
	for _, e := range s.emits {
		elements, f := e.elements(sc)
		if f != nil {
			return nil, f
		}
		for _, element := range elements {
			sc.each = element
			if yes, err := sc.holds(e.when); err != nil {
				return nil, mappingFault("when", e.when, err)
			} else if !yes {
				continue
			}
			item, f := e.item(sc, group)
			if f != nil {
				return nil, f
			}
			items = append(items, item)
		}
		sc.each = nil
		if len(items) > MaxItemsPerRow {
			return nil, &fault{reason: ReasonTooManyItems, message: "the row becomes more items than a row may"}
		}
	}
	if len(items) == 0 {
		return nil, &fault{reason: ReasonUnmappedRow, message: "no entry of emit applies to the row"}
	}
	return items, nil
}

func mappingFault(field string, e expression, err error) *fault {
	return &fault{reason: ReasonMappingError, field: field, message: explain(err, e.text)}
}

// elements is what `each` gives; without one the item is made once.
func (e *emitSpec) elements(sc *scope) ([]ref.Val, *fault) {
	if e.each.program == nil {
		return []ref.Val{nil}, nil
	}
	return elements(sc, "each", e.each)
}

func elements(sc *scope, field string, e expression) ([]ref.Val, *fault) {
	v, err := sc.eval(e)
	if err != nil {
		return nil, mappingFault(field, e, err)
	}
	list, ok := v.(traits.Lister)
	if !ok {
		return nil, mappingFault(field, e, plainError{errNotList})
	}
	var out []ref.Val
	for it := list.Iterator(); it.HasNext() == types.True; {
		out = append(out, it.Next())
	}
	return out, nil
}

func (e *emitSpec) item(sc *scope, group []groupMember) (*profferv1.Item, *fault) {
	item := &profferv1.Item{Type: e.kind}
	for _, id := range e.identifiers {
		v, err := sc.eval(id.value)
		if err == nil {
			var text string
			if text, err = textOf(v); err == nil && text != "" {
				item.Identifiers = append(item.Identifiers, &profferv1.Identifier{Type: id.kind, Value: text})
			} else if err != nil {
				err = plainError{err}
			}
		}
		if err != nil {
			return nil, mappingFault(id.field, id.value, err)
		}
	}
	for i := range e.fields {
		f := &e.fields[i]
		v, err := sc.eval(f.expression)
		if err == nil {
			err = f.set(item, v, sc.globals.mapping)
		}
		if err != nil {
			return nil, mappingFault(f.name, f.expression, err)
		}
	}
	if f := e.setLines(sc, item, group); f != nil {
		return nil, f
	}
	if f := e.setAttributes(sc, item); f != nil {
		return nil, f
	}
	return item, e.setProperties(sc, item)
}

// setAttributes sets the texts of an offer; null and empty ones are left out.
func (e *emitSpec) setAttributes(sc *scope, item *profferv1.Item) *fault {
	for _, a := range e.attributes {
		v, err := sc.eval(a.expression)
		if err != nil {
			return mappingFault("attributes."+a.name, a.expression, err)
		}
		text, err := textOf(v)
		if err != nil {
			return mappingFault("attributes."+a.name, a.expression, plainError{err})
		}
		if text == "" {
			continue
		}
		if item.Attributes == nil {
			item.Attributes = make(map[string]string, len(e.attributes))
		}
		item.Attributes[a.name] = text
	}
	return nil
}

// setProperties sets what else the source says; null and empty texts are left out: missing is not a value.
func (e *emitSpec) setProperties(sc *scope, item *profferv1.Item) *fault {
	for _, p := range e.properties {
		v, err := sc.eval(p.expression)
		if err != nil {
			return mappingFault("properties."+p.name, p.expression, err)
		}
		if v == types.NullValue || v == types.String("") {
			continue
		}
		value, err := jsonValue(v, 0)
		if err != nil {
			return mappingFault("properties."+p.name, p.expression, plainError{err})
		}
		if item.Properties == nil {
			item.Properties = &structpb.Struct{Fields: make(map[string]*structpb.Value, len(e.properties))}
		}
		item.Properties.Fields[p.name] = value
	}
	return nil
}

// setLines makes the lines of a basket: one a row of the group, one an element of lines.each, or one from the row.
func (e *emitSpec) setLines(sc *scope, item *profferv1.Item, group []groupMember) *fault {
	switch {
	case e.lines == nil:
		return nil
	case e.lines.each.program != nil:
		list, f := elements(sc, "lines.each", e.lines.each)
		if f != nil {
			return f
		}
		outer := sc.each
		defer func() { sc.each = outer }()
		for _, element := range list {
			sc.each = element
			if f := e.lines.add(sc, item); f != nil {
				return f
			}
		}
		return nil
	case group == nil:
		return e.lines.add(sc, item)
	}
	item.Lines = make([]*profferv1.Line, 0, len(group))
	inner := scope{globals: sc.globals, file: sc.file, lets: sc.lets, each: sc.each, rows: sc.rows}
	for i := range group {
		inner.row, inner.line, inner.values = group[i].row.value, group[i].row.line, group[i].values
		if f := e.lines.add(&inner, item); f != nil {
			return f
		}
	}
	return nil
}

func (l *linesSpec) add(sc *scope, item *profferv1.Item) *fault {
	if yes, err := sc.holds(l.when); err != nil {
		return mappingFault("lines.when", l.when, err)
	} else if !yes {
		return nil
	}
	line := &profferv1.Line{}
	for _, part := range [4]struct {
		name string
		e    *expression
		into *string
		text func(ref.Val) (string, error)
	}{
		{"lines.item", &l.item, &line.Item, textOf}, {"lines.category", &l.category, &line.Category, textOf},
		{"lines.quantity", &l.quantity, &line.Quantity, decimalText}, {"lines.amount", &l.amount, &line.Amount, moneyText},
	} {
		if part.e.program == nil {
			continue
		}
		v, err := sc.eval(*part.e)
		if err != nil {
			return mappingFault(part.name, *part.e, err)
		}
		if *part.into, err = part.text(v); err != nil {
			return mappingFault(part.name, *part.e, plainError{err})
		}
	}
	item.Lines = append(item.Lines, line)
	return nil
}
