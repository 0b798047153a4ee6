package cli

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	profferv1 "github.com/profferhq/proffer/gateway/api/proffer/v1"
)

type features struct {
	Publish  featurePublish  `cmd:"" help:"Publish a version of a feature view; the first of a name is live at once."`
	Validate featureValidate `cmd:"" help:"Check a feature view; publish nothing."`
	List     featureList     `cmd:"" help:"List all versions of all views."`
	Show     featureShow     `cmd:"" help:"Show a view with its features, what they are made from and who reads them."`
	Compare  featureCompare  `cmd:"" help:"Read two versions for the same people and show where they differ."`
	Switch   featureSwitch   `cmd:"" help:"Let a name without a version mean another version; going back is a switch, too."`
	Withdraw featureWithdraw `cmd:"" help:"Take a version out of effect that nothing reads; publishing it again brings it back."`
	Get      featureGet      `cmd:"" help:"Read a person's features, now or as of a cut."`
	Lineage  featureLineage  `cmd:"" help:"Follow an event, a feature, a model or a policy to what it is made from and what reads it."`
}

// Help is shown by --help.
func (features) Help() string { return "Example: proffer feature publish coffee.yaml" }

type featurePublish struct {
	target
	output
	File   string `arg:"" help:"The document, YAML; - is standard input."`
	Reason string `help:"Why; kept in the log." placeholder:"TEXT"`
}

// Help is shown by --help.
func (featurePublish) Help() string { return "Example: proffer feature publish coffee.yaml" }

// Run publishes.
func (c featurePublish) Run(r *run) error {
	return publishView(r, c.target, c.output, c.File, &profferv1.PublishViewRequest{Reason: c.Reason})
}

type featureValidate struct {
	target
	output
	File string `arg:"" help:"The document, YAML; - is standard input."`
}

// Help is shown by --help.
func (featureValidate) Help() string { return "Example: proffer feature validate coffee.yaml" }

// Run validates.
func (c featureValidate) Run(r *run) error {
	return publishView(r, c.target, c.output, c.File, &profferv1.PublishViewRequest{ValidateOnly: true})
}

func publishView(r *run, t target, o output, file string, request *profferv1.PublishViewRequest) error {
	text, err := documentIn(file, "feature view")
	if err != nil {
		return err
	}
	request.Document = text
	return t.with(r, func(s *remote) error {
		a, err := s.features.PublishView(r.ctx, request)
		if err != nil {
			return err
		}
		return o.printMessage(r, a, func(w io.Writer) {
			family, _, _ := strings.Cut(a.GetView(), "@")
			switch {
			case a.GetUnchanged():
				fmt.Fprintf(w, "%s is published already\n", a.GetView())
			case request.GetValidateOnly():
				fmt.Fprintf(w, "%s is valid: %d features\n", a.GetView(), a.GetFeatures())
			default:
				fmt.Fprintf(w, "%s is published: %d features, from %s\n", a.GetView(), a.GetFeatures(), a.GetPosition())
			}
			for _, d := range []struct {
				word  string
				names []string
			}{{"new", a.GetAdded()}, {"gone", a.GetRemoved()}, {"changed", a.GetChanged()}} {
				if len(d.names) > 0 {
					fmt.Fprintf(w, "  %s: %s\n", d.word, strings.Join(d.names, ", "))
				}
			}
			if !a.GetLive() && !request.GetValidateOnly() {
				fmt.Fprintf(w, "%q means another version until: proffer feature switch %s\n", family, a.GetView())
			}
		})
	})
}

type featureList struct {
	target
	output
}

// Help is shown by --help.
func (featureList) Help() string { return "Example: proffer feature list --json" }

// Run lists.
func (c featureList) Run(r *run) error {
	return c.with(r, func(s *remote) error {
		a, err := s.features.ListViews(r.ctx, &profferv1.ListViewsRequest{})
		if err != nil {
			return err
		}
		return c.printMessage(r, a, func(w io.Writer) {
			table := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
			fmt.Fprintln(table, "VIEW\tLIVE\tFEATURES\tPOLICIES\tWITHDRAWN\tFINGERPRINT")
			for _, v := range a.GetViews() {
				fmt.Fprintf(table, "%s\t%s\t%d\t%s\t%s\t%.12s\n", v.GetView(), yes(v.GetLive()), v.GetFeatures(),
					strings.Join(v.GetPolicies(), ","), withdrawnSince(v.GetWithdrawnAt()), v.GetFingerprint())
			}
			_ = table.Flush()
		})
	})
}

func yes(is bool) string {
	if is {
		return "yes"
	}
	return ""
}

type featureShow struct {
	target
	output
	View string `arg:"" help:"A version (retail@1), or a name for the live one."`
}

// Help is shown by --help.
func (featureShow) Help() string { return "Example: proffer feature show retail@1" }

// Run shows.
func (c featureShow) Run(r *run) error {
	return c.with(r, func(s *remote) error {
		a, err := s.features.DescribeView(r.ctx, &profferv1.DescribeViewRequest{View: c.View})
		if err != nil {
			return err
		}
		return c.printMessage(r, a, func(w io.Writer) {
			v := a.GetView()
			fmt.Fprintf(w, "%s  %s\nfingerprint %s\n\n", v.GetView(), v.GetDescription(), v.GetFingerprint())
			table := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
			fmt.Fprintln(table, "FEATURE\tOF\tHOW\tWINDOW\tDEFAULT\tUNIT\tREAD BY\tDESCRIPTION")
			for _, f := range a.GetFeatures() {
				of := strings.Join(f.GetSources(), ",")
				if f.GetFilter() != "" {
					of += " where " + f.GetFilter()
				}
				how := f.GetAggregation()
				for _, e := range []string{f.GetValue(), f.GetExpression()} {
					if e != "" {
						how += " of " + e
					}
				}
				if len(f.GetPer()) > 0 {
					how += " per " + strings.Join(f.GetPer(), ",")
				}
				for _, e := range []struct{ word, text string }{{"half-life ", f.GetHalfLife()}, {"prior ", f.GetPrior()}} {
					if e.text != "" {
						how += ", " + e.word + e.text
					}
				}
				fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", f.GetName(), of, how, f.GetWindow(), f.GetDefault(), f.GetUnit(),
					strings.Join(append(f.GetPolicies(), f.GetModels()...), ","), f.GetDescription())
			}
			_ = table.Flush()
		})
	})
}

type featureCompare struct {
	target
	output
	View   string `arg:"" help:"A version, retail@2."`
	With   string `help:"What it is compared with; else the live version of its name." placeholder:"VIEW"`
	People uint32 `help:"For how many people both are read, 1 to 100,000." default:"1000"`
}

// Help is shown by --help.
func (featureCompare) Help() string { return "Example: proffer feature compare retail@2 --people 5000" }

// Run compares.
func (c featureCompare) Run(r *run) error {
	return c.with(r, func(s *remote) error {
		a, err := s.features.CompareViews(r.ctx, &profferv1.CompareViewsRequest{View: c.View, With: c.With, People: &c.People})
		if err != nil {
			return err
		}
		return c.printMessage(r, a, func(w io.Writer) {
			fmt.Fprintf(w, "%s beside %s, for %d people\n\n", a.GetView(), a.GetWith(), a.GetPeople())
			table := tabwriter.NewWriter(w, 0, 4, 2, ' ', tabwriter.AlignRight)
			fmt.Fprintln(table, "FEATURE\tDEFINITION\tPEOPLE WHO DIFFER\tMEAN\tMEAN BEFORE\tLARGEST DIFFERENCE\t")
			same := 0
			for _, f := range a.GetFeatures() {
				if f.GetDefinition() == "SAME" && f.GetDifferent() == 0 {
					same++
					continue
				}
				fmt.Fprintf(table, "%s\t%s\t%d\t%s\t%s\t%.4g\t\n", f.GetName(), strings.ToLower(f.GetDefinition()), f.GetDifferent(),
					meanOrNone(f.GetMean()), meanOrNone(f.GetWithMean()), f.GetLargestDifference())
			}
			_ = table.Flush()
			fmt.Fprintf(w, "%d features are the same for everybody\n", same)
		})
	})
}

// meanOrNone is a mean, or a dash where nobody has a value.
func meanOrNone(mean float64) string {
	if mean != mean {
		return "-"
	}
	return fmt.Sprintf("%.4g", mean)
}

type featureSwitch struct {
	target
	output
	View   string `arg:"" help:"The version that its name is to mean, retail@2."`
	Reason string `help:"Why; kept in the log." placeholder:"TEXT"`
}

// Help is shown by --help.
func (featureSwitch) Help() string { return "Example: proffer feature switch retail@2" }

// Run switches.
func (c featureSwitch) Run(r *run) error {
	return c.with(r, func(s *remote) error {
		a, err := s.features.SwitchView(r.ctx, &profferv1.SwitchViewRequest{View: c.View, Reason: c.Reason})
		if err != nil {
			return err
		}
		return c.printMessage(r, a, func(w io.Writer) {
			family, _, _ := strings.Cut(a.GetView(), "@")
			if a.GetUnchanged() {
				fmt.Fprintf(w, "%q means %s already\n", family, a.GetView())
				return
			}
			fmt.Fprintf(w, "%q means %s from %s (before: %s)\n", family, a.GetView(), a.GetPosition(), a.GetBefore())
			if len(a.GetPolicies()) > 0 {
				fmt.Fprintf(w, "read by: %s\n", strings.Join(a.GetPolicies(), ", "))
			}
		})
	})
}

type featureLineage struct {
	target
	output
	Of string `arg:"" help:"event:KIND, feature:VIEW/NAME, model:NAME@VERSION, use:NAME, segments:ID or policy:ID."`
}

// Help is shown by --help.
func (featureLineage) Help() string { return "Example: proffer feature lineage event:purchased" }

// Run follows.
func (c featureLineage) Run(r *run) error {
	return c.with(r, func(s *remote) error {
		a, err := s.features.Lineage(r.ctx, &profferv1.LineageRequest{Of: c.Of})
		if err != nil {
			return err
		}
		return c.printMessage(r, a, func(w io.Writer) {
			for _, e := range a.GetEdges() {
				fmt.Fprintf(w, "%s -> %s\n", e.GetFrom(), e.GetTo())
			}
		})
	})
}
