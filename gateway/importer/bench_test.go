package importer_test

import (
	"context"
	"testing"

	profferv1 "github.com/profferhq/proffer/gateway/api/proffer/v1"
	"github.com/profferhq/proffer/gateway/importer"
)

// BenchmarkStarbucks is the speed of reading and mapping, tables included: rows of sources a second.
func BenchmarkStarbucks(b *testing.B) {
	folder := dataFolder(b, "starbucks")
	m, err := importer.Load("starbucks")
	if err != nil {
		b.Fatal(err)
	}
	plan, err := m.Open([]string{folder})
	if err != nil {
		b.Fatal(err)
	}
	var rows uint64
	for b.Loop() {
		summary, err := plan.Run(b.Context(), acceptingSink{}, nil)
		if err != nil {
			b.Fatal(err)
		}
		rows += summary.Total().Rows
	}
	b.ReportMetric(float64(rows)/b.Elapsed().Seconds(), "rows/s")
}

// acceptingSink costs nothing.
type acceptingSink struct{}

func (acceptingSink) Send(_ context.Context, _ string, items []*profferv1.Item) ([]*profferv1.Verdict, error) {
	verdicts := make([]*profferv1.Verdict, len(items))
	accepted := &profferv1.Verdict{Status: profferv1.Verdict_STATUS_ACCEPTED}
	for i := range verdicts {
		verdicts[i] = accepted
	}
	return verdicts, nil
}
