package normal

import (
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/profferhq/proffer/domain/identity"
)

func TestNormalize(t *testing.T) {
	t.Parallel()
	n, err := New(Options{Region: "cn"})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ kind, value, want string }{
		{"phone", "+86 138 1234 5678", "+8613812345678"},
		{"phone", "13812345678", "+8613812345678"},
		{"phone", "0086-138-1234-5678", "+8613812345678"},
		{"phone", "86 13812345678", "+8613812345678"},
		{"phone", "138 1234 5678 ext 9", "+8613812345678"},
		{"phone", "(010) 6552 9988", "+861065529988"},
		{"email", " Person@Example.COM ", "person@example.com"},
		{"email", "P.er.son+shop@GMail.com", "person@gmail.com"},
		{"email", "p.erson+shop@example.com", "p.erson+shop@example.com"},
		{"email", "x@Bücher.example", "x@xn--bcher-kva.example"},
		{"email", "x@example.com.", "x@example.com"},
		{"user_id", "  u-1\u00a0", "u-1"},
		{"user_id", "e\u0301", "\u00e9"},
		{"user_id", "MiXed", "MiXed"},
	} {
		got, err := n.Normalize(identity.Identifier{Type: c.kind, Value: c.value})
		if err != nil {
			t.Errorf("%s %q: %v", c.kind, c.value, err)
			continue
		}
		if got.Value != c.want || got.Type != c.kind {
			t.Errorf("%s %q: got %q, want %q", c.kind, c.value, got.Value, c.want)
		}
	}
}

func TestNormalizeRefuses(t *testing.T) {
	t.Parallel()
	n, err := New(Options{Region: "CN"})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ kind, value, reason, message string }{
		{"phone", "123", "INVALID_IDENTIFIER", "not a valid phone number"},
		{"phone", "hello", "INVALID_IDENTIFIER", "not a valid phone number"},
		{"email", "nobody", "INVALID_IDENTIFIER", "not an e-mail address"},
		{"email", "@example.com", "INVALID_IDENTIFIER", "not an e-mail address"},
		{"email", "a@", "INVALID_IDENTIFIER", "not an e-mail address"},
		{"email", "a b@example.com", "INVALID_IDENTIFIER", "not an e-mail address"},
		{"email", "+tag@gmail.com", "INVALID_IDENTIFIER", "not an e-mail address"},
		{"email", "a@exa mple.com", "INVALID_IDENTIFIER", "not an e-mail address"},
		{"email", "a@-example.com", "INVALID_IDENTIFIER", "the e-mail address has no valid domain"},
		{"user_id", "", "MISSING_IDENTIFIER", "the identifier is empty"},
		{"user_id", " \t ", "MISSING_IDENTIFIER", "the identifier is empty"},
		{"user_id", "a\x00b", "INVALID_IDENTIFIER", "the identifier has a control character"},
		{"user_id", "a\xff", "INVALID_IDENTIFIER", "the identifier is not UTF-8"},
		{"user_id", "a\u200bb", "INVALID_IDENTIFIER", "the identifier has a control character"},
		{"user_id", strings.Repeat("x", 321), "IDENTIFIER_TOO_LONG", "an identifier may have 320 bytes"},
		{"user_id", strings.Repeat("x", 1<<20), "IDENTIFIER_TOO_LONG", "an identifier may have 320 bytes"},
		{"User", "x", "INVALID_IDENTIFIER", "a type is small letters, digits and underscores, 40 at most"},
		{"", "x", "INVALID_IDENTIFIER", "a type is small letters, digits and underscores, 40 at most"},
	} {
		_, err := n.Normalize(identity.Identifier{Type: c.kind, Value: c.value})
		var m *identity.Malformed
		if !errors.As(err, &m) || m.Reason != c.reason || m.Message != c.message {
			t.Errorf("%s of %d bytes: got %v, want %s: %s", c.kind, len(c.value), err, c.reason, c.message)
		}
		if err != nil && len(c.value) > 4 && strings.Contains(err.Error(), c.value) {
			t.Errorf("the error of a %s names its value", c.kind)
		}
	}
}

func TestNormalFormIsStable(t *testing.T) {
	t.Parallel()
	n, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		id := identity.Identifier{
			Type:  rapid.SampledFrom([]string{"user_id", "email", "phone"}).Draw(t, "type"),
			Value: rapid.OneOf(rapid.String(), rapid.StringMatching(`[a-zA-Z.+é]{1,9}@[a-zA-Zü]{1,9}\.(com|de)`), rapid.StringMatching(`\+?[0-9 ()-]{5,16}`)).Draw(t, "value"),
		}
		once, err := n.Normalize(id)
		if err != nil {
			return
		}
		twice, err := n.Normalize(once)
		if err != nil || twice != once {
			t.Fatalf("normal form changes: %q then %q (%v)", once.Value, twice.Value, err)
		}
	})
}

func TestNewRefusesRegion(t *testing.T) {
	t.Parallel()
	if _, err := New(Options{Region: "XX"}); !errors.Is(err, ErrRegion) {
		t.Errorf("got %v, want ErrRegion", err)
	}
}

// An address that only looks like another is another identifier, or none: letters of other scripts, of other widths and
// none at all must not make two people one. In a domain IDNA decides what is the same letter.
func TestAnAddressThatLooksLikeAnotherIsNotIt(t *testing.T) {
	t.Parallel()
	n, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	const plain = "paypal.jane@example.com"
	seen := map[string]string{plain: plain}
	for _, value := range []string{
		"p\u0430ypal.jane@example.com",  // Cyrillic a
		"payp\u0251l.jane@example.com",  // Latin alpha
		"paypal.j\u03b1ne@example.com",  // Greek alpha
		"paypa1.jane@example.com",       // the figure 1
		"paypal\u2024jane@example.com",  // one dot leader
		"paypal.jane@ex\u0430mple.com",  // Cyrillic a in the domain
		"paypal.jane@examp\u04cfe.com",  // Cyrillic palochka
		"paypal.jane@example.c\u03bfm",  // Greek omicron
		"paypal.jane\u200b@example.com", // zero width space
		"paypal.jane\u202e@example.com", // right to left
		"paypal.\uff4aane@example.com",  // full width j
		"paypal.jane\uff20example.com",  // full width @
	} {
		got, err := n.Normalize(identity.Identifier{Type: identity.Email, Value: value})
		if _, ok := errors.AsType[*identity.Malformed](err); ok {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if other, known := seen[got.Value]; known {
			t.Errorf("%+q and %+q have one normal form, %+q", value, other, got.Value)
		}
		seen[got.Value] = value
	}
}
