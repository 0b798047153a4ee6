package cli

import (
	"errors"
	"fmt"
	"io"

	"github.com/profferhq/proffer/gateway"
	profferv1 "github.com/profferhq/proffer/gateway/api/proffer/v1"
)

type replay struct {
	target
	output
	All         bool   `help:"Every recorded decision."`
	RecordsOnly bool   `help:"With --all: from the records only, without folding the raw events again."`
	Decision    string `arg:"" optional:"" help:"Decision id, position (DECISION/SEQ/INDEX), or LAST: the last that proffer decide made with this --data."`
}

// Help is shown by --help.
func (replay) Help() string {
	return "Example: proffer replay --all\n\nExit code 1 when anything differs; every difference is named field by field."
}

// errNoTarget: exactly one of the two must be named.
var errNoTarget = errors.New("name one decision, or --all")

// replayed is the contract of `replay --json`.
type replayed struct {
	Replayed           uint64       `json:"replayed"`
	Identical          uint64       `json:"identical"`
	Different          uint64       `json:"different"`
	External           uint64       `json:"external"`
	DecisionsPerSecond float64      `json:"decisions_per_second"`
	Differences        []difference `json:"differences"`
}

type difference struct {
	DecisionID string `json:"decision_id"`
	Position   string `json:"position"`
	From       string `json:"from"`
	Field      string `json:"field"`
	Recorded   string `json:"recorded"`
	Replayed   string `json:"replayed"`
}

// Run replays and compares.
func (c replay) Run(r *run) error {
	if c.All == (c.Decision != "") {
		return fmt.Errorf("%w: %w", gateway.ErrUsage, errNoTarget)
	}
	var result replayed
	err := c.with(r, func(s *remote) (err error) {
		if c.All {
			result, err = c.everything(r, s)
		} else {
			result, err = c.one(r, s)
		}
		return err
	})
	if err != nil {
		return err
	}
	if err := c.print(r, result, func(w io.Writer) { tellReplay(w, result) }); err != nil {
		return err
	}
	if result.Different > 0 {
		return errDiffers
	}
	return nil
}

func (c replay) one(r *run, s *remote) (replayed, error) {
	id, position, err := decisionNamed(c.Data, c.Decision)
	if err != nil {
		return replayed{}, err
	}
	answer, err := s.audit.Replay(r.ctx, &profferv1.ReplayRequest{DecisionId: id, Position: position})
	if err != nil {
		return replayed{}, err
	}
	result := replayed{Differences: differences(answer.GetDifferences())}
	switch {
	case answer.GetExternal():
		result.External = 1
	case answer.GetIdentical():
		result.Replayed, result.Identical = 1, 1
	default:
		result.Replayed, result.Different = 1, 1
	}
	return result, nil
}

func (c replay) everything(r *run, s *remote) (replayed, error) {
	stream, err := s.audit.ReplayAll(r.ctx, &profferv1.ReplayAllRequest{RecordsOnly: c.RecordsOnly})
	if err != nil {
		return replayed{}, err
	}
	defer func() { _ = stream.Close() }()
	show := newProgress(r.err, "decisions")
	var last *profferv1.ReplayAllResponse
	for stream.Receive() {
		last = stream.Msg()
		show.update(last.GetReplayed()+last.GetExternal(), last.GetTotal())
	}
	show.finish()
	if err := stream.Err(); err != nil {
		return replayed{}, err
	}
	if !last.GetDone() {
		return replayed{}, fmt.Errorf("the replay ended before its result")
	}
	return replayed{
		Replayed: last.GetReplayed(), Identical: last.GetIdentical(), Different: last.GetDifferent(), External: last.GetExternal(),
		DecisionsPerSecond: last.GetDecisionsPerSecond(), Differences: differences(last.GetDifferences()),
	}, nil
}

func differences(of []*profferv1.Difference) []difference {
	out := make([]difference, 0, len(of))
	for _, d := range of {
		out = append(out, difference{
			DecisionID: d.GetDecisionId(), Position: d.GetPosition(), From: d.GetFrom(),
			Field: d.GetField(), Recorded: d.GetRecorded(), Replayed: d.GetReplayed(),
		})
	}
	return out
}

func tellReplay(w io.Writer, r replayed) {
	fmt.Fprintf(w, "%d replayed: %d identical, %d different; %d external", r.Replayed, r.Identical, r.Different, r.External)
	if r.DecisionsPerSecond > 0 {
		fmt.Fprintf(w, "; %.0f decisions/s", r.DecisionsPerSecond)
	}
	fmt.Fprintln(w)
	if r.Different == 0 && r.Replayed > 0 {
		fmt.Fprintln(w, "all identical")
	}
	for _, d := range r.Differences {
		fmt.Fprintf(w, "  %s %s (from %s): %s was %s, is %s\n", d.Position, d.DecisionID, d.From, d.Field, d.Recorded, d.Replayed)
	}
}
