package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/profferhq/proffer/gateway"
	profferv1 "github.com/profferhq/proffer/gateway/api/proffer/v1"
)

type models struct {
	Train    modelTrain    `cmd:"" help:"Train a model from the log and register it with its card."`
	Import   modelImport   `cmd:"" help:"Register a model of XGBoost or LightGBM, if it agrees with its golden rows."`
	Register modelRegister `cmd:"" help:"Register a model file of Proffer's own."`
	List     modelList     `cmd:"" help:"List models, and which of them answer for what."`
	Show     modelShow     `cmd:"" help:"Show a version with its card."`
	Assign   modelAssign   `cmd:"" help:"Give a version a role for a use, or take the role back."`
	Promote  modelPromote  `cmd:"" help:"Make a version the champion of a use."`
	Rollback modelRollback `cmd:"" help:"Make the champion before the present one champion again."`
	Withdraw modelWithdraw `cmd:"" help:"Take a version that has no role out of effect."`
	Limits   modelLimits   `cmd:"" help:"Show or set from when on alerts are raised about the models of a use."`
	Download modelDownload `cmd:"" help:"Write a version's exact bytes to a file."`
}

// Help is shown by --help.
func (models) Help() string { return "Example: proffer model list" }

// modelNamed reads NAME or NAME@VERSION.
func modelNamed(text string) (name string, version uint64, err error) {
	name, number, versioned := strings.Cut(text, "@")
	if versioned {
		version, err = strconv.ParseUint(number, 10, 64)
	}
	if name == "" || err != nil || versioned && version == 0 {
		return "", 0, fmt.Errorf("%w: %q is no model: NAME, or NAME@VERSION", gateway.ErrUsage, text)
	}
	return name, version, nil
}

type modelList struct {
	target
	output
}

// Help is shown by --help.
func (modelList) Help() string { return "Example: proffer model list --json" }

// Run lists.
func (c modelList) Run(r *run) error {
	return c.with(r, func(s *remote) error {
		a, err := s.models.ListModels(r.ctx, &profferv1.ListModelsRequest{})
		if err != nil {
			return err
		}
		return c.printMessage(r, a, func(w io.Writer) {
			table := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
			fmt.Fprintln(table, "MODEL\tOBJECTIVE\tLABEL\tVIEW\tFEATURES\tAUC\tBASELINE\tWITHDRAWN\tSHA-256")
			for _, m := range a.GetModels() {
				fmt.Fprintf(table, "%s@%d\t%s\t%s\t%s\t%d\t%s\t%s\t%s\t%.12s\n", m.GetName(), m.GetVersion(), m.GetObjective(), m.GetLabel(),
					m.GetView(), m.GetFeatures(), figure(m.GetAuc()), figure(m.GetBaselineAuc()), withdrawnSince(m.GetWithdrawnAt()), m.GetSha256())
			}
			_ = table.Flush()
			tellUses(w, a.GetUses())
		})
	})
}

// figure is a number of a card; "-" when it is not known.
func figure(v float64) string {
	if math.IsNaN(v) {
		return "-"
	}
	return strconv.FormatFloat(v, 'f', 4, 64)
}

func tellUses(w io.Writer, uses []*profferv1.ModelUse) {
	if len(uses) == 0 {
		return
	}
	fmt.Fprintln(w)
	table := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintln(table, "USE\tROLE\tMODEL\tSHARE\tSINCE\tBY\tREAD BY")
	for _, u := range uses {
		for _, role := range u.GetRoles() {
			share := ""
			if role.GetShare() > 0 {
				share = strconv.FormatFloat(role.GetShare(), 'g', -1, 64)
			}
			fmt.Fprintf(table, "%s\t%s\t%s@%d\t%s\t%s\t%s\t%s\n", u.GetUse(), role.GetRole(), role.GetModel(), role.GetVersion(), share,
				role.GetSince().AsTime().Format("2006-01-02 15:04:05"), role.GetRule(), strings.Join(u.GetPolicies(), ","))
		}
		if len(u.GetRoles()) == 0 {
			fmt.Fprintf(table, "%s\tnobody\t\t\t\t\t%s\n", u.GetUse(), strings.Join(u.GetPolicies(), ","))
		}
	}
	_ = table.Flush()
}

type modelShow struct {
	target
	output
	Model string `arg:"" help:"NAME, or NAME@VERSION." placeholder:"NAME"`
}

// Help is shown by --help.
func (modelShow) Help() string { return "Example: proffer model show churn@2" }

// Run shows.
func (c modelShow) Run(r *run) error {
	name, version, err := modelNamed(c.Model)
	if err != nil {
		return err
	}
	return c.with(r, func(s *remote) error {
		a, err := s.models.DescribeModel(r.ctx, &profferv1.DescribeModelRequest{Name: name, Version: version})
		if err != nil {
			return err
		}
		return c.printMessage(r, a, func(w io.Writer) {
			m := a.GetModel()
			fmt.Fprintf(w, "%s@%d, %s of %s, registered %s at %s\nview %s, %d features, %d bytes, SHA-256 %s\n\n", m.GetName(), m.GetVersion(),
				m.GetObjective(), m.GetLabel(), m.GetRegisteredAt().AsTime().Format("2006-01-02 15:04:05"), m.GetPosition(),
				m.GetView(), m.GetFeatures(), m.GetSize(), m.GetSha256())
			if a.GetNotJudged() == "" {
				fmt.Fprintf(w, "its %ss are judged by the label %s when it is known what came\n\n", a.GetJudgedAs(), m.GetLabel())
			} else {
				fmt.Fprintf(w, "not judged by what comes: %s\n\n", a.GetNotJudged())
			}
			fmt.Fprintf(w, "features in their order: %s\n\n", strings.Join(a.GetFeatures(), ", "))
			tellCard(w, a.GetCard())
		})
	})
}

func tellCard(w io.Writer, card string) {
	var parsed any
	if json.Unmarshal([]byte(card), &parsed) != nil {
		return
	}
	if pretty, err := json.MarshalIndent(parsed, "", "  "); err == nil {
		fmt.Fprintf(w, "%s\n", pretty)
	}
}

type modelDownload struct {
	target
	output
	Model string `arg:"" help:"NAME, or NAME@VERSION." placeholder:"NAME"`
	File  string `arg:"" help:"Where to; - is standard output."`
}

// Help is shown by --help.
func (modelDownload) Help() string { return "Example: proffer model download churn@2 churn.json" }

// downloaded is the contract of `model download --json`.
type downloaded struct {
	File  string `json:"file"`
	Bytes int    `json:"bytes"`
}

// Run downloads.
func (c modelDownload) Run(r *run) error {
	name, version, err := modelNamed(c.Model)
	if err != nil {
		return err
	}
	return c.with(r, func(s *remote) error {
		stream, err := s.models.DownloadModel(r.ctx, &profferv1.DownloadModelRequest{Name: name, Version: version})
		if err != nil {
			return err
		}
		var data []byte
		for stream.Receive() {
			data = append(data, stream.Msg().GetChunk()...)
		}
		if err := errors.Join(stream.Err(), stream.Close()); err != nil {
			return err
		}
		if c.File == "-" {
			_, err := r.out.Write(data)
			return err
		}
		if err := os.WriteFile(c.File, data, 0o644); err != nil {
			return fmt.Errorf("%w: write the model: %w", gateway.ErrUsage, err)
		}
		return c.print(r, downloaded{c.File, len(data)}, func(w io.Writer) { fmt.Fprintf(w, "%s: %d bytes\n", c.File, len(data)) })
	})
}
