package bench

import (
	"context"
	"net/http"
	"time"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/gateway"
	profferv1 "github.com/profferhq/proffer/gateway/api/proffer/v1"
	"github.com/profferhq/proffer/gateway/api/proffer/v1/profferv1connect"
	"github.com/profferhq/proffer/gateway/sample"
)

const (
	replayPeople    = 5_000
	replayDecisions = 20_000
	replayTurns     = 3
)

// replay measures making recorded decisions again, both ways, beside only reading and decoding their records.
func replay(ctx context.Context, o Options) (r Result, err error) {
	o.Profiles = replayPeople
	o.say("making %d decisions for %d people", replayDecisions, replayPeople)
	if err := prepare(ctx, o); err != nil {
		return r, err
	}
	node, err := startNode(ctx, o)
	if err != nil {
		return r, err
	}
	defer func() { _ = node.Close() }()
	client := &http.Client{Transport: authorized{node.OperatorKey(), &http.Transport{MaxIdleConnsPerHost: 8}}}
	if _, err := profferv1connect.NewPolicyServiceClient(client, node.URL()).Publish(ctx, &profferv1.PublishRequest{
		Document: string(sample.Policy),
	}); err != nil {
		return r, err
	}
	if err := makeDecisions(ctx, profferv1connect.NewDecisionServiceClient(client, node.URL())); err != nil {
		return r, err
	}
	audit := profferv1connect.NewAuditServiceClient(client, node.URL())
	r = Result{Unit: "decisions/s", Profiles: replayPeople, CeilingIs: "reading and decoding the records only", More: map[string]float64{}}
	var values, records, ceilings []float64
	for turn := range replayTurns {
		var both float64
		if _, err := o.profiled(turn == replayTurns-1, func() (m measured, err error) {
			both, err = replayRate(ctx, audit, false)
			return m, err
		}); err != nil {
			return r, err
		}
		recordsOnly, err := replayRate(ctx, audit, true)
		if err != nil {
			return r, err
		}
		ceiling, err := decodeRate(ctx, node)
		if err != nil {
			return r, err
		}
		o.say("turn %d: %.0f/s both ways, %.0f/s from the records, decoding alone %.0f/s", turn, both, recordsOnly, ceiling)
		values, records, ceilings = append(values, both), append(records, recordsOnly), append(ceilings, ceiling)
	}
	r.Value, r.Ceiling, r.More["records_only_per_second"] = median(values), median(ceilings), median(records)
	return r, nil
}

func makeDecisions(ctx context.Context, client profferv1connect.DecisionServiceClient) error {
	const batch = 500
	for from := 0; from < replayDecisions; from += batch {
		request := &profferv1.DecideBatchRequest{}
		for n := range batch {
			request.Requests = append(request.Requests, &profferv1.DecideRequest{
				Identifiers: []*profferv1.Identifier{{Type: "user_id", Value: userID((from + n) % replayPeople)}}, Placement: "home",
			})
		}
		if _, err := client.DecideBatch(ctx, request); err != nil {
			return err
		}
	}
	return nil
}

func replayRate(ctx context.Context, audit profferv1connect.AuditServiceClient, recordsOnly bool) (float64, error) {
	stream, err := audit.ReplayAll(ctx, &profferv1.ReplayAllRequest{RecordsOnly: recordsOnly})
	if err != nil {
		return 0, err
	}
	defer func() { _ = stream.Close() }()
	rate := 0.0
	for stream.Receive() {
		rate = stream.Msg().GetDecisionsPerSecond()
	}
	return rate, stream.Err()
}

func decodeRate(ctx context.Context, node *gateway.Node) (float64, error) {
	last, err := node.Log().Last(ctx, domain.Decision)
	if err != nil {
		return 0, err
	}
	started, n := time.Now(), 0
	for envelope, err := range node.Log().Read(ctx, domain.Decision, 1, last) {
		if err != nil {
			return 0, err
		}
		events, err := envelope.Events()
		if err != nil {
			return 0, err
		}
		n += len(events)
	}
	return float64(n) / time.Since(started).Seconds(), nil
}
