package importer

import (
	"fmt"
	"slices"
	"strings"
)

// sourceSpec is a compiled entry of sources: what becomes of the rows of some files.
type sourceSpec struct {
	input   inputSpec
	columns *rowColumns
	lets    []namedExpression
	skips   []ruleSpec
	refuse  []ruleSpec
	group   *groupSpec
	emits   []*emitSpec
}

// ruleSpec skips or refuses a row when its condition holds.
type ruleSpec struct {
	when expression
	fault
}

type groupSpec struct {
	key expression
	// within is how many lines after its last row a group takes another; 0: to the end of the file.
	within int
}

// emitSpec is one item that a row or a group becomes.
type emitSpec struct {
	when        expression
	each        expression
	kind        string
	identifiers []identifierSpec
	fields      []fieldSpec
	lines       *linesSpec
	attributes  []namedExpression
	properties  []namedExpression
}

type identifierSpec struct {
	kind  string
	field string
	value expression
}

type linesSpec struct {
	each, when, item, category, quantity, amount expression
}

func (c *compiler) source(d sourceDocument) (*sourceSpec, error) {
	in, err := compileInput(d.inputDocument)
	if err != nil {
		return nil, err
	}
	spec := &sourceSpec{input: in}
	p, err := c.place(slices.Concat([]string{varRow, varLine, varFile}, c.constant, c.tables)...)
	if err != nil {
		return nil, err
	}
	spec.columns = p.columns
	if spec.lets, p, err = c.lets(p, "let", d.Let); err != nil {
		return nil, err
	}
	if err := spec.compileRules(p, d); err != nil {
		return nil, err
	}
	inGroup := p
	if d.Group != nil {
		key, err := p.compile("group.key", d.Group.Key)
		if err != nil {
			return nil, err
		}
		if key.program == nil {
			return nil, fmt.Errorf("line %d: group: there is no key", d.inputDocument.Line)
		}
		if d.Group.Within < 0 {
			return nil, fmt.Errorf("line %d: group.within: want a number of lines", d.inputDocument.Line)
		}
		spec.group = &groupSpec{key: key, within: d.Group.Within}
		if inGroup, err = p.with(varRows, members); err != nil {
			return nil, err
		}
	}
	if len(d.Emit) == 0 && len(d.Skip) == 0 && len(d.Refuse) == 0 {
		return nil, fmt.Errorf("line %d: emit: there is nothing to do with the rows", d.inputDocument.Line)
	}
	for _, e := range d.Emit {
		compiled, err := compileEmit(inGroup, e)
		if err != nil {
			return nil, err
		}
		spec.emits = append(spec.emits, compiled)
	}
	return spec, nil
}

func (s *sourceSpec) compileRules(p place, d sourceDocument) error {
	for _, rule := range d.Skip {
		compiled, err := compileRule(p, "skip", rule.When, rule.Reason)
		if err != nil {
			return err
		}
		s.skips = append(s.skips, compiled)
	}
	for _, rule := range d.Refuse {
		compiled, err := compileRule(p, "refuse", rule.When, rule.Reason)
		if err != nil {
			return err
		}
		compiled.field, compiled.message = rule.Field, rule.Message
		s.refuse = append(s.refuse, compiled)
	}
	return nil
}

func compileRule(p place, field string, when, reason text) (ruleSpec, error) {
	if !reasonPattern.MatchString(reason.value) {
		return ruleSpec{}, fmt.Errorf("line %d: %s: reason: want UPPER_SNAKE", max(reason.line, when.line), field)
	}
	e, err := p.condition(field+".when", when)
	if err == nil && e.program == nil {
		err = fmt.Errorf("line %d: %s: there is no condition", reason.line, field)
	}
	return ruleSpec{when: e, fault: fault{reason: reason.value}}, err
}

func compileEmit(p place, d emitDocument) (*emitSpec, error) {
	at := func(format string, args ...any) error {
		return fmt.Errorf("line %d: emit: "+format, append([]any{d.Line}, args...)...)
	}
	allowed := fieldsOf(d.Type.value)
	if allowed == "" {
		return nil, at("type: want one of %s", strings.Join(itemTypes(), ", "))
	}
	spec := &emitSpec{kind: d.Type.value}
	var err error
	if spec.each, err = p.compile("each", d.Each); err != nil {
		return nil, err
	}
	if spec.each.program != nil {
		if p, err = p.with(varEach, spec.each.gives.element()); err != nil {
			return nil, err
		}
	}
	if spec.when, err = p.condition("when", d.When); err != nil {
		return nil, err
	}
	if spec.identifiers, err = compileIdentifiers(p, d.Identifiers); err != nil {
		return nil, err
	}
	if len(spec.identifiers) == 0 && spec.kind != "offer" {
		return nil, at("identifiers: whom is it about?")
	}
	if spec.fields, err = compileFields(p, d); err != nil {
		return nil, err
	}
	if spec.lines, err = compileLines(p, d.Lines); err != nil {
		return nil, err
	}
	if spec.attributes, err = compileNamed(p, "attributes", d.Attributes); err != nil {
		return nil, err
	}
	if spec.properties, err = compileNamed(p, "properties", d.Properties); err != nil {
		return nil, err
	}
	if spec.kind == "consent" {
		for field := range strings.FieldsSeq(consentFields) {
			if !slices.Contains(spec.given(), field) {
				return nil, at("%s: a consent needs it", field)
			}
		}
	}
	for _, field := range spec.given() {
		if !slices.Contains(strings.Fields(commonFields+" "+allowed), field) {
			return nil, at("%s: an item of type %s has no such field", field, spec.kind)
		}
	}
	return spec, nil
}

// given lists the fields that the mapping sets.
func (s *emitSpec) given() []string {
	var all []string
	for _, f := range s.fields {
		all = append(all, f.name)
	}
	if s.lines != nil {
		all = append(all, "lines")
	}
	if s.attributes != nil {
		all = append(all, "attributes")
	}
	return all
}

func compileIdentifiers(p place, list []identifierDocument) ([]identifierSpec, error) {
	var out []identifierSpec
	for i, d := range list {
		if !typePattern.MatchString(d.Type.value) {
			return nil, fmt.Errorf("line %d: identifiers: type: want lower-case letters, digits and _", max(d.Type.line, d.Value.line))
		}
		field := fmt.Sprintf("identifiers[%d]", i)
		e, err := p.compile(field, d.Value)
		if err != nil {
			return nil, err
		}
		if e.program == nil {
			return nil, fmt.Errorf("line %d: %s: there is no value", d.Type.line, field)
		}
		out = append(out, identifierSpec{kind: d.Type.value, field: field, value: e})
	}
	return out, nil
}

func compileLines(p place, d *linesDocument) (*linesSpec, error) {
	if d == nil {
		return nil, nil
	}
	var spec linesSpec
	var err error
	if spec.each, err = p.compile("lines.each", d.Each); err != nil {
		return nil, err
	}
	if spec.each.program != nil {
		if p, err = p.with(varEach, spec.each.gives.element()); err != nil {
			return nil, err
		}
	}
	for _, part := range []struct {
		name string
		text text
		into *expression
	}{
		{"lines.item", d.Item, &spec.item}, {"lines.category", d.Category, &spec.category},
		{"lines.quantity", d.Quantity, &spec.quantity}, {"lines.amount", d.Amount, &spec.amount},
	} {
		if *part.into, err = p.compile(part.name, part.text); err != nil {
			return nil, err
		}
	}
	if spec.when, err = p.condition("lines.when", d.When); err != nil {
		return nil, err
	}
	return &spec, nil
}

func compileNamed(p place, field string, named namedTexts) ([]namedExpression, error) {
	var out []namedExpression
	for _, n := range named {
		e, err := p.compile(field+"."+n.name, n.text)
		if err != nil {
			return nil, err
		}
		out = append(out, namedExpression{n.name, e})
	}
	return out, nil
}
