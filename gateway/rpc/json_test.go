package rpc

import (
	"strings"
	"testing"

	profferv1 "github.com/profferhq/proffer/gateway/api/proffer/v1"
)

// A message that cannot be read may hold a phone number where no number belongs: the error says where, not what.
func TestMalformedJSONIsNotRepeated(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`{"placement":4915112345678}`:                              "invalid value for string field placement",
		`{"identifiers":[{"type":"phone","value":4915112345678}]}`: "invalid value for string field value",
		`{"identifiers":4915112345678}`:                            "unexpected token",
		`{"placement":"home" 4915112345678}`:                       "unexpected token",
		`{"placement":"home","validateOnly":"4915112345678"}`:      "validateOnly",
		`{"placement":x4915112345678}`:                             "invalid value",
		`{"timeout":"4915112345678"}`:                              "invalid google.protobuf.Duration value",
		`{"timeout":"4915112345678s"}`:                             "google.protobuf.Duration value out of range",
		`{"context":{"n":4915112345678e999}}`:                      "invalid google.protobuf.Value",
		`{"identifers":[]}`:                                        `unknown field "identifers"`,
	} {
		err := strictJSON{}.Unmarshal([]byte(text), &profferv1.DecideRequest{})
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "4915112345678") {
			t.Errorf("%s: got %v, want %q and no value", text, err, want)
		}
	}
}
