package identity_test

import (
	"regexp"
	"testing"

	"pgregory.net/rapid"

	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/identity"
)

// TestAPatternBlocksWhatItsExpressionMatches: the first byte of a value may spare trying the expression, and decides nothing.
func TestAPatternBlocksWhatItsExpressionMatches(t *testing.T) {
	t.Parallel()
	usual := append(identity.DefaultGuards().GetTypes()[0].GetBlockedPatterns(), `^é`)
	patterns := rapid.OneOf(rapid.SampledFrom(usual), rapid.StringMatching(`(\(\?i\)|\(\?m\))?[\^]?(a|B|k|0|-|é|\^|\$|\\b|\\B|\\A|\\z|\.|\||\(a\|\^b\)|\[\^a-c\]|\(\$\|x\)|\(a\|b\)|\(\)|\[0-\]\{2,\}|a\?|b\*){1,5}[$]?`))
	values := []string{"", "\n", "a", "A", "b", "B", "k", "K", "\u212a", "0", "00", "-", "é", "éa", "^", "x", "xa", "aa", "ab", "-0-", "\xff", "\x00"}
	rapid.Check(t, func(t *rapid.T) {
		pattern := patterns.Draw(t, "pattern")
		guards, err := identity.NewGuards(documentOf(0, &event.IdentifierGuard{Type: identity.Email, BlockedPatterns: []string{pattern}}))
		if err != nil {
			t.Fatal(err)
		}
		expression := regexp.MustCompile(pattern)
		for _, value := range values {
			want := expression.MatchString(value)
			if got := guards.Blocked(identity.Identifier{Type: identity.Email, Value: value}); got != want {
				t.Errorf("%q of %q: got %v, want %v", pattern, value, got, want)
			}
		}
	})
}
