package policy

import (
	"fmt"
	"regexp"
	"slices"

	"cel.dev/cel-go/common/types"

	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/expression"
)

// segmentsName is the variable by which expressions read segments.
const segmentsName = "segments"

// identifier is what can stand behind the dot of segments.<definition>.
var identifier = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// segmentsObject gives each definition's name the list of the segments in which the person is. Which definitions there are
// is not for a policy to know: whoever publishes it looks that up (Compiled.Segments).
func segmentsObject() expression.Object {
	list := types.NewListType(types.StringType)
	return expression.Object{
		Name: segmentsName,
		Unknown: func(name string) expression.Fault {
			return expression.Fault{Reason: FaultUnknownSegments, Message: fmt.Sprintf("%q is no name of a segment definition", name)}
		},
		Open: func(name string) (expression.Field, bool) {
			return expression.Field{
				Name: name, Type: list, Absent: &missing{reason: ReasonSegmentsMissing, name: name},
				Get: func(of any) any { return of.(*memberships).of(name) },
			}, identifier.MatchString(name)
		},
	}
}

// memberships is what is behind segments.
type memberships struct{ all []*event.InSegments }

// of is the list of a definition; nil when it could not be told.
func (m *memberships) of(definition string) any {
	for _, s := range m.all {
		if s.GetDefinition() == definition && s.GetFailure() == "" {
			return types.DefaultTypeAdapter.NativeToValue(s.GetSegments())
		}
	}
	return nil
}

// Segments are the definitions of segments that the expressions read, ascending, each once.
func (c *Compiled) Segments() []string { return c.segments }

// segmentsRead finds them.
func (c *Compiled) segmentsRead() []string {
	var out []string
	for e := range c.Expressions {
		out = append(out, e.Segments...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}
