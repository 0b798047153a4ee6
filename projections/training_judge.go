package projections

import (
	"context"
	"fmt"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/feature"
	"github.com/profferhq/proffer/domain/label"
)

// JudgeRequest asks what became of decisions.
type JudgeRequest struct {
	// View is what the label's population may read of a person.
	View  feature.View
	Label label.Label
	// Of are the decisions, each with an alias of whose it is.
	Of map[domain.Alias]domain.Alias
	// UntilMS is until when everything that happened is in the log, but for what files of history may bring; Unix
	// milliseconds.
	UntilMS int64
}

// Judged is what became of one decision: its label; or nothing, because whose it is does not belong to the population.
type Judged struct {
	Decision domain.Alias
	Outside  bool
	Value    float64
}

// Judge tells what became of decisions by a label: the value that a training row of the decision would have. Those whose
// horizon is not over, or that the log does not hold, are not told about. It fails as Export does.
func (t *Training) Judge(ctx context.Context, r JudgeRequest, tell func(Judged)) error {
	request := TrainingRequest{View: r.View, Label: r.Label, AtDecisions: true}
	if err := request.Check(); err != nil {
		return err
	}
	cut, err := ends(ctx, t.source, trainingStreams())
	if err != nil {
		return err
	}
	x := &export{training: t, request: request, cut: cut, sink: silent{}, judging: &judging{of: r.Of, untilMS: r.UntilMS, tell: tell}}
	if x.rule, err = r.Label.For(r.View); err != nil {
		return err
	}
	if err := x.run(ctx); err != nil {
		return fmt.Errorf("projections: judge decisions: %w", err)
	}
	return nil
}

// judging is what an export is asked for when it is about decisions and not about rows.
type judging struct {
	of      map[domain.Alias]domain.Alias
	untilMS int64
	tell    func(Judged)
	// families are those of the decisions, by their earliest alias.
	families map[domain.Alias]bool
}

// find notes which families the decisions are of, once all links are known.
func (j *judging) find(k kin) {
	j.families = map[domain.Alias]bool{}
	for _, person := range j.of {
		j.families[k.earliest(person)] = true
	}
}

// silent takes nothing.
type silent struct{}

func (silent) Head(TrainingHead) error  { return nil }
func (silent) Rows(*TrainingRows) error { return nil }
