package jsontext_test

import (
	"encoding/json"
	"errors"
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
		if err != nil {
			return
		}
		if want, got := decoded(t, text), tree(v); !reflect.DeepEqual(want, got) { // cmp.Diff is exponential in the depth
			t.Fatalf("%q: encoding/json makes %v, we make %v", text, want, got)
		}
		if w := v.With("x", v).Over(v); w.Kind() == jsontext.Object && !json.Valid(w.Raw()) {
			t.Fatalf("%q: With and Over make %q", text, w.Raw())
		}
	})
}
