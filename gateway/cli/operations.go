package cli

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"text/tabwriter"

	profferv1 "github.com/profferhq/proffer/gateway/api/proffer/v1"
)

type status struct {
	target
	output
}

// Help is shown by --help.
func (status) Help() string { return "Example: proffer status --json" }

// counted is the contract of `status --json`.
type counted struct {
	Events            map[string]uint64  `json:"events"`
	Profiles          uint64             `json:"profiles"`
	Aliases           uint64             `json:"aliases"`
	Decisions         uint64             `json:"decisions"`
	ExternalDecisions uint64             `json:"external_decisions"`
	Outcomes          uint64             `json:"outcomes"`
	Quarantined       uint64             `json:"quarantined"`
	Duplicates        uint64             `json:"duplicates"`
	Projections       []projectionStatus `json:"projections"`
	DatabaseURL       string             `json:"database_url"`
	NatsURL           string             `json:"nats_url"`
	Matching          *matchingStatus    `json:"matching,omitempty"`
}

// matchingStatus is how far matching has come since the server's start.
type matchingStatus struct {
	Version   uint64 `json:"version"`
	Records   uint64 `json:"records"`
	Unindexed uint64 `json:"unindexed"`
	Waiting   uint64 `json:"waiting"`
	Matched   uint64 `json:"matched"`
	Skipped   uint64 `json:"skipped"`
}

type projectionStatus struct {
	Name    string `json:"name"`
	Applied uint64 `json:"applied"`
	Lag     uint64 `json:"lag"`
	Trouble string `json:"trouble,omitempty"`
}

// Run prints the counts.
func (c status) Run(r *run) error {
	return c.with(r, func(s *remote) error {
		a, err := s.operations.Status(r.ctx, &profferv1.StatusRequest{})
		if err != nil {
			return err
		}
		out := counted{
			Events: a.GetEvents(), Profiles: a.GetProfiles(), Aliases: a.GetAliases(), Decisions: a.GetDecisions(),
			ExternalDecisions: a.GetExternalDecisions(), Outcomes: a.GetOutcomes(), Quarantined: a.GetQuarantined(),
			Duplicates: a.GetDuplicates(), DatabaseURL: a.GetDatabaseUrl(), NatsURL: a.GetNatsUrl(),
			Projections: []projectionStatus{},
		}
		if m := a.GetMatching(); m != nil {
			out.Matching = &matchingStatus{m.GetVersion(), m.GetRecords(), m.GetUnindexed(), m.GetWaiting(), m.GetMatched(), m.GetSkipped()}
		}
		if out.Events == nil {
			out.Events = map[string]uint64{}
		}
		for _, p := range a.GetProjections() {
			out.Projections = append(out.Projections, projectionStatus{p.GetName(), p.GetApplied(), p.GetLag(), p.GetTrouble()})
		}
		return c.print(r, out, out.tell)
	})
}

func (c counted) tell(w io.Writer) {
	table := tabwriter.NewWriter(w, 0, 4, 2, ' ', tabwriter.AlignRight)
	row := func(name string, n uint64) { fmt.Fprintf(table, "%s\t%d\t\n", name, n) }
	for _, name := range slices.Sorted(maps.Keys(c.Events)) {
		row(name, c.Events[name])
	}
	row("profiles", c.Profiles)
	row("aliases", c.Aliases)
	row("decisions", c.Decisions)
	row("external decisions", c.ExternalDecisions)
	row("outcomes", c.Outcomes)
	row("quarantined", c.Quarantined)
	row("duplicates", c.Duplicates)
	if m := c.Matching; m != nil {
		row("records to match", m.Records)
		row("  waiting", m.Unindexed+m.Waiting)
		row("  matched", m.Matched)
	}
	for _, p := range c.Projections {
		fmt.Fprintf(table, "%s lag\t%d\t\n", p.Name, p.Lag)
	}
	_ = table.Flush()
	for _, p := range c.Projections {
		if p.Trouble != "" {
			fmt.Fprintf(w, "\n%s: %s\n", p.Name, p.Trouble)
		}
	}
	fmt.Fprintf(w, "\ntables  %s\nlog     %s\n", cmp.Or(c.DatabaseURL, "none"), c.NatsURL)
}

type digest struct {
	target
	output
}

// Help is shown by --help.
func (digest) Help() string {
	return "Example: proffer digest --json\n\nWaits until every projection has applied the log, then hashes its content. After a rebuild the digests are the same."
}

// digested is the contract of `digest --json`.
type digested struct {
	Projections []projectionDigest `json:"projections"`
}

type projectionDigest struct {
	Name   string `json:"name"`
	Cut    string `json:"cut"`
	SHA256 string `json:"sha256"`
}

// Run prints the digests.
func (c digest) Run(r *run) error {
	return c.with(r, func(s *remote) error {
		a, err := s.operations.Digest(r.ctx, &profferv1.DigestRequest{})
		if err != nil {
			return err
		}
		out := digested{Projections: []projectionDigest{}}
		for _, p := range a.GetProjections() {
			out.Projections = append(out.Projections, projectionDigest{p.GetName(), p.GetCut(), p.GetSha256()})
		}
		return c.print(r, out, func(w io.Writer) {
			for _, p := range out.Projections {
				fmt.Fprintf(w, "%s  %s  at %s\n", p.SHA256, p.Name, p.Cut)
			}
		})
	})
}

type rebuild struct {
	target
	output
}

// Help is shown by --help.
func (rebuild) Help() string {
	return "Example: proffer rebuild\n\nEverything dropped is a function of the log: the digests afterwards are the same.\n" +
		"After the log has lost its end, which serve refuses, it folds what is left, and serve starts again."
}

// Run rebuilds and shows the progress.
func (c rebuild) Run(r *run) error {
	c.rebuilding = true
	return c.with(r, func(s *remote) error {
		stream, err := s.operations.Rebuild(r.ctx, &profferv1.RebuildRequest{})
		if err != nil {
			return err
		}
		defer func() { _ = stream.Close() }()
		show := newProgress(r.err, "envelopes")
		done := map[string]uint64{}
		for stream.Receive() {
			m := stream.Msg()
			show.update(m.GetApplied(), m.GetTotal())
			done[m.GetProjection()] = m.GetApplied()
		}
		show.finish()
		if err := stream.Err(); err != nil {
			return err
		}
		return c.print(r, map[string]any{"rebuilt": done}, func(w io.Writer) {
			for _, name := range slices.Sorted(maps.Keys(done)) {
				fmt.Fprintf(w, "rebuilt %s from %d envelopes\n", name, done[name])
			}
		})
	})
}
