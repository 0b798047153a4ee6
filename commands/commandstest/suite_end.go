package commandstest

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"

	"github.com/profferhq/proffer/domain"
)

func testStreamEnd(t *testing.T, ctx context.Context, h Harness) {
	rival := h.Rival()
	at := func(l Log, lane domain.Lane, end uint64, name string) error {
		_, err := l.AppendAt(ctx, lane, end, Tracked("%s", name))
		return err
	}
	wantError(t, at(h.Log, laneZero, 0, "first"), nil)
	wantError(t, at(rival, laneOne, 0, "too late"), domain.ErrLaneLost)
	if _, err := rival.TakeOver(ctx, laneOne); err != nil {
		t.Fatal(err)
	}
	wantError(t, at(rival, laneOne, 1, "second"), nil)
	wantError(t, at(h.Log, laneZero, 1, "unaware of the second"), domain.ErrLaneLost)
	wantError(t, at(h.Log, laneZero, 2, "not taken over"), domain.ErrLaneLost)
	if _, err := h.Log.TakeOver(ctx, laneZero); err != nil {
		t.Fatal(err)
	}
	wantError(t, at(h.Log, laneZero, 5, "of the future"), domain.ErrLaneLost)
	if _, err := h.Log.TakeOver(ctx, laneZero); err != nil {
		t.Fatal(err)
	}
	if h.LoseReplies != nil {
		h.LoseReplies(1)
	}
	wantError(t, at(h.Log, laneZero, 2, "third"), nil)
	appended(t, ctx, h.Log, laneZero, Tracked("fourth"))
	var got []string
	for _, e := range all(t, ctx, h.Log, domain.Behaviour) {
		got = append(got, e.Name)
	}
	if want := []string{"first", "second", "third", "fourth"}; !slices.Equal(got, want) {
		t.Fatalf("the stream holds %v, want %v", got, want)
	}
}

func testOneEnd(t *testing.T, ctx context.Context, h Harness) {
	owners := map[domain.Lane]Log{laneZero: h.Log, laneOne: h.Rival()}
	for range 10 {
		end, err := h.Log.Last(ctx, domain.Behaviour)
		if err != nil {
			t.Fatal(err)
		}
		var both sync.WaitGroup
		results := make(chan error, len(owners))
		for lane, l := range owners {
			if _, err := l.TakeOver(ctx, lane); err != nil {
				t.Fatal(err)
			}
			both.Go(func() {
				_, err := l.AppendAt(ctx, lane, end, Tracked("x"))
				results <- err
			})
		}
		both.Wait()
		a, b := <-results, <-results
		if (a == nil) == (b == nil) || !errors.Is(errors.Join(a, b), domain.ErrLaneLost) {
			t.Fatalf("at %d: got %v and %v, want that one is taken and one is refused", end, a, b)
		}
	}
}
