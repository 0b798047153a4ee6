package problem

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
)

// InJSON is why encoding/json could not read a document, in the terms of its author: what the program calls a field, and
// the type it has, mean nothing there.
func InJSON(err error) error {
	var mistyped *json.UnmarshalTypeError
	if !errors.As(err, &mistyped) {
		return errors.New(strings.TrimPrefix(err.Error(), "json: "))
	}
	field := mistyped.Field
	if field == "" {
		field = "the document"
	}
	got, _, _ := strings.Cut(mistyped.Value, " ") // a number is followed by its digits
	return fmt.Errorf("%s: want %s, not %s", field, wanted(mistyped.Type), jsonWords[got])
}

// jsonWords are the types of JSON values.
var jsonWords = map[string]string{
	"string": "text", "number": "a number", "bool": "true or false", "array": "a list", "object": "an object",
}

// wanted is what a Go type reads.
func wanted(t reflect.Type) string {
	switch t.Kind() {
	case reflect.String:
		return "text"
	case reflect.Bool:
		return "true or false"
	case reflect.Float32, reflect.Float64:
		return "a number"
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return "a whole number in range"
	case reflect.Slice, reflect.Array:
		return "a list"
	default:
		return "an object"
	}
}
