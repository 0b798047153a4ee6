package projectionstest

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/projections"
)

// RunTablesSuite checks what a TablesProjector relies on; every Tables must pass it. open gives empty tables.
func RunTablesSuite(t *testing.T, open func(t *testing.T) projections.Tables) {
	for _, c := range []struct {
		name string
		run  func(*testing.T, func(t *testing.T) projections.Tables)
	}{
		{"EmptyTablesHaveNothing", emptyTablesHaveNothing},
		{"AppliedRowsAreReadBack", appliedRowsAreReadBack},
		{"SameBatchTwiceIsRefused", sameBatchTwiceIsRefused},
		{"BatchAfterALostOneIsRefused", batchAfterALostOneIsRefused},
		{"GoneProfilesAreGone", goneProfilesAreGone},
		{"PairsAreReadBack", pairsAreReadBack},
		{"MarksAreReadBack", marksAreReadBack},
		{"HistoryIsKeptOnce", historyIsKeptOnce},
		{"HostileEventsAreStored", hostileEventsAreStored},
		{"BatchesDoNotShow", batchesDoNotShow},
		{"EveryTableShowsInTheDigest", everyTableShowsInTheDigest},
		{"ClearedTablesAreEmpty", clearedTablesAreEmpty},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.run(t, open)
		})
	}
}

func emptyTablesHaveNothing(t *testing.T, open func(t *testing.T) projections.Tables) {
	tables := open(t)
	cut, _ := digestOf(t, tables)
	if cut != (domain.Cut{}) {
		t.Errorf("cut of empty tables: %v", cut)
	}
	totals, err := tables.Totals(t.Context(), []domain.Alias{NewSample(1, 1).Alias(0)})
	if err != nil || len(totals) != 0 {
		t.Errorf("totals of empty tables: %v, %v", totals, err)
	}
	if links := linksOf(t, tables); len(links) != 0 {
		t.Errorf("links of empty tables: %v", links)
	}
}

// twoAliases is a batch with a link between two aliases, applied from a cut.
func twoAliases(from domain.Cut) projections.TableBatch {
	s := NewSample(1, 2)
	a, b := s.Alias(0), s.Alias(1)
	ms := SampleStart().UnixMilli()
	totals := projections.Totals{
		Type: "user_id", Events: 2, FirstMs: ms - 1, LastMs: ms, Behaviours: 1, LastActiveMs: ms,
		Views: 1, Carts: 2, Purchases: 3, Refunds: 4, Tracked: 5, SpentMicros: 1<<63 - 1, RefundedMicros: -1, Currency: "EUR",
		Decisions: 6, ExternalDecisions: 7, Offers: 8, Deliveries: 9, Exposures: 10, Clicks: 11, Conversions: 12,
		ConvertedMicros: -1 << 63, CostMicros: 13,
	}
	to := from
	to[domain.Identity]++
	at := domain.Position{Sequence: to[domain.Identity], Index: 3}
	place := projections.Place{At: at, Alias: a, OccurredMs: ms, ReceivedMs: ms, Source: "s", Channel: "web"}
	return projections.TableBatch{From: from, To: to, Events: 1, Rows: projections.Rows{
		Identity: []projections.IdentityRow{{Place: place, Type: "identity_linked", Other: b, OtherType: "device", Rule: "identify", Posterior: 1}},
		Aliases:  []projections.AliasRow{{Alias: a, Profile: a, Totals: totals}, {Alias: b, Profile: a, Totals: projections.Totals{Type: "device"}}},
		Profiles: []projections.ProfileRow{{Profile: a, Aliases: 2, Totals: totals}},
	}}
}

func appliedRowsAreReadBack(t *testing.T, open func(t *testing.T) projections.Tables) {
	tables, batch := open(t), twoAliases(domain.Cut{})
	mustApply(t, tables, batch)
	cut, err := tables.Checkpoint(t.Context())
	if err != nil || cut != batch.To {
		t.Errorf("checkpoint: got %v, %v; want %v", cut, err, batch.To)
	}
	a, b := batch.Rows.Aliases[0], batch.Rows.Aliases[1]
	totals, err := tables.Totals(t.Context(), []domain.Alias{b.Alias, a.Alias, NewSample(1, 3).Alias(2)})
	want := map[domain.Alias]projections.Totals{a.Alias: a.Totals, b.Alias: b.Totals}
	if diff := cmp.Diff(want, totals); err != nil || diff != "" {
		t.Errorf("totals: %v, -want +got\n%s", err, diff)
	}
	links := linksOf(t, tables)
	if len(links) != 1 || links[0].At != batch.Rows.Identity[0].At || string(links[0].Event.GetIdentityLinked().GetOther()) != string(b.Alias[:]) {
		t.Errorf("links: got %v", links)
	}
}

func sameBatchTwiceIsRefused(t *testing.T, open func(t *testing.T) projections.Tables) {
	tables, batch := open(t), twoAliases(domain.Cut{})
	mustApply(t, tables, batch)
	_, before := digestOf(t, tables)
	if err := tables.Apply(t.Context(), batch); !errors.Is(err, projections.ErrAnotherOwner) {
		t.Errorf("the same batch again: got %v, want ErrAnotherOwner", err)
	}
	if _, after := digestOf(t, tables); after != before {
		t.Error("a refused batch changed the tables")
	}
}

func batchAfterALostOneIsRefused(t *testing.T, open func(t *testing.T) projections.Tables) {
	tables := open(t)
	batch := twoAliases(domain.Cut{domain.Identity: 5})
	if err := tables.Apply(t.Context(), batch); !errors.Is(err, projections.ErrCheckpointLost) {
		t.Errorf("a batch from beyond the checkpoint: got %v, want ErrCheckpointLost", err)
	}
	if cut, _ := digestOf(t, tables); cut != (domain.Cut{}) {
		t.Errorf("a refused batch moved the checkpoint to %v", cut)
	}
}

func goneProfilesAreGone(t *testing.T, open func(t *testing.T) projections.Tables) {
	tables, plain := open(t), open(t)
	first := twoAliases(domain.Cut{})
	other := first.Rows.Aliases[1].Alias
	both := first
	both.Rows.Profiles = append([]projections.ProfileRow{}, first.Rows.Profiles[0], projections.ProfileRow{Profile: other, Aliases: 1})
	gone := projections.TableBatch{From: first.To, To: first.To, Rows: projections.Rows{GoneProfiles: []domain.Alias{other}}}
	mustApply(t, plain, first)
	mustApply(t, tables, both)
	mustApply(t, tables, gone)
	_, got := digestOf(t, tables)
	if _, want := digestOf(t, plain); got != want {
		t.Error("a profile that is gone still shows")
	}
}

func hostileEventsAreStored(t *testing.T, open func(t *testing.T) projections.Tables) {
	log := NewStreamLog()
	NewSample(3, 40).Fill(log, 3000)
	cut := project(t, log, open(t), 0)
	for _, s := range domain.AllStreams() {
		if last, _ := log.Last(t.Context(), s); cut[s] != last || last == 0 {
			t.Errorf("%s: applied %d of %d", s, cut[s], last)
		}
	}
}

func batchesDoNotShow(t *testing.T, open func(t *testing.T) projections.Tables) {
	log := NewStreamLog()
	NewSample(4, 30).Fill(log, 1500)
	one, many := open(t), open(t)
	project(t, log, one, 1_000_000)
	project(t, log, many, 40)
	_, want := digestOf(t, one)
	if _, got := digestOf(t, many); got != want {
		t.Error("one batch and many batches of the same log give different tables")
	}
}

func clearedTablesAreEmpty(t *testing.T, open func(t *testing.T) projections.Tables) {
	log, tables := NewStreamLog(), open(t)
	NewSample(5, 30).Fill(log, 500)
	_, empty := digestOf(t, tables)
	project(t, log, tables, 0)
	_, full := digestOf(t, tables)
	if err := tables.Clear(t.Context()); err != nil {
		t.Fatal(err)
	}
	cut, cleared := digestOf(t, tables)
	if cut != (domain.Cut{}) || cleared != empty || cleared == full {
		t.Errorf("cleared tables: cut %v, like empty ones %v, like full ones %v", cut, cleared == empty, cleared == full)
	}
	project(t, log, tables, 0)
	if _, again := digestOf(t, tables); again != full {
		t.Error("rebuilt tables differ")
	}
}

// everyTableShowsInTheDigest applies batches that fill one table each.
func everyTableShowsInTheDigest(t *testing.T, open func(t *testing.T) projections.Tables) {
	tables := open(t)
	cut, last := digestOf(t, tables)
	a := NewSample(1, 1).Alias(0)
	place := projections.Place{At: domain.Position{Sequence: 1}, Alias: a}
	fillings := map[string]projections.Rows{
		"behaviour":    {Behaviour: []projections.BehaviourRow{{Place: place, Type: "viewed"}}},
		"lines":        {Lines: []projections.LineRow{{Place: place, Type: "purchased"}}},
		"identity":     {Identity: []projections.IdentityRow{{Place: place, Type: "traits_changed"}}},
		"consents":     {Consents: []projections.ConsentRow{{Place: place, Purpose: "ads"}}},
		"history":      {History: []projections.HistoryRow{{Alias: a, Profile: a}}},
		"pairs":        {Pairs: []projections.PairRow{{Pair: projections.Pair{Alias: a, Other: NewSample(1, 1).Alias(1)}}}},
		"guards":       {Guards: []projections.GuardsRow{{At: projections.Moment{At: place.At}, Version: 1, GuardsJSON: "[]"}}},
		"models":       {MatchModels: []projections.MatchModelRow{{At: projections.Moment{At: place.At}, Name: "m", Version: 1}}},
		"decisions":    {Decisions: []projections.DecisionRow{{Place: place, ID: a, ContextJSON: "{}"}}},
		"candidates":   {Candidates: []projections.CandidateRow{{At: place.At, Decision: a}}},
		"outcomes":     {Outcomes: []projections.OutcomeRow{{Place: place, Type: "exposed"}}},
		"quarantined":  {Quarantined: []projections.QuarantineRow{{Place: place, ID: a}}},
		"policyEvents": {PolicyEvents: []projections.PolicyEventRow{{Place: place, Type: "policy_published"}}},
		"unknown":      {Unknown: []projections.UnknownRow{{Place: place, Stream: domain.Decision}}},
		"offers":       {Offers: []projections.OfferRow{{Offer: "o", AttributesJSON: "{}", TreatmentsJSON: "[]", EligibilityRulesJSON: "[]"}}},
		"policies":     {Policies: []projections.PolicyRow{{Policy: "p", Version: 1, Digest: []byte{1}}}},
		"featureViews": {FeatureViews: []projections.FeatureViewRow{{Name: "v", SpecsJSON: "[]"}}},
		"definitions":  {Definitions: []projections.DefinitionRow{{At: place.At, Kind: "segments", Name: "tags", Version: 2, Withdrawn: true, Reason: "r"}}},
		"stays": {SegmentStays: []projections.SegmentStay{{
			Alias: a, Definition: "d", Segment: "s", Version: 1, Entered: projections.Moment{At: place.At, Ms: 1},
		}}},
		"aliases":  {Aliases: []projections.AliasRow{{Alias: a, Profile: a}}},
		"profiles": {Profiles: []projections.ProfileRow{{Profile: a, Aliases: 1}}},
	}
	for name, rows := range fillings {
		mustApply(t, tables, projections.TableBatch{From: cut, To: cut, Rows: rows})
		_, digest := digestOf(t, tables)
		if digest == last {
			t.Errorf("a row of %s does not show in the digest", name)
		}
		last = digest
	}
	resolved := projections.Rows{Resolutions: []projections.ResolutionRow{{At: domain.Position{Sequence: 2}, Of: a, Replayed: true, Note: "n"}}}
	mustApply(t, tables, projections.TableBatch{From: cut, To: cut, Rows: resolved})
	_, digest := digestOf(t, tables)
	if digest == last {
		t.Error("a resolution does not show in the digest")
	}
	ended := projections.Rows{HistoryEnds: []projections.HistoryEnd{{Alias: a, To: projections.Moment{At: domain.Position{Sequence: 3}, Ms: 1}}}}
	mustApply(t, tables, projections.TableBatch{From: cut, To: cut, Rows: ended})
	if _, last = digestOf(t, tables); digest == last {
		t.Error("the end of a stretch of history does not show in the digest")
	}
	digest = last
	left := projections.Rows{SegmentEnds: []projections.SegmentEnd{{Alias: a, Definition: "d", Segment: "s", Version: 2, Left: projections.Moment{At: domain.Position{Sequence: 3}, Ms: 1}}}}
	mustApply(t, tables, projections.TableBatch{From: cut, To: cut, Rows: left})
	if _, last = digestOf(t, tables); digest == last {
		t.Error("that somebody left a segment does not show in the digest")
	}
}

// project applies the whole log in batches of about that many events; 0 is the default.
func project(t *testing.T, log projections.Source, tables projections.Tables, batch int) domain.Cut {
	t.Helper()
	p := projections.NewTablesProjector(log, tables, projections.TablesOptions{RebuildEvents: batch})
	if err := p.CatchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	return p.Applied()
}

func mustApply(t *testing.T, tables projections.Tables, batch projections.TableBatch) {
	t.Helper()
	if err := tables.Apply(t.Context(), batch); err != nil {
		t.Fatal(err)
	}
}

func digestOf(t *testing.T, tables projections.Tables) (domain.Cut, domain.Hash) {
	t.Helper()
	cut, digest, err := tables.Digest(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return cut, digest
}

func linksOf(t *testing.T, tables projections.Tables) []domain.Recorded {
	t.Helper()
	var links []domain.Recorded
	for r, err := range tables.Links(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		links = append(links, r)
	}
	return links
}
