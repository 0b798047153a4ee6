package jsontext_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/profferhq/proffer/commands/jsontext"
)

func parse(t testing.TB, text string) jsontext.Value {
	t.Helper()
	v, err := jsontext.Parse([]byte(text), 100)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v
}

// tree rebuilds what encoding/json makes of a text, through our own ranging.
func tree(v jsontext.Value) any {
	switch v.Kind() {
	case jsontext.Object:
		out := map[string]any{}
		for name, m := range v.Members() {
			out[string(name)] = tree(m)
		}
		return out
	case jsontext.Array:
		out := []any{}
		for e := range v.Elements() {
			out = append(out, tree(e))
		}
		return out
	case jsontext.String:
		text, _ := v.Text()
		return text
	case jsontext.Number:
		text, _ := v.NumberText()
		return json.Number(text)
	case jsontext.Bool:
		return v.True()
	}
	return nil
}

func TestTooDeep(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat("[", 1_000_000) + strings.Repeat("]", 1_000_000)
	for limit, want := range map[int]error{32: jsontext.ErrTooDeep, 999_999: jsontext.ErrTooDeep, 1_000_000: nil} {
		if _, err := jsontext.Parse([]byte(deep), limit); !errors.Is(err, want) {
			t.Errorf("at most %d levels: got %v, want %v", limit, err, want)
		}
	}
	for text, want := range map[string]int{`1`: 0, `"[["`: 0, `{}`: 1, `{"a":[{"b":"}"}],"c":1}`: 3, `[[],[],[[]],"[{\"[",[]]`: 3} {
		for levels := range 6 {
			if got := parse(t, text).Deeper(levels); got != (want > levels) {
				t.Errorf("%s has %d levels: deeper than %d is %t", text, want, levels, got)
			}
		}
	}
}

// TestWhatIsNestedIsReadAsByEncodingJSON: deeper than a word has bits too, and with any one bracket turned into another.
func TestWhatIsNestedIsReadAsByEncodingJSON(t *testing.T) {
	t.Parallel()
	turned := strings.NewReplacer("{", "[", "[", "{", "}", "]", "]", "}")
	rapid.Check(t, func(t *rapid.T) {
		deep := rapid.IntRange(0, 200).Draw(t, "levels")
		text := "0"
		for _, object := range rapid.SliceOfN(rapid.Bool(), deep, deep).Draw(t, "objects") {
			if object {
				text = `{"a":[],"b":` + text + `,"c":"}"}`
			} else {
				text = `[{},` + text + `, 1]`
			}
		}
		if at := rapid.IntRange(0, 2*len(text)).Draw(t, "turned"); at < len(text) {
			text = text[:at] + turned.Replace(text[at:at+1]) + text[at+1:]
		}
		v, err := jsontext.Parse([]byte(text), 1000)
		if valid := json.Valid([]byte(text)); valid != (err == nil) {
			t.Fatalf("%s: encoding/json says %t, we say %v", text, valid, err)
		}
		if err == nil && !reflect.DeepEqual(decoded(t, text), tree(v)) {
			t.Fatalf("%s: got %v", text, tree(v))
		}
	})
}

// shown is what Visit shows of a text, one line each.
func shown(text string) (lines []string, v jsontext.Value, err error) {
	v, err = jsontext.Visit([]byte(text), 10_000, func(member []byte, element bool, v jsontext.Value) {
		lines = append(lines, fmt.Sprintf("%q %t %s", member, element, v.Raw()))
	})
	return lines, v, err
}

// ranged is what Visit should show of a value: what ranging over it yields.
func ranged(v jsontext.Value) (lines []string) {
	for name, m := range v.Members() {
		member := string(name)
		for e := range m.Elements() {
			lines = append(lines, fmt.Sprintf("%q true %s", member, e.Raw()))
		}
		lines = append(lines, fmt.Sprintf("%q false %s", member, m.Raw()))
	}
	return lines
}

func TestVisitShowsMembersAndElements(t *testing.T) {
	t.Parallel()
	got, _, err := shown(` { "a" : [ 1 , {"x":[2]}, [3] ] , "\u0062":[], "c":{"d":[4]},"a":5 } `)
	want := []string{`"a" true 1`, `"a" true {"x":[2]}`, `"a" true [3]`, `"a" false [ 1 , {"x":[2]}, [3] ]`, `"b" false []`, `"c" false {"d":[4]}`, `"a" false 5`}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
}

// decoded is what encoding/json makes of a text.
func decoded(t interface{ Fatal(...any) }, text string) any {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestWithAndOver(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ got, want string }{
		{string(parse(t, `{"a":1}`).With("b", parse(t, `[2]`)).Raw()), `{"a":1,"b":[2]}`},
		{string(parse(t, `{ }`).With("b", parse(t, `2`)).Raw()), `{"b":2}`},
		{string(jsontext.Value{}.With(`"`, parse(t, `2`)).Raw()), `{"\"":2}`},
		{string(parse(t, `{"a":1,"b":1}`).Over(parse(t, `{"b":2,"c":2}`)).Raw()), `{"a":1,"b":1,"c":2}`},
		{string(jsontext.Value{}.Over(parse(t, `{"b":2}`)).Raw()), `{"b":2}`},
		{string(parse(t, `{"a":1}`).Over(jsontext.Value{}).Raw()), `{"a":1}`},
	} {
		if c.got != c.want {
			t.Errorf("got %s, want %s", c.got, c.want)
		}
	}
}

func FuzzValue(f *testing.F) {
	for _, s := range []string{
		`{"a":[1,-2.5e+3,"x\u00e9\ud83d\ude00\n",true,false,null,{}],"b":{"c":[]}}`, ` "\ud800" `, `{"a":1,"a":2}`, `[01]`, `{"a"}`, `nul`, "\"\x01\"", "\"\xff\"", `1.`, `--1`, `"\x"`, ``,
		strings.Repeat("[", 65) + strings.Repeat("]", 65), strings.Repeat(`{"a":[`, 100) + strings.Repeat("]}", 100), strings.Repeat("[", 70) + "}",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		v, err := jsontext.Parse([]byte(text), 10_000) // the limit of encoding/json
		if valid := json.Valid([]byte(text)); valid != (err == nil) {
			t.Fatalf("%q: encoding/json says %t, we say %v", text, valid, err)
		}
		if _, _, visited := shown(text); fmt.Sprint(visited) != fmt.Sprint(err) {
			t.Fatalf("%q: Visit says %v, Parse %v", text, visited, err)
		}
		if err != nil {
			return
		}
		if want, got := decoded(t, text), tree(v); !reflect.DeepEqual(want, got) { // cmp.Diff is exponential in the depth
			t.Fatalf("%q: encoding/json makes %v, we make %v", text, want, got)
		}
		if got, visited, err := shown(text); err != nil || !reflect.DeepEqual(got, ranged(v)) || string(visited.Raw()) != string(v.Raw()) {
			t.Fatalf("%q: Visit shows %q, %v", text, got, err)
		}
		if w := v.With("x", v).Over(v); w.Kind() == jsontext.Object && !json.Valid(w.Raw()) {
			t.Fatalf("%q: With and Over make %q", text, w.Raw())
		}
	})
}
