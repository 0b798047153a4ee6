package cli

import (
	"fmt"
	"io"

	profferv1 "github.com/profferhq/proffer/gateway/api/proffer/v1"
)

type identityGuards struct {
	Show guardsShow `cmd:"" help:"Print the guards in effect, as a document that set takes."`
	Set  guardsSet  `cmd:"" help:"Put guards into effect, on older links too."`
}

// Help is shown by --help.
func (identityGuards) Help() string { return "Example: proffer identity guards set guards.yaml" }

type guardsShow struct {
	target
	output
}

// Help is shown by --help.
func (guardsShow) Help() string { return "Example: proffer identity guards show > guards.yaml" }

// guardsInEffect is the contract of `identity guards show --json`.
type guardsInEffect struct {
	Version  uint64 `json:"version"`
	Document string `json:"document"`
}

// Run prints the document.
func (c guardsShow) Run(r *run) error {
	return c.with(r, func(s *remote) error {
		a, err := s.identity.List(r.ctx, &profferv1.IdentityServiceListRequest{})
		if err != nil {
			return err
		}
		return c.print(r, guardsInEffect{a.GetGuardsVersion(), a.GetGuards()}, func(w io.Writer) {
			fmt.Fprintf(w, "# version %d\n%s", a.GetGuardsVersion(), a.GetGuards())
		})
	})
}

type guardsSet struct {
	target
	output
	change
	previewing
	Preview bool   `help:"Only see what it would do to people and their decisions."`
	File    string `arg:"" help:"The document, YAML; - is standard input."`
}

// Help is shown by --help.
func (guardsSet) Help() string {
	return `Example: proffer identity guards set guards.yaml --reason "a kiosk in the lobby"`
}

// Run sets, or previews.
func (c guardsSet) Run(r *run) error {
	text, err := documentIn(c.File, "guards")
	if err != nil {
		return err
	}
	return c.with(r, func(s *remote) error {
		if c.Preview {
			return previewed(r, c.output, s, &profferv1.PreviewRequest{
				Change: &profferv1.PreviewRequest_Guards{Guards: text}, Decisions: &c.Decisions,
			})
		}
		a, err := s.identity.SetGuards(r.ctx, &profferv1.SetGuardsRequest{Document: text, Change: c.message()})
		if err != nil {
			return err
		}
		return c.printMessage(r, a, func(w io.Writer) {
			tellChange(w, c.change, a.GetUnchanged(), a.GetPosition())
			if !a.GetUnchanged() {
				fmt.Fprintf(w, "version %d: %d links added, %d taken back, %d identifiers shared\n",
					a.GetVersion(), a.GetLinksAdded(), a.GetLinksTakenBack(), a.GetShared())
			}
		})
	})
}
