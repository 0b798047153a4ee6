package rpc

import (
	"strings"
	"testing"

	"buf.build/go/protovalidate"
	"pgregory.net/rapid"

	profferv1 "github.com/profferhq/proffer/gateway/api/proffer/v1"
)

// What is let through without the schema is allowed by it, whatever the request.
func TestWhatIsPlainlyValidIsValid(t *testing.T) {
	t.Parallel()
	text := rapid.Custom(func(t *rapid.T) string {
		return strings.Repeat(rapid.SampledFrom([]string{"a", "é", "語"}).Draw(t, "letter"), rapid.IntRange(0, 110).Draw(t, "letters"))
	})
	rapid.Check(t, func(t *rapid.T) {
		r := &profferv1.DecideRequest{Placement: text.Draw(t, "placement"), NotBefore: text.Draw(t, "not before")}
		for range rapid.IntRange(0, 12).Draw(t, "identifiers") {
			r.Identifiers = append(r.Identifiers, &profferv1.Identifier{Type: text.Draw(t, "type"), Value: text.Draw(t, "value")})
		}
		if err := protovalidate.Validate(r); plainlyValid(r) && err != nil {
			t.Fatalf("let through, but %v", err)
		}
	})
	if !plainlyValid(&profferv1.DecideRequest{Identifiers: []*profferv1.Identifier{{}}, Placement: strings.Repeat("x", plainPlacement)}) {
		t.Error("an ordinary request went the long way")
	}
}
