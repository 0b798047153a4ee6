package gateway

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/feature"
	"github.com/profferhq/proffer/domain/recommend"
	"github.com/profferhq/proffer/projections"
)

// recommending answers from memory, and until that knows what the log holds from the lists that were kept.
type recommending struct {
	memory     *projections.Recommendations
	lists      *projections.RecommendationLists
	remembered *remembering
	linked     projections.Linked
	views      interface {
		projections.Activities
		WaitFor(ctx context.Context, place domain.Place) error
	}
	now func() time.Time
}

// Recommend implements rpc.Recommending.
func (r *recommending) Recommend(ctx context.Context, alias domain.Alias, ask recommend.Ask) (projections.Recommended, error) {
	if !r.remembered.ask() {
		kept, answers, err := r.kept(ctx, alias, ask)
		if err != nil {
			slog.Warn("kept recommendations cannot be read: they are made anew", "error", err)
		} else if answers {
			return kept, nil
		}
	}
	if err := r.remembered.upToNow(ctx); err != nil {
		return projections.Recommended{}, err
	}
	out := projections.Recommended{Sequence: r.memory.Applied()}
	out.Items, out.Learned = r.memory.Top(r.linked.Aliases(alias), r.now().UnixMilli(), ask)
	return out, nil
}

// kept answers from a list; false where that would not do: there is none, it is of other aliases, it is too short, or something
// new is asked for and she has done something since, which may have been to buy it.
func (r *recommending) kept(ctx context.Context, alias domain.Alias, ask recommend.Ask) (projections.Recommended, bool, error) {
	end, err := r.remembered.last(ctx, domain.Behaviour)
	if err != nil {
		return projections.Recommended{}, false, err
	}
	profile, _ := r.linked.Profile(alias)
	aliases := r.linked.Aliases(alias)
	list, learned, known, err := r.lists.Of(ctx, profile, aliases)
	if err != nil || !known || list.Sequence > end { // of a log that has lost its end
		return projections.Recommended{}, false, err
	}
	items, enough := list.Pick(ask)
	if enough && ask.New {
		enough, err = r.idleSince(ctx, aliases, list.Sequence, end)
	}
	return projections.Recommended{Items: items, Learned: learned, Sequence: list.Sequence, Kept: true}, enough, err
}

// idleSince says whether none of the aliases did anything after a sequence of BEHAVIOUR, up to its present end.
func (r *recommending) idleSince(ctx context.Context, aliases []domain.Alias, sequence, end uint64) (bool, error) {
	place := domain.Place{Stream: domain.Behaviour, Position: domain.Position{Sequence: end}}
	if err := r.views.WaitFor(ctx, place); err != nil {
		return false, err
	}
	for _, a := range aliases {
		blob, _, known := r.views.Blob(a)
		if !known {
			continue
		}
		last, err := feature.AppliedOf(blob, domain.Behaviour)
		if err != nil {
			return false, fmt.Errorf("read an activity: %w", err)
		}
		if last.Sequence > sequence {
			return false, nil
		}
	}
	return true, nil
}

const (
	// restLists is how long lists rest when all are up to date, or cannot be stored.
	restLists = 10 * time.Second
	// idleLists is how many times as long as the last page took is rested before the next: a tenth of a core at most.
	idleLists = 9
)

// run keeps lists, from the first question on, until the context ends.
func (r *recommending) run(ctx context.Context) error {
	select {
	case <-r.remembered.begin:
	case <-ctx.Done():
		return nil
	}
	pause := time.NewTimer(0)
	defer pause.Stop()
	for {
		select {
		case <-pause.C:
		case <-ctx.Done():
			return nil
		}
		pause.Reset(r.step(ctx))
	}
}

// step keeps a page, and says how long to rest then.
func (r *recommending) step(ctx context.Context) time.Duration {
	if !r.remembered.ask() {
		if err := r.remembered.upToNow(ctx); err != nil {
			return restLists
		}
	}
	started := time.Now()
	more, err := r.lists.Next(ctx, r.now().UnixMilli())
	if err != nil && ctx.Err() == nil {
		slog.Warn("recommendations are not kept: trying again", "error", err)
	}
	if err != nil || !more {
		return restLists
	}
	return min(idleLists*time.Since(started), restLists)
}
