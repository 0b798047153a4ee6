package cli

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/profferhq/proffer/gateway"
	profferv1 "github.com/profferhq/proffer/gateway/api/proffer/v1"
	"github.com/profferhq/proffer/gateway/importer"
)

type importing struct {
	target
	output
	Mapping string   `arg:"" help:"A shipped mapping (starbucks, completejourney, online_retail, snowplow_web) or a YAML file."`
	Paths   []string `arg:"" help:"The files, or a folder that holds them."`
	// ValidateOnly is for a mapping in the making: a row that was refused is known, and not taken with a better one.
	ValidateOnly bool `help:"Read, map and check everything, and write nothing."`
}

// Help is shown by --help.
func (importing) Help() string {
	return "Example: proffer import starbucks ./starbucks\n\nTry a mapping of your own with --validate-only first. Importing the same files twice adds nothing; after an interruption run it again. What a mapping or the server refuses goes to quarantine. " +
		"Exit code 1 when every row of a file was refused, 2 when the files lack what the mapping reads. docs/mappings.md explains the mapping files."
}

// Run imports and prints the summary.
func (c importing) Run(r *run) error {
	mapping, err := importer.Load(c.Mapping)
	if err != nil {
		return fmt.Errorf("%w: %w", gateway.ErrUsage, err)
	}
	plan, err := mapping.Open(c.Paths)
	if err != nil {
		return fmt.Errorf("%w: %w", gateway.ErrUsage, err)
	}
	return c.with(r, func(s *remote) error {
		show := newProgress(r.err, "rows")
		summary, err := plan.Run(r.ctx, ingestSink{s, c.ValidateOnly}, importLine(show))
		show.finish()
		if err != nil {
			if !c.ValidateOnly {
				tellStopped(r.err, summary.Total())
			}
			return err
		}
		if err := c.print(r, summary, func(w io.Writer) { c.tell(w, summary) }); err != nil {
			return err
		}
		return c.refusedWhole(r.err, summary)
	})
}

// refusedWhole ends an import that refused all of some file.
func (c importing) refusedWhole(w io.Writer, s importer.Summary) error {
	var err error
	for _, f := range s.Files {
		if !f.RefusedWhole() {
			continue
		}
		why := fmt.Sprintf("; why: proffer quarantine list --source '%s'", f.Source)
		if c.ValidateOnly {
			why = ""
		}
		fmt.Fprintf(w, "every row of %s was refused%s\n", f.Source, why)
		err = errDiffers
	}
	return err
}

// importLine draws how far an import has come.
func importLine(show *progress) importer.Progress {
	return func(s importer.Status) {
		share := 0.0
		if s.BytesTotal > 0 {
			share = float64(s.BytesDone) / float64(s.BytesTotal)
		}
		show.draw(share, func(took time.Duration) string {
			return fmt.Sprintf("%d %s  %.0f/s  %d new, %d duplicate, %d refused",
				s.Rows, show.unit, perSecond(s.Rows, took), s.Accepted, s.Duplicates, s.Rejected)
		})
	}
}

// ingestSink sends batches to the server, in order.
type ingestSink struct {
	server       *remote
	validateOnly bool
}

// Send implements importer.Sink.
func (s ingestSink) Send(ctx context.Context, source string, items []*profferv1.Item) ([]*profferv1.Verdict, error) {
	answer, err := s.server.ingest.Ingest(ctx, &profferv1.IngestRequest{Source: source, Items: items, ValidateOnly: s.validateOnly})
	if err != nil {
		return nil, err
	}
	return answer.GetVerdicts(), nil
}

// tellStopped says how far an import came that did not reach its end, and how it goes on.
func tellStopped(w io.Writer, s importer.FileSummary) {
	fmt.Fprintf(w, "stopped: %d new, %d duplicate so far; run it again to go on: nothing is taken twice\n", s.Accepted, s.Duplicates)
}

func (c importing) tell(w io.Writer, s importer.Summary) {
	tellImport(w, s)
	if c.ValidateOnly {
		fmt.Fprintln(w, "checked only: nothing was written")
	}
}

func tellImport(w io.Writer, s importer.Summary) {
	table := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintln(table, "SOURCE\tROWS\tEVENTS SENT\tNEW\tDUPLICATE\tREFUSED")
	for _, f := range append(s.Files, s.Total()) {
		name := f.Source
		if name == "" {
			name = "all"
		}
		fmt.Fprintf(table, "%s\t%d\t%d\t%d\t%d\t%s\n", name, f.Rows, f.Items, f.Accepted, f.Duplicates, reasons(f.Rejected))
	}
	_ = table.Flush()
	for _, f := range s.Files {
		for _, reason := range slices.Sorted(maps.Keys(f.Examples)) {
			first := f.Examples[reason]
			fmt.Fprintf(w, "%s: %s, first in line %d: %s%s\n", f.Source, reason, first.Line, named(first.Field), first.Message)
		}
	}
	if n := s.Total().Duplicates; n > 0 {
		fmt.Fprintf(w, "%d were known: by a message_id, where the mapping gives one, else by the source, as above, and the line; a file with other rows needs another name\n", n)
	}
}

func named(field string) string {
	if field == "" {
		return ""
	}
	return field + ": "
}

// reasons writes "3 STOCK_ADJUSTMENT, 1 MAPPING_ERROR", or "0".
func reasons(of map[string]uint64) string {
	parts := make([]string, 0, len(of))
	for _, name := range slices.Sorted(maps.Keys(of)) {
		parts = append(parts, fmt.Sprintf("%d %s", of[name], name))
	}
	if len(parts) == 0 {
		return "0"
	}
	return strings.Join(parts, ", ")
}
