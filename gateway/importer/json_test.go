package importer

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"unicode/utf8"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
	"github.com/google/go-cmp/cmp"
)

func TestParseObjectKeepsNumbersExact(t *testing.T) {
	t.Parallel()
	row, err := parseObject(`{"i": 9007199254740993, "d": 20.10, "e": 1e2, "huge": 123456789012345678901, "long": 0.12345678901234567890123, "neg": -0.5}`)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]ref.Val{}
	for _, name := range row.names() {
		got[name], _ = row.find(name)
	}
	want := map[string]ref.Val{
		"i": types.Int(9007199254740993), "d": decimal{201, 1}, "e": decimal{100, 0}, "neg": decimal{-5, 1},
		"huge": types.String("123456789012345678901"), "long": types.String("0.12345678901234567890123"),
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(decimal{})); diff != "" {
		t.Errorf("numbers (-want +got):\n%s", diff)
	}
}

func TestParseObjectRefuses(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat(`{"a":`, maxDepth+2) + "1" + strings.Repeat("}", maxDepth+2)
	for text, want := range map[string]error{
		``: errNotJSON, `{`: errNotJSON, `{"a":1,}`: errNotJSON, `{"a" 1}`: errNotJSON, `{"a":01}`: errNotJSON, `{"a":1} x`: errNotJSON,
		`{"a":+1}`: errNotJSON, `{"a":.5}`: errNotJSON, `{"a":1.}`: errNotJSON, `{"a":NaN}`: errNotJSON, `{"a":"\x"}`: errNotJSON,
		"{\"a\":\"\t\"}": errNotJSON, `{"a":[1,]}`: errNotJSON, `{a:1}`: errNotJSON,
		`[1]`: errNotObject, `"text"`: errNotObject, `null`: errNotObject,
		`{"a":1,"a":2}`: errRepeatedTag, deep: errNested,
	} {
		if _, err := parseObject(text); !errors.Is(err, want) {
			t.Errorf("parseObject(%.40q) = %v, want %v", text, err, want)
		}
	}
}

// FuzzParseObject compares with encoding/json: the same lines are objects, with the same content.
func FuzzParseObject(f *testing.F) {
	for _, seed := range []string{
		`{}`, ` { "a" : [ 1 , -2.50e+1, "x\u00e9\n", true, false, null, {} ] } `, `{"offer id": "9b"}`, `{"a":"\ud83d\ude00"}`,
		`{"a":"\ud83d"}`, `{"a":1e400}`, `{"":""}`, `[]`, `{"a":{"b":{"c":[[]]}}}`, `{"a":-}`, `{"a":"\"}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if !utf8.ValidString(text) || strings.ContainsAny(text, "\n") {
			return // never reaches the parser
		}
		row, err := parseObject(text)
		want, isObject := reference(text)
		if errors.Is(err, errRepeatedTag) || errors.Is(err, errNested) {
			return // stricter on purpose
		}
		if (err == nil) != isObject {
			t.Fatalf("parseObject(%q) = %v, encoding/json says object = %v", text, err, isObject)
		}
		if err != nil {
			return
		}
		if diff := cmp.Diff(want, plain(row)); diff != "" {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
	})
}

func reference(text string) (any, bool) {
	dec := json.NewDecoder(bytes.NewReader([]byte(text)))
	dec.UseNumber()
	var v map[string]any
	if dec.Decode(&v) != nil || v == nil {
		return nil, false
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, false
	}
	return withoutNumbers(v), true
}

// withoutNumbers writes scalars as text, and numbers as the parser would: their values have tests of their own.
func withoutNumbers(v any) any {
	switch x := v.(type) {
	case json.Number:
		text, _ := textOf(exact(x.String(), !strings.ContainsAny(x.String(), ".eE")))
		return text
	case []any:
		for i := range x {
			x[i] = withoutNumbers(x[i])
		}
	case map[string]any:
		for k := range x {
			x[k] = withoutNumbers(x[k])
		}
	}
	return v
}

func plain(v ref.Val) any {
	switch x := v.(type) {
	case record:
		out := map[string]any{}
		for _, name := range x.names() {
			e, _ := x.find(name)
			out[name] = plain(e)
		}
		return out
	case traits.Lister:
		out := []any{}
		for it := x.Iterator(); it.HasNext() == types.True; {
			out = append(out, plain(it.Next()))
		}
		return out
	case types.Bool:
		return bool(x)
	case types.Null:
		return nil
	}
	text, _ := textOf(v)
	return text
}
