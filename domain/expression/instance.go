package expression

import (
	"reflect"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// Instance is one object that expressions read: what a scope gives CEL for the object's variable. Expressions can read
// its fields and nothing else: the checker refuses every other use, so the methods of a CEL value only report errors.
type Instance struct {
	object string
	// Of is what Field.Get gets.
	Of any
}

// InstanceOf is an instance of the object of that name.
func InstanceOf(object string, of any) Instance { return Instance{object: object, Of: of} }

// ConvertToNative gives the instance itself.
func (i *Instance) ConvertToNative(reflect.Type) (any, error) { return i, nil }

// ConvertToType refuses.
func (i *Instance) ConvertToType(ref.Type) ref.Val { return types.NewErr("%s is no value", i.object) }

// Equal refuses.
func (i *Instance) Equal(ref.Val) ref.Val { return types.NewErr("%s is no value", i.object) }

// Type is the object's.
func (i *Instance) Type() ref.Type { return typeOf(i.object) }

// Value is the instance itself.
func (i *Instance) Value() any { return i }
