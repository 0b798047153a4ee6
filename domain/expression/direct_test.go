package expression

import (
	"errors"
	"fmt"
	"testing"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"pgregory.net/rapid"
)

// thing has fields that may have no value.
type thing struct {
	text   ref.Val
	number ref.Val
	whole  ref.Val
	flag   ref.Val
	of     Instance
}

func (t *thing) ResolveName(name string) (any, bool) { return &t.of, name == "x" }
func (t *thing) Parent() cel.Activation              { return nil }

func thingEnvironment(t *testing.T) *Environment {
	t.Helper()
	field := func(name string, typ *types.Type, get func(*thing) ref.Val) Field {
		return Field{Name: name, Type: typ, Absent: errors.New("absent"), Get: func(of any) any {
			if v := get(of.(*thing)); v != nil {
				return v
			}
			return nil
		}}
	}
	e, err := New([]Object{{Name: "x", Fields: []Field{
		field("text", types.StringType, func(t *thing) ref.Val { return t.text }),
		field("number", types.DoubleType, func(t *thing) ref.Val { return t.number }),
		field("whole", types.IntType, func(t *thing) ref.Val { return t.whole }),
		field("flag", types.BoolType, func(t *thing) ref.Val { return t.flag }),
	}}})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// Whatever is evaluated directly means what the interpreter says, whether fields have values or not.
func TestDirectMeansTheSame(t *testing.T) {
	t.Parallel()
	e := thingEnvironment(t)
	rapid.Check(t, func(t *rapid.T) {
		var write func(depth int) string
		write = func(depth int) string {
			switch n := rapid.IntRange(0, 9).Draw(t, "shape"); {
			case depth > 0 && n < 2:
				return "(" + write(depth-1) + " && " + write(depth-1) + ")"
			case depth > 0 && n < 4:
				return "(" + write(depth-1) + " || " + write(depth-1) + ")"
			case depth > 0 && n < 5:
				return "!" + write(depth-1)
			case depth > 0 && n < 6:
				return "(" + write(depth-1) + " ? " + write(depth-1) + " : " + write(depth-1) + ")"
			}
			op := rapid.SampledFrom([]string{" == ", " != ", " < ", " <= ", " > ", " >= "}).Draw(t, "op")
			return rapid.SampledFrom([]string{
				"x.flag", "has(x.number)", "has(x.text)", "(x.text" + op + "'b')", "(x.number" + op + "2)", "(x.number" + op + "1.5)", "(x.whole" + op + "3)", "(x.number" + op + "x.number)", "true",
				"(x.number / (x.number - 2.0)" + op + "x.number * 3.0 + 1.0)", "((x.flag ? x.number : 7.0)" + op + "2.5)",
			}).Draw(t, "leaf")
		}
		source := write(3)
		c, faults := e.Compile(source, "true or false", types.BoolType)
		if len(faults) > 0 || c.direct == nil {
			t.Fatalf("%s: %v, direct %v", source, faults, c.direct)
		}
		maybe := func(vs ...ref.Val) ref.Val { return rapid.SampledFrom(append(vs, nil)).Draw(t, "value") }
		x := &thing{
			text: maybe(types.String("a"), types.String("b")), number: maybe(types.Double(0), types.Double(1), types.Double(2), types.Double(2.5)),
			whole: maybe(types.Int(2), types.Int(3)), flag: maybe(types.True, types.False),
		}
		x.of = InstanceOf("x", x)
		want, wrong := c.interpret(x)
		if wrong != nil {
			want = nil
		}
		if got := c.Quick(x); got != want {
			t.Fatalf("%s of %+v is %v, want %v (%v)", source, x, got, want, wrong)
		}
		if got, err := c.Eval(x); err == nil && got != want || fmt.Sprint(err) != fmt.Sprint(wrong) {
			t.Fatalf("%s of %+v is %v (%v), want %v (%v)", source, x, got, err, want, wrong)
		}
	})
}
