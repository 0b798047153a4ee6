package cli

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"text/tabwriter"

	"github.com/profferhq/proffer/decider/model"
	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/label"
	"github.com/profferhq/proffer/gateway"
	profferv1 "github.com/profferhq/proffer/gateway/api/proffer/v1"
	"github.com/profferhq/proffer/gateway/modelmaker"
)

type modelTrain struct {
	target
	output
	trainingRows
	Name         string  `required:"" help:"The model's name."`
	Seed         uint64  `help:"Same rows and seed, same model." default:"1"`
	SMOTE        float64 `name:"smote" help:"Share of positive rows to make up to learn from, 0.3 say; the card compares with none." placeholder:"SHARE"`
	Calibration  string  `help:"How probabilities are made of margins: auto (a line in log-odds, bent where it must be), platt, isotonic or none." enum:"auto,platt,isotonic,none" default:"auto"`
	Out          string  `help:"Also write the model file here." placeholder:"FILE"`
	Reason       string  `help:"Why; kept in the log, so free of personal data."`
	ValidateOnly bool    `help:"Do everything but register."`
}

// Help is shown by --help.
func (modelTrain) Help() string {
	return `Example: proffer model train --view core@2 --label churn_90d --at dates --every 30d --name churn

From the log to a registered model: rows as known at their moments, a split by time, trees, calibration on people left out,
and a card with the figures on rows that came last, beside logistic regression. Give it a role with "model assign".`
}

// trained is the contract of "model train --json".
type trained struct {
	Model     string          `json:"model"`
	Version   uint64          `json:"version"`
	SHA256    string          `json:"sha256"`
	Position  string          `json:"position"`
	Unchanged bool            `json:"unchanged"`
	Card      modelmaker.Card `json:"card"`
}

// Run exports, learns, and registers.
func (c modelTrain) Run(r *run) error {
	if !(c.SMOTE >= 0 && c.SMOTE <= .5) { // said before the rows are read, not after
		return fmt.Errorf("%w: --smote: %v is no share above 0 and at most 0.5", gateway.ErrUsage, c.SMOTE)
	}
	request, err := c.request()
	if err != nil {
		return err
	}
	return c.with(r, func(s *remote) error {
		rows, err := c.rows(r, s, request)
		if err != nil {
			return err
		}
		made, err := modelmaker.Make(r.ctx, rows, modelmaker.Options{Name: c.Name, Seed: c.Seed, SMOTE: c.SMOTE, Calibration: c.Calibration})
		if err != nil {
			return err
		}
		data, err := made.File.Encode()
		if err != nil {
			return err
		}
		if c.Out != "" {
			if err := os.WriteFile(c.Out, data, 0o644); err != nil {
				return fmt.Errorf("write the model: %w", err)
			}
		}
		a, err := sendModel(r, s, &profferv1.RegisterModelRequest{Name: c.Name, Reason: c.Reason, ValidateOnly: c.ValidateOnly}, data)
		if err != nil {
			return err
		}
		result := trained{
			Model: a.GetName(), Version: a.GetVersion(), SHA256: model.Digest(data).String(), Position: a.GetPosition(),
			Unchanged: a.GetUnchanged(), Card: made.Card,
		}
		return c.print(r, result, func(w io.Writer) {
			tellMade(w, made.Card)
			tellRegistered(w, a)
		})
	})
}

func (c modelTrain) rows(r *run, s *remote, request *profferv1.ExportTrainingRequest) (*modelmaker.Rows, error) {
	rows := &modelmaker.Rows{AtDecisions: request.GetAtDecisions()}
	end, err := receiveRows(r, s, request, func(h *profferv1.TrainingHead) error {
		l, err := label.Parse(h.GetLabelJson())
		if err != nil {
			return err
		}
		rows.View, rows.Features, rows.Label, rows.Cut = h.GetView(), h.GetFeatures(), l, h.GetCut()
		rows.ViewFingerprint = [32]byte(domain.Hash(h.GetViewFingerprint()))
		return nil
	}, func(part *profferv1.TrainingRows) error {
		rows.Add(part.GetProfiles(), part.GetAtMs(), part.GetDecisions(), part.GetLabels(), part.GetValues())
		return nil
	})
	rows.Outside, rows.Unfinished, rows.Skewed = end.GetOutside(), end.GetUnfinished(), end.GetSkewed()
	return rows, err
}

// tellMade prints a card as tables.
func tellMade(w io.Writer, c modelmaker.Card) {
	fmt.Fprintf(w, "%s: %s of %s (%s)\n%s\n\n", c.Model, c.Label, c.View, c.Objective, c.LabelSays)
	fmt.Fprintf(w, "%d rows of %d people, %s to %s; judged on %d rows from %s on\n", c.Rows.All, c.Rows.People, c.Window.From, c.Window.To,
		c.Rows.Test, c.Window.Test)
	fmt.Fprintf(w, "%d learnt from, %d to stop on and then learnt from, %d purged; %d moments outside, %d unfinished, %d skewed\n",
		c.Rows.Learn, c.Rows.Stop, c.Rows.Purged, c.Rows.Outside, c.Rows.Unfinished, c.Rows.Skewed)
	fmt.Fprintf(w, "label: %.4g learnt from, %.4g in the test\n\n", c.BaseRate.Learn, c.BaseRate.Test)
	table := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintln(table, "FIGURE\tTREES\tBASELINE")
	for _, f := range []struct {
		name            string
		trees, baseline *float64
	}{
		{"AUC", c.AUC, c.Baseline.AUC},
		{"accuracy", c.Accuracy, c.Baseline.Accuracy},
		{"log loss", c.LogLoss, c.Baseline.LogLoss},
		{"Brier", c.Brier, c.Baseline.Brier},
		{"ECE", c.ECE, c.Baseline.ECE},
		{"RMSE", c.RMSE, c.Baseline.RMSE},
		{"MAE", c.MAE, c.Baseline.MAE},
		{"R2", c.R2, c.Baseline.R2},
	} {
		if f.trees != nil && f.baseline != nil {
			fmt.Fprintf(table, "%s\t%s\t%s\n", f.name, figure(*f.trees), figure(*f.baseline))
		}
	}
	if len(c.Lift) > 0 {
		fmt.Fprintln(table, "\nTOP\tRATE\tLIFT\tCAPTURED\tMEAN SCORE")
		for _, l := range c.Lift {
			fmt.Fprintf(table, "%.0f %%\t%s\t%.2f\t%.1f %%\t%s\n", 100*l.Share, figure(l.Rate), l.Lift, 100*l.Captured, figure(l.MeanScore))
		}
	}
	fmt.Fprintln(table, "\nFEATURE\tGAIN\tSPLITS")
	for _, i := range c.Importance[:min(15, len(c.Importance))] {
		fmt.Fprintf(table, "%s\t%.1f %%\t%s\n", i.Feature, 100*i.Gain, strconv.Itoa(i.Splits))
	}
	_ = table.Flush()
	tellList(w, "warning", c.Warnings)
	tellList(w, "limit", c.Limits)
	fmt.Fprintln(w)
}

func tellList(w io.Writer, name string, list []string) {
	if len(list) > 0 {
		fmt.Fprintln(w)
	}
	for _, text := range list {
		fmt.Fprintf(w, "%s: %s\n", name, text)
	}
}
