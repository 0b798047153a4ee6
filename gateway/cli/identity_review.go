package cli

import (
	"errors"
	"fmt"
	"io"
	"text/tabwriter"

	profferv1 "github.com/profferhq/proffer/gateway/api/proffer/v1"
)

type identityReview struct {
	List    reviewList    `cmd:"" help:"List proposed matches, the most probable first."`
	Confirm reviewConfirm `cmd:"" help:"The two are one person."`
	Reject  reviewReject  `cmd:"" help:"The two are not one person, and never shall be joined."`
}

// Help is shown by --help.
func (identityReview) Help() string { return "Example: proffer identity review list" }

// page are the flags of a list.
type page struct {
	Limit int32  `help:"How many at most, 1 to 1,000." default:"50"`
	Page  string `help:"Go on where the last page ended."`
}

type reviewList struct {
	target
	output
	page
}

// Help is shown by --help.
func (reviewList) Help() string { return "Example: proffer identity review list --limit 10" }

// Run lists one page.
func (c reviewList) Run(r *run) error {
	return listed(r, c.target, c.output, c.page, profferv1.IdentityServiceListRequest_KIND_REVIEW)
}

type reviewConfirm struct {
	target
	output
	change
	First  string `arg:"" help:"TYPE:VALUE or an alias."`
	Second string `arg:"" help:"TYPE:VALUE or an alias."`
}

// Help is shown by --help.
func (reviewConfirm) Help() string {
	return `Example: proffer identity review confirm user_id:42 email:a@b.c --reason "same address"`
}

// Run confirms.
func (c reviewConfirm) Run(r *run) error {
	return reviewed(r, c.target, c.output, c.change, c.First, c.Second, true)
}

type reviewReject struct {
	target
	output
	change
	First  string `arg:"" help:"TYPE:VALUE or an alias."`
	Second string `arg:"" help:"TYPE:VALUE or an alias."`
}

// Help is shown by --help.
func (reviewReject) Help() string {
	return `Example: proffer identity review reject user_id:42 email:a@b.c --reason "father and son"`
}

// Run rejects.
func (c reviewReject) Run(r *run) error {
	return reviewed(r, c.target, c.output, c.change, c.First, c.Second, false)
}

func reviewed(r *run, t target, o output, c change, first, second string, confirm bool) error {
	one, other, err := bothOf(first, second)
	if err != nil {
		return err
	}
	return t.with(r, func(s *remote) error {
		request := &profferv1.ReviewRequest{Confirm: confirm, Change: c.message()}
		if request.Alias, err = aliasOf(r, s, one); err != nil {
			return err
		}
		if request.Other, err = aliasOf(r, s, other); err != nil {
			return err
		}
		a, err := s.identity.Review(r.ctx, request)
		if err != nil {
			return err
		}
		return o.printMessage(r, a, func(w io.Writer) {
			tellChange(w, c, false, a.GetPosition())
			for _, p := range a.GetProfiles() {
				tellProfile(w, p)
			}
		})
	})
}

// aliasOf is the alias of somebody who was seen.
func aliasOf(r *run, s *remote, w *profferv1.Who) (string, error) {
	a, err := s.identity.Resolve(r.ctx, &profferv1.ResolveRequest{Who: w})
	if err != nil {
		return "", err
	}
	if !a.GetKnown() {
		return "", errNeverSeen
	}
	return a.GetAlias(), nil
}

var errNeverSeen = errors.New("nobody was ever seen under this identifier")

type identityList struct {
	target
	output
	page
	Kind string `arg:"" enum:"review,withheld,marked,barred" help:"review, withheld, marked or barred."`
}

// Help is shown by --help.
func (identityList) Help() string { return "Example: proffer identity list withheld" }

// Run lists one page.
func (c identityList) Run(r *run) error {
	return listed(r, c.target, c.output, c.page, map[string]profferv1.IdentityServiceListRequest_Kind{
		"review":   profferv1.IdentityServiceListRequest_KIND_REVIEW,
		"withheld": profferv1.IdentityServiceListRequest_KIND_WITHHELD,
		"marked":   profferv1.IdentityServiceListRequest_KIND_MARKED,
		"barred":   profferv1.IdentityServiceListRequest_KIND_BARRED,
	}[c.Kind])
}

func listed(r *run, t target, o output, p page, kind profferv1.IdentityServiceListRequest_Kind) error {
	return t.with(r, func(s *remote) error {
		a, err := s.identity.List(r.ctx, &profferv1.IdentityServiceListRequest{Kind: kind, PageSize: &p.Limit, PageToken: p.Page})
		if err != nil {
			return err
		}
		return o.printMessage(r, a, func(w io.Writer) {
			if kind == profferv1.IdentityServiceListRequest_KIND_MARKED {
				tellMarked(w, a.GetMarked())
			} else {
				tellLinks(w, a.GetAliases(), a.GetLinks())
			}
			fmt.Fprintf(w, "%d in all\n", a.GetTotal())
			if a.GetNextPageToken() != "" {
				fmt.Fprintf(w, "more: --page %s\n", a.GetNextPageToken())
			}
		})
	})
}

func tellMarked(w io.Writer, marked []*profferv1.ProfileAlias) {
	table := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintln(table, "ALIAS\tTYPE\tMARK\tVALUE")
	for _, a := range marked {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", a.GetAlias(), a.GetType(), a.GetMark(), a.GetValue())
	}
	_ = table.Flush()
}
