// Package consent is what people said yes and no to. A statement is an alias's own, and stays with it: a profile's consent
// for a purpose is the latest statement among its aliases, by its place in IDENTITY. So links and unlinks move nothing,
// and what two profiles had stated is theirs again when they are parted.
//
// A purpose has one of three states: given, withdrawn, or nothing was ever stated. Purposes are names and nothing more:
// "marketing" says nothing of "marketing.email".
package consent

import (
	"strings"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
)

// States as records write them; a purpose about which nothing was ever stated has none.
const (
	Given     = "GIVEN"
	Withdrawn = "WITHDRAWN"
)

// What a statement rests on, as events say.
const (
	// RuleSource: a source sent it.
	RuleSource = "source"
	// RuleOperator: an operator entered it.
	RuleOperator = "operator"
)

// MaxPurpose is how long a purpose may be, in bytes.
const MaxPurpose = 60

// ValidPurpose says whether a text is a purpose: lower-case letters, digits, '.', '_' and '-', a letter or digit first.
func ValidPurpose(text string) bool {
	if text == "" || len(text) > MaxPurpose || !isWordByte(text[0]) {
		return false
	}
	return !strings.ContainsFunc(text, func(r rune) bool {
		return r >= 0x80 || !isWordByte(byte(r)) && r != '.' && r != '_' && r != '-'
	})
}

func isWordByte(c byte) bool { return c >= 'a' && c <= 'z' || c >= '0' && c <= '9' }

// PurposeOf is the purpose that a name for people stands for: "Email marketing" is "email-marketing". It is empty when
// there is none.
func PurposeOf(name string) string {
	var b strings.Builder
	gap := false
	for _, r := range strings.ToLower(strings.TrimSpace(name)) {
		switch {
		case r < 0x80 && (isWordByte(byte(r)) || b.Len() > 0 && (r == '.' || r == '_')):
			if gap && b.Len() > 0 {
				b.WriteByte('-')
			}
			gap = false
			b.WriteRune(r)
		case r < 0x80:
			gap = true
		default:
			return "" // a letter that a purpose cannot hold: another name could lose the same one
		}
	}
	if p := b.String(); ValidPurpose(p) {
		return p
	}
	return ""
}

// Statement is what an alias last said about one purpose.
type Statement struct {
	Purpose string
	Given   bool
	// At is where it stands in IDENTITY. It is zero while it is about to be appended: later than all that stands there.
	At domain.Position
	// SaidMS is when it was said, as far as its source knows, Unix milliseconds; not after it was received.
	SaidMS int64
}

// Of is the statement that an event makes, and whose; false for other events, and for those that name no alias or no
// purpose.
func Of(e *event.Event, at domain.Position) (domain.Alias, Statement, bool) {
	said := e.GetConsentStated()
	alias, err := domain.AliasFromBytes(e.GetAlias())
	if said.GetPurpose() == "" || err != nil {
		return domain.Alias{}, Statement{}, false
	}
	return alias, Statement{Purpose: said.GetPurpose(), Given: said.GetGiven(), At: at, SaidMS: min(e.GetOccurredMs(), e.GetReceivedMs())}, true
}

// State is Given or Withdrawn.
func (s Statement) State() string {
	if s.Given {
		return Given
	}
	return Withdrawn
}

// supersedes says whether s is what counts of two statements about one purpose: the later one, and of two that cannot be
// told apart a withdrawal.
func (s Statement) supersedes(other Statement) bool {
	pending, otherPending := s.At == domain.Position{}, other.At == domain.Position{}
	switch {
	case pending != otherPending:
		return pending
	case s.At != other.At:
		return s.At.After(other.At)
	}
	return !s.Given
}
