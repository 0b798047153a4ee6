package projections

import (
	"context"
	"errors"
	"fmt"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/feature"
	"github.com/profferhq/proffer/domain/label"
)

// ErrTrainingRequest is wrapped when a request for training rows makes no sense.
var ErrTrainingRequest = errors.New("projections: these rows cannot be exported")

// Training exports rows for training: what was known of a person at a moment, and the label that came of it. What was
// known is folded from the log's raw events, per person; no stored view is read.
//
// A row at a decision of this system knows what the decision knew: the events up to the positions its record names. Any
// other row knows the events whose key is not later than its moment's. The key of an event is when it was accepted; that
// of an event from a file of history is when it happened, for then its source knew it. So a late event never changes a
// row before it, and history that is imported in one go still has a past.
type Training struct {
	source Source
	views  TrainingViews
	// held bounds the bytes of the events that are in memory at once; people beyond it are left for another pass.
	held int
}

// TrainingViews finds the feature views that decisions were made with.
type TrainingViews interface {
	// View is the one of that name, with its version.
	View(name string) (feature.View, bool)
}

// TrainingSink takes what is exported, in order. Its errors end the export.
type TrainingSink interface {
	// Head comes first, once.
	Head(TrainingHead) error
	// Rows are the sink's until it returns.
	Rows(*TrainingRows) error
}

// TrainingRequest says which rows. They are at decisions, or at dates.
type TrainingRequest struct {
	View  feature.View
	Label label.Label
	// AtDecisions is one row a decision, also of other systems. Placement, when it is not empty, keeps those of one.
	AtDecisions bool
	Placement   string
	// FromMS, FromMS + EveryMS, ... up to UntilMS are the dates, Unix milliseconds: one row each for every person known
	// then. UntilMS 0 is as late as the log goes, FromMS 0 the first midnight (UTC) after its first event.
	FromMS, UntilMS, EveryMS int64
	// Share of the people, chosen by a hash of their earliest alias; 0 is all.
	Share float64
	// Progress is called now and then, when it is given: how many messages of how many have been read.
	Progress func(done, total uint64)
}

// TrainingHead is what the rows are.
type TrainingHead struct {
	View  feature.View
	Label label.Label
	// Cut is the export's own: nothing later is looked at, for features or for labels.
	Cut domain.Cut
	// Expected is how many moments are looked at; at dates it is not known, and 0.
	Expected uint64
}

// TrainingRows are some rows, column by column; Values has the view's features, row after row.
type TrainingRows struct {
	Profiles  []domain.Alias
	AtMS      []int64
	Decisions []domain.Alias
	Labels    []float64
	Values    []float64
}

// TrainingEnd counts.
type TrainingEnd struct {
	Rows uint64
	// Outside are moments of people who do not belong to the label's population, or without an offer that it is about.
	Outside uint64
	// Unfinished are moments whose horizon the log does not cover to its end.
	Unfinished uint64
	// Skewed are rows at decisions whose vector, read again, is not the one that was served. The target is 0.
	Skewed uint64
	// Passes is how often the log was read.
	Passes int
}

// maxHeld is how many bytes of events an export holds at most, beside what a single person has.
const maxHeld = 512 << 20

// NewTraining exports from a log.
func NewTraining(source Source, views TrainingViews) *Training {
	return &Training{source: source, views: views, held: maxHeld}
}

// Holding is the same with another bound of memory, in bytes.
func (t *Training) Holding(bytes int) *Training {
	return &Training{source: t.source, views: t.views, held: bytes}
}

// Check finds what is wrong with a request; the error wraps ErrTrainingRequest or label.ErrInvalid.
func (r *TrainingRequest) Check() error {
	refuse := func(format string, args ...any) error {
		return fmt.Errorf("%w: %s", ErrTrainingRequest, fmt.Sprintf(format, args...))
	}
	switch {
	case r.View.Len() == 0:
		return refuse("name a feature view")
	case r.Label.Name() == "":
		return refuse("name a label")
	case r.AtDecisions && (r.FromMS != 0 || r.UntilMS != 0 || r.EveryMS != 0):
		return refuse("from, until and every are for rows at dates")
	case !r.AtDecisions && r.Placement != "":
		return refuse("a placement is of rows at decisions")
	case !r.AtDecisions && r.Label.OfOffer():
		return refuse("the label %s is about a decision's offer: export its rows at decisions", r.Label.Name())
	case !r.AtDecisions && r.EveryMS < minEvery:
		return refuse("rows at dates are an hour or more apart")
	case !r.AtDecisions && r.UntilMS != 0 && r.UntilMS < r.FromMS:
		return refuse("until lies before from")
	case r.Share < 0 || r.Share > 1:
		return refuse("a share of people is between 0 and 1")
	}
	_, err := r.Label.For(r.View)
	return err
}

const (
	minEvery = 3_600_000
	// maxDates bounds the rows of one person.
	maxDates = 20_000
)

// Export sends the rows to the sink: person after person in a fixed order, each person's by time. For the same log and
// request it sends the same, however much memory it may use. It fails as reading the log does, with the sink's errors,
// with the context's, and with ErrTrainingRequest.
func (t *Training) Export(ctx context.Context, r TrainingRequest, sink TrainingSink) (TrainingEnd, error) {
	if err := r.Check(); err != nil {
		return TrainingEnd{}, err
	}
	cut, err := ends(ctx, t.source, trainingStreams())
	if err != nil {
		return TrainingEnd{}, err
	}
	x := &export{training: t, request: r, cut: cut, sink: sink}
	if x.rule, err = r.Label.For(r.View); err != nil {
		return TrainingEnd{}, err
	}
	if err := x.run(ctx); err != nil {
		return x.end, fmt.Errorf("projections: export training rows: %w", err)
	}
	return x.end, nil
}

// trainingStreams are those that an export reads.
func trainingStreams() []domain.Stream { return append(viewStreams(), domain.Policy) }
