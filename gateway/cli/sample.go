package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/profferhq/proffer/gateway"
	profferv1 "github.com/profferhq/proffer/gateway/api/proffer/v1"
	"github.com/profferhq/proffer/gateway/sample"
)

// sampleSeed makes everybody's shop the same.
const sampleSeed = 2026

// sampleBatch is how many items go in one call.
const sampleBatch = 2000

// loadSample brings the sample shop in, once: its policy is published last, so that it marks the end.
func loadSample(r *run, n *gateway.Node) error {
	s := dial(n.URL(), n.OperatorKey(), nil)
	listed, err := s.policies.List(r.ctx, &profferv1.ListRequest{})
	if err != nil {
		return err
	}
	for _, p := range listed.GetPolicies() {
		if p.GetPolicy() == "shop" {
			return nil
		}
	}
	if err := sendSample(r.ctx, s, newProgress(r.err, "sample events"), n.Now()); err != nil {
		return err
	}
	_, err = s.policies.Publish(r.ctx, &profferv1.PublishRequest{Document: string(sample.Policy)})
	return err
}

func sendSample(ctx context.Context, s *remote, show *progress, now time.Time) error {
	defer show.finish()
	var batch []*profferv1.Item
	sent := uint64(0)
	send := func() error {
		answer, err := s.ingest.Ingest(ctx, &profferv1.IngestRequest{Source: sample.Source, Items: batch})
		if err != nil {
			return err
		}
		for i, v := range answer.GetVerdicts() {
			if v.GetStatus() == profferv1.Verdict_STATUS_REJECTED {
				return fmt.Errorf("item %d of the sample was refused: %s %s", sent+uint64(i), v.GetReason(), v.GetField())
			}
		}
		sent += uint64(len(batch))
		show.update(sent, 0)
		batch = batch[:0]
		return nil
	}
	for item := range sample.Items(sampleSeed, now.Truncate(24*time.Hour)) {
		if batch = append(batch, item); len(batch) == sampleBatch {
			if err := send(); err != nil {
				return err
			}
		}
	}
	return send()
}
