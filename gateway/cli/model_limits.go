package cli

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/profferhq/proffer/gateway"
	profferv1 "github.com/profferhq/proffer/gateway/api/proffer/v1"
)

type modelLimits struct {
	target
	output
	Set          []string `help:"METRIC=SOFT or METRIC=SOFT,HARD; 0 is no limit. Metrics that are not named are as they come." sep:"none" placeholder:"psi=0.3"`
	Days         *uint32  `help:"How many days are looked at together, 1 to 400 (as it comes: 7)."`
	Least        *uint64  `help:"How many decisions there must be before anything is said, at least 1 (as it comes: 500)."`
	Defaults     bool     `help:"Back to the limits that come with the product."`
	Reason       string   `help:"Why; kept in the log, so free of personal data."`
	ValidateOnly bool     `help:"Do everything but write."`
	Use          string   `arg:"" help:"What it is for, as policies name it: churn_90d."`
}

// Help is shown by --help.
func (modelLimits) Help() string {
	return `Example: proffer model limits churn_90d --set psi=0.3 --set auc=0.65,0.55 --least 200 --reason "few decisions"

Without anything to set it shows what holds. What is set replaces all that was set for the use before. docs/watching.md says
what the metrics are.`
}

// Run shows or sets.
func (c modelLimits) Run(r *run) error {
	setting := len(c.Set) > 0 || c.Days != nil || c.Least != nil
	if c.Defaults && setting {
		return fmt.Errorf("%w: --defaults sets everything back: nothing else can be set with it", gateway.ErrUsage)
	}
	q := &profferv1.SetModelLimitsRequest{Use: c.Use, Days: c.Days, Least: c.Least, Reason: c.Reason, ValidateOnly: c.ValidateOnly}
	for _, text := range c.Set {
		l, err := limitOf(text)
		if err != nil {
			return err
		}
		q.Limits = append(q.Limits, l)
	}
	return c.with(r, func(s *remote) error {
		if !setting && !c.Defaults {
			a, err := s.models.GetModelLimits(r.ctx, &profferv1.GetModelLimitsRequest{Use: c.Use})
			if err != nil {
				return err
			}
			return c.printMessage(r, a, func(w io.Writer) { tellLimits(w, a.GetLimits()) })
		}
		a, err := s.models.SetModelLimits(r.ctx, q)
		if err != nil {
			return err
		}
		return c.printMessage(r, a, func(w io.Writer) {
			switch {
			case a.GetUnchanged():
				fmt.Fprintln(w, "it is so already")
			case c.ValidateOnly:
				fmt.Fprintln(w, "it can be done; nothing was written")
			default:
				fmt.Fprintf(w, "in effect from %s\n", a.GetPosition())
			}
			tellLimits(w, a.GetLimits())
		})
	})
}

// limitOf reads METRIC=SOFT or METRIC=SOFT,HARD.
func limitOf(text string) (*profferv1.ModelLimit, error) {
	metric, bounds, some := strings.Cut(text, "=")
	soft, hard, both := strings.Cut(bounds, ",")
	l := &profferv1.ModelLimit{Metric: metric}
	var err error
	if l.Soft, err = strconv.ParseFloat(soft, 64); err == nil && both {
		l.Hard, err = strconv.ParseFloat(hard, 64)
	}
	if err != nil || !some || metric == "" {
		return nil, fmt.Errorf("%w: --set %q is no limit: METRIC=SOFT or METRIC=SOFT,HARD", gateway.ErrUsage, text)
	}
	return l, nil
}

func tellLimits(w io.Writer, l *profferv1.ModelLimits) {
	set := "as they come with the product"
	if l.GetVersion() > 0 {
		set = fmt.Sprintf("version %d", l.GetVersion())
	}
	fmt.Fprintf(w, "limits of %s, %s: over %d days, from %d decisions on\n", l.GetUse(), set, l.GetDays(), l.GetLeast())
	table := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintln(table, "METRIC\tALERT\tHARD")
	bound := func(v float64) string {
		if v == 0 {
			return "-"
		}
		return strconv.FormatFloat(v, 'g', -1, 64)
	}
	for _, m := range l.GetLimits() {
		fmt.Fprintf(table, "%s\t%s\t%s\n", m.GetMetric(), bound(m.GetSoft()), bound(m.GetHard()))
	}
	_ = table.Flush()
}
