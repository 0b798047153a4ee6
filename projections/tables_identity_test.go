package projections_test

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/projections"
	"github.com/profferhq/proffer/projections/projectionstest"
)

func who(n int) domain.Alias { return projectionstest.NewSample(1, 1).Alias(n) }

// said is an event of IDENTITY about a person, accepted at that many milliseconds.
func said(n int, ms int64, e *event.Event) *event.Event {
	a := who(n)
	e.Id, e.Alias, e.AliasType, e.OccurredMs, e.ReceivedMs = make([]byte, 16), a[:], "user_id", ms, ms
	return e
}

func linked(n, m int, ms int64, rule string, evidence *event.LinkEvidence) *event.Event {
	other := who(m)
	return said(n, ms, &event.Event{Body: &event.Event_IdentityLinked{IdentityLinked: &event.IdentityLinked{
		Other: other[:], OtherType: "device_id", Rule: rule, Posterior: 1, Evidence: evidence,
	}}})
}

func unlinked(n, m int, ms int64, rule string) *event.Event {
	other := who(m)
	return said(n, ms, &event.Event{Body: &event.Event_IdentityUnlinked{IdentityUnlinked: &event.IdentityUnlinked{
		Other: other[:], Rule: rule, Reason: "two people", Actor: "key:desk",
	}}})
}

func withheld(n, m int, ms int64) *event.Event {
	other := who(m)
	return said(n, ms, &event.Event{Body: &event.Event_IdentityWithheld{IdentityWithheld: &event.IdentityWithheld{
		Other: other[:], OtherType: "device_id", Rule: "identify", Posterior: 1, Guard: "TYPE_LIMIT", GuardType: "user_id",
	}}})
}

func marked(n int, ms int64, mark event.AliasMarked_Mark) *event.Event {
	return said(n, ms, &event.Event{Body: &event.Event_AliasMarked{AliasMarked: &event.AliasMarked{Mark: mark, Rule: "guards"}}})
}

func weighed() *event.LinkEvidence {
	return &event.LinkEvidence{
		Positions: []*event.Position{{Sequence: 4, Index: 2}},
		Match: &event.MatchWeight{
			Model: "people", ModelVersion: 2, PriorBits: -10, WeightBits: 3.5,
			Terms: []*event.MatchTerm{{Comparison: "email", Level: "exact", Bits: 13, FrequencyBits: 0.5}},
		},
	}
}

// given projects the events, an envelope each, and returns the tables.
func given(t interface{ Fatal(...any) }, events ...*event.Event) *projectionstest.MemoryTables {
	log, tables := projectionstest.NewStreamLog(), projectionstest.NewMemoryTables()
	for _, e := range events {
		log.Append(identityLane(), e)
	}
	if err := projections.NewTablesProjector(log, tables, projections.TablesOptions{}).CatchUp(context.Background()); err != nil {
		t.Fatal(err)
	}
	return tables
}

func identityLane() domain.Lane { return domain.LaneOf(domain.Identity, who(0), 1) }

func moment(sequence uint64, ms int64) projections.Moment {
	return projections.Moment{At: domain.Position{Sequence: sequence}, Ms: ms}
}

func TestAClaimIsOneRow(t *testing.T) {
	t.Parallel()
	byMessage := projections.Match{Posterior: 1}
	byModel := projections.Match{
		Posterior: 1, EvidenceJSON: `["IDENTITY/4/2"]`, Model: "people", ModelVersion: 2, WeightBits: 3.5,
		WaterfallJSON: `{"prior_bits":-10,"terms":[{"comparison":"email","level":"exact","bits":13,"frequency_bits":0.5}],"weight_bits":3.5}`,
	}
	for _, c := range []struct {
		name  string
		given []*event.Event
		want  projections.Claim
	}{
		{"linked twice", []*event.Event{linked(0, 1, 10, "identify", nil), linked(1, 0, 11, "alias", nil)},
			projections.Claim{First: moment(1, 10), Last: moment(2, 11), Links: 2, Rule: "alias", ChangedBy: "alias", Match: byMessage}},
		{"withheld", []*event.Event{withheld(1, 0, 10)},
			projections.Claim{First: moment(1, 10), Last: moment(1, 10), Withheld: true, Rule: "identify", ChangedBy: "identify",
				Guard: "TYPE_LIMIT", GuardType: "user_id", Match: byMessage}},
		{"withheld and then linked", []*event.Event{withheld(1, 0, 10), linked(0, 1, 11, "guards", nil)},
			projections.Claim{First: moment(1, 10), Last: moment(2, 11), Links: 1, Rule: "identify", ChangedBy: "guards", Match: byMessage}},
		{"withheld beside a link", []*event.Event{linked(0, 1, 10, "operator", nil), withheld(1, 0, 11)},
			projections.Claim{First: moment(1, 10), Last: moment(1, 10), Links: 1, Rule: "operator", ChangedBy: "operator", Match: byMessage}},
		{"taken back by guards", []*event.Event{linked(0, 1, 10, "match", weighed()), unlinked(1, 0, 11, "guards")},
			projections.Claim{First: moment(1, 10), Last: moment(2, 11), Rule: "match", ChangedBy: "guards",
				Actor: "key:desk", Reason: "two people", Match: byModel}},
		{"taken back and withheld by guards", []*event.Event{linked(0, 1, 10, "identify", nil), unlinked(1, 0, 11, "guards"), withheld(0, 1, 10)},
			projections.Claim{First: moment(1, 10), Last: moment(3, 10), Withheld: true, Rule: "identify", ChangedBy: "identify",
				Guard: "TYPE_LIMIT", GuardType: "user_id", Match: byMessage}},
		{"made again by guards", []*event.Event{linked(0, 1, 10, "match", weighed()), unlinked(1, 0, 11, "guards"), linked(0, 1, 12, "guards", nil)},
			projections.Claim{First: moment(1, 10), Last: moment(3, 12), Links: 1, Rule: "match", ChangedBy: "guards", Match: byModel}},
		{"one of two taken back", []*event.Event{linked(0, 1, 10, "identify", nil), linked(0, 1, 11, "identify", nil), unlinked(0, 1, 12, "operator")},
			projections.Claim{First: moment(1, 10), Last: moment(3, 12), Links: 1, Rule: "identify", ChangedBy: "operator",
				Actor: "key:desk", Reason: "two people", Match: byMessage}},
		{"withdrawn by an operator", []*event.Event{withheld(0, 1, 10), unlinked(0, 1, 11, "operator"), unlinked(0, 1, 12, "guards")},
			projections.Claim{First: moment(1, 10), Last: moment(3, 12), Rule: "identify", ChangedBy: "guards",
				Actor: "key:desk", Reason: "two people", Guard: "TYPE_LIMIT", GuardType: "user_id", Match: byMessage}},
		{"withheld, and taken back by guards", []*event.Event{withheld(0, 1, 10), unlinked(0, 1, 11, "guards")},
			projections.Claim{First: moment(1, 10), Last: moment(2, 11), Withheld: true, Rule: "identify", ChangedBy: "guards",
				Actor: "key:desk", Reason: "two people", Guard: "TYPE_LIMIT", GuardType: "user_id", Match: byMessage}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			rows := given(t, c.given...).PairRows()
			row := rows[projections.Pair{Alias: who(0), Other: who(1)}]
			if diff := cmp.Diff(c.want, row.Claim); len(rows) != 1 || diff != "" {
				t.Errorf("%d rows, -want +got\n%s", len(rows), diff)
			}
		})
	}
}

func TestTakingBackWhatNothingClaimedLeavesNoRow(t *testing.T) {
	t.Parallel()
	tables := given(t, unlinked(0, 1, 10, "operator"), linked(2, 2, 11, "identify", nil))
	if rows := tables.PairRows(); len(rows) != 0 {
		t.Errorf("rows: %v", rows)
	}
}

func TestAPairKnowsItsTypesWhoeverSpeaks(t *testing.T) {
	t.Parallel()
	row := given(t, linked(1, 0, 10, "identify", nil), unlinked(0, 1, 11, "operator")).PairRows()[projections.Pair{Alias: who(0), Other: who(1)}]
	if row.AliasType != "device_id" || row.OtherType != "user_id" {
		t.Errorf("types %q and %q", row.AliasType, row.OtherType)
	}
}

func TestAReviewIsALabelOfWhatWasReviewed(t *testing.T) {
	t.Parallel()
	other := who(1)
	proposed := said(0, 10, &event.Event{Body: &event.Event_MatchProposed{MatchProposed: &event.MatchProposed{
		Other: other[:], OtherType: "email", Posterior: 0.5, Evidence: weighed()}}})
	reviewed := func(ms int64, confirmed bool) *event.Event {
		return said(0, ms, &event.Event{Body: &event.Event_MatchReviewed{MatchReviewed: &event.MatchReviewed{
			Other: other[:], Confirmed: confirmed, Posterior: 0.5, Actor: "key:desk", Reason: "same card"}}})
	}
	for _, c := range []struct {
		name  string
		given []*event.Event
		want  projections.Review
	}{
		{"proposed", []*event.Event{proposed, reviewed(11, true)}, projections.Review{At: moment(2, 11), Confirmed: true,
			Posterior: 0.5, Model: "people", ModelVersion: 2, Actor: "key:desk", Reason: "same card"}},
		{"linked", []*event.Event{linked(0, 1, 10, "match", weighed()), reviewed(11, false)}, projections.Review{At: moment(2, 11),
			Posterior: 0.5, Model: "people", ModelVersion: 2, Actor: "key:desk", Reason: "same card"}},
		{"answered twice", []*event.Event{proposed, reviewed(11, true), reviewed(12, false)}, projections.Review{At: moment(3, 12),
			Posterior: 0.5, Model: "people", ModelVersion: 2, Actor: "key:desk", Reason: "same card"}},
		{"neither", []*event.Event{reviewed(11, true)}, projections.Review{At: moment(1, 11), Confirmed: true,
			Posterior: 0.5, Actor: "key:desk", Reason: "same card"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			row := given(t, c.given...).PairRows()[projections.Pair{Alias: who(0), Other: who(1)}]
			if diff := cmp.Diff(c.want, row.Review); diff != "" {
				t.Error("-want +got\n" + diff)
			}
		})
	}
}

// TestAKioskIsManyPeople: a device that many log in on is one person until it is marked, and then each is again
// their own, without a link being taken back.
func TestAKioskIsManyPeople(t *testing.T) {
	t.Parallel()
	const people = 200
	events := make([]*event.Event, 0, people+1)
	for n := range people {
		events = append(events, linked(n+1, 0, int64(n), "identify", nil))
	}
	events = append(events, marked(0, people, event.AliasMarked_MARK_SHARED))
	tables := given(t, events...)
	aliases, profiles, history := tables.Aliases(), tables.Profiles(), tables.History()
	if len(profiles) != people+1 || aliases[who(0)].Mark != "shared" {
		t.Errorf("%d profiles, want %d; the device is marked %q", len(profiles), people+1, aliases[who(0)].Mark)
	}
	for n := 1; n <= people; n++ {
		if row := aliases[who(n)]; row.Profile != who(n) || profiles[who(n)].Aliases != 1 {
			t.Fatalf("person %d belongs to %v", n, row.Profile)
		}
		want := []projections.HistoryRow{
			{Alias: who(n), Profile: who(n), To: moment(uint64(n), int64(n-1))},
			{Alias: who(n), Profile: who(0), From: moment(uint64(n), int64(n-1)), To: moment(people+1, people)},
			{Alias: who(n), Profile: who(n), From: moment(people+1, people)},
		}
		if diff := cmp.Diff(want, history[who(n)]); diff != "" {
			t.Fatalf("history of person %d, -want +got\n%s", n, diff)
		}
	}
}

// TestALinkToNobodyJoinsNobody: neither live nor after a restart.
func TestALinkToNobodyJoinsNobody(t *testing.T) {
	t.Parallel()
	nobody, first, second := make([]byte, 16), linked(1, 2, 10, "identify", nil), linked(1, 2, 10, "identify", nil)
	first.GetIdentityLinked().Other, second.Alias = nobody, nobody
	mark := marked(1, 11, event.AliasMarked_MARK_SHARED)
	mark.Alias = nobody
	log, tables := projectionstest.NewStreamLog(), projectionstest.NewMemoryTables()
	for _, e := range []*event.Event{first, second, mark, linked(3, 4, 12, "identify", nil)} {
		log.Append(identityLane(), e)
		if err := projections.NewTablesProjector(log, tables, projections.TablesOptions{}).CatchUp(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if rows := tables.History(); len(rows) != 1 || len(rows[who(4)]) != 2 {
		t.Errorf("history: %v", rows)
	}
	if _, digest, _ := tables.Digest(t.Context()); digest != digestOfLog(t, log) {
		t.Error("a restart shows in the tables")
	}
}

func TestGuardsAndModelsAreKeptByVersion(t *testing.T) {
	t.Parallel()
	guards := func(ms int64, reason string) *event.Event {
		return &event.Event{Id: make([]byte, 16), OccurredMs: ms, ReceivedMs: ms, Body: &event.Event_GuardsChanged{GuardsChanged: &event.GuardsChanged{
			Version: 1, Source: "types: []", Reason: reason, Actor: "key:desk",
			Guards: &event.IdentityGuards{ProfileMost: 7, Types: []*event.IdentifierGuard{{Type: "user_id", Most: 1, WindowMs: 5, SharedAbove: 3}}},
		}}}
	}
	model := &event.Event{Id: make([]byte, 16), OccurredMs: 3, ReceivedMs: 3, Body: &event.Event_MatchModelChanged{
		MatchModelChanged: &event.MatchModelChanged{Name: "people", Version: 1<<64 - 1, Reason: "off"}}}
	log, tables := projectionstest.NewStreamLog(), captured{Tables: projectionstest.NewMemoryTables(), rows: &projections.Rows{}}
	log.Append(identityLane(), guards(1, "first"), guards(2, "corrected"), model)
	if err := projections.NewTablesProjector(log, tables, projections.TablesOptions{}).CatchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	place := func(index uint32, ms int64) projections.Moment {
		return projections.Moment{At: domain.Position{Sequence: 1, Index: index}, Ms: ms}
	}
	wantGuards := []projections.GuardsRow{{At: place(1, 2), Version: 1, Document: "types: []", ProfileMost: 7, Actor: "key:desk", Reason: "corrected",
		GuardsJSON: `[{"type":"user_id","most":1,"window_ms":5,"shared_above":3}]`}}
	wantModels := []projections.MatchModelRow{{At: place(2, 3), Name: "people", Version: 1<<63 - 1, Reason: "off"}}
	if diff := cmp.Diff(wantGuards, tables.rows.Guards) + cmp.Diff(wantModels, tables.rows.MatchModels); diff != "" {
		t.Error("-want +got\n" + diff)
	}
}

// captured keeps the rows of the last batch.
type captured struct {
	projections.Tables
	rows *projections.Rows
}

func (c captured) Apply(ctx context.Context, batch projections.TableBatch) error {
	*c.rows = batch.Rows
	return c.Tables.Apply(ctx, batch)
}
