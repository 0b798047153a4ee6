//go:build unix

package postgres_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/gateway/postgres"
	"github.com/profferhq/proffer/projections"
	"github.com/profferhq/proffer/projections/projectionstest"
)

// Whatever the batches are, the tables show what is defined and what is withdrawn.
func TestDefinitionsAreShownAsWithdrawn(t *testing.T) {
	t.Parallel()
	withdrawn := func(kind event.DefinitionWithdrawn_Kind, name string, version uint64) *event.Event {
		return &event.Event{Body: &event.Event_DefinitionWithdrawn{DefinitionWithdrawn: &event.DefinitionWithdrawn{
			Kind: kind, Name: name, Version: version, Reason: "no use",
		}}}
	}
	published := func(version uint64) *event.Event {
		return &event.Event{Body: &event.Event_PolicyPublished{PolicyPublished: &event.PolicyPublished{Policy: &event.Policy{Id: "shop"}, Version: version}}}
	}
	registered := func(version uint64) *event.Event {
		return &event.Event{Body: &event.Event_ModelRegistered{ModelRegistered: &event.ModelRegistered{Name: "churn", Version: version}}}
	}
	log := projectionstest.NewStreamLog()
	for n, e := range []*event.Event{
		published(1), registered(1), registered(2),
		{Body: &event.Event_SegmentDefined{SegmentDefined: &event.SegmentDefined{Id: "tags", Version: 1, DefinitionJson: []byte("{}"), Reason: "try"}}},
		{Body: &event.Event_FeatureViewPublished{FeatureViewPublished: &event.FeatureViewPublished{Name: "habit@1", Fingerprint: []byte{1}, SpecsJson: []byte("{}")}}},
		withdrawn(event.DefinitionWithdrawn_KIND_POLICY, "shop", 1), withdrawn(event.DefinitionWithdrawn_KIND_MODEL, "churn", 1),
		withdrawn(event.DefinitionWithdrawn_KIND_FEATURE_VIEW, "habit@1", 0), withdrawn(event.DefinitionWithdrawn_KIND_SEGMENTS, "tags", 1),
		published(2),
	} {
		e.OccurredMs, e.ReceivedMs = int64(n+1), int64(n+1)
		log.Append(domain.PolicyLane("x", "x"), e)
	}
	type row struct {
		Kind, Name, Version string
		Withdrawn           bool
		SinceMs             int64
		Reason              string
	}
	want := []row{
		{"feature_view", "habit@1", "", true, 8, "no use"}, {"model", "churn@1", "1", true, 7, "no use"}, {"model", "churn@2", "2", false, 3, ""},
		{"policy", "shop", "2", false, 10, ""}, {"segments", "tags", "1", true, 9, "no use"},
	}
	for _, batch := range []int{1, 100} {
		pool := machine(t).database(t)
		p := projections.NewTablesProjector(log, postgres.NewTables(pool), projections.TablesOptions{RebuildEvents: batch})
		if err := p.CatchUp(t.Context()); err != nil {
			t.Fatal(err)
		}
		got := read[row](t, pool, `SELECT kind, name, coalesce(version::text, ''), withdrawn, (extract(epoch FROM since) * 1000)::bigint, coalesce(reason, '')
			FROM proffer.definitions ORDER BY kind, name`)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("in batches of %d: %s", batch, diff)
		}
	}
}
