package gateway

import (
	"context"
	"errors"
	"iter"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/feature"
	"github.com/profferhq/proffer/domain/recommend"
	"github.com/profferhq/proffer/projections"
	"github.com/profferhq/proffer/projections/projectionstest"
)

// till is a log of purchases, which is read no further than it is open; nobody is linked, and views know all at once.
type till struct {
	log   []domain.Envelope
	open  chan struct{}
	read  chan struct{} // has a token once somebody reads
	views map[domain.Alias][]byte
}

func newTill() *till {
	return &till{open: make(chan struct{}), read: make(chan struct{}, 1), views: map[domain.Alias][]byte{}}
}

const opening = int64(1_700_000_000_000)

func (s *till) buys(t *testing.T, who byte, items ...string) {
	t.Helper()
	a := domain.Alias{15: who}
	p := &event.Purchased{}
	for _, item := range items {
		p.Lines = append(p.Lines, &event.Line{Item: item})
	}
	e := &event.Event{Id: make([]byte, 16), Alias: a[:], AliasType: "user_id", OccurredMs: opening, ReceivedMs: opening, Body: &event.Event_Purchased{Purchased: p}}
	frame, err := proto.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	sequence := uint64(len(s.log)) + 1
	s.log = append(s.log, domain.Envelope{Lane: domain.Lane{Stream: domain.Behaviour, Key: "0"}, Sequence: sequence, Frames: [][]byte{frame}})
	s.views[a] = feature.Encode(feature.Fold(feature.Activity{}, domain.Recorded{At: domain.Position{Sequence: sequence}, Event: e}))
}

// Follow implements projections.Behaving.
func (s *till) Follow(ctx context.Context, _ domain.Stream, from uint64) iter.Seq2[domain.Envelope, error] {
	return func(yield func(domain.Envelope, error) bool) {
		s.read <- struct{}{}
		select {
		case <-s.open:
		case <-ctx.Done():
			return
		}
		for _, e := range s.log[from-1:] {
			if !yield(e, nil) {
				return
			}
		}
		<-ctx.Done()
	}
}

// Last is the log's end.
func (s *till) Last(context.Context, domain.Stream) (uint64, error) { return uint64(len(s.log)), nil }

// Blob implements projections.Activities.
func (s *till) Blob(a domain.Alias) ([]byte, *feature.Layout, bool) {
	blob, known := s.views[a]
	return blob, nil, known
}

// Range implements projections.Activities.
func (s *till) Range(func(domain.Alias, []byte) bool) {}

// WaitFor is that of views that are never behind.
func (s *till) WaitFor(context.Context, domain.Place) error { return nil }

// Profile implements projections.Linked.
func (s *till) Profile(a domain.Alias) (domain.Alias, uint64) { return a, 0 }

// Aliases implements projections.Linked.
func (s *till) Aliases(a domain.Alias) []domain.Alias { return []domain.Alias{a} }

// server is what a start makes of the till and of the lists that are kept.
func (s *till) server(store projections.RecommendationStore) *recommending {
	memory := projections.NewRecommendations()
	return &recommending{
		memory: memory, lists: projections.NewRecommendationLists(memory, s, store), remembered: newRemembering(s, memory.Apply),
		linked: s, views: s, now: func() time.Time { return time.UnixMilli(opening) },
	}
}

// keptBy opens the till, lets a server keep all lists, and is what they are kept in.
func (s *till) keptBy(t *testing.T) *projectionstest.MemoryLists {
	t.Helper()
	store := &projectionstest.MemoryLists{}
	r := s.server(store)
	for _, e := range s.log {
		if err := r.memory.Apply(e); err != nil {
			t.Fatal(err)
		}
	}
	for {
		more, err := r.lists.Next(t.Context(), opening)
		if err != nil {
			t.Fatal(err)
		}
		if !more {
			return store
		}
	}
}

func teaAndNails(t *testing.T) *till {
	t.Helper()
	s := newTill()
	for n := range byte(10) {
		s.buys(t, n+1, [][]string{{"tea", "cup"}, {"nail", "hammer"}}[n%2]...)
	}
	s.buys(t, 100, "tea")
	return s
}

func (r *recommending) ask(t *testing.T, who byte, ask recommend.Ask) projections.Recommended {
	t.Helper()
	got, err := r.Recommend(t.Context(), domain.Alias{15: who}, ask)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestAServerThatStartsAnewAnswersFromKeptLists(t *testing.T) {
	t.Parallel()
	s := teaAndNails(t)
	store := s.keptBy(t)
	r := s.server(store)
	for range 2 { // nothing of the log can be read
		if got := r.ask(t, 100, recommend.Ask{N: 1, New: true}); !got.Kept || len(got.Items) != 1 || got.Items[0].Item != "cup" || got.Sequence != 11 || got.Learned.People != 11 {
			t.Errorf("got %+v", got)
		}
	}
	s.buys(t, 100, "cup")
	if got := r.ask(t, 100, recommend.Ask{N: 2}); !got.Kept || got.Sequence != 11 || len(got.Items) != 2 {
		t.Errorf("after a purchase: %+v", got)
	}
	if got := r.ask(t, 1, recommend.Ask{N: 1, New: true}); !got.Kept {
		t.Errorf("somebody who did nothing since: %+v", got)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	for name, c := range map[string]struct {
		who byte
		ask recommend.Ask
	}{
		"she may have bought it": {100, recommend.Ask{N: 1, New: true}},
		"more than a list has":   {1, recommend.Ask{N: projections.ListItems + 1, New: true}},
		"nothing is kept of her": {77, recommend.Ask{N: 1}},
	} {
		if got, err := r.Recommend(gone, domain.Alias{15: c.who}, c.ask); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	go func() { _ = r.remembered.run(t.Context()) }()
	close(s.open)
	if got := r.ask(t, 100, recommend.Ask{N: 1, New: true}); got.Kept || got.Sequence != 12 || got.Items[0].Item == "cup" || got.Items[0].Item == "tea" {
		t.Errorf("once the log was read: %+v", got)
	}
	if got := r.ask(t, 1, recommend.Ask{N: 1}); got.Kept || got.Sequence != 12 {
		t.Errorf("from then on: %+v", got)
	}
}

func TestListsOfALogThatLostItsEndAreNotBelieved(t *testing.T) {
	t.Parallel()
	s := teaAndNails(t)
	store := s.keptBy(t)
	s.log = s.log[:10]
	r := s.server(store)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if got, err := r.Recommend(gone, domain.Alias{15: 100}, recommend.Ask{N: 1}); !errors.Is(err, context.Canceled) {
		t.Errorf("%+v, %v", got, err)
	}
}

// Lists are kept from the first question on, and not before.
func TestAServerThatNobodyAsksKeepsNothing(t *testing.T) {
	t.Parallel()
	s, store := teaAndNails(t), &projectionstest.MemoryLists{}
	close(s.open)
	r := s.server(store)
	quiet, cancel := context.WithCancel(t.Context())
	cancel()
	if err := errors.Join(r.run(quiet), r.remembered.run(quiet)); err != nil || len(s.read) > 0 {
		t.Fatalf("nobody asked and the log was read: %v", err)
	}
	ctx, stop := context.WithCancel(t.Context())
	go func() { _ = r.remembered.run(ctx) }()
	if got := r.ask(t, 100, recommend.Ask{N: 1, New: true}); got.Kept || got.Items[0].Item != "cup" {
		t.Errorf("nothing is kept yet: %+v", got)
	}
	for rest := time.Duration(0); rest < restLists; {
		rest = r.step(ctx)
	}
	stop()
	if again := s.server(store).ask(t, 100, recommend.Ask{N: 1, New: true}); !again.Kept || again.Items[0].Item != "cup" {
		t.Errorf("after the first question: %+v", again)
	}
}
