package cli

import (
	"fmt"
	"io"

	"github.com/profferhq/proffer/gateway"
	profferv1 "github.com/profferhq/proffer/gateway/api/proffer/v1"
)

type modelAssign struct {
	target
	output
	Role         string  `help:"champion: its score counts; challenger: for a share of the profiles; shadow: recorded, without effect." enum:"champion,challenger,shadow" required:""`
	Share        float64 `help:"A challenger's share of the profiles, above 0 and below 1."`
	Nobody       bool    `help:"Take the role back."`
	Reason       string  `help:"Why; kept in the log, so free of personal data."`
	ValidateOnly bool    `help:"Do everything but write."`
	Use          string  `arg:"" help:"What it is for, as policies name it: churn_90d."`
	Model        string  `arg:"" optional:"" help:"NAME, or NAME@VERSION." placeholder:"NAME"`
}

// Help is shown by --help.
func (modelAssign) Help() string {
	return "Example: proffer model assign churn_90d churn@2 --role shadow"
}

// Run assigns.
func (c modelAssign) Run(r *run) error {
	q := &profferv1.AssignModelRequest{Use: c.Use, Role: c.Role, Share: c.Share, ValidateOnly: c.ValidateOnly, Reason: c.Reason}
	if c.Nobody == (c.Model != "") {
		return fmt.Errorf("%w: name a model, or say --nobody", gateway.ErrUsage)
	}
	if !c.Nobody {
		var err error
		if q.Model, q.Version, err = modelNamed(c.Model); err != nil {
			return err
		}
	}
	return assign(r, c.target, c.output, q)
}

func assign(r *run, t target, o output, q *profferv1.AssignModelRequest) error {
	return t.with(r, func(s *remote) error {
		a, err := s.models.AssignModel(r.ctx, q)
		if err != nil {
			return err
		}
		for _, doubt := range a.GetWarnings() {
			fmt.Fprintln(r.err, "warning:", doubt)
		}
		return o.printMessage(r, a, func(w io.Writer) {
			switch {
			case a.GetUnchanged():
				fmt.Fprintln(w, "it is so already")
			case q.GetValidateOnly():
				fmt.Fprintln(w, "it can be done; nothing was written")
			default:
				fmt.Fprintf(w, "in effect from %s\n", a.GetPosition())
			}
			tellUses(w, []*profferv1.ModelUse{a.GetUse()})
		})
	})
}

type modelPromote struct {
	target
	output
	Reason       string `help:"Why; kept in the log, so free of personal data."`
	ValidateOnly bool   `help:"Do everything but write."`
	Use          string `arg:"" help:"What it is for, as policies name it: churn_90d."`
	Model        string `arg:"" help:"NAME, or NAME@VERSION." placeholder:"NAME"`
}

// Help is shown by --help.
func (modelPromote) Help() string { return "Example: proffer model promote churn_90d churn@2" }

// Run makes it the champion.
func (c modelPromote) Run(r *run) error {
	name, version, err := modelNamed(c.Model)
	if err != nil {
		return err
	}
	return assign(r, c.target, c.output, &profferv1.AssignModelRequest{
		Use: c.Use, Role: "champion", Model: name, Version: version, Reason: c.Reason, ValidateOnly: c.ValidateOnly,
	})
}

type modelRollback struct {
	target
	output
	Reason       string `help:"Why; kept in the log, so free of personal data."`
	ValidateOnly bool   `help:"Do everything but write."`
	Use          string `arg:"" help:"What it is for, as policies name it: churn_90d."`
}

// Help is shown by --help.
func (modelRollback) Help() string {
	return `Example: proffer model rollback churn_90d --reason "calibration broke"`
}

// Run rolls back.
func (c modelRollback) Run(r *run) error {
	return c.with(r, func(s *remote) error {
		a, err := s.models.RollbackModel(r.ctx, &profferv1.RollbackModelRequest{Use: c.Use, Reason: c.Reason, ValidateOnly: c.ValidateOnly})
		if err != nil {
			return err
		}
		return c.printMessage(r, a, func(w io.Writer) {
			if c.ValidateOnly {
				fmt.Fprintln(w, "it can be done; nothing was written")
			} else {
				fmt.Fprintf(w, "in effect from %s\n", a.GetPosition())
			}
			tellUses(w, []*profferv1.ModelUse{a.GetUse()})
		})
	})
}
