package cli

import (
	"fmt"
	"io"
	"math"
	"strings"
	"text/tabwriter"

	profferv1 "github.com/profferhq/proffer/gateway/api/proffer/v1"
)

type identityExplain struct {
	target
	output
	First  string `arg:"" help:"TYPE:VALUE or an alias."`
	Second string `arg:"" optional:"" help:"TYPE:VALUE or an alias; without it all of the profile is explained."`
}

// Help is shown by --help.
func (identityExplain) Help() string {
	return "Example: proffer identity explain user_id:42 email:a@b.c\n\nExit code 1 when the two are not one person."
}

// Run explains.
func (c identityExplain) Run(r *run) error {
	request := &profferv1.IdentityServiceExplainRequest{}
	var err error
	if request.First, err = who(c.First); err != nil {
		return err
	}
	if c.Second != "" {
		if request.Second, err = who(c.Second); err != nil {
			return err
		}
	}
	return c.with(r, func(s *remote) error {
		a, err := s.identity.Explain(r.ctx, request)
		if err != nil {
			return err
		}
		if err := c.printMessage(r, a, func(w io.Writer) { tellIdentity(w, a) }); err != nil {
			return err
		}
		if c.Second != "" && !a.GetOnePerson() {
			return errDiffers
		}
		return nil
	})
}

func tellIdentity(w io.Writer, a *profferv1.IdentityServiceExplainResponse) {
	names := namesOf(a.GetAliases())
	fmt.Fprintln(w, a.GetSummary())
	for _, l := range a.GetPath() {
		fmt.Fprintf(w, "\n%s and %s by %s\n", names.name(l.GetAlias()), names.name(l.GetOther()), provenance(l))
		for _, e := range l.GetEvidence() {
			fmt.Fprintf(w, "  evidence %s\n", e)
		}
		tellWaterfall(w, l.GetWaterfall())
	}
	if len(a.GetHistory()) == 0 {
		return
	}
	fmt.Fprintln(w, "\nall that happened, oldest first")
	table := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintln(table, "POSITION\tAT\tWHAT\tFIRST\tSECOND\tRULE\tBY\tREASON")
	for _, e := range a.GetHistory() {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", e.GetPosition(), e.GetAt().AsTime().Format("2006-01-02 15:04:05"),
			strings.TrimSpace(e.GetType()+" "+e.GetPurpose()), names.name(e.GetAlias()), names.name(e.GetOther()), e.GetRule(), e.GetActor(), e.GetReason())
	}
	_ = table.Flush()
}

// barBits is how many bits one character of a bar stands for; barMost is its longest.
const (
	barBits = 0.5
	barMost = 40
)

// tellWaterfall draws how a match was weighed: each part with its bits, to the right for, to the left against.
func tellWaterfall(w io.Writer, f *profferv1.Waterfall) {
	if f == nil {
		return
	}
	table := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	line := func(name, level string, bits float64) {
		fmt.Fprintf(table, "  %s\t%s\t%+.3f\t%s\n", name, level, bits, bar(bits))
	}
	line("prior", "", f.GetPriorBits())
	for _, t := range f.GetTerms() {
		line(t.GetComparison(), t.GetLevel(), t.GetBits())
		if t.GetFrequencyBits() != 0 {
			line("", "how rare the value is", t.GetFrequencyBits())
		}
	}
	line("weight", "", f.GetWeightBits())
	_ = table.Flush()
	fmt.Fprintf(w, "  posterior %.6f by %s\n", f.GetPosterior(), f.GetModel())
}

func bar(bits float64) string {
	n := min(int(math.Round(math.Abs(bits)/barBits)), barMost)
	if bits < 0 {
		return strings.Repeat("-", n)
	}
	return strings.Repeat("+", n)
}
