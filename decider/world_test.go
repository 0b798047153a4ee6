package decider_test

import (
	"context"
	"encoding/binary"
	"sync/atomic"
	"testing"
	"time"

	"github.com/profferhq/proffer/decider"
	"github.com/profferhq/proffer/decider/decidertest"
	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/feature"
)

// noon is when the tests' decisions are made.
var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// world is a log in memory with views and a decider over it.
type world struct {
	t          testing.TB
	ctx        context.Context
	log        *decidertest.Log
	views      *decidertest.Views
	identities *decider.Identities
	policies   *decider.Policies
	vectors    *decider.Vectors
	models     *decidertest.ModelBytes
	decider    *decider.Decider
	clock      atomic.Int64 // Unix milliseconds
	ids        atomic.Uint64
}

// given is a world in which these events have happened and are folded, ready to decide.
func given(t testing.TB, events ...*event.Event) *world {
	t.Helper()
	return givenModels(t, &decidertest.ModelBytes{}, events...)
}

// givenModels is given with the bytes of models.
func givenModels(t testing.TB, models *decidertest.ModelBytes, events ...*event.Event) *world {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	t.Cleanup(cancel)
	w := &world{t: t, ctx: ctx, log: decidertest.NewLog(2), models: models}
	w.clock.Store(noon.UnixMilli())
	w.views = decidertest.NewViews(w.log)
	w.append(events...)
	w.catchUp()
	w.start()
	return w
}

// start makes a decider anew, as after a restart.
func (w *world) start() {
	w.t.Helper()
	w.startOver(w.views)
}

// startOver is start with other views in front.
func (w *world) startOver(views decider.Views) {
	w.t.Helper()
	w.identities = decider.NewIdentities(views)
	w.policies = decider.NewPolicies(feature.Core())
	w.policies.Models().KeptIn(w.models)
	w.vectors = decider.NewVectors(views, w.identities)
	w.decider = decider.New(decider.Config{
		Views: views, Lanes: w.log, Source: w.log, Identities: w.identities, Policies: w.policies, Vectors: w.vectors,
		Clock: func() time.Time { return time.UnixMilli(w.clock.Load()) },
		Random: func() [10]byte {
			var b [10]byte
			binary.BigEndian.PutUint64(b[2:], w.ids.Add(1))
			return b
		},
	})
	if err := w.decider.Start(w.ctx); err != nil {
		w.t.Fatalf("start: %v", err)
	}
}

// append puts events into the log, each in the lane of its alias.
func (w *world) append(events ...*event.Event) {
	w.t.Helper()
	for _, e := range events {
		if _, err := w.log.Append(w.ctx, decidertest.LaneOf(e, w.log.Lanes()), e); err != nil {
			w.t.Fatalf("append: %v", err)
		}
	}
}

func (w *world) catchUp() {
	w.t.Helper()
	if err := w.views.CatchUp(w.ctx); err != nil {
		w.t.Fatalf("fold the log: %v", err)
	}
}

// happens appends events and lets identities and policies see them; the views lag behind.
func (w *world) happens(events ...*event.Event) {
	w.t.Helper()
	w.append(events...)
	if err := w.identities.Load(w.ctx, w.log); err != nil {
		w.t.Fatal(err)
	}
	if err := w.policies.Load(w.ctx, w.log); err != nil {
		w.t.Fatal(err)
	}
}

// profiles reads whole profiles of this world.
func (w *world) profiles() *decider.Profiles {
	return decider.NewProfiles(w.log, w.log, w.traces(), w.vectors)
}

func (w *world) traces() *decider.Traces {
	places := decidertest.NewPlaces(w.log)
	traces := decider.NewTraces(w.log, places)
	traces.FoundBy(places)
	return traces
}

func (w *world) ask(name, placement string) decider.Request {
	return decider.Request{Alias: decidertest.Named(name), Placement: placement}
}

// decides is the answer for somebody at the placement "home".
func (w *world) decides(name string) decider.Answer {
	w.t.Helper()
	answer, err := w.decider.Decide(w.ctx, w.ask(name, "home"))
	if err != nil {
		w.t.Fatalf("decide: %v", err)
	}
	return answer
}

// allReplay replays the whole log and fails unless every decision made here is identical, both ways.
func (w *world) allReplay() decider.Tally {
	w.t.Helper()
	tally, err := decider.NewReplayer(w.log, w.policies).All(w.ctx, decider.AllOptions{})
	if err != nil {
		w.t.Fatalf("replay: %v", err)
	}
	for _, d := range tally.Differing {
		w.t.Errorf("decision %s at %v differs: %+v", d.ID, d.At, d.Differences)
	}
	return tally
}

// lane is the lane of DECISION in which somebody's decisions are made.
func (w *world) lane(name string) domain.Lane {
	profile, _ := w.identities.Profile(decidertest.Named(name))
	return domain.LaneOf(domain.Decision, profile, w.log.Lanes())
}

// oneTea is a policy with one offer and a limit of one contact a week, and nothing else.
func oneTea() *event.Policy {
	return &event.Policy{
		Id: "shop", View: "core@1", Salt: "s",
		Placements: []*event.Placement{{Id: "home", Channel: "web"}},
		Offers: []*event.Offer{{
			Id: "tea", Category: "drinks", Value: "5", Propensity: "0.5",
			Treatments: []*event.Treatment{{Id: "banner", Channel: "web", Content: map[string]string{"title": "Tea"}}},
		}},
		ContactLimits: []*event.ContactLimit{{Name: "weekly", Most: 1, WindowMs: 7 * 24 * time.Hour.Milliseconds()}},
	}
}

func published(p *event.Policy) *event.Event {
	return decidertest.Published(p, 1, noon.Add(-30*24*time.Hour))
}
