package bench

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/gateway"
	profferv1 "github.com/profferhq/proffer/gateway/api/proffer/v1"
	"github.com/profferhq/proffer/gateway/api/proffer/v1/profferv1connect"
	"github.com/profferhq/proffer/gateway/natskv"
	"github.com/profferhq/proffer/gateway/natslog"
	"github.com/profferhq/proffer/gateway/rpc"
	"github.com/profferhq/proffer/gateway/sample"
)

const (
	decideConcurrency = 32
	closedLoops       = 4
	decideEventsEach  = 20
	// openWorkers is more than are ever busy at the offered rates, so that the generator itself does not queue.
	openWorkers = 512
	offered     = 1000
	offeredMore = 5000
)

// decide measures decisions over Connect, durable append included, beside a no-op RPC with messages of the same
// size: in turns, closed loop for the rate and open loop for the latencies.
func decide(ctx context.Context, o Options) (r Result, err error) {
	o.say("loading %d profiles with %d events each", o.Profiles, decideEventsEach)
	if err := prepare(ctx, o); err != nil {
		return r, err
	}
	empty := heap()
	node, err := startNode(ctx, o)
	if err != nil {
		return r, err
	}
	defer func() { _ = node.Close() }()
	if err := node.Settle(ctx); err != nil {
		return r, err
	}
	settleDisk()

	client := &http.Client{Transport: authorized{node.OperatorKey(), &http.Transport{MaxIdleConnsPerHost: 2 * openWorkers}}}
	if _, err := profferv1connect.NewPolicyServiceClient(client, node.URL()).Publish(ctx, &profferv1.PublishRequest{
		Document: string(sample.Policy),
	}); err != nil {
		return r, err
	}
	noopURL, stop, err := serveStandIn(ctx, newNoop())
	if err != nil {
		return r, err
	}
	defer stop()
	appendURL, stopAppending, err := serveStandIn(ctx, appender{newNoop(), node.Log()})
	if err != nil {
		return r, err
	}
	defer stopAppending()

	real := decideCall(profferv1connect.NewDecisionServiceClient(client, node.URL()), o.Profiles)
	noop := decideCall(profferv1connect.NewDecisionServiceClient(client, noopURL), o.Profiles)
	appending := decideCall(profferv1connect.NewDecisionServiceClient(client, appendURL), o.Profiles)
	r = Result{
		Unit: "decisions/s", Profiles: o.Profiles, OfferedPerSecond: offered,
		CeilingIs: "a no-op Connect RPC with messages of the same size", More: map[string]float64{},
	}
	before := node.Log().Stats().Streams[domain.Decision]
	if err := closedTurns(ctx, o, &r, real, noop, appending); err != nil {
		return r, err
	}
	after := node.Log().Stats().Streams[domain.Decision]
	envelopes, decisions := float64(after.Envelopes-before.Envelopes), float64(after.Events-before.Events)
	r.More["decisions_per_envelope"] = decisions / envelopes
	r.More["bytes_per_decision"] = float64(after.Bytes-before.Bytes) / decisions
	r.More["publish_mean_ms"] = float64(after.Publishing-before.Publishing) / float64(time.Millisecond) / envelopes
	if r.P50, r.P99, r.CeilingP99, err = openTurns(ctx, o, offered, real, noop); err != nil {
		return r, err
	}
	more := r.More
	more["at_5000_p50_ms"], more["at_5000_p99_ms"], more["at_5000_ceiling_p99_ms"], err = openTurns(ctx, o, offeredMore, real, noop)
	// At the end, when the server's caches of what was loaded have gone: what stays in memory for good.
	more["heap_bytes_per_profile"] = float64(heap()-empty) / float64(o.Profiles)
	return r, err
}

// closedTurns measures them in turns, so that the machine's noise meets all, and takes medians. Beside the ceiling
// stands what appending alone leaves of it: how much of the rest deciding takes.
func closedTurns(ctx context.Context, o Options, r *Result, real, noop, appending call) error {
	var rates, costs [3][]float64
	for turn := range closedLoops {
		for i, c := range []call{real, noop, appending} {
			m, cost, err := costed(func() (measured, error) {
				return o.profiled(i == 0 && turn == closedLoops-1, func() (measured, error) {
					return closedLoop(ctx, decideConcurrency, o.stretch()/2, c)
				})
			})
			if err != nil {
				return err
			}
			o.say("closed loop, turn %d, %s: %.0f/s (p50 %.2f ms, p99 %.2f ms)", turn,
				[]string{"deciding", "no-op", "appending alone"}[i], m.perSecond(), m.quantile(0.5), m.quantile(0.99))
			if turn > 0 { // the first warms up
				rates[i], costs[i] = append(rates[i], m.perSecond()), append(costs[i], cost)
			}
		}
	}
	r.Value, r.Ceiling = median(rates[0]), median(rates[1])
	r.More["cpu_us_per_decision"], r.More["ceiling_cpu_us"] = median(costs[0]), median(costs[1])
	r.More["append_alone_per_second"], r.More["append_alone_cpu_us"] = median(rates[2]), median(costs[2])
	r.More["append_alone_ratio"] = r.More["append_alone_per_second"] / r.Ceiling
	return nil
}

// costed does the work and tells what of the cores one call used, in microseconds: the client's part, the server's
// and what goes on behind them. Unlike a rate it hardly depends on what else the machine does.
func costed(work func() (measured, error)) (m measured, cost float64, err error) {
	before := cpuTime()
	m, err = work()
	return m, float64(cpuTime()-before) / float64(time.Microsecond) / float64(max(1, m.calls)), err
}

func openTurns(ctx context.Context, o Options, rate float64, real, noop call) (p50, p99, ceiling float64, err error) {
	var p50s, p99s, ceilings []float64
	for turn := range 3 {
		a, err := openLoop(ctx, rate, openWorkers, o.stretch()/2, real)
		if err != nil {
			return 0, 0, 0, err
		}
		b, err := openLoop(ctx, rate, openWorkers, o.stretch()/2, noop)
		if err != nil {
			return 0, 0, 0, err
		}
		o.say("open loop at %.0f/s, turn %d: p50 %.2f ms, p99 %.2f ms; no-op p99 %.2f ms", rate, turn, a.quantile(0.5), a.quantile(0.99), b.quantile(0.99))
		p50s, p99s = append(p50s, a.quantile(0.5)), append(p99s, a.quantile(0.99))
		ceilings = append(ceilings, b.quantile(0.99))
	}
	return median(p50s), median(p99s), median(ceilings), nil
}

func decideCall(client profferv1connect.DecisionServiceClient, profiles int) call {
	return func(ctx context.Context, n uint64) error {
		person := int(n*2654435761) % profiles
		if person < 0 {
			person += profiles
		}
		_, err := client.Decide(ctx, &profferv1.DecideRequest{
			Identifiers: []*profferv1.Identifier{{Type: "user_id", Value: userID(person)}}, Placement: "home",
		})
		return err
	}
}

// prepare leaves a data folder as an import of that many people would.
func prepare(ctx context.Context, o Options) error {
	config, err := nodeConfig(o)
	if err != nil {
		return err
	}
	key, err := config.VaultSecret()
	if err != nil {
		return err
	}
	// Loaded without waiting for the disk: what is measured comes later, on a server that syncs always.
	server, err := natslog.StartEmbedded(natslog.EmbeddedOptions{Dir: filepath.Join(o.Dir, "nats"), Sync: "1s"})
	if err != nil {
		return err
	}
	defer server.Close()
	nc, err := server.Connect(ctx)
	if err != nil {
		return err
	}
	defer nc.Close()
	log, err := natslog.Open(ctx, nc, natslog.Options{Lanes: config.Lanes})
	if err != nil {
		return err
	}
	defer log.Close()
	vault, err := natskv.OpenVault(ctx, nc, natskv.VaultOptions{Key: key})
	if err != nil {
		return err
	}
	defer vault.Close()
	return loadPeople(ctx, log, vault, o.Profiles, decideEventsEach)
}

func nodeConfig(o Options) (gateway.Config, error) {
	config, err := gateway.DefaultConfig()
	if err != nil {
		return config, err
	}
	config.Data, config.Listen, config.NoDatabase = o.Dir, "127.0.0.1:0", true
	config.NatsURL, config.DatabaseURL, config.Sync = "", "", o.Sync
	return config, nil
}

func startNode(ctx context.Context, o Options) (*gateway.Node, error) {
	config, err := nodeConfig(o)
	if err != nil {
		return nil, err
	}
	return gateway.Start(ctx, config)
}

// noop answers with a message of the size of a real answer.
type noop struct {
	profferv1connect.UnimplementedDecisionServiceHandler
	answer *profferv1.DecideResponse
}

func newNoop() noop {
	return noop{answer: &profferv1.DecideResponse{
		DecisionId: strings.Repeat("d", 32), Offer: "free-shipping", Treatment: "banner", Content: map[string]string{"headline": "Free shipping today"},
		Reason: "OFFERED", Position: "DECISION/123456/7", Policy: "shop", PolicyVersion: 1, Profile: strings.Repeat("p", 32),
		DecidedAt: timestamppb.Now(), Staleness: durationpb.New(0),
	}}
}

// Decide implements DecisionService.
func (n noop) Decide(context.Context, *profferv1.DecideRequest) (*profferv1.DecideResponse, error) {
	return n.answer, nil
}

// appender answers as noop does, once a record about nobody is durable in the log. It is as long as a decision's.
type appender struct {
	noop
	log *natslog.Log
}

// recordBytes is what a decision of the sample's policy takes in the log, see bytes_per_decision.
const recordBytes = 1200

// Decide implements DecisionService.
func (a appender) Decide(ctx context.Context, _ *profferv1.DecideRequest) (*profferv1.DecideResponse, error) {
	record := &event.Event{Body: &event.Event_Tracked{Tracked: &event.Tracked{Name: strings.Repeat("x", recordBytes)}}}
	if _, err := a.log.Append(ctx, domain.LaneOf(domain.Behaviour, domain.Alias{}, a.log.Lanes()), record); err != nil {
		return nil, err
	}
	return a.answer, nil
}

// serveStandIn serves a handler as the product is served, but for the interceptors.
func serveStandIn(ctx context.Context, h profferv1connect.DecisionServiceHandler) (url string, stop func(), err error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, fmt.Errorf("serve a stand-in: %w", err)
	}
	mux := http.NewServeMux()
	mux.Handle(profferv1connect.NewDecisionServiceHandler(h, connect.WithCompressMinBytes(4<<10)))
	server := rpc.Server(mux)
	go func() { _ = server.Serve(listener) }()
	return "http://" + listener.Addr().String(), func() { _ = server.Close() }, nil
}

// authorized sends the key with each request.
type authorized struct {
	key  string
	next http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (a authorized) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+a.key)
	return a.next.RoundTrip(r)
}

// heap is what is in use after a collection.
func heap() uint64 {
	runtime.GC()
	runtime.GC() // what finalizers and pools held goes with the second
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
