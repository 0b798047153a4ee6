// Package yamlfault says what is wrong with the shape of a YAML document in the words of who wrote it.
package yamlfault

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/profferhq/proffer/domain/expression"
)

// What YAML says of a field that there is not, and of a value of another kind.
var (
	unknownField = regexp.MustCompile(`field (\S+) not found in type \w+\.(\w+)`)
	otherKind    = regexp.MustCompile("cannot unmarshal !!(\\w+)(?: `([^`]*)`)? into (\\S+)")
)

// Plainly is the text of an error of decoding, without the names of types: with lines, and with what may be meant in
// place of a field that there is not. The structs are those that the document is decoded into.
func Plainly(err error, structs ...any) string {
	var faults *yaml.TypeError
	if !errors.As(err, &faults) {
		return strings.TrimPrefix(err.Error(), "yaml: ")
	}
	lines := slices.Clone(faults.Errors)
	for i, line := range lines {
		if m := unknownField.FindStringSubmatch(line); m != nil {
			line = strings.Replace(line, m[0], fmt.Sprintf("there is no field %q%s", m[1], expression.Suggestion(m[1], fieldsOf(m[2], structs))), 1)
		} else if m := otherKind.FindStringSubmatch(line); m != nil {
			line = strings.Replace(line, m[0], unlike(m[1], m[2], m[3]), 1)
		}
		lines[i] = line
	}
	return strings.Join(lines, "; ")
}

// unlike says that another kind of value is wanted than one of a YAML tag.
func unlike(tag, value, goType string) string {
	written := map[string]string{"seq": "a list", "map": "fields"}[tag]
	if written == "" {
		written = strconv.Quote(value)
	}
	wanted := "fields"
	switch {
	case strings.HasPrefix(goType, "[]"):
		wanted = "a list"
	case goType == "string":
		wanted = "a text"
	case goType == "float64":
		wanted = "a number"
	case strings.HasPrefix(goType, "int"), strings.HasPrefix(goType, "uint"):
		wanted = "a whole number"
	}
	return fmt.Sprintf("want %s, not %s", wanted, written)
}

// fieldsOf are those that the struct of a name may have.
func fieldsOf(name string, structs []any) []string {
	var out []string
	for _, s := range structs {
		of := reflect.TypeOf(s)
		if of.Name() != name {
			continue
		}
		for _, f := range reflect.VisibleFields(of) {
			if name, _, _ := strings.Cut(f.Tag.Get("yaml"), ","); name != "" && name != "-" {
				out = append(out, name)
			}
		}
	}
	return out
}
