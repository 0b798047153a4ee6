package cli

import (
	"fmt"
	"io"
	"text/tabwriter"

	profferv1 "github.com/profferhq/proffer/gateway/api/proffer/v1"
)

type identityPreview struct {
	Link   previewLink   `cmd:"" help:"What linking two would do."`
	Unlink previewUnlink `cmd:"" help:"What taking the links between two back would do."`
	Guards previewGuards `cmd:"" help:"What other guards would do, to older links too."`
}

// Help is shown by --help.
func (identityPreview) Help() string {
	return "Example: proffer identity preview guards guards.yaml"
}

// previewing are the flags of every preview.
type previewing struct {
	Decisions int32 `help:"How many recorded decisions of the people affected are made again, the newest first." default:"1000"`
}

type previewLink struct {
	target
	output
	previewing
	LiftBar bool   `help:"Lift a bar between the two."`
	First   string `arg:"" help:"TYPE:VALUE or an alias."`
	Second  string `arg:"" help:"TYPE:VALUE or an alias."`
}

// Help is shown by --help.
func (previewLink) Help() string {
	return "Example: proffer identity preview link user_id:42 user_id:4711"
}

// Run previews.
func (c previewLink) Run(r *run) error {
	first, second, err := bothOf(c.First, c.Second)
	if err != nil {
		return err
	}
	return c.with(r, func(s *remote) error {
		return previewed(r, c.output, s, &profferv1.PreviewRequest{
			Change: &profferv1.PreviewRequest_Link{
				Link: &profferv1.LinkRequest{First: first, Second: second, LiftBar: c.LiftBar},
			},
			Decisions: &c.Decisions,
		})
	})
}

type previewUnlink struct {
	target
	output
	previewing
	Bar    bool   `help:"With a bar between the two." default:"true" negatable:""`
	First  string `arg:"" help:"TYPE:VALUE or an alias."`
	Second string `arg:"" help:"TYPE:VALUE or an alias."`
}

// Help is shown by --help.
func (previewUnlink) Help() string {
	return "Example: proffer identity preview unlink user_id:42 user_id:4711"
}

// Run previews.
func (c previewUnlink) Run(r *run) error {
	first, second, err := bothOf(c.First, c.Second)
	if err != nil {
		return err
	}
	return c.with(r, func(s *remote) error {
		return previewed(r, c.output, s, &profferv1.PreviewRequest{
			Change: &profferv1.PreviewRequest_Unlink{
				Unlink: &profferv1.UnlinkRequest{First: first, Second: second, Bar: c.Bar},
			},
			Decisions: &c.Decisions,
		})
	})
}

type previewGuards struct {
	target
	output
	previewing
	File string `arg:"" help:"The document, YAML; - is standard input."`
}

// Help is shown by --help.
func (previewGuards) Help() string { return "Example: proffer identity preview guards guards.yaml" }

// Run previews.
func (c previewGuards) Run(r *run) error {
	text, err := documentIn(c.File, "guards")
	if err != nil {
		return err
	}
	return c.with(r, func(s *remote) error {
		return previewed(r, c.output, s, &profferv1.PreviewRequest{
			Change: &profferv1.PreviewRequest_Guards{Guards: text}, Decisions: &c.Decisions,
		})
	})
}

// previewed asks for a preview and prints it.
func previewed(r *run, o output, s *remote, request *profferv1.PreviewRequest) error {
	a, err := s.identity.Preview(r.ctx, request)
	if err != nil {
		return err
	}
	return o.printMessage(r, a, func(w io.Writer) { tellPreview(w, a) })
}

func tellPreview(w io.Writer, a *profferv1.PreviewResponse) {
	fmt.Fprintf(w, "profiles affected: %d, which would become %d (splits: %d, merges: %d)\n",
		a.GetProfilesAffected(), afterOf(a), a.GetSplits(), a.GetMerges())
	fmt.Fprintf(w, "identifiers that would be of another profile: %d; all profiles: %d, then %d\n",
		a.GetAliasesAffected(), a.GetProfilesBefore(), a.GetProfilesAfter())
	fmt.Fprintf(w, "links added: %d, taken back: %d; identifiers shared: %d\n", a.GetLinksAdded(), a.GetLinksTakenBack(), a.GetShared())
	for _, g := range a.GetRegroupings() {
		fmt.Fprintln(w, "\nnow")
		tellGroups(w, g.GetBefore())
		fmt.Fprintln(w, "then")
		tellGroups(w, g.GetAfter())
	}
	fmt.Fprintf(w, "\ndecisions made again: %d, of which would have come out otherwise: %d\n", a.GetDecisionsExamined(), a.GetDecisionsDifferent())
	if len(a.GetDifferences()) == 0 {
		return
	}
	table := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintln(table, "DECISION\tAT\tDECIDED\tOFFER\tWOULD BE\tREASON\tWOULD BE")
	for _, d := range a.GetDifferences() {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", d.GetDecisionId(), d.GetPosition(),
			d.GetDecidedAt().AsTime().Format("2006-01-02 15:04:05"), orNothing(d.GetOfferRecorded()), orNothing(d.GetOfferThen()),
			d.GetReasonRecorded(), d.GetReasonThen())
	}
	_ = table.Flush()
}

// afterOf is how many profiles those that are affected would become.
func afterOf(a *profferv1.PreviewResponse) uint64 {
	return a.GetProfilesAffected() + a.GetProfilesAfter() - a.GetProfilesBefore()
}

func orNothing(offer string) string {
	if offer == "" {
		return "nothing"
	}
	return offer
}

func tellGroups(w io.Writer, profiles []*profferv1.Profile) {
	for _, p := range profiles {
		fmt.Fprintf(w, "  %s:", p.GetProfile())
		for i, a := range p.GetAliases() {
			if i > 0 {
				fmt.Fprint(w, ",")
			}
			fmt.Fprintf(w, " %s", shortName(a))
		}
		fmt.Fprintln(w)
	}
}

// shortName is an identifier without its alias where it may be seen.
func shortName(a *profferv1.ProfileAlias) string {
	if a.GetValue() != "" {
		return a.GetType() + ":" + a.GetValue()
	}
	return aliasName(a)
}
