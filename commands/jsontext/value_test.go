package jsontext_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

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
	deep := strings.Repeat("[", 10000) + strings.Repeat("]", 10000)
	if _, err := jsontext.Parse([]byte(deep), 32); !errors.Is(err, jsontext.ErrTooDeep) {
		t.Errorf("got %v, want ErrTooDeep", err)
	}
	if got := parse(t, `{"a":[{"b":"}"}],"c":1}`).Depth(); got != 3 {
		t.Errorf("got depth %d, want 3", got)
	}
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
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		v, err := jsontext.Parse([]byte(text), 1000)
		if valid := json.Valid([]byte(text)); valid != (err == nil) && !errors.Is(err, jsontext.ErrTooDeep) {
			t.Fatalf("%q: encoding/json says %t, we say %v", text, valid, err)
		}
		if err != nil {
			return
		}
		d := json.NewDecoder(strings.NewReader(text))
		d.UseNumber()
		var want any
		if err := d.Decode(&want); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, tree(v)); diff != "" {
			t.Fatalf("%q (-encoding/json +ours):\n%s", text, diff)
		}
		if w := v.With("x", v).Over(v); w.Kind() == jsontext.Object && !json.Valid(w.Raw()) {
			t.Fatalf("%q: With and Over make %q", text, w.Raw())
		}
	})
}
