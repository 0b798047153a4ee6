package cli

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	profferv1 "github.com/profferhq/proffer/gateway/api/proffer/v1"
)

// tellComparison is a table of the decision then and under the other identity: who, what, why, the consents, and the
// features that differ.
func tellComparison(w io.Writer, e *profferv1.ExplainResponse) {
	c := e.GetIdentity()
	fmt.Fprintf(w, "\n%s\n\n", c.GetSummary())
	table := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	row := func(name, then, now string) {
		differs := ""
		if then != now {
			differs = "*"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", name, then, now, differs)
	}
	fmt.Fprintln(table, "\tTHEN\tUNDER THE OTHER IDENTITY\t")
	row("identity", cmp.Or(c.GetThen().GetPosition(), "before the first link"), cmp.Or(c.GetNow().GetPosition(), "before the first link"))
	row("profile", c.GetThen().GetProfile(), c.GetNow().GetProfile())
	for _, alias := range bothSides(c.GetThen().GetAliases(), c.GetNow().GetAliases()) {
		row("  alias", ifIn(alias, c.GetThen().GetAliases()), ifIn(alias, c.GetNow().GetAliases()))
	}
	row("offer", cmp.Or(e.GetOffer(), "nothing"), cmp.Or(c.GetOffer(), "nothing"))
	row("treatment", cmp.Or(e.GetTreatment(), "-"), cmp.Or(c.GetTreatment(), "-"))
	row("reason", e.GetReason(), c.GetReason())
	row("contacts", strconv.Itoa(len(e.GetContacts())), strconv.Itoa(len(c.GetContacts())))
	for i, now := range c.GetConsents() {
		var then *profferv1.ExplainedConsent
		if i < len(e.GetConsents()) { // always: the policy is the same, and so are its purposes
			then = e.GetConsents()[i]
		}
		row("  consent "+now.GetPurpose(), strings.TrimSpace(consentState(then)+" "+then.GetPosition()), strings.TrimSpace(consentState(now)+" "+now.GetPosition()))
	}
	for _, f := range c.GetFeatures() {
		row("  "+f.GetName(), featureText(f.GetThenMissing(), f.GetThen()), featureText(f.GetNowMissing(), f.GetNow()))
	}
	_ = table.Flush()
	if len(c.GetContacts()) > 0 {
		fmt.Fprintf(w, "\ncontacts under the other identity:\n  %s\n", strings.Join(c.GetContacts(), "\n  "))
	}
}

// bothSides are the aliases of either side, ascending, each once.
func bothSides(then, now []string) []string {
	all := slices.Sorted(slices.Values(slices.Concat(then, now)))
	return slices.Compact(all)
}

func ifIn(alias string, aliases []string) string {
	if slices.Contains(aliases, alias) {
		return alias
	}
	return "-"
}

func featureText(missing bool, value float64) string {
	if missing {
		return "missing"
	}
	return strconv.FormatFloat(value, 'g', -1, 64)
}
