package problem_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/profferhq/proffer/domain/problem"
)

func TestFaultsOfJSONAreToldInTheDocumentsTerms(t *testing.T) {
	t.Parallel()
	type inner struct {
		When string `json:"when"`
	}
	type document struct {
		ID    string         `json:"id"`
		K     int            `json:"k"`
		Share float64        `json:"share"`
		On    bool           `json:"on"`
		Rules []inner        `json:"rules"`
		Means map[string]any `json:"means"`
	}
	for text, want := range map[string]string{
		`[]`:                     "the document: want an object, not a list",
		`{"id":3}`:               "id: want text, not a number",
		`{"k":"x"}`:              "k: want a whole number in range, not text",
		`{"k":1.5}`:              "k: want a whole number in range, not a number",
		`{"share":true}`:         "share: want a number, not true or false",
		`{"on":{}}`:              "on: want true or false, not an object",
		`{"rules":{}}`:           "rules: want a list, not an object",
		`{"rules":[{"when":1}]}`: "rules.when: want text, not a number",
		`{"means":[]}`:           "means: want an object, not a list",
		`{"no":1}`:               `unknown field "no"`,
		`{`:                      "unexpected EOF",
	} {
		decoder := json.NewDecoder(bytes.NewReader([]byte(text)))
		decoder.DisallowUnknownFields()
		var d document
		err := decoder.Decode(&d)
		if err == nil {
			t.Fatalf("%s is read: the test proves nothing", text)
		}
		if got := problem.InJSON(err).Error(); got != want {
			t.Errorf("%s: got %q, want %q", text, got, want)
		}
	}
}
