package cli

import (
	"fmt"
	"io"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	profferv1 "github.com/profferhq/proffer/gateway/api/proffer/v1"
)

// withdrawal is what withdrawing takes, whatever is withdrawn.
type withdrawal struct {
	target
	output
	Reason       string `help:"Why; kept in the log." placeholder:"TEXT"`
	ValidateOnly bool   `help:"Do everything but write."`
}

func (c withdrawal) withdraw(r *run, kind, name string, version uint64) error {
	return c.with(r, func(s *remote) error {
		a, err := s.policies.Withdraw(r.ctx, &profferv1.WithdrawRequest{
			Kind: kind, Name: name, Version: version, Reason: c.Reason, ValidateOnly: c.ValidateOnly,
		})
		if err != nil {
			return err
		}
		return c.printMessage(r, a, func(w io.Writer) {
			called := a.GetName()
			if kind == "model" {
				called = fmt.Sprintf("%s@%d", called, a.GetVersion())
			}
			switch {
			case a.GetUnchanged():
				fmt.Fprintf(w, "%s is withdrawn already\n", called)
			case c.ValidateOnly:
				fmt.Fprintf(w, "%s can be withdrawn; nothing was written\n", called)
			default:
				fmt.Fprintf(w, "%s is withdrawn from %s\n", called, a.GetPosition())
			}
		})
	})
}

type policyWithdraw struct {
	withdrawal
	ID string `arg:"" help:"Id of the policy."`
}

// Help is shown by --help.
func (policyWithdraw) Help() string {
	return "Example: proffer policy withdraw shop --reason \"the shop is closed\"\n\nIts placements are nobody's then. Publishing it again brings it back."
}

// Run withdraws.
func (c policyWithdraw) Run(r *run) error { return c.withdraw(r, "policy", c.ID, 0) }

type featureWithdraw struct {
	withdrawal
	View string `arg:"" help:"A version, retail@2."`
}

// Help is shown by --help.
func (featureWithdraw) Help() string {
	return "Example: proffer feature withdraw retail@2\n\nNot while something in effect reads it. Decisions that read it replay all the same."
}

// Run withdraws.
func (c featureWithdraw) Run(r *run) error { return c.withdraw(r, "feature_view", c.View, 0) }

type segmentWithdraw struct {
	withdrawal
	ID string `arg:"" help:"Id of the definition."`
}

// Help is shown by --help.
func (segmentWithdraw) Help() string {
	return "Example: proffer segment withdraw tags\n\nNot while a policy in effect reads it. Its members leave."
}

// Run withdraws.
func (c segmentWithdraw) Run(r *run) error { return c.withdraw(r, "segments", c.ID, 0) }

type modelWithdraw struct {
	withdrawal
	Model string `arg:"" help:"NAME@VERSION, or NAME for the latest." placeholder:"NAME@VERSION"`
}

// Help is shown by --help.
func (modelWithdraw) Help() string {
	return "Example: proffer model withdraw churn@2\n\nNot while it has a role. It is none to roll or fall back to, either."
}

// Run withdraws.
func (c modelWithdraw) Run(r *run) error {
	name, version, err := modelNamed(c.Model)
	if err != nil {
		return err
	}
	return c.withdraw(r, "model", name, version)
}

// withdrawnSince is when something was withdrawn, for a table; empty when it was not.
func withdrawnSince(t *timestamppb.Timestamp) string {
	if t == nil {
		return ""
	}
	return t.AsTime().Format(time.DateTime)
}
