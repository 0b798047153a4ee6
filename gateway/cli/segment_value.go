package cli

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/profferhq/proffer/gateway"
	profferv1 "github.com/profferhq/proffer/gateway/api/proffer/v1"
)

type segmentValue struct {
	target
	output
	Who     string `arg:"" optional:"" help:"Identifier as TYPE=VALUE, or an alias; else those of whom most is expected."`
	Limit   uint32 `help:"How many people, 1 to 1,000." default:"10"`
	Horizon uint32 `help:"For how many days, 1 to 3,650." default:"365" placeholder:"DAYS"`
	Until   string `help:"Purchases after this day (2006-01-02) are left out; else the latest day with a purchase." placeholder:"DAY"`
}

// Help is shown by --help.
func (segmentValue) Help() string {
	return "Example: proffer segment value user_id=shopper-0003 --horizon 90\n\nThe models are described in docs/people.md."
}

// Run tells.
func (c segmentValue) Run(r *run) error {
	request := &profferv1.ListLifetimeValuesRequest{Limit: &c.Limit, HorizonDays: &c.Horizon}
	var err error
	if c.Who != "" {
		if request.Who, err = who(c.Who); err != nil {
			return err
		}
	}
	if c.Until != "" {
		day, err := time.Parse(time.DateOnly, c.Until)
		if err != nil {
			return fmt.Errorf("%w: --until: want a day such as 2026-11-30", gateway.ErrUsage)
		}
		request.Until = timestamppb.New(day)
	}
	return c.with(r, func(s *remote) error {
		a, err := s.segments.ListLifetimeValues(r.ctx, request)
		if err != nil {
			return err
		}
		return c.printMessage(r, a, func(w io.Writer) { tellValues(w, a) })
	})
}

func tellValues(w io.Writer, a *profferv1.ListLifetimeValuesResponse) {
	fmt.Fprintf(w, "%d people bought until %s, %d of them again\n", a.GetPeople(), a.GetUntil().AsTime().Format(time.DateOnly), a.GetRepeating())
	m := a.GetBgNbd()
	fmt.Fprintf(w, "BG/NBD       r %.4g  alpha %.4g  a %.4g  b %.4g  log-likelihood %.2f\n", m.GetR(), m.GetAlpha(), m.GetA(), m.GetB(), m.GetLogLikelihood())
	if g := a.GetGammaGamma(); g != nil {
		fmt.Fprintf(w, "gamma-gamma  p %.4g  q %.4g  v %.4g  log-likelihood %.2f, from %d people\n", g.GetP(), g.GetQ(), g.GetV(), g.GetLogLikelihood(), g.GetPeople())
	}
	for _, warning := range a.GetWarnings() {
		fmt.Fprintf(w, "warning: %s\n", warning)
	}
	if len(a.GetValues()) == 0 {
		fmt.Fprintln(w, "she has not bought")
		return
	}
	fmt.Fprintf(w, "\nexpected within %d days:\n", a.GetHorizonDays())
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "profile\trepeats\tlast after\tobserved\talive\tpurchases\tvalue\t")
	for _, v := range a.GetValues() {
		fmt.Fprintf(t, "%s\t%d\t%.0f d\t%.0f d\t%.3f\t%.2f\t%s\t\n", v.GetProfile(), v.GetFrequency(), v.GetRecencyDays(), v.GetObservedDays(),
			v.GetPAlive(), v.GetExpectedPurchases(), maybe(v.ExpectedValue))
	}
	_ = t.Flush()
}
