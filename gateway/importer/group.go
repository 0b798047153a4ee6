package importer

import (
	"fmt"
	"strings"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	profferv1 "github.com/profferhq/proffer/gateway/api/proffer/v1"
)

const (
	// MaxGroupRows is how many rows a group may have. What they become must fit one envelope of the log.
	MaxGroupRows = 50_000
	// maxOriginalBytes is how much of a group's rows travels with its items. The rest stays in the file: an
	// original of any size could not be kept in one envelope of the log.
	maxOriginalBytes = MaxLineBytes
)

// grouping is the groups of a file that are not closed yet, by when they began.
type grouping struct {
	// whole is the scope of the group that is being closed.
	whole *scope
	open  []*group
	byKey map[string]*group
}

// group is rows with one key that become items together.
type group struct {
	key     string
	last    int
	members []groupMember
	// excess are further rows once there were MaxGroupRows.
	excess []row
}

// groupMember is a row with the values of its lets.
type groupMember struct {
	row    row
	values []ref.Val
}

func (g *group) first() int { return g.members[0].row.line }

// gather puts the row into its group, and closes groups that have had no row for long enough.
func (e *evaluator) gather(r row) {
	key, f := e.groupKey()
	if f != nil {
		e.refuse(r, f)
		return
	}
	values := make([]ref.Val, len(e.spec.lets))
	for i := range e.spec.lets {
		values[i] = e.scope.let(i)
		if err, failed := values[i].(*types.Err); failed {
			e.refuse(r, mappingFault("let."+e.spec.lets[i].name, e.spec.lets[i].expression, err))
			return
		}
	}
	e.closeBefore(r.line)
	e.groups.add(key, groupMember{r, values}, e.spec.group.within)
}

func (e *evaluator) groupKey() (string, *fault) {
	spec := e.spec.group.key
	v, err := e.scope.eval(spec)
	if err != nil {
		return "", mappingFault("group.key", spec, err)
	}
	key, err := textOf(v)
	if err != nil {
		return "", mappingFault("group.key", spec, plainError{err})
	}
	return key, nil
}

func (gs *grouping) add(key string, m groupMember, within int) {
	g := gs.byKey[key]
	if g == nil || within > 0 && m.row.line-g.last > within {
		g = &group{key: key}
		gs.byKey[key] = g
		gs.open = append(gs.open, g)
	}
	g.last = m.row.line
	if len(g.members) == MaxGroupRows {
		g.excess = append(g.excess, row{line: m.row.line, raw: m.row.raw})
		return
	}
	g.members = append(g.members, m)
}

// closeBefore closes the groups whose last row is too far back for this line to belong to them. They close in the
// order in which they began, so that items leave in the order of their lines.
func (e *evaluator) closeBefore(line int) {
	within, closed := e.spec.group.within, false
	for within > 0 && len(e.groups.open) > 0 && line-e.groups.open[0].last > within {
		e.closeFirst()
		closed = true
	}
	if closed {
		e.release()
	}
}

// flush closes all groups: the file is at its end.
func (e *evaluator) flush() {
	for len(e.groups.open) > 0 {
		e.closeFirst()
	}
	e.release()
}

func (e *evaluator) closeFirst() {
	g := e.groups.open[0]
	items, f := e.evaluateGroup(g)
	if f == nil {
		e.tally.mapped += uint64(len(g.members))
		e.accept(items, g.first(), g.raw())
	} else {
		for _, m := range g.members {
			e.refuse(m.row, f)
		}
		for _, r := range g.excess {
			e.refuse(r, f)
		}
	}
	e.groups.open[0] = nil
	e.groups.open = e.groups.open[1:]
	if e.groups.byKey[g.key] == g {
		delete(e.groups.byKey, g.key)
	}
}

func (e *evaluator) evaluateGroup(g *group) ([]*profferv1.Item, *fault) {
	if len(g.excess) > 0 {
		return nil, &fault{reason: ReasonGroupTooLarge, message: "the row belongs to a group with too many rows"}
	}
	first, sc := g.members[0], e.groups.whole
	sc.enter(first.row.value, first.row.line)
	copy(sc.values, first.values)
	rows := make([]ref.Val, len(g.members))
	for i, m := range g.members {
		rows[i] = record{groupedRow{m.row.value, e.spec.lets, m.values}}
	}
	sc.rows = types.NewRefValList(types.DefaultTypeAdapter, rows)
	return e.spec.mapped(sc, g.members)
}

// raw is the rows as read, one after another.
func (g *group) raw() string {
	if len(g.members) == 1 {
		return g.members[0].row.raw
	}
	var all strings.Builder
	for i, m := range g.members {
		if all.Len()+len(m.row.raw) > maxOriginalBytes {
			fmt.Fprintf(&all, "... and %d rows more, from line %d on", len(g.members)-i, m.row.line)
			break
		}
		all.WriteString(m.row.raw)
		all.WriteByte('\n')
	}
	return strings.TrimSuffix(all.String(), "\n")
}
