package cli

import (
	"fmt"
	"io"
	"strconv"
	"text/tabwriter"

	profferv1 "github.com/profferhq/proffer/gateway/api/proffer/v1"
)

type featureGet struct {
	target
	output
	Who     string   `arg:"" help:"TYPE:VALUE or an alias."`
	View    string   `help:"The feature view (default: ${view})."`
	AsOf    string   `help:"As known at a time, or at a cut." placeholder:"TIME|CUT"`
	At      string   `help:"Where windows end, when it is another time than that of --as-of." placeholder:"TIME"`
	Feature []string `help:"Only these features." placeholder:"NAME"`
}

// Help is shown by --help.
func (featureGet) Help() string {
	return `Example: proffer feature get user_id:42 --view core@2 --as-of 2026-05-03T10:00:00Z

What was in the log by then is known, and no more. History that was imported later is looked at by when it happened:
leave --as-of out and say --at.`
}

// Run prints the vector.
func (c featureGet) Run(r *run) error {
	person, err := who(c.Who)
	if err != nil {
		return err
	}
	request := &profferv1.GetFeaturesRequest{Who: person, View: c.View, Features: c.Feature}
	var moment profferv1.GetRequest
	if err := asOf(c.AsOf, &moment); err != nil {
		return err
	}
	switch as := moment.GetAsOf().(type) {
	case *profferv1.GetRequest_Cut:
		request.AsOf = &profferv1.GetFeaturesRequest_Cut{Cut: as.Cut}
	case *profferv1.GetRequest_Time:
		request.AsOf = &profferv1.GetFeaturesRequest_Time{Time: as.Time}
	}
	if request.At, err = timeFlag("--at", c.At); err != nil {
		return err
	}
	return c.with(r, func(s *remote) error {
		a, err := s.features.GetFeatures(r.ctx, request)
		if err != nil {
			return err
		}
		return c.printMessage(r, a, func(w io.Writer) { tellVector(w, a) })
	})
}

func tellVector(w io.Writer, a *profferv1.GetFeaturesResponse) {
	fmt.Fprintf(w, "%s of profile %s at %s\nas of %s\n\n", a.GetView(), a.GetProfile(),
		a.GetAt().AsTime().Format("2006-01-02 15:04:05.000"), a.GetCut())
	table := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	for _, f := range a.GetFeatures() {
		value := strconv.FormatFloat(f.GetValue(), 'g', -1, 64)
		if f.GetMissing() {
			value = "missing"
		}
		rounded := ""
		if !f.GetExact() {
			rounded = "rounded to a tile"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\n", f.GetName(), value, rounded)
	}
	_ = table.Flush()
}
