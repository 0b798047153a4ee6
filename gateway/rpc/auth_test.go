package rpc

import (
	"net/http"
	"testing"
)

// The name of an authentication scheme is written in either case (RFC 9110, 11.1); a key is not.
func TestKeysArePresentedByBearerOrBasic(t *testing.T) {
	t.Parallel()
	for authorization, want := range map[string]string{
		"Bearer Key":     "Key",
		"bearer Key":     "Key",
		"BEARER Key":     "Key",
		"Basic S2V5Og==": "Key",
		"basic S2V5Og==": "Key",
		"Key":            "Key",
		"Bearer":         "",
		"":               "",
	} {
		if got := presentedIn(http.Header{"Authorization": {authorization}}); got != want {
			t.Errorf("%q presents %q, want %q", authorization, got, want)
		}
	}
}
