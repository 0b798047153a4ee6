package cli

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	profferv1 "github.com/profferhq/proffer/gateway/api/proffer/v1"
)

type policy struct {
	Publish  policyPublish  `cmd:"" help:"Publish a policy; it takes effect at once."`
	Validate policyValidate `cmd:"" help:"Compile and check a policy; publish nothing."`
	List     policyList     `cmd:"" help:"List the policies in effect, and those that are withdrawn."`
	Withdraw policyWithdraw `cmd:"" help:"Take a policy out of effect; publishing it again brings it back."`
}

// Help is shown by --help.
func (policy) Help() string { return "Example: proffer policy publish shop.yaml" }

type policyPublish struct {
	target
	output
	File string `arg:"" help:"The document, YAML; - is standard input."`
}

// Help is shown by --help.
func (policyPublish) Help() string { return "Example: proffer policy publish shop.yaml" }

// Run publishes.
func (c policyPublish) Run(r *run) error { return publish(r, c.target, c.output, c.File, false) }

type policyValidate struct {
	target
	output
	File string `arg:"" help:"The document, YAML; - is standard input."`
}

// Help is shown by --help.
func (policyValidate) Help() string { return "Example: proffer policy validate shop.yaml" }

// Run validates.
func (c policyValidate) Run(r *run) error { return publish(r, c.target, c.output, c.File, true) }

func publish(r *run, t target, o output, file string, validateOnly bool) error {
	text, err := documentIn(file, "policy")
	if err != nil {
		return err
	}
	return t.with(r, func(s *remote) error {
		a, err := s.policies.Publish(r.ctx, &profferv1.PublishRequest{Document: text, ValidateOnly: validateOnly})
		if err != nil {
			return err
		}
		return o.printMessage(r, a, func(w io.Writer) {
			switch {
			case validateOnly:
				fmt.Fprintf(w, "%s is valid\n", a.GetPolicy())
			case a.GetUnchanged():
				fmt.Fprintf(w, "%s version %d is in effect already\n", a.GetPolicy(), a.GetVersion())
			default:
				fmt.Fprintf(w, "%s version %d is in effect from %s\n", a.GetPolicy(), a.GetVersion(), a.GetPosition())
			}
		})
	})
}

type policyList struct {
	target
	output
}

// Help is shown by --help.
func (policyList) Help() string { return "Example: proffer policy list --json" }

// Run lists.
func (c policyList) Run(r *run) error {
	return c.with(r, func(s *remote) error {
		a, err := s.policies.List(r.ctx, &profferv1.ListRequest{})
		if err != nil {
			return err
		}
		return c.printMessage(r, a, func(w io.Writer) {
			table := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
			fmt.Fprintln(table, "POLICY\tVERSION\tPLACEMENTS\tOFFERS\tWITHDRAWN\tSHA-256")
			for _, p := range a.GetPolicies() {
				fmt.Fprintf(table, "%s\t%d\t%s\t%s\t%s\t%.12s\n", p.GetPolicy(), p.GetVersion(),
					strings.Join(p.GetPlacements(), ","), strings.Join(p.GetOffers(), ","), withdrawnSince(p.GetWithdrawnAt()), p.GetSha256())
			}
			_ = table.Flush()
		})
	})
}
