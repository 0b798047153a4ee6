package importer

import (
	"context"
	"fmt"

	"cel.dev/cel-go/common/types"
)

// pass is one reading of a file for the tables that need it: tables that read a file in the same way share it.
type pass struct {
	file   inputFile
	input  inputSpec
	tables []*tableSpec
}

func (p *Plan) passes() []pass {
	var all []pass
	for _, t := range p.tables {
	files:
		for _, f := range t.files {
			for i := range all {
				if all[i].file == f && all[i].input.equal(t.spec.input) {
					all[i].tables = append(all[i].tables, t.spec)
					continue files
				}
			}
			all = append(all, pass{f, t.spec.input, []*tableSpec{t.spec}})
		}
	}
	return all
}

func (in inputSpec) equal(o inputSpec) bool {
	return in.format == o.format && in.separator == o.separator && in.trim == o.trim && fmt.Sprint(in.header) == fmt.Sprint(o.header)
}

// load fills the tables and computes the constants.
func (r *run) load(ctx context.Context) error {
	m := r.plan.mapping
	r.globals = &globals{mapping: m, tables: map[string]*table{}}
	for _, spec := range m.tables {
		r.globals.tables[tablePrefix+spec.name] = newTable(spec.kind)
	}
	for _, p := range r.plan.passes() {
		r.status.Source = m.sourceName(p.file.base)
		if err := r.fill(ctx, p); err != nil {
			return fmt.Errorf("%s: %w", p.file.base, err)
		}
	}
	sc := newScope(r.globals, "", m.constants)
	constants := make(map[string]any, len(m.constants))
	for i, c := range m.constants {
		value := sc.let(i)
		if err, failed := value.(*types.Err); failed {
			return fmt.Errorf("constants.%s: %s", c.name, explain(err, c.text))
		}
		constants[c.name] = value
	}
	r.globals.constants = constants
	return nil
}

// fill reads one file into tables. A row that cannot be read, or whose expressions fail, is an error here: a
// table with holes would make wrong items, silently.
func (r *run) fill(ctx context.Context, p pass) error {
	in, err := p.file.open(r.done)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }() // only read
	rows, err := newRowReader(in, p.input)
	if err != nil {
		return err
	}
	scopes := make([]*scope, len(p.tables))
	for i, spec := range p.tables {
		scopes[i] = newScope(r.globals, p.file.base, spec.lets)
	}
	readError := eachChunk(rows, func(chunk []row) error {
		for i := range chunk {
			if err := r.put(p.tables, scopes, chunk[i]); err != nil {
				return fmt.Errorf("line %d: %w", chunk[i].line, err)
			}
		}
		r.report()
		return ctx.Err()
	})
	return readError
}

func (r *run) put(specs []*tableSpec, scopes []*scope, next row) error {
	if next.fault != nil {
		return fmt.Errorf("%s: %s", next.fault.reason, next.fault.message)
	}
	for i, spec := range specs {
		scopes[i].enter(next.value, next.line)
		if err := spec.put(r.globals.tables[tablePrefix+spec.name], scopes[i], next); err != nil {
			return fmt.Errorf("table %s: %w", spec.name, err)
		}
	}
	return nil
}

// put adds one row to the table if its condition holds.
func (t *tableSpec) put(into *table, sc *scope, next row) error {
	yes, err := sc.holds(t.when)
	if err != nil {
		return fmt.Errorf("when: %s", explain(err, t.when.text))
	}
	if !yes {
		return nil
	}
	v, err := sc.eval(t.key)
	if err != nil {
		return fmt.Errorf("key: %s", explain(err, t.key.text))
	}
	key, err := textOf(v)
	if err != nil {
		return fmt.Errorf("key: %w", err)
	}
	if t.value.program == nil {
		return into.put(key, next.value)
	}
	if v, err = sc.eval(t.value); err != nil {
		return fmt.Errorf("value: %s", explain(err, t.value.text))
	}
	return into.put(key, v)
}
