package importer

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// strict decodes a node into a struct and refuses keys that the struct does not have.
func strict(node *yaml.Node, target any) error {
	if node.Kind == yaml.DocumentNode && len(node.Content) == 1 {
		node = node.Content[0]
	}
	if err := checkKeys(node, reflect.TypeOf(target).Elem(), true); err != nil {
		return err
	}
	err := node.Decode(target)
	var mismatch *yaml.TypeError
	if errors.As(err, &mismatch) && len(mismatch.Errors) > 0 {
		plain, _, _ := strings.Cut(mismatch.Errors[0], " into ")
		return errors.New(strings.Replace(plain, "cannot unmarshal", "cannot use", 1) + " here")
	}
	return err
}

// checkKeys walks a node along a type. A type that decodes itself checks itself; the depth of the types bounds
// the walk.
func checkKeys(node *yaml.Node, t reflect.Type, root bool) error {
	if node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	if !root && reflect.PointerTo(t).Implements(reflect.TypeFor[yaml.Unmarshaler]()) {
		return nil
	}
	switch t.Kind() {
	case reflect.Pointer:
		return checkKeys(node, t.Elem(), false)
	case reflect.Slice:
		return checkElements(node, t)
	case reflect.Struct:
		return checkFields(node, t)
	}
	return nil
}

func checkElements(node *yaml.Node, t reflect.Type) error {
	if node.Kind != yaml.SequenceNode {
		return fmt.Errorf("line %d: want a list here", node.Line)
	}
	for _, element := range node.Content {
		if err := checkKeys(element, t.Elem(), false); err != nil {
			return err
		}
	}
	return nil
}

func checkFields(node *yaml.Node, t reflect.Type) error {
	if node.Kind != yaml.MappingNode {
		return fmt.Errorf("line %d: want keys with values here", node.Line)
	}
	fields := map[string]reflect.Type{}
	structFields(t, fields)
	for i := 0; i+1 < len(node.Content); i += 2 {
		key := node.Content[i]
		field, known := fields[key.Value]
		if !known {
			return fmt.Errorf("line %d: unknown key %q (known: %s)", key.Line, key.Value, names(fields))
		}
		if err := checkKeys(node.Content[i+1], field, false); err != nil {
			return err
		}
	}
	return nil
}

func structFields(t reflect.Type, fields map[string]reflect.Type) {
	for i := range t.NumField() {
		f := t.Field(i)
		tag := f.Tag.Get("yaml")
		if tag == ",inline" {
			structFields(f.Type, fields)
		} else if tag != "-" {
			fields[tag] = f.Type
		}
	}
}

func names(fields map[string]reflect.Type) string {
	all := make([]string, 0, len(fields))
	for name := range fields {
		all = append(all, name)
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}
