package cli

import (
	"fmt"
	"io"
	"text/tabwriter"

	profferv1 "github.com/profferhq/proffer/gateway/api/proffer/v1"
)

type quarantine struct {
	List    quarantineList    `cmd:"" help:"List what was refused and is still open."`
	Repair  quarantineRepair  `cmd:"" help:"Replay a refused item, as received or as repaired."`
	Discard quarantineDiscard `cmd:"" help:"Close a refused item without replaying it."`
}

// Help is shown by --help.
func (quarantine) Help() string { return "Example: proffer quarantine list" }

type quarantineList struct {
	target
	output
	Source string `help:"Only of this source."`
	Reason string `help:"Only with this reason."`
	Limit  int32  `help:"How many at most, 1 to 1,000." default:"50"`
	Page   string `help:"Go on where the last page ended."`
}

// Help is shown by --help.
func (quarantineList) Help() string {
	return "Example: proffer quarantine list --reason AMOUNT_INVALID"
}

// Run lists one page.
func (c quarantineList) Run(r *run) error {
	return c.with(r, func(s *remote) error {
		a, err := s.quarantine.ListRefused(r.ctx, &profferv1.ListRefusedRequest{
			PageSize: &c.Limit, PageToken: c.Page, Source: c.Source, Reason: c.Reason,
		})
		if err != nil {
			return err
		}
		return c.printMessage(r, a, func(w io.Writer) {
			table := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
			fmt.Fprintln(table, "ID\tSOURCE\tLINE\tREASON\tFIELD\tMESSAGE")
			for _, q := range a.GetRefused() {
				fmt.Fprintf(table, "%s\t%s\t%d\t%s\t%s\t%s\n", q.GetId(), q.GetSource(), q.GetSourceLine(), q.GetReason(), q.GetField(), q.GetMessage())
			}
			_ = table.Flush()
			if a.GetNextPageToken() != "" {
				fmt.Fprintf(w, "more: --page %s\n", a.GetNextPageToken())
			}
		})
	})
}

type quarantineRepair struct {
	target
	output
	ID   string `arg:"" help:"The refused item."`
	File string `arg:"" optional:"" help:"JSON of the item as it should have been; - is standard input. Without it the original is replayed."`
}

// Help is shown by --help.
func (quarantineRepair) Help() string { return "Example: proffer quarantine repair ID fixed.json" }

// Run replays the item.
func (c quarantineRepair) Run(r *run) error {
	var repaired string
	if c.File != "" {
		var err error
		if repaired, err = documentIn(c.File, "repaired item"); err != nil {
			return err
		}
	}
	return c.with(r, func(s *remote) error {
		a, err := s.quarantine.Repair(r.ctx, &profferv1.RepairRequest{Id: c.ID, Repaired: repaired})
		if err != nil {
			return err
		}
		err = c.printMessage(r, a, func(w io.Writer) {
			if a.GetAccepted() {
				fmt.Fprintln(w, "accepted")
			} else {
				fmt.Fprintf(w, "refused again: %s %s %s\n", a.GetReason(), a.GetField(), a.GetMessage())
			}
		})
		if err == nil && !a.GetAccepted() {
			return errDiffers
		}
		return err
	})
}

type quarantineDiscard struct {
	target
	output
	ID     string `arg:"" help:"The refused item."`
	Reason string `help:"Why; kept in the log, so free of personal data." required:""`
}

// Help is shown by --help.
func (quarantineDiscard) Help() string {
	return `Example: proffer quarantine discard ID --reason "a test row"`
}

// Run closes the item.
func (c quarantineDiscard) Run(r *run) error {
	return c.with(r, func(s *remote) error {
		a, err := s.quarantine.Discard(r.ctx, &profferv1.DiscardRequest{Id: c.ID, Reason: c.Reason})
		if err != nil {
			return err
		}
		return c.printMessage(r, a, func(w io.Writer) { fmt.Fprintln(w, "discarded") })
	})
}
