package normal

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"strings"

	"github.com/profferhq/proffer/domain/identity"
)

// AdPlatform is a destination that takes people as plain SHA-256 of its own normal form of an identifier.
type AdPlatform int

// The platforms whose forms are known. Meta and Snap hash alike.
const (
	Meta AdPlatform = iota + 1
	Snap
	Google
)

// ErrNoAdHash: the platform takes no hash of this type of identifier.
var ErrNoAdHash = errors.New("normal: the platform takes no hash of this type of identifier")

// dotlessAtGoogle are the domains before whose @ Google drops dots.
var dotlessAtGoogle = [...]string{"gmail.com", "googlemail.com"}

// AdHash is the hash by which a platform recognises a person: SHA-256, in small hexadecimal digits, of its normal form
// of an identifier that is in Proffer's normal form (see Normalize). A plain hash of a phone number is no protection:
// all numbers of a country are hashed within minutes. It is therefore computed when it leaves for that platform, and
// never stored. It fails with ErrNoAdHash; the error holds no value.
//
// Meta and Snap: a phone is its digits without "+" and leading zeros. Google: a phone is E.164 with "+", and an e-mail
// at gmail.com or googlemail.com has no dots before the @. Elsewhere an e-mail is hashed as it is in normal form. Where
// the normalizer's configuration leaves dots or "+" parts out, the delivery form should be hashed, not the match form.
func AdHash(platform AdPlatform, id identity.Identifier) (string, error) {
	form, err := adForm(platform, id)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256([]byte(form))
	return hex.EncodeToString(sum[:]), nil
}

func adForm(platform AdPlatform, id identity.Identifier) (string, error) {
	known := platform == Meta || platform == Snap || platform == Google
	switch {
	case known && id.Type == identity.Phone:
		return adPhone(platform, id.Value)
	case known && id.Type == identity.Email:
		return adEmail(platform, id.Value)
	}
	return "", ErrNoAdHash
}

func adPhone(platform AdPlatform, value string) (string, error) {
	digits := strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, value)
	digits = strings.TrimLeft(digits, "0")
	if digits == "" {
		return "", malformed("INVALID_IDENTIFIER", "not a valid phone number")
	}
	if platform == Google {
		return "+" + digits, nil
	}
	return digits, nil
}

func adEmail(platform AdPlatform, value string) (string, error) {
	value = strings.ToLower(strings.TrimSpace(value))
	at := strings.LastIndexByte(value, '@')
	if at <= 0 || at == len(value)-1 {
		return "", malformed("INVALID_IDENTIFIER", "not an e-mail address")
	}
	local, host := value[:at], value[at+1:]
	if platform == Google && slices.Contains(dotlessAtGoogle[:], host) {
		local = strings.ReplaceAll(local, ".", "")
	}
	if local == "" {
		return "", malformed("INVALID_IDENTIFIER", "not an e-mail address")
	}
	return local + "@" + host, nil
}
