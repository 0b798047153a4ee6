package policy

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"google.golang.org/protobuf/proto"

	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/expression"
	"github.com/profferhq/proffer/domain/feature"
)

// Bounds of a policy.
const (
	// MaxBytes is the size of a policy: with the author's document it must fit one envelope.
	MaxBytes      = 256 << 10
	MaxPlacements = 200
	MaxOffers     = 500
	MaxRules      = 20
	MaxTreatments = 20
	MaxLimits     = 20
	MaxFacts      = 50
	MaxModels     = 20
	// MaxPurposes is how many purposes a placement or an offer may list.
	MaxPurposes = 20
	// MaxMost is the highest number of contacts a limit can allow: an activity keeps that many exactly.
	MaxMost = 512
	// MaxWindow is the longest window of a limit: an activity keeps contacts that long.
	MaxWindow = 400 * 24 * time.Hour
	// maxName is the length of ids and names, in bytes.
	maxName = 100
)

// checkShape finds everything that is wrong with a policy but its expressions.
func checkShape(p *event.Policy, view feature.View, found *findings) {
	if p == nil {
		found.fatal = true
		found.add("policy", FaultRequired, "there is no policy")
		return
	}
	if size := proto.Size(p); size > MaxBytes {
		found.fatal = true
		found.add("policy", FaultTooLong, "is %d bytes, may be %d", size, MaxBytes)
		return
	}
	checkHead(p, view, found)
	checkCount(found, "placements", len(p.GetPlacements()), 1, MaxPlacements)
	checkCount(found, "offers", len(p.GetOffers()), 1, MaxOffers)
	checkCount(found, "contact_limits", len(p.GetContactLimits()), 0, MaxLimits)
	checkCount(found, "models", len(p.GetModels()), 0, MaxModels)
	if found.fatal {
		return
	}
	checkOffers(p, found)
	checkPlacements(p, found)
	checkLimits(p, found)
	checkModels(p, found)
	if _, err := proto.Marshal(p); err != nil {
		found.fatal = true
		found.add("policy", FaultInvalid, "holds text that is not UTF-8")
	}
}

func checkHead(p *event.Policy, view feature.View, found *findings) {
	checkName("id", p.GetId(), found)
	checkText("description", p.GetDescription(), found)
	switch {
	case p.GetView() == "":
		found.add("view", FaultRequired, "name the feature view the rules read: %s", view.Name())
	case p.GetView() != view.Name() && p.GetView() != view.Family():
		found.add("view", FaultUnknown, "there is no feature view %q, only %s", p.GetView(), view.Name())
	}
	if len(p.GetSalt()) > maxName {
		found.add("salt", FaultTooLong, "is longer than %d bytes", maxName)
	}
	if h := p.GetHoldout(); math.IsNaN(h) || h < 0 || h >= 1 {
		found.add("holdout", FaultOutOfRange, "must be at least 0 and less than 1")
	}
}

func checkCount(found *findings, field string, n, least, most int) {
	if n < least {
		found.add(field, FaultRequired, "at least %d needed", least)
	}
	if n > most {
		found.fatal = true
		found.add(field, FaultTooMany, "%d are too many, at most %d", n, most)
	}
}

// checkName: ids and names are short, and safe in an address, a file and a table.
func checkName(field, name string, found *findings) bool {
	switch {
	case name == "":
		found.add(field, FaultRequired, "must not be empty")
	case len(name) > maxName:
		found.add(field, FaultTooLong, "is longer than %d bytes", maxName)
	case strings.ContainsFunc(name, func(r rune) bool { return !nameRune(r) }):
		found.add(field, FaultInvalid, "may hold letters, digits, '-', '_' and '.', not %q", name)
	default:
		return true
	}
	return false
}

// checkLabel: the names of rules and limits are for people, and stand on one line of an explanation.
func checkLabel(field, label string, found *findings) bool {
	switch {
	case strings.TrimSpace(label) == "":
		found.add(field, FaultRequired, "must not be empty")
	case len(label) > maxName:
		found.add(field, FaultTooLong, "is longer than %d bytes", maxName)
	case !utf8.ValidString(label) || strings.ContainsFunc(label, func(r rune) bool { return !unicode.IsPrint(r) }):
		found.add(field, FaultInvalid, "must be printable text on one line")
	default:
		return true
	}
	return false
}

func nameRune(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_' || r == '.'
}

func checkText(field, text string, found *findings) {
	if !utf8.ValidString(text) {
		found.add(field, FaultInvalid, "must be valid UTF-8")
	}
}

// unique reports a name that was seen before.
func unique(seen map[string]bool, field, name string, found *findings) {
	if seen[name] {
		found.add(field, FaultDuplicate, "%q is there twice", name)
	}
	seen[name] = true
}

func checkOffers(p *event.Policy, found *findings) {
	ids := map[string]bool{}
	for i, o := range p.GetOffers() {
		at := fmt.Sprintf("offers[%d]", i)
		if checkName(at+".id", o.GetId(), found) {
			unique(ids, at+".id", o.GetId(), found)
		}
		if o.GetCategory() != "" {
			checkName(at+".category", o.GetCategory(), found)
		}
		if o.GetValidityMs() < 0 {
			found.add(at+".validity_ms", FaultOutOfRange, "must not be negative")
		}
		checkCount(found, at+".eligibility", len(o.GetEligibility()), 0, MaxRules)
		checkCount(found, at+".treatments", len(o.GetTreatments()), 1, MaxTreatments)
		checkConsents(at, o.GetConsent(), o.GetUnlessWithdrawn(), found)
		names := map[string]bool{}
		for j, r := range o.GetEligibility() {
			field := fmt.Sprintf("%s.eligibility[%d].name", at, j)
			if checkLabel(field, r.GetName(), found) {
				unique(names, field, r.GetName(), found)
			}
		}
		treatments := map[string]bool{}
		for j, t := range o.GetTreatments() {
			field := fmt.Sprintf("%s.treatments[%d]", at, j)
			if checkName(field+".id", t.GetId(), found) {
				unique(treatments, field+".id", t.GetId(), found)
			}
			checkName(field+".channel", t.GetChannel(), found)
		}
	}
}

func checkPlacements(p *event.Policy, found *findings) {
	offers := make([]string, 0, len(p.GetOffers()))
	for _, o := range p.GetOffers() {
		offers = append(offers, o.GetId())
	}
	ids := map[string]bool{}
	for i, pl := range p.GetPlacements() {
		at := fmt.Sprintf("placements[%d]", i)
		if checkName(at+".id", pl.GetId(), found) {
			unique(ids, at+".id", pl.GetId(), found)
		}
		checkName(at+".channel", pl.GetChannel(), found)
		listed := map[string]bool{}
		for j, id := range pl.GetOffers() {
			field := fmt.Sprintf("%s.offers[%d]", at, j)
			unique(listed, field, id, found)
			if !slices.Contains(offers, id) {
				found.add(field, FaultUnknown, "there is no offer %q%s", id, expression.Suggestion(id, offers))
			}
		}
		checkConsents(at, pl.GetConsent(), pl.GetUnlessWithdrawn(), found)
		checkFacts(at, pl, found)
	}
}

func checkFacts(at string, pl *event.Placement, found *findings) {
	checkCount(found, at+".context", len(pl.GetContext()), 0, MaxFacts)
	names := map[string]bool{}
	for j, f := range pl.GetContext() {
		field := fmt.Sprintf("%s.context[%d]", at, j)
		if checkIdentifier(field+".name", f.GetName(), found) {
			unique(names, field+".name", f.GetName(), found)
		}
		if contextTypes()[f.GetType()] == nil {
			found.add(field+".type", FaultInvalid, "must be text, number or flag, not %q", f.GetType())
			found.fatal = true
		}
	}
}

// checkIdentifier: facts are read in expressions, so their names are CEL identifiers.
func checkIdentifier(field, name string, found *findings) bool {
	if !checkName(field, name, found) {
		return false
	}
	if strings.ContainsAny(name, "-.") || name[0] >= '0' && name[0] <= '9' {
		found.add(field, FaultInvalid, "must be readable in an expression: letters, digits and '_', not %q", name)
		return false
	}
	return true
}

func checkLimits(p *event.Policy, found *findings) {
	names := map[string]bool{}
	for i, l := range p.GetContactLimits() {
		at := fmt.Sprintf("contact_limits[%d]", i)
		if checkLabel(at+".name", l.GetName(), found) {
			unique(names, at+".name", l.GetName(), found)
		}
		if l.GetMost() < 1 || l.GetMost() > MaxMost {
			found.add(at+".most", FaultOutOfRange, "must be between 1 and %d", MaxMost)
		}
		if l.GetWindowMs() < 1 || l.GetWindowMs() > MaxWindow.Milliseconds() {
			found.add(at+".window", FaultOutOfRange, "must be longer than 0 and at most %s", MaxWindow)
		}
	}
}

func checkModels(p *event.Policy, found *findings) {
	names := map[string]bool{}
	for i, m := range p.GetModels() {
		at := fmt.Sprintf("models[%d]", i)
		if checkIdentifier(at+".name", m.GetName(), found) {
			unique(names, at+".name", m.GetName(), found)
		}
		checkIdentifier(at+".use", m.GetUse(), found)
		if m.Fallback != nil && notFinite(m.GetFallback()) {
			found.add(at+".fallback", FaultOutOfRange, "must be a finite number")
		}
	}
}
