package cli

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	profferv1 "github.com/profferhq/proffer/gateway/api/proffer/v1"
)

type segments struct {
	Define    segmentDefine    `cmd:"" help:"Put a definition into effect; it holds at once."`
	List      segmentList      `cmd:"" help:"List the definitions in effect, and those that are withdrawn."`
	Withdraw  segmentWithdraw  `cmd:"" help:"Take a definition out of effect; defining it again brings it back."`
	Count     segmentCount     `cmd:"" help:"Look at everybody and count the members of each segment."`
	Members   segmentMembers   `cmd:"" help:"List the profiles in a segment."`
	Of        segmentOf        `cmd:"" help:"The segments of one person, her price sensitivity and her intent."`
	Recommend segmentRecommend `cmd:"" help:"Items that one person may want next."`
	Value     segmentValue     `cmd:"" help:"What people are expected to buy, and who still does."`
}

// Help is shown by --help.
func (segments) Help() string { return "Example: proffer segment define tags.json" }

type segmentDefine struct {
	target
	output
	File         string `arg:"" help:"The definition, JSON, or what lab segments printed by --json; - is standard input."`
	ID           string `name:"id" help:"Id in place of the document's." placeholder:"ID"`
	View         string `help:"Feature view in place of the document's." placeholder:"VIEW"`
	Reason       string `help:"Why; kept in the log." placeholder:"TEXT"`
	ValidateOnly bool   `help:"Check, and change nothing."`
}

// Help is shown by --help.
func (segmentDefine) Help() string {
	return "Example: proffer segment define groups.json --id value --view core@2\n\nThe document is described in docs/people.md."
}

// Run defines.
func (c segmentDefine) Run(r *run) error {
	text, err := documentIn(c.File, "definition")
	if err != nil {
		return err
	}
	return c.with(r, func(s *remote) error {
		a, err := s.segments.DefineSegments(r.ctx, &profferv1.DefineSegmentsRequest{
			Document: text, Id: c.ID, View: c.View, Reason: c.Reason, ValidateOnly: c.ValidateOnly,
		})
		if err != nil {
			return err
		}
		return c.printMessage(r, a, func(w io.Writer) {
			switch {
			case c.ValidateOnly:
				fmt.Fprintf(w, "%s is valid: %s\n", a.GetId(), strings.Join(a.GetSegments(), ", "))
			case a.GetUnchanged():
				fmt.Fprintf(w, "%s version %d is in effect already\n", a.GetId(), a.GetVersion())
			default:
				fmt.Fprintf(w, "%s version %d is in effect from %s: %s\n", a.GetId(), a.GetVersion(), a.GetPosition(), strings.Join(a.GetSegments(), ", "))
			}
		})
	})
}

type segmentList struct {
	target
	output
}

// Help is shown by --help.
func (segmentList) Help() string { return "Example: proffer segment list --json" }

// Run lists.
func (c segmentList) Run(r *run) error {
	return c.with(r, func(s *remote) error {
		a, err := s.segments.ListSegments(r.ctx, &profferv1.ListSegmentsRequest{})
		if err != nil {
			return err
		}
		return c.printMessage(r, a, func(w io.Writer) {
			table := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
			fmt.Fprintln(table, "DEFINITION\tVERSION\tKIND\tVIEW\tWITHDRAWN\tSEGMENTS")
			for _, d := range a.GetDefinitions() {
				fmt.Fprintf(table, "%s\t%d\t%s\t%s\t\t%s\n", d.GetId(), d.GetVersion(), d.GetKind(), d.GetView(), strings.Join(d.GetSegments(), ", "))
			}
			for _, d := range a.GetWithdrawn() {
				fmt.Fprintf(table, "%s\t%d\t\t\t%s\t\n", d.GetId(), d.GetVersion(), withdrawnSince(d.GetWithdrawnAt()))
			}
			_ = table.Flush()
		})
	})
}

type segmentCount struct {
	target
	output
	ID string `arg:"" optional:"" help:"Id of a definition; else all."`
}

// Help is shown by --help.
func (segmentCount) Help() string { return "Example: proffer segment count rfm" }

// Run counts.
func (c segmentCount) Run(r *run) error {
	return c.with(r, func(s *remote) error {
		a, err := s.segments.CountSegments(r.ctx, &profferv1.CountSegmentsRequest{Id: c.ID})
		if err != nil {
			return err
		}
		return c.printMessage(r, a, func(w io.Writer) {
			fmt.Fprintf(w, "%d profiles\n", a.GetProfiles())
			table := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
			for _, x := range a.GetCounts() {
				fmt.Fprintf(table, "%s\t%s\t%d\t%s\n", x.GetId(), x.GetSegment(), x.GetProfiles(), share40(int(x.GetProfiles()), int(a.GetProfiles())))
			}
			_ = table.Flush()
		})
	})
}

type segmentMembers struct {
	target
	output
	ID      string `arg:"" help:"Id of the definition."`
	Segment string `arg:"" help:"Name of the segment."`
	Limit   uint32 `help:"How many at most, 1 to 10,000." default:"100"`
	After   string `help:"Profiles after this one." placeholder:"PROFILE"`
}

// Help is shown by --help.
func (segmentMembers) Help() string { return "Example: proffer segment members rfm champions" }

// Run lists.
func (c segmentMembers) Run(r *run) error {
	return c.with(r, func(s *remote) error {
		a, err := s.segments.ListMembers(r.ctx, &profferv1.ListMembersRequest{Id: c.ID, Segment: c.Segment, Limit: &c.Limit, After: c.After})
		if err != nil {
			return err
		}
		return c.printMessage(r, a, func(w io.Writer) {
			for _, p := range a.GetProfiles() {
				fmt.Fprintln(w, p)
			}
			if a.GetMore() {
				fmt.Fprintln(w, "there are more: say --after with the last one")
			}
		})
	})
}

type segmentOf struct {
	target
	output
	Who string `arg:"" help:"Identifier as TYPE=VALUE, or an alias."`
}

// Help is shown by --help.
func (segmentOf) Help() string { return "Example: proffer segment of user_id=shopper-0003" }

// Run tells.
func (c segmentOf) Run(r *run) error {
	w, err := who(c.Who)
	if err != nil {
		return err
	}
	return c.with(r, func(s *remote) error {
		a, err := s.segments.DescribePerson(r.ctx, &profferv1.DescribePersonRequest{Who: w})
		if err != nil {
			return err
		}
		return c.printMessage(r, a, func(w io.Writer) {
			fmt.Fprintf(w, "profile %s\n", a.GetProfile())
			for _, x := range a.GetSegments() {
				fmt.Fprintf(w, "%s@%d: %s\n", x.GetId(), x.GetVersion(), strings.Join(x.GetSegments(), ", "))
			}
			p, i := a.GetPriceSensitivity(), a.GetPurchaseIntent()
			fmt.Fprintf(w, "price sensitivity %.2f: %d of %d orders at a lowered price, %.2f is usual\n", p.GetScore(), p.GetLowered(), p.GetOrders(), p.GetUsual())
			fmt.Fprintf(w, "purchase intent %.2f", i.GetScore())
			before := ": "
			for _, t := range i.GetTerms() {
				fmt.Fprintf(w, "%s%d %s (%.2f)", before, t.GetCount(), t.GetName(), t.GetPoints())
				before = ", "
			}
			fmt.Fprintln(w)
		})
	})
}

type segmentRecommend struct {
	target
	output
	Who     string `arg:"" help:"Identifier as TYPE=VALUE, or an alias."`
	Limit   uint32 `help:"How many items, 1 to 100." default:"10"`
	OnlyNew bool   `help:"Leave out what she has bought."`
}

// Help is shown by --help.
func (segmentRecommend) Help() string {
	return "Example: proffer segment recommend user_id=shopper-0003 --only-new"
}

// Run tells.
func (c segmentRecommend) Run(r *run) error {
	w, err := who(c.Who)
	if err != nil {
		return err
	}
	return c.with(r, func(s *remote) error {
		a, err := s.segments.RecommendItems(r.ctx, &profferv1.RecommendItemsRequest{Who: w, Limit: &c.Limit, OnlyNew: c.OnlyNew})
		if err != nil {
			return err
		}
		return c.printMessage(r, a, func(w io.Writer) {
			fmt.Fprintf(w, "profile %s; learned from %d people and %d items\n", a.GetProfile(), a.GetPeople(), a.GetKnownItems())
			if a.GetKept() {
				fmt.Fprintf(w, "as kept: of what was done up to BEHAVIOUR/%d; later acts are being read\n", a.GetAsOf())
			}
			table := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
			for _, x := range a.GetItems() {
				fmt.Fprintf(table, "%s\t%.3f\n", x.GetItem(), x.GetScore())
			}
			_ = table.Flush()
		})
	})
}
