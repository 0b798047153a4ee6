package rpc

import (
	"encoding/base64"
	"strings"
)

// token writes what a page's token says: a place, and what was asked for with it.
func token(parts ...string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(strings.Join(parts, "\x00")))
}

// tokenParts reads what token wrote.
func tokenParts(text string, n int) ([]string, bool) {
	raw, err := base64.RawURLEncoding.DecodeString(text)
	parts := strings.Split(string(raw), "\x00")
	return parts, err == nil && len(parts) == n
}
