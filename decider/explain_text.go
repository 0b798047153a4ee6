package decider

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/policy"
)

// numberText writes a number as short as it can be read back.
func numberText(n float64) string { return strconv.FormatFloat(n, 'g', -1, 64) }

func contextText(v *event.ContextValue) string {
	switch of := v.GetValue().(type) {
	case *event.ContextValue_Text:
		return of.Text
	case *event.ContextValue_Number:
		return numberText(of.Number)
	case *event.ContextValue_Flag:
		return strconv.FormatBool(of.Flag)
	}
	return "missing"
}

// segmentsText lists segments, or says why they are missing.
func segmentsText(s *event.InSegments) string {
	switch {
	case s.GetFailure() != "":
		return "missing: " + s.GetFailure()
	case len(s.GetSegments()) == 0:
		return "none"
	}
	return strings.Join(s.GetSegments(), ", ")
}

// consentText is what was said about a purpose, and where: "WITHDRAWN at IDENTITY/12/0".
func consentText(s *event.SeenConsent) string {
	if s.GetState() == "" {
		return "never stated"
	}
	return s.GetState() + " at " + domain.Place{Stream: domain.Identity, Position: domain.PositionOf(s.GetAt())}.String()
}

func externalSummary(d *event.Decision) string {
	if d.GetOffer() == "" {
		return "Another system decided to give nothing; it was recorded here."
	}
	return fmt.Sprintf("Another system gave %s; it was recorded here.", d.GetOffer())
}

// summaryOf is one sentence about a decision that was made again without regard to the hold-out.
func summaryOf(again *event.Decision, heldOut bool, e Explanation) string {
	if heldOut {
		would := "nothing would have been offered either (" + again.GetReason() + ")"
		if again.GetOffer() != "" {
			would = again.GetOffer() + " would have been offered"
		}
		return fmt.Sprintf("Nothing: the profile's draw %.4f is below the hold-out %.4f, so it never gets an offer; otherwise %s.",
			e.HoldoutDraw, e.Holdout, would)
	}
	if again.GetOffer() == "" {
		return nothingSummary(again)
	}
	return offeredSummary(again)
}

func offeredSummary(d *event.Decision) string {
	counts := stages(d)
	left := counts[policy.StageArbitration] + counts[""]
	why := "the only candidate left"
	if left > 1 {
		why = "the highest expected value of the " + strconv.Itoa(left) + " candidates left"
	}
	for _, c := range d.GetCandidates() {
		if c.GetStage() == "" && d.GetLoggedPropensity() < 1 {
			why += ", by the lowest draw among equals"
		}
	}
	best := ""
	for _, c := range d.GetCandidates() {
		if c.GetStage() == "" {
			best = strconv.FormatFloat(c.GetExpectedValue(), 'g', 10, 64)
		}
	}
	return fmt.Sprintf("Offered %s (%s): with an expected value of %s it is %s%s.",
		d.GetOffer(), d.GetTreatment(), best, why, departures(counts))
}

func nothingSummary(d *event.Decision) string {
	why := map[string]string{
		policy.AnswerNoCandidate:   "no offer has a treatment for this placement",
		policy.AnswerNoConsent:     "the person did not consent to what any offer depends on",
		policy.AnswerNotEligible:   "no offer's rules all hold",
		policy.AnswerContactLimit:  "every offer whose rules hold is at a contact limit",
		policy.AnswerNoScore:       "no offer that may be given has a valid score",
		policy.AnswerNegativeValue: "every offer that may be given is worth less than nothing",
	}
	return "Nothing: " + why[d.GetReason()] + departures(stages(d)) + "."
}

func stages(d *event.Decision) map[string]int {
	counts := map[string]int{}
	for _, c := range d.GetCandidates() {
		counts[c.GetStage()]++
	}
	return counts
}

// departures says how many candidates left where, before arbitration.
func departures(counts map[string]int) string {
	var parts []string
	for _, s := range []struct{ stage, text string }{
		{policy.StageConsent, "without consent"},
		{policy.StageEligibility, "not eligible"},
		{policy.StageContactLimit, "at a contact limit"},
		{policy.StageScore, "without a valid score"},
	} {
		if n := counts[s.stage]; n > 0 {
			parts = append(parts, strconv.Itoa(n)+" "+s.text)
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return "; " + strings.Join(parts, ", ")
}

// Contacts are those that would have counted, for people, oldest first.
func (s Supposed) Contacts() []string {
	var out []string
	for _, c := range s.Again.GetContacts() {
		out = append(out, describeContact(c))
	}
	return out
}

// Summary says in one sentence what the other identity would have changed.
func (s Supposed) Summary() string {
	who := "the same " + aliasCount(len(s.Then.Aliases))
	if !slices.Equal(s.Then.Aliases, s.Now.Aliases) {
		who = fmt.Sprintf("%s instead of %s", aliasCount(len(s.Now.Aliases)), aliasCount(len(s.Then.Aliases)))
		if len(s.Now.Aliases) == len(s.Then.Aliases) {
			who = "other aliases, as many"
		}
	}
	what := "the answer would be the same: " + answerText(s.Record)
	if s.Different() {
		what = "the answer would be " + answerText(s.Again) + " instead of " + answerText(s.Record)
	}
	return fmt.Sprintf("Under that identity the person is %s, and %s.", who, what)
}

func aliasCount(n int) string {
	if n == 1 {
		return "1 alias"
	}
	return strconv.Itoa(n) + " aliases"
}

func answerText(d *event.Decision) string {
	if d.GetOffer() == "" {
		return "nothing (" + d.GetReason() + ")"
	}
	return d.GetOffer() + " (" + d.GetTreatment() + ")"
}
