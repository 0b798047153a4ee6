package cli

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	domainpolicy "github.com/profferhq/proffer/domain/policy"
	profferv1 "github.com/profferhq/proffer/gateway/api/proffer/v1"
)

type explain struct {
	target
	output
	Identity string `help:"Also show what would differ under another identity: now, or IDENTITY/SEQ." placeholder:"now|IDENTITY/SEQ"`
	Decision string `arg:"" help:"Decision id, position (DECISION/SEQ/INDEX), or LAST: the last that proffer decide made with this --data."`
}

// Help is shown by --help.
func (explain) Help() string {
	return "Example: proffer explain LAST --identity now\n\n" +
		"With --identity the decision is made again for whoever the person is at that cut of IDENTITY; all else stays as it was."
}

// Run recomputes the funnel and prints it.
func (c explain) Run(r *run) error {
	id, position, err := decisionNamed(c.Data, c.Decision)
	if err != nil {
		return err
	}
	return c.with(r, func(s *remote) error {
		e, err := s.audit.Explain(r.ctx, &profferv1.ExplainRequest{DecisionId: id, Position: position, Identity: c.Identity})
		if err != nil {
			return err
		}
		return c.printMessage(r, e, func(w io.Writer) {
			tellExplanation(w, e)
			if e.GetIdentity() != nil {
				tellComparison(w, e)
			}
		})
	})
}

func tellExplanation(w io.Writer, e *profferv1.ExplainResponse) {
	fmt.Fprintf(w, "%s\n\ndecision %s at %s, %s\n",
		e.GetSummary(), e.GetDecisionId(), e.GetPosition(), e.GetDecidedAt().AsTime().Format("2006-01-02 15:04:05.000"))
	if e.GetExternal() { // how it came about is not known here
		for _, told := range [...]struct{ name, text string }{{"placement", e.GetPlacement()}, {"policy", e.GetPolicy()}} {
			if told.text != "" {
				fmt.Fprintln(w, told.name, told.text)
			}
		}
		return
	}
	fmt.Fprintf(w, "placement %s, policy %s version %d, view %s, profile %s\n\n",
		e.GetPlacement(), e.GetPolicy(), e.GetPolicyVersion(), e.GetView(), e.GetProfile())
	tellCandidates(w, e)
	tellScores(w, e.GetScores())
	tellInSegments(w, e.GetSegments())
	tellSeenConsents(w, e.GetConsents())
	for _, c := range e.GetCandidates() {
		if len(c.GetRules()) == 0 {
			continue
		}
		fmt.Fprintf(w, "\n%s / %s\n", c.GetOffer(), c.GetTreatment())
		for _, rule := range c.GetRules() {
			fmt.Fprintf(w, "  %-8s %s: %s%s\n", rule.GetResult(), rule.GetName(), rule.GetExpression(), values(rule.GetValues()))
		}
	}
}

// tellCandidates is a table; the draws are in it when they decided.
func tellCandidates(w io.Writer, e *profferv1.ExplainResponse) {
	drawn := slices.ContainsFunc(e.GetCandidates(), func(c *profferv1.ExplainedCandidate) bool {
		return c.GetReason() == domainpolicy.ReasonLostDraw
	})
	table := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprint(table, "OFFER\tTREATMENT\tLEFT AT\tWHY\tEXPECTED VALUE")
	if drawn {
		fmt.Fprint(table, "\tDRAW")
	}
	fmt.Fprintln(table)
	for _, c := range e.GetCandidates() {
		stage, scored := c.GetStage(), c.GetStage() == domainpolicy.StageArbitration
		switch {
		case stage == "" && e.GetHeldOut():
			stage, scored = "not given", true
		case stage == "":
			stage, scored = "chosen", true
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t", c.GetOffer(), c.GetTreatment(), stage, strings.TrimSpace(c.GetReason()+" "+c.GetRule()))
		switch {
		case scored && drawn:
			fmt.Fprintf(table, "%.4f\t%016x\n", c.GetExpectedValue(), c.GetDraw())
		case scored:
			fmt.Fprintf(table, "%.4f\n", c.GetExpectedValue())
		default:
			fmt.Fprintln(table, "\t")
		}
	}
	_ = table.Flush()
}

func tellScores(w io.Writer, scores []*profferv1.ExplainedScore) {
	if len(scores) == 0 {
		return
	}
	fmt.Fprintln(w)
	table := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintln(table, "MODEL\tAS\tUSE\tROLE\tCOUNTS\tSCORE\tMARGIN")
	for _, s := range scores {
		score, counts := fmt.Sprintf("%.6f", s.GetScore()), ""
		if s.GetFailure() != "" {
			score = s.GetFailure()
		}
		if s.GetEffective() {
			counts = "yes"
		}
		fmt.Fprintf(table, "%s@%d\tmodels.%s\t%s\t%s\t%s\t%s\t%g\n",
			s.GetModel(), s.GetVersion(), s.GetName(), s.GetUse(), s.GetRole(), counts, score, s.GetMargin())
	}
	_ = table.Flush()
	for _, s := range scores {
		tellReasons(w, s)
	}
}

func tellInSegments(w io.Writer, all []*profferv1.ExplainedSegments) {
	if len(all) == 0 {
		return
	}
	fmt.Fprintln(w)
	table := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintln(table, "DEFINITION\tVERSION\tSEGMENTS")
	for _, s := range all {
		in := strings.Join(s.GetSegments(), ", ")
		if s.GetFailure() != "" {
			in = s.GetFailure()
		}
		fmt.Fprintf(table, "%s\t%d\t%s\n", s.GetDefinition(), s.GetVersion(), in)
	}
	_ = table.Flush()
}

func tellSeenConsents(w io.Writer, all []*profferv1.ExplainedConsent) {
	if len(all) == 0 {
		return
	}
	fmt.Fprintln(w)
	table := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintln(table, "PURPOSE\tSTATE\tPOSITION")
	for _, c := range all {
		fmt.Fprintf(table, "%s\t%s\t%s\n", c.GetPurpose(), consentState(c), c.GetPosition())
	}
	_ = table.Flush()
}

func consentState(c *profferv1.ExplainedConsent) string {
	if c.GetState() == "" {
		return "never stated"
	}
	return strings.ToLower(c.GetState())
}

// toldReasons is how many reasons of a score the text has; --json has more.
const toldReasons = 5

func tellReasons(w io.Writer, s *profferv1.ExplainedScore) {
	if len(s.GetReasons()) == 0 {
		return
	}
	fmt.Fprintf(w, "\n%s@%d: the margin %.4f instead of the expected %.4f, above all for\n", s.GetModel(), s.GetVersion(), s.GetMargin(), s.GetExpectedMargin())
	for _, r := range s.GetReasons()[:min(len(s.GetReasons()), toldReasons)] {
		value := strconv.FormatFloat(r.GetValue(), 'g', -1, 64)
		if r.GetMissing() {
			value = "missing"
		}
		fmt.Fprintf(w, "  %+8.4f %s = %s\n", r.GetContribution(), r.GetFeature(), value)
	}
}

func values(of map[string]string) string {
	if len(of) == 0 {
		return ""
	}
	parts := make([]string, 0, len(of))
	for name, value := range of {
		parts = append(parts, name+" = "+value)
	}
	slices.Sort(parts)
	return "  [" + strings.Join(parts, ", ") + "]"
}
