package bench

import (
	"context"
	"path/filepath"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/gateway/natskv"
	"github.com/profferhq/proffer/gateway/natslog"
	"github.com/profferhq/proffer/projections"
)

const (
	projectPeople = 25_000
	projectEach   = 20
	projectTurns  = 3
)

// fixture is a log with events and a server that keeps it.
type fixture struct {
	server *natslog.Embedded
	nc     *nats.Conn
	bulk   *nats.Conn
	log    *natslog.Log
}

// newFixture writes a history of that many people.
func newFixture(ctx context.Context, o Options, people, each int) (f *fixture, err error) {
	f = &fixture{}
	if f.server, err = natslog.StartEmbedded(natslog.EmbeddedOptions{Dir: filepath.Join(o.Dir, "nats"), Sync: o.Sync}); err != nil {
		return nil, err
	}
	if f.nc, err = f.server.Connect(ctx); err != nil {
		return nil, err
	}
	if f.bulk, err = f.server.ConnectBulk(ctx); err != nil {
		return nil, err
	}
	if f.log, err = natslog.Open(ctx, f.nc, natslog.Options{Bulk: f.bulk}); err != nil {
		return nil, err
	}
	o.say("writing %d events of %d people", people*each, people)
	return f, writeHistories(ctx, f.log, drawAliases(people), each, ingestedEnvelope)
}

func (f *fixture) close() {
	f.log.Close()
	f.nc.Close()
	f.bulk.Close()
	f.server.Close()
}

// rawEvents is how many events a second raw reading of the stream delivers: messages that nobody decodes.
func (f *fixture) rawEvents(ctx context.Context, events int) (float64, error) {
	c, err := natslog.RawRead(ctx, f.bulk, domain.Behaviour)
	if err != nil {
		return 0, err
	}
	return float64(events) / c.Elapsed.Seconds(), nil
}

// projectViews measures folding a log into views, in memory and in KV, durably, beside raw reading of the stream.
func projectViews(ctx context.Context, o Options) (Result, error) {
	const events = projectPeople * projectEach
	f, err := newFixture(ctx, o, projectPeople, projectEach)
	if err != nil {
		return Result{}, err
	}
	defer f.close()
	views, err := natskv.OpenViews(ctx, f.nc, natskv.ViewsOptions{Writer: true})
	if err != nil {
		return Result{}, err
	}
	defer func() { _ = views.Close(context.WithoutCancel(ctx)) }()
	select {
	case <-views.Ready():
	case <-ctx.Done():
		return Result{}, ctx.Err()
	}
	projector := projections.NewViewsProjector(f.log, views, nil)
	var values, ceilings, costs []float64
	for turn := range projectTurns {
		m, cost, err := costed(func() (measured, error) {
			return o.profiled(turn == projectTurns-1, func() (measured, error) {
				started := time.Now()
				if err := projector.Rebuild(ctx, nil); err != nil {
					return measured{}, err
				}
				err := views.Flush(ctx)
				return measured{calls: events, elapsed: time.Since(started)}, err
			})
		})
		if err != nil {
			return Result{}, err
		}
		ceiling, err := f.rawEvents(ctx, events)
		if err != nil {
			return Result{}, err
		}
		o.say("turn %d: %.0f events/s, raw reading %.0f events/s", turn, m.perSecond(), ceiling)
		values, ceilings, costs = append(values, m.perSecond()), append(ceilings, ceiling), append(costs, cost)
	}
	return Result{
		Unit: "events/s", Value: median(values), Ceiling: median(ceilings), Profiles: projectPeople,
		CeilingIs: "raw reading of the same stream, envelopes of 100 events counted and not decoded",
		More:      map[string]float64{"cpu_us_per_event": median(costs), "first_turn_per_second": values[0]},
	}, nil
}
