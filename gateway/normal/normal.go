// Package normal brings identifiers to the form in which equal means the same person: phone numbers to E.164,
// e-mail addresses to lower case with their domain in IDNA's ASCII form, everything else to Unicode's NFC.
package normal

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/nyaruka/phonenumbers"
	"golang.org/x/net/idna"
	"golang.org/x/text/unicode/norm"

	"github.com/profferhq/proffer/domain/identity"
)

// ErrRegion: the default region is not a two-letter code that phone numbers are known for.
var ErrRegion = errors.New("normal: no such region for phone numbers")

// Options say how values are read.
type Options struct {
	// Region is the two-letter country of phone numbers written without one; empty is "US".
	Region string
	// IgnoreDots are the e-mail domains whose addresses mean the same with and without dots and with any "+tag".
	// Nil is gmail.com and googlemail.com.
	IgnoreDots []string
	// Year is the present one, by which dates of birth with a year of two digits are read; 0 leaves them out.
	Year int
}

// Normalizer implements commands.Normalizer. It is safe for concurrent use.
type Normalizer struct {
	region     string
	ignoreDots []string
}

// New fails with ErrRegion.
func New(o Options) (*Normalizer, error) {
	region := strings.ToUpper(o.Region)
	if region == "" {
		region = "US"
	}
	if phonenumbers.GetCountryCodeForRegion(region) == 0 {
		return nil, fmt.Errorf("%w: %q", ErrRegion, o.Region)
	}
	if o.IgnoreDots == nil {
		o.IgnoreDots = []string{"gmail.com", "googlemail.com"}
	}
	return &Normalizer{region: region, ignoreDots: slices.Clone(o.IgnoreDots)}, nil
}

// Normalize fails with *identity.Malformed, which never holds the value.
func (n *Normalizer) Normalize(id identity.Identifier) (identity.Identifier, error) {
	if !identity.ValidType(id.Type) {
		return id, malformed("INVALID_IDENTIFIER", "a type is small letters, digits and underscores, 40 at most")
	}
	value, err := clean(id.Value)
	if err != nil {
		return id, err
	}
	switch id.Type {
	case identity.Phone:
		value, err = n.phone(value)
	case identity.Email:
		value, err = n.email(value)
	}
	if err != nil {
		return id, err
	}
	if len(value) > identity.MaxValueBytes {
		return id, tooLong()
	}
	return identity.Identifier{Type: id.Type, Value: value}, nil
}

// clean trims the value and brings it to NFC; the usual plain value is returned as it is.
func clean(value string) (string, error) {
	if len(value) > 4*identity.MaxValueBytes {
		return "", tooLong()
	}
	if !plain(value) {
		if !utf8.ValidString(value) {
			return "", malformed("INVALID_IDENTIFIER", "the identifier is not UTF-8")
		}
		value = norm.NFC.String(strings.TrimSpace(value))
		if strings.ContainsFunc(value, forbidden) {
			return "", malformed("INVALID_IDENTIFIER", "the identifier has a control character")
		}
	}
	if value == "" {
		return "", malformed("MISSING_IDENTIFIER", "the identifier is empty")
	}
	if len(value) > identity.MaxValueBytes {
		return "", tooLong()
	}
	return value, nil
}

// plain says whether the value is printable ASCII without space at its ends.
func plain(value string) bool {
	for i := range len(value) {
		if c := value[i]; c < ' ' || c >= 0x7f {
			return false
		}
	}
	return value == "" || (value[0] != ' ' && value[len(value)-1] != ' ')
}

// forbidden are control characters and the invisible ones that make two values look alike.
func forbidden(r rune) bool {
	return unicode.IsControl(r) || r == '\u200b' || r == '\ufeff' || r == '\u2028' || r == '\u2029' || r == utf8.RuneError
}

func (n *Normalizer) phone(value string) (string, error) {
	number, err := phonenumbers.Parse(value, n.region)
	if err != nil || !phonenumbers.IsValidNumber(number) {
		return "", malformed("INVALID_IDENTIFIER", "not a valid phone number")
	}
	return phonenumbers.Format(number, phonenumbers.E164), nil
}

func (n *Normalizer) email(value string) (string, error) {
	at := strings.LastIndexByte(value, '@')
	if at <= 0 || at == len(value)-1 || at > 64 || strings.ContainsAny(value, " \t<>,;") {
		return "", malformed("INVALID_IDENTIFIER", "not an e-mail address")
	}
	domain, err := mailDomain(value[at+1:])
	if err != nil {
		return "", err
	}
	local := strings.ToLower(value[:at])
	if slices.Contains(n.ignoreDots, domain) {
		local, _, _ = strings.Cut(local, "+")
		local = strings.ReplaceAll(local, ".", "")
	}
	if local == "" {
		return "", malformed("INVALID_IDENTIFIER", "not an e-mail address")
	}
	return norm.NFC.String(local) + "@" + domain, nil
}

func mailDomain(domain string) (string, error) {
	domain = strings.TrimSuffix(strings.ToLower(domain), ".")
	if ascii, err := idna.Lookup.ToASCII(domain); err == nil {
		domain = ascii
	} else {
		return "", malformed("INVALID_IDENTIFIER", "the e-mail address has no valid domain")
	}
	if domain == "" || len(domain) > 253 || strings.HasPrefix(domain, ".") || strings.Contains(domain, "..") {
		return "", malformed("INVALID_IDENTIFIER", "the e-mail address has no valid domain")
	}
	return domain, nil
}

func malformed(reason, message string) error {
	return &identity.Malformed{Reason: reason, Message: message}
}

func tooLong() error {
	return malformed("IDENTIFIER_TOO_LONG", fmt.Sprintf("an identifier may have %d bytes", identity.MaxValueBytes))
}
