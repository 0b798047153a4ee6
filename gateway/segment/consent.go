package segment

import (
	"slices"

	"github.com/profferhq/proffer/commands"
	"github.com/profferhq/proffer/commands/jsontext"
	"github.com/profferhq/proffer/domain/consent"
)

// consentField is Segment's consent object: {"Advertising": true, "Analytics": false}, on any event.
const consentField = "context.consent.categoryPreferences"

// consents are what an event says along about each category, by the purpose that the category's name is. A category that
// is not there says nothing. Of two that are one purpose a no counts. It is false when something in the object cannot be
// read: nothing of it may be taken for a yes, or lost.
func consents(context jsontext.Value) ([]commands.Consent, bool) {
	object := context.Member("consent").Member("categoryPreferences")
	switch object.Kind() {
	case jsontext.None, jsontext.Null:
		return nil, true
	case jsontext.Object:
	default:
		return nil, false
	}
	var out []commands.Consent
	for name, v := range object.Members() {
		purpose := consent.PurposeOf(string(name))
		if purpose == "" || v.Kind() != jsontext.Bool {
			return nil, false
		}
		given := v.True()
		if i := slices.IndexFunc(out, func(c commands.Consent) bool { return c.Purpose == purpose }); i >= 0 {
			out[i].Given = out[i].Given && given
			continue
		}
		if out = append(out, commands.Consent{Purpose: purpose, Given: given}); len(out) > commands.MaxConsents {
			break // refused for it
		}
	}
	return out, true
}
