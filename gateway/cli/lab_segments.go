package cli

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"

	"github.com/profferhq/proffer/domain/segment"
	"github.com/profferhq/proffer/gateway"
	"github.com/profferhq/proffer/gateway/lab"
)

type labSegments struct {
	output
	In       string   `help:"File of rows, one for each person, or with --rfm of transactions: CSV, compressed by gzip or zstd or not." required:"" placeholder:"FILE"`
	ID       string   `name:"id" help:"Column of the row's id; else one called id or customer, else the row's number." placeholder:"COLUMN"`
	Columns  []string `help:"Columns that count; else all numeric ones." placeholder:"COLUMN,..."`
	Drop     []string `help:"Columns that do not count." placeholder:"COLUMN,..."`
	Log      bool     `help:"Take logarithms of columns without negative values: for amounts and counts."`
	K        *int     `help:"How many groups; else the best number by silhouette." placeholder:"N"`
	Least    int      `help:"Least number of groups that is tried." default:"2"`
	Most     int      `help:"Largest number of groups that is tried." default:"10"`
	Seed     uint64   `help:"Decides where the groups start." default:"1"`
	Previous string   `help:"What an earlier run printed by --json: groups keep their names." placeholder:"FILE"`
	RFM      bool     `name:"rfm" help:"Group the customers of transactions by recency, frequency and money."`
	Customer string   `help:"With --rfm: column of the customer." placeholder:"COLUMN"`
	Date     string   `help:"With --rfm: column of the date." placeholder:"COLUMN"`
	Value    string   `help:"With --rfm: column of the value, or a product of columns." placeholder:"COLUMN"`
	Until    string   `help:"With --rfm: last day that counts; else the last in the file." placeholder:"DATE"`
	Order    string   `name:"date-order" help:"With --rfm: order of day and month in dates like 1/2/2011." default:"auto" enum:"auto,dmy,mdy"`
}

// Help is shown by --help.
func (labSegments) Help() string {
	return "Example: proffer lab segments --in rows.csv --id customer --log\n\nWorks without a server; or from transactions:\n  proffer lab segments --rfm --in tx.csv --customer CustomerID --date InvoiceDate --value Quantity*UnitPrice\n\nThe groups are explained in docs/people.md."
}

// Run groups and prints.
func (c labSegments) Run(r *run) error {
	if c.RFM && (c.Customer == "" || c.Date == "") {
		return fmt.Errorf("%w: --rfm needs --customer and --date", gateway.ErrUsage)
	}
	if c.Least < 2 || c.Most < c.Least {
		return fmt.Errorf("%w: --least must not be below 2 and --most not below --least", gateway.ErrUsage)
	}
	k := 0 // the best number
	if c.K != nil {
		if k = *c.K; k < 1 {
			return fmt.Errorf("%w: --k must be at least 1", gateway.ErrUsage)
		}
	}
	result, err := lab.Segments(r.ctx, lab.SegmentOptions{
		TransactionOptions: lab.TransactionOptions{In: c.In, Customer: c.Customer, Date: c.Date, Value: c.Value, Until: c.Until, Order: lab.DateOrder(c.Order)},
		RFM:                c.RFM, ID: c.ID, Columns: c.Columns, Drop: c.Drop, Log: c.Log, K: k, Least: c.Least, Most: c.Most, Seed: c.Seed, Previous: c.Previous,
	})
	if errors.Is(err, segment.ErrOptions) {
		return fmt.Errorf("%w: %w", gateway.ErrUsage, err)
	}
	if err != nil {
		return usage(err)
	}
	return c.print(r, result, func(w io.Writer) { tellSegments(w, result) })
}

// tellSegments is the result for people.
func tellSegments(w io.Writer, r *lab.SegmentResult) {
	fmt.Fprintf(w, "%d in %d groups", len(r.Assignments), r.K)
	if r.Silhouette != nil {
		fmt.Fprintf(w, "; silhouette %.3f, inertia %.1f, %d values missing", *r.Silhouette, *r.Inertia, r.Missing)
	}
	fmt.Fprintln(w)
	for _, x := range r.Tried {
		fmt.Fprintf(w, "  %2d groups: silhouette %.3f\n", x.K, x.Silhouette)
	}
	for _, warning := range r.Warnings {
		fmt.Fprintf(w, "warning: %s\n", warning)
	}
	fmt.Fprintln(w)
	most := slices.Max(r.Sizes)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprint(t, "segment\tpeople\t\t")
	for _, c := range r.Columns {
		fmt.Fprintf(t, "%s\t", c)
	}
	fmt.Fprintln(t)
	for i, name := range r.Segments {
		fmt.Fprintf(t, "%s\t%d\t%s\t", name, r.Sizes[i], share40(r.Sizes[i], 2*most))
		for _, v := range r.Centres[i] {
			fmt.Fprintf(t, "%.4g\t", v)
		}
		fmt.Fprintln(t)
	}
	_ = t.Flush()
}
