package cli

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/label"
	"github.com/profferhq/proffer/gateway"
	profferv1 "github.com/profferhq/proffer/gateway/api/proffer/v1"
	"github.com/profferhq/proffer/gateway/api/proffer/v1/profferv1connect"
	"github.com/profferhq/proffer/gateway/rowfile"
)

type exporting struct {
	Training exportTraining `cmd:"" help:"Export rows for training: what was known at each moment, and the label that came of it."`
}

// Help is shown by --help.
func (exporting) Help() string {
	return "Example: proffer export training --view core@2 --label conversion_7d --out rows.parquet"
}

// trainingRows are the flags that say which rows are meant.
type trainingRows struct {
	View      string  `help:"The feature view." default:"${view}"`
	Label     string  `required:"" help:"A label that comes with the product, or the file of a label's document (YAML)." placeholder:"NAME|FILE"`
	At        string  `help:"Rows at decisions, or at dates." enum:"decisions,dates" default:"decisions"`
	From      string  `help:"The first date (default: the day after the log's first event)." placeholder:"TIME"`
	Until     string  `help:"The last date (default: the log's last event)." placeholder:"TIME"`
	Every     string  `help:"From date to date, for example 30d or 12h." default:"30d"`
	Placement string  `help:"Only decisions of this placement." placeholder:"ID"`
	Share     float64 `help:"Only this share of the people, by a hash; 1 is all." default:"1"`
}

// request is the message that the flags make.
func (c trainingRows) request() (*profferv1.ExportTrainingRequest, error) {
	if !(c.Share > 0 && c.Share <= 1) {
		return nil, fmt.Errorf("%w: --share: %v is no share above 0 and at most 1", gateway.ErrUsage, c.Share)
	}
	document, err := c.document()
	if err != nil {
		return nil, err
	}
	r := &profferv1.ExportTrainingRequest{
		View: c.View, Label: document, AtDecisions: c.At == "decisions", Placement: c.Placement, Share: &c.Share,
	}
	if r.GetAtDecisions() {
		if c.From != "" || c.Until != "" {
			return nil, fmt.Errorf("%w: --from and --until go with --at dates", gateway.ErrUsage)
		}
		return r, nil
	}
	if r.From, err = timeFlag("--from", c.From); err != nil {
		return nil, err
	}
	if r.Until, err = timeFlag("--until", c.Until); err != nil {
		return nil, err
	}
	r.EveryHours, err = hoursFlag(c.Every)
	return r, err
}

// document is the label's: its name, or what a file holds.
func (c trainingRows) document() (string, error) {
	if _, shipped := label.ShippedAs(c.Label); shipped {
		return c.Label, nil
	}
	text, err := documentIn(c.Label, "label")
	if err != nil {
		var names []string
		for _, l := range label.Shipped() {
			names = append(names, l.Name())
		}
		return "", fmt.Errorf("%w (--label wants a file, or one of %s)", err, strings.Join(names, ", "))
	}
	return text, nil
}

// timeFlag reads a time; nothing is nil.
func timeFlag(flag, text string) (*timestamppb.Timestamp, error) {
	if text == "" {
		return nil, nil
	}
	for _, layout := range moments() {
		if at, err := time.Parse(layout, text); err == nil {
			return timestamppb.New(at), nil
		}
	}
	return nil, fmt.Errorf("%w: %s wants a time such as 2026-05-03T10:00:00Z or 2026-05-03", gateway.ErrUsage, flag)
}

func hoursFlag(text string) (uint32, error) {
	var n uint32
	var unit string
	if _, err := fmt.Sscanf(text, "%d%s", &n, &unit); err == nil && n > 0 && n < 100_000 {
		switch unit {
		case "h":
			return n, nil
		case "d":
			return 24 * n, nil
		}
	}
	return 0, fmt.Errorf("%w: --every wants a number of days or hours such as 30d or 12h", gateway.ErrUsage)
}

type exportTraining struct {
	target
	output
	trainingRows
	Out string `required:"" short:"o" help:"The file: .parquet or .csv." placeholder:"FILE"`
}

// Help is shown by --help.
func (exportTraining) Help() string {
	return `Example: proffer export training --view core@2 --label churn_90d --at dates --every 30d --out rows.parquet

Every row is as known at its moment: late events and later links never rewrite it. Rows whose horizon the log does not
cover are left out and counted. The file has its name only when it is whole. Exit code 1 when a vector that was served
could not be read again bit for bit.`
}

// exported is the contract of "export training --json".
type exported struct {
	File            string  `json:"file"`
	View            string  `json:"view"`
	ViewFingerprint string  `json:"view_fingerprint"`
	Label           string  `json:"label"`
	Cut             string  `json:"cut"`
	Features        int     `json:"features"`
	Rows            uint64  `json:"rows"`
	Outside         uint64  `json:"outside"`
	Unfinished      uint64  `json:"unfinished"`
	Skewed          uint64  `json:"skewed"`
	RowsPerSecond   float64 `json:"rows_per_second"`
}

// Run exports.
func (c exportTraining) Run(r *run) error {
	request, err := c.request()
	if err != nil {
		return err
	}
	if err := rowfile.Known(c.Out); err != nil {
		return fmt.Errorf("%w: --out: %w", gateway.ErrUsage, err)
	}
	var result exported
	if err := c.with(r, func(s *remote) (err error) {
		result, err = c.export(r, s, request)
		return err
	}); err != nil {
		return err
	}
	if err := c.print(r, result, func(w io.Writer) { tellExported(w, result) }); err != nil {
		return err
	}
	if result.Skewed > 0 {
		return errDiffers
	}
	return nil
}

func tellExported(w io.Writer, e exported) {
	fmt.Fprintf(w, "%d rows of %s with the label %s in %s (%.0f rows/s)\n", e.Rows, e.View, e.Label, e.File, e.RowsPerSecond)
	fmt.Fprintf(w, "%d outside of the population, %d with an unfinished horizon; %d skewed\nas of %s\n", e.Outside, e.Unfinished, e.Skewed, e.Cut)
}

func (c exportTraining) export(r *run, s *remote, request *profferv1.ExportTrainingRequest) (exported, error) {
	var file *rowfile.File
	out := exported{File: c.Out}
	started := time.Now()
	end, err := receiveRows(r, s, request, func(h *profferv1.TrainingHead) (err error) {
		out.View, out.Label, out.Cut, out.Features = h.GetView(), h.GetLabel(), h.GetCut(), len(h.GetFeatures())
		out.ViewFingerprint = fmt.Sprintf("%x", h.GetViewFingerprint())
		file, err = rowfile.Create(c.Out, rowfile.Head{
			View: h.GetView(), ViewFingerprint: out.ViewFingerprint, Features: h.GetFeatures(),
			Label: h.GetLabel(), LabelJSON: string(h.GetLabelJson()), Cut: h.GetCut(),
		})
		return err
	}, func(rows *profferv1.TrainingRows) error {
		decisions := rows.GetDecisions()
		if len(decisions) == 0 {
			decisions = make([]string, len(rows.GetAtMs()))
		}
		none := domain.Alias{}.String()
		for i := range decisions {
			if decisions[i] == none {
				decisions[i] = ""
			}
		}
		return file.Write(rowfile.Rows{
			Profiles: rows.GetProfiles(), AtMS: rows.GetAtMs(), Decisions: decisions, Labels: rows.GetLabels(), Values: rows.GetValues(),
		})
	})
	if err == nil {
		err = file.Commit()
	} else if file != nil {
		file.Abort()
	}
	if err != nil {
		return out, err
	}
	out.Rows, out.Outside, out.Unfinished, out.Skewed = end.GetRows(), end.GetOutside(), end.GetUnfinished(), end.GetSkewed()
	out.RowsPerSecond = float64(out.Rows) / max(time.Since(started).Seconds(), 1e-6)
	return out, nil
}

// receiveRows asks for training rows and hands them on. The server's answers are not compressed: there are many.
func receiveRows(
	r *run, s *remote, request *profferv1.ExportTrainingRequest,
	head func(*profferv1.TrainingHead) error, rows func(*profferv1.TrainingRows) error,
) (*profferv1.TrainingEnd, error) {
	client := profferv1connect.NewFeatureServiceClient(s.http, s.url, connect.WithAcceptCompression("gzip", nil, nil))
	stream, err := client.ExportTraining(r.ctx, request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = stream.Close() }()
	reading, show := newProgress(r.err, "messages of the log"), newProgress(r.err, "rows")
	defer show.finish()
	reading.update(0, 0)
	var end *profferv1.TrainingEnd
	begun, done, expected := false, uint64(0), uint64(0)
	for stream.Receive() {
		switch part := stream.Msg().GetPart().(type) {
		case *profferv1.ExportTrainingResponse_Head:
			begun, expected = true, part.Head.GetExpected()
			err = head(part.Head)
		case *profferv1.ExportTrainingResponse_Progress:
			reading.update(part.Progress.GetRead(), part.Progress.GetTotal())
		case *profferv1.ExportTrainingResponse_Rows:
			if !begun {
				return nil, errors.New("the rows came before what they are")
			}
			done += uint64(len(part.Rows.GetAtMs()))
			show.update(done, expected)
			err = rows(part.Rows)
		case *profferv1.ExportTrainingResponse_End:
			end = part.End
		}
		if err != nil {
			return nil, err
		}
	}
	if err := stream.Err(); err != nil {
		return nil, err
	}
	if end == nil || !begun {
		return nil, errors.New("the export ended before its end")
	}
	return end, nil
}
