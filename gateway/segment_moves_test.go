package gateway_test

import (
	"context"
	"errors"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/profferhq/proffer/commands"
	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/feature"
	"github.com/profferhq/proffer/domain/segment"
	"github.com/profferhq/proffer/gateway/natslog"
	"github.com/profferhq/proffer/projections"
	"github.com/profferhq/proffer/projections/projectionstest"
)

// followedLog is a server's end of a log.
type followedLog interface {
	commands.SharedLog
	projections.Source
}

// mover is a server that follows who is in which segment. Nobody is linked; "rich" is who paid 100 or more.
type mover struct {
	*commands.MemberMoves
	log       followedLog
	tags      *segment.Compiled
	views     *projectionstest.MemoryViews
	fold      *projections.ViewsProjector
	following *projections.SegmentMoves
	// before is called before moves are appended, said with what became of it.
	before func()
	said   func(error)
}

func newMover(t *testing.T, log followedLog) *mover {
	t.Helper()
	var features []string
	for _, f := range feature.Core().Specs() {
		features = append(features, f.Name)
	}
	tags, err := segment.Compile(segment.Definition{ID: "tags", View: "core@1", Rules: []segment.Rule{
		{Segment: "rich", When: "features.spend_lifetime >= 100.0"}, {Segment: "lately", When: "features.spend_7d > 0.0"},
	}}, features)
	if err != nil {
		t.Fatal(err)
	}
	views := projectionstest.NewMemoryViews()
	m := &mover{
		log: log, tags: tags, views: views, fold: projections.NewViewsProjector(log, views, nil), before: func() {}, said: func(error) {},
		MemberMoves: commands.NewMemberMoves(log, time.Now),
	}
	segments := projections.NewSegments(m, m, func(string) (feature.View, bool) { return feature.Core(), true })
	m.following = projections.NewSegmentMoves(log, segments, m.fold.Applied, m, m, projections.SegmentMovesOptions{Every: time.Millisecond})
	return m
}

// start folds and follows until the context ends; what the log holds is folded before.
func (m *mover) start(ctx context.Context, t *testing.T, running *sync.WaitGroup) {
	if err := m.fold.CatchUp(ctx, nil); err != nil {
		t.Fatal(err)
	}
	for _, run := range []func(context.Context) error{m.fold.Run, m.following.Run} {
		running.Go(func() {
			if err := run(ctx); err != nil {
				t.Error(err)
			}
		})
	}
}

// MoveMembers implements projections.Mover.
func (m *mover) MoveMembers(ctx context.Context, moves []segment.Move) error {
	m.before()
	err := m.MemberMoves.MoveMembers(ctx, moves)
	m.said(err)
	return err
}

// Blob implements projections.Activities.
func (m *mover) Blob(a domain.Alias) ([]byte, *feature.Layout, bool) {
	blob, known := m.views.View(a)
	return blob, nil, known
}

// Range implements projections.Activities.
func (m *mover) Range(yield func(domain.Alias, []byte) bool) { m.views.Range(yield) }

// Profile implements projections.Linked.
func (m *mover) Profile(a domain.Alias) (domain.Alias, uint64) { return a, 0 }

// Aliases implements projections.Linked.
func (m *mover) Aliases(a domain.Alias) []domain.Alias { return []domain.Alias{a} }

// InEffect implements projections.SegmentDefinitions.
func (m *mover) InEffect() ([]projections.CurrentSegments, uint64) {
	return []projections.CurrentSegments{{Compiled: m.tags, Version: 1}}, 1
}

// Withdrawn implements projections.SegmentDefinitions.
func (m *mover) Withdrawn() []segment.Found { return nil }

// WaitFor implements projections.SegmentDefinitions.
func (m *mover) WaitFor(context.Context, uint64) error { return nil }

func pays(t *testing.T, log commands.Log, who byte, micros int64) {
	t.Helper()
	a, now := domain.Alias{15: who}, time.Now().UnixMilli()
	_, err := log.Append(t.Context(), domain.LaneOf(domain.Behaviour, a, log.Lanes()), &event.Event{
		Id: make([]byte, 16), Alias: a[:], AliasType: "user_id", OccurredMs: now, ReceivedMs: now,
		Body: &event.Event_Purchased{Purchased: &event.Purchased{AmountMicros: micros}},
	})
	if err != nil {
		t.Fatal(err)
	}
}

const movesView = `{"name":"moves","version":1,"description":"d","channels":[],"features":[
	{"name":"rich","description":"d","source":["segment_entered"],"filter":"event.segment == 'rich'","aggregation":"count","window":"lifetime","unit":"times","default":"0","owner":"o"},
	{"name":"lately","description":"d","source":["segment_entered"],"filter":"event.segment == 'lately'","aggregation":"count","window":"lifetime","unit":"times","default":"0","owner":"o"}]}`

// counted is how often somebody became rich and bought lately, as a feature view that counts moves reads it.
func counted(t *testing.T, log projections.Source, who byte) [2]float64 {
	t.Helper()
	view, err := feature.ParseView([]byte(movesView))
	if err != nil {
		t.Fatal(err)
	}
	last, err := log.Last(t.Context(), domain.Behaviour)
	if err != nil {
		t.Fatal(err)
	}
	activity := feature.LayoutOf(view).Empty()
	for e, err := range log.Read(t.Context(), domain.Behaviour, 1, last) {
		if err != nil {
			t.Fatal(err)
		}
		recorded, err := e.Recorded()
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range recorded {
			if domain.Alias(r.Event.GetAlias()) == (domain.Alias{15: who}) {
				activity = feature.Fold(activity, r)
			}
		}
	}
	return [2]float64(view.Read(activity, time.Now().UnixMilli(), nil))
}

// Both servers find the same moves before either has appended them.
func TestTwoServersThatFindAMoveAppendItOnce(t *testing.T) {
	t.Parallel()
	server, err := natslog.StartEmbedded(natslog.EmbeddedOptions{Dir: filepath.Join(t.TempDir(), "nats")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	open := func() followedLog {
		nc, err := server.Connect(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(nc.Close)
		log, err := natslog.Open(t.Context(), nc, natslog.Options{Lanes: 2})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(log.Close)
		return log
	}
	first, second := newMover(t, open()), newMover(t, open())
	pays(t, first.log, 1, 150e6)

	outcome, found := make(chan error), make(chan struct{})
	appended := sync.OnceFunc(func() { close(found) })
	secondFound := make(chan struct{})
	first.before = func() { <-secondFound }
	first.said = func(err error) { appended(); outcome <- err }
	second.before = sync.OnceFunc(func() { close(secondFound); <-found })
	second.said = func(err error) { outcome <- err }

	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	first.start(ctx, t, &running)
	second.start(ctx, t, &running)
	if err := <-outcome; err != nil {
		t.Errorf("the first to append: %v", err)
	}
	if err := <-outcome; !errors.Is(err, domain.ErrLaneLost) {
		t.Errorf("the second to append: %v", err)
	}
	cancel()
	running.Wait()
	pays(t, first.log, 1, 1) // what people do goes on in lanes of its own
	if got := counted(t, first.log, 1); got != [2]float64{1, 1} {
		t.Errorf("became rich and bought lately %v times, want once each", got)
	}
}
