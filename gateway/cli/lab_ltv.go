package cli

import (
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/alecthomas/kong"

	"github.com/profferhq/proffer/gateway"
	"github.com/profferhq/proffer/gateway/lab"
)

type labLifetime struct {
	output
	In       string   `help:"File of transactions: CSV, compressed by gzip or zstd or not." placeholder:"FILE"`
	Summary  summary  `help:"The file has a row for each person: frequency, recency, T and, where known, value." placeholder:"FILE"`
	Customer string   `help:"Column of the customer." placeholder:"COLUMN"`
	Date     string   `help:"Column of the date; only its day counts." placeholder:"COLUMN"`
	Value    string   `help:"Column of the value, or a product of columns: Quantity*UnitPrice. Without one no values are expected." placeholder:"COLUMN"`
	Until    string   `help:"Last day that counts, such as 2011-12-09; else the last in the file." placeholder:"DATE"`
	Unit     string   `help:"Unit of time: day, week, month or year." default:"week" enum:"day,week,month,year"`
	Horizon  *float64 `help:"For how many units purchases and value are expected, ten years' at most; else a year's." placeholder:"N"`
	Order    string   `name:"date-order" help:"Order of day and month in dates like 1/2/2011: dmy or mdy; auto looks at the whole column." default:"auto" enum:"auto,dmy,mdy"`
	File     string   `arg:"" optional:"" help:"The file, in place of --in."`
}

// Help is shown by --help.
func (labLifetime) Help() string {
	return "Example: proffer lab ltv --in tx.csv --customer CustomerID --date InvoiceDate --value Quantity*UnitPrice --until 2011-12-09 --unit week\n\nWorks without a server; or from a summary:\n  proffer lab ltv --in people.csv --summary\n\nThe figures are explained in docs/people.md."
}

// summary is a switch that also takes a file: --summary, or --summary=FILE.
type summary struct {
	on   bool
	file string
}

// IsBool tells the parser that the flag may stand alone.
func (summary) IsBool() bool { return true }

// Decode reads the flag.
func (s *summary) Decode(ctx *kong.DecodeContext) error {
	s.on = true
	if next := ctx.Scan.Peek(); next.Type == kong.FlagValueToken {
		s.file = ctx.Scan.Pop().String()
	}
	return nil
}

// file is the one file that the command line names.
func (c labLifetime) file() (string, error) {
	var found []string
	for _, f := range []string{c.In, c.Summary.file, c.File} {
		if f != "" {
			found = append(found, f)
		}
	}
	if len(found) != 1 {
		return "", fmt.Errorf("%w: name one file, by --in", gateway.ErrUsage)
	}
	return found[0], nil
}

// Run fits and prints.
func (c labLifetime) Run(r *run) error {
	file, err := c.file()
	if err != nil {
		return err
	}
	if !c.Summary.on && (c.Customer == "" || c.Date == "") {
		return fmt.Errorf("%w: transactions need --customer and --date, or say --summary", gateway.ErrUsage)
	}
	result, err := lab.Lifetime(r.ctx, lab.LifetimeOptions{
		TransactionOptions: lab.TransactionOptions{In: file, Customer: c.Customer, Date: c.Date, Value: c.Value, Until: c.Until, Order: lab.DateOrder(c.Order)},
		Summary:            c.Summary.on, Unit: c.Unit, Horizon: c.Horizon,
	})
	if err != nil {
		return usage(err)
	}
	return c.print(r, result, func(w io.Writer) { tellLifetime(w, result) })
}

// tellLifetime is the result for people.
func tellLifetime(w io.Writer, r *lab.LifetimeResult) {
	fmt.Fprintf(w, "%d people, %d bought again", r.People, r.Repeating)
	if r.Until != "" {
		fmt.Fprintf(w, "; %d rows, %d occasions, until %s", r.Rows, r.Occasions, r.Until)
	}
	fmt.Fprintln(w)
	if n := r.LeftOut; n != (lab.LeftOut{}) {
		fmt.Fprintf(w, "left out: %d rows without a customer, %d without a readable date, %d without a readable value, %d refunds, %d after the end\n",
			n.NoCustomer, n.BadDate, n.BadValue, n.Refunds, n.AfterUntil)
	}
	fmt.Fprintf(w, "BG/NBD       r %.4g  alpha %.4g  a %.4g  b %.4g  log-likelihood %.2f\n", r.BGNBD.R, r.BGNBD.Alpha, r.BGNBD.A, r.BGNBD.B, r.BGNBD.LogLikelihood)
	if g := r.GammaGamma; g != nil {
		fmt.Fprintf(w, "gamma-gamma  p %.4g  q %.4g  v %.4g  log-likelihood %.2f, from %d people\n", g.P, g.Q, g.V, g.LogLikelihood, g.People)
	}
	for _, warning := range r.Warnings {
		fmt.Fprintf(w, "warning: %s\n", warning)
	}
	drawAlive(w, r)
	fmt.Fprintf(w, "\nmost is expected of, in %g %ss:\n", r.Horizon, r.Unit)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "customer\tfrequency\trecency\tT\talive\tpurchases\tvalue\t")
	for _, c := range r.Best(10) {
		fmt.Fprintf(t, "%s\t%d\t%.1f\t%.1f\t%.3f\t%.2f\t%s\t\n", c.ID, c.Frequency, c.Recency, c.T, c.Alive, c.ExpectedPurchases, maybe(c.ExpectedValue))
	}
	_ = t.Flush()
}

func maybe(v *float64) string {
	if v == nil {
		return "-"
	}
	return strconv.FormatFloat(*v, 'f', 2, 64)
}

// drawAlive draws how likely it is that people still buy; those who bought once are counted apart, as the model cannot
// tell of them.
func drawAlive(w io.Writer, r *lab.LifetimeResult) {
	var bins [10]int
	once := 0
	for _, c := range r.Customers {
		if c.Frequency == 0 {
			once++
			continue
		}
		bins[min(9, int(c.Alive*10))]++
	}
	most := once
	for _, n := range bins {
		most = max(most, n)
	}
	fmt.Fprintln(w, "\nchance to be alive, of those who bought again:")
	for i, n := range bins {
		fmt.Fprintf(w, "  %.1f-%.1f %6d %s\n", float64(i)/10, float64(i+1)/10, n, share40(n, most))
	}
	fmt.Fprintf(w, "  unknown %6d %s bought once\n", once, share40(once, most))
}

// share40 draws a number by at most forty signs.
func share40(n, most int) string {
	if most == 0 {
		return ""
	}
	return strings.Repeat("#", int(math.Round(40*float64(n)/float64(most))))
}
