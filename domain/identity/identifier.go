package identity

import (
	"fmt"
	"log/slog"
)

// Types of identifiers that Proffer treats by their meaning; a source may use types of its own.
const (
	UserID      = "user_id"
	AnonymousID = "anonymous_id"
	DeviceID    = "device_id"
	Email       = "email"
	Phone       = "phone"
	OpenID      = "open_id"
	GroupID     = "group_id"
)

// Limits of an identifier, in bytes.
const (
	MaxTypeBytes  = 40
	MaxValueBytes = 320
)

// Identifier is how a source knows a person. Its value is personal: it never enters the log, a key, a metric or
// an error, and every way of printing an Identifier leaves the value out.
type Identifier struct{ Type, Value string }

// String names the type only.
func (i Identifier) String() string { return i.Type + ":***" }

// GoString names the type only, so that %#v leaks nothing.
func (i Identifier) GoString() string { return i.String() }

// Format names the type only, whatever the verb.
func (i Identifier) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(i.String())) }

// LogValue names the type only.
func (i Identifier) LogValue() slog.Value { return slog.StringValue(i.String()) }

// MarshalJSON names the type only: an identifier leaves the process through explicit mappings alone.
func (i Identifier) MarshalJSON() ([]byte, error) { return fmt.Appendf(nil, "%q", i.String()), nil }

// ValidType says whether t is a type's name: a small letter, then small letters, digits and underscores,
// MaxTypeBytes at most.
func ValidType(t string) bool {
	if t == "" || len(t) > MaxTypeBytes || t[0] < 'a' || t[0] > 'z' {
		return false
	}
	for i := range len(t) {
		if c := t[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' {
			return false
		}
	}
	return true
}

// Malformed says why a value cannot be an identifier of its type. It never holds the value.
type Malformed struct {
	// Reason is UPPER_SNAKE: INVALID_IDENTIFIER, IDENTIFIER_TOO_LONG, MISSING_IDENTIFIER.
	Reason string
	// Message is for people.
	Message string
}

// Error is the message.
func (m *Malformed) Error() string { return "identity: " + m.Message }
