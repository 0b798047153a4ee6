package importer

import (
	"cmp"
	"slices"

	profferv1 "github.com/profferhq/proffer/gateway/api/proffer/v1"
)

// tally counts what became of the rows of a file: Rows = Mapped + Refused + Skipped.
type tally struct {
	rows, mapped, items uint64
	refused, skipped    map[string]uint64
	types               map[string]uint64
}

// evaluator turns the rows of one file into items with increasing source_seq. It serves one goroutine.
type evaluator struct {
	spec    *sourceSpec
	scope   *scope
	groups  grouping
	tally   tally
	ready   []*profferv1.Item
	waiting []*profferv1.Item // behind an open group that began before them
}

func newEvaluator(spec *sourceSpec, g *globals, base string) *evaluator {
	return &evaluator{
		spec: spec, scope: newScope(g, base, spec.lets),
		groups: grouping{whole: newScope(g, base, spec.lets), byKey: map[string]*group{}},
		tally:  tally{refused: map[string]uint64{}, skipped: map[string]uint64{}, types: map[string]uint64{}},
	}
}

// take returns the items that are ready and forgets them.
func (e *evaluator) take() []*profferv1.Item {
	ready := e.ready
	e.ready = nil
	return ready
}

// add evaluates the next row of the file.
func (e *evaluator) add(r row) {
	e.tally.rows++
	if r.fault != nil {
		e.refuse(r, r.fault)
		return
	}
	e.scope.enter(r.value, r.line)
	skipped, f := e.applyRules()
	switch {
	case f != nil:
		e.refuse(r, f)
	case skipped:
	case e.spec.group != nil:
		e.gather(r)
	default:
		items, f := e.spec.mapped(e.scope, nil)
		if f != nil {
			e.refuse(r, f)
			return
		}
		e.tally.mapped++
		e.accept(items, r.line, r.raw)
	}
}

// applyRules asks the rules in order, those that skip first.
func (e *evaluator) applyRules() (skipped bool, f *fault) {
	for i := range e.spec.skips {
		rule := &e.spec.skips[i]
		if yes, err := e.scope.holds(rule.when); err != nil {
			return false, mappingFault("skip", rule.when, err)
		} else if yes {
			e.tally.skipped[rule.reason]++
			return true, nil
		}
	}
	for i := range e.spec.refuse {
		rule := &e.spec.refuse[i]
		if yes, err := e.scope.holds(rule.when); err != nil {
			return false, mappingFault(cmp.Or(rule.field, "refuse"), rule.when, err)
		} else if yes {
			return false, &rule.fault
		}
	}
	return false, nil
}

// accept numbers the items of one row or group.
func (e *evaluator) accept(items []*profferv1.Item, line int, raw string) {
	for i, item := range items {
		item.SourceSeq = uint64(line)<<8 | uint64(i)
		item.Original = raw
		e.tally.types[item.GetType()]++
	}
	e.leave(items)
}

// lineOf is the line of an item's row, or of its group's first.
func lineOf(item *profferv1.Item) uint64 { return item.GetSourceSeq() >> 8 }

// refuse makes the item that keeps a row in quarantine.
func (e *evaluator) refuse(r row, f *fault) {
	e.tally.refused[f.reason]++
	e.leave([]*profferv1.Item{{
		SourceSeq: uint64(r.line) << 8, Original: original(r.raw),
		RefusedReason: f.reason, RefusedField: f.field, RefusedMessage: f.message,
	}})
}

// leave lets items go at once, or after the groups that are open.
func (e *evaluator) leave(items []*profferv1.Item) {
	e.tally.items += uint64(len(items))
	if len(e.groups.open) > 0 || len(e.waiting) > 0 {
		e.waiting = append(e.waiting, items...)
		return
	}
	e.ready = append(e.ready, items...)
}

// release lets those go that stand before the first open group, in the order of the lines.
func (e *evaluator) release() {
	slices.SortStableFunc(e.waiting, func(a, b *profferv1.Item) int { return cmp.Compare(a.GetSourceSeq(), b.GetSourceSeq()) })
	n := len(e.waiting)
	if len(e.groups.open) > 0 {
		first := uint64(e.groups.open[0].first()) << 8
		n, _ = slices.BinarySearchFunc(e.waiting, first, func(item *profferv1.Item, seq uint64) int { return cmp.Compare(item.GetSourceSeq(), seq) })
	}
	e.ready = append(e.ready, e.waiting[:n]...)
	e.waiting = slices.Delete(e.waiting, 0, n)
}
