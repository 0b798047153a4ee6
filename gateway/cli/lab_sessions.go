package cli

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/profferhq/proffer/domain/session"
	"github.com/profferhq/proffer/gateway"
	"github.com/profferhq/proffer/gateway/importer"
	"github.com/profferhq/proffer/gateway/lab"
)

type labSessions struct {
	output
	Mapping string        `arg:"" help:"A shipped mapping (snowplow_web) or a YAML file, as for import."`
	Paths   []string      `arg:"" help:"The files, or a folder that holds them."`
	Late    time.Duration `help:"What was received later than this after it happened is left out." default:"72h"`
	Longest time.Duration `help:"How long a session may go on; the rest of it is left out." default:"72h"`
}

// Help is shown by --help.
func (labSessions) Help() string {
	return "Works without a server. Example: proffer lab sessions snowplow_web ./snowplow_web\n\nThe mapping gives items the properties session, visitor, user, page_view and looking; docs/mappings.md explains them."
}

// sessionsResult is what is printed.
type sessionsResult struct {
	Hits     int            `json:"hits"`
	Refused  int            `json:"refused"`
	Left     session.Left   `json:"left_out"`
	Views    int            `json:"page_views"`
	Sessions []sessionFound `json:"sessions"`
	Visitors []visitorFound `json:"visitors"`
}

type sessionFound struct {
	Session  string    `json:"session"`
	Visitor  string    `json:"visitor,omitempty"`
	User     string    `json:"user,omitempty"`
	Stitched string    `json:"stitched_user,omitempty"`
	Start    time.Time `json:"start"`
	End      time.Time `json:"end"`
	Views    int       `json:"page_views"`
	Hits     int       `json:"hits"`
	Cut      bool      `json:"cut,omitempty"`
}

type visitorFound struct {
	Visitor  string    `json:"visitor"`
	User     string    `json:"user,omitempty"`
	Stitched string    `json:"stitched_user,omitempty"`
	Start    time.Time `json:"start"`
	End      time.Time `json:"end"`
	Sessions int       `json:"sessions"`
	Views    int       `json:"page_views"`
}

// Run reads, folds and prints.
func (c labSessions) Run(r *run) error {
	mapping, err := importer.Load(c.Mapping)
	if err != nil {
		return fmt.Errorf("%w: %w", gateway.ErrUsage, err)
	}
	plan, err := mapping.Open(c.Paths)
	if err != nil {
		return fmt.Errorf("%w: %w", gateway.ErrUsage, err)
	}
	var hits lab.Hits
	if _, err := plan.Run(r.ctx, &hits, nil); err != nil {
		return err
	}
	rules := session.Rules{LateMS: c.Late.Milliseconds(), LongestMS: c.Longest.Milliseconds()}
	found := sessionsFound(&hits, session.Fold(rules, hits.All))
	return c.print(r, found, func(w io.Writer) { tellSessions(w, found) })
}

func sessionsFound(hits *lab.Hits, f session.Result) sessionsResult {
	out := sessionsResult{
		Hits: len(hits.All), Refused: hits.Refused, Left: f.Left, Views: len(f.Views), Sessions: []sessionFound{}, Visitors: []visitorFound{},
	}
	at := func(ms int64) time.Time { return time.UnixMilli(ms).UTC() }
	for _, s := range f.Sessions {
		out.Sessions = append(out.Sessions, sessionFound{
			Session: s.ID, Visitor: s.Visitor, User: s.User, Stitched: s.Stitched, Start: at(s.StartMS), End: at(s.EndMS),
			Views: s.Views, Hits: s.Hits, Cut: s.Cut,
		})
	}
	for _, v := range f.Visitors {
		out.Visitors = append(out.Visitors, visitorFound{
			Visitor: v.ID, User: v.User, Stitched: v.Stitched, Start: at(v.StartMS), End: at(v.EndMS), Sessions: v.Sessions, Views: v.Views,
		})
	}
	return out
}

func tellSessions(w io.Writer, r sessionsResult) {
	fmt.Fprintf(w, "%d hits: %d page views in %d sessions of %d visitors\n", r.Hits, r.Views, len(r.Sessions), len(r.Visitors))
	fmt.Fprintf(w, "left out: %d repeated, %d late, %d without a session, %d after its longest time, %d without a page; %d rows refused\n\n",
		r.Left.Repeated, r.Left.Late, r.Left.NoSession, r.Left.TooLong, r.Left.NoView, r.Refused)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "START\tMINUTES\tVIEWS\tHITS\tSESSION\tUSER")
	for _, s := range r.Sessions {
		cut := ""
		if s.Cut {
			cut = " (cut)"
		}
		fmt.Fprintf(t, "%s\t%.1f\t%d\t%d\t%.12s%s\t%s\n", s.Start.Format(time.DateTime), s.End.Sub(s.Start).Minutes(), s.Views, s.Hits, s.Session, cut, s.Stitched)
	}
	_ = t.Flush()
}
