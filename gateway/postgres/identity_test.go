//go:build unix

package postgres_test

import (
	"math"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/identity"
	"github.com/profferhq/proffer/gateway/postgres"
	"github.com/profferhq/proffer/projections"
	"github.com/profferhq/proffer/projections/projectionstest"
)

func person(n int) domain.Alias { return projectionstest.NewSample(1, 1).Alias(n) }

func bytesOf(a domain.Alias) []byte { return a[:] }

// about makes an event of IDENTITY about a person.
func about(n int, e *event.Event) *event.Event {
	ms := projectionstest.SampleStart().UnixMilli()
	e.Id, e.Alias, e.AliasType, e.OccurredMs, e.ReceivedMs = make([]byte, 16), bytesOf(person(n)), "user_id", ms, ms
	return e
}

func linkedTo(n, m int, rule string) *event.Event {
	return about(n, &event.Event{Body: &event.Event_IdentityLinked{IdentityLinked: &event.IdentityLinked{
		Other: bytesOf(person(m)), OtherType: "device_id", Rule: rule, Posterior: 1}}})
}

func proposed(n, m int, posterior float64) *event.Event {
	return about(n, &event.Event{Body: &event.Event_MatchProposed{MatchProposed: &event.MatchProposed{
		Other: bytesOf(person(m)), OtherType: "user_id", Posterior: posterior,
		Evidence: &event.LinkEvidence{Match: &event.MatchWeight{Model: "people", ModelVersion: 1, PriorBits: -8, WeightBits: math.Log2(posterior / (1 - posterior))}}}}})
}

func answered(n, m int, posterior float64, confirmed bool) *event.Event {
	return about(n, &event.Event{Body: &event.Event_MatchReviewed{MatchReviewed: &event.MatchReviewed{
		Other: bytesOf(person(m)), OtherType: "user_id", Posterior: posterior, Confirmed: confirmed, Actor: "key:desk"}}})
}

func barred(n, m int, lifted bool) *event.Event {
	return about(n, &event.Event{Body: &event.Event_IdentityBarred{IdentityBarred: &event.IdentityBarred{
		Other: bytesOf(person(m)), OtherType: "user_id", Lifted: lifted, Rule: "operator", Reason: "twins"}}})
}

func markedShared(n int) *event.Event {
	return about(n, &event.Event{Body: &event.Event_AliasMarked{AliasMarked: &event.AliasMarked{Mark: event.AliasMarked_MARK_SHARED, Rule: "guards"}}})
}

func states(n int, purpose string, given bool) *event.Event {
	return about(n, &event.Event{Body: &event.Event_ConsentStated{ConsentStated: &event.ConsentStated{Purpose: purpose, Given: given, Rule: "source"}}})
}

// projected is a database with the tables of a log.
func projected(t *testing.T, log projections.Source) *pgxpool.Pool {
	t.Helper()
	pool := machine(t).database(t)
	p := projections.NewTablesProjector(log, postgres.NewTables(pool), projections.TablesOptions{RebuildEvents: 200})
	if err := p.CatchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	return pool
}

// read collects one query's rows.
func read[R any](t *testing.T, pool *pgxpool.Pool, sql string, args ...any) []R {
	t.Helper()
	rows, err := pool.Query(t.Context(), sql, args...)
	if err != nil {
		t.Fatal(err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[R])
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func logOf(events ...*event.Event) *projectionstest.StreamLog {
	log := projectionstest.NewStreamLog()
	for _, e := range events {
		log.Append(domain.LaneOf(domain.Identity, person(0), 1), e)
	}
	return log
}

// recordedIn lists IDENTITY, event by event.
func recordedIn(t *testing.T, log *projectionstest.StreamLog) []domain.Recorded {
	t.Helper()
	last, err := log.Last(t.Context(), domain.Identity)
	if err != nil {
		t.Fatal(err)
	}
	var all []domain.Recorded
	for e, err := range log.Read(t.Context(), domain.Identity, 1, last) {
		if err != nil {
			t.Fatal(err)
		}
		recorded, err := e.Recorded()
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, recorded...)
	}
	return all
}

// TestActiveLinksMakeTheProfiles: joining the active rows of identity_links by hand gives the profiles of the tables.
func TestActiveLinksMakeTheProfiles(t *testing.T) {
	t.Parallel()
	log := projectionstest.NewStreamLog()
	projectionstest.NewSample(21, 25).Fill(log, 1500)
	pool := projected(t, log)
	type link struct {
		Alias, Other [16]byte
		State        string
	}
	graph, sequence := identity.NewGraph(), uint64(0)
	states := map[string]int{}
	for _, l := range read[link](t, pool, "SELECT alias, other, state FROM proffer.identity_links") {
		states[l.State]++
		if l.State != "active" {
			continue
		}
		sequence++
		graph.Apply(domain.Recorded{At: domain.Position{Sequence: sequence}, Event: &event.Event{
			Alias: l.Alias[:], Body: &event.Event_IdentityLinked{IdentityLinked: &event.IdentityLinked{Other: l.Other[:]}}}})
	}
	type member struct{ Alias, Profile [16]byte }
	members := read[member](t, pool, "SELECT alias, profile_id FROM proffer.identity_mapping")
	for _, m := range members {
		if want := graph.Profile(m.Alias); want != m.Profile {
			t.Errorf("profile of %v = %v, want %v", domain.Alias(m.Alias), domain.Alias(m.Profile), want)
		}
	}
	for _, state := range []string{"active", "household", "blocked", "withheld", "taken_back"} {
		if states[state] == 0 {
			t.Errorf("the sample has no link of state %s: %v", state, states)
		}
	}
	if len(members) < 25 {
		t.Errorf("only %d aliases", len(members))
	}
}

// TestProfileAtIsTheGraphThen: at every place of IDENTITY, for every alias.
func TestProfileAtIsTheGraphThen(t *testing.T) {
	t.Parallel()
	const people = 12
	log := projectionstest.NewStreamLog()
	projectionstest.NewSample(22, people).Fill(log, 4500)
	pool := projected(t, log)
	aliases := make([][16]byte, people)
	for n := range aliases {
		aliases[n] = person(n)
	}
	type at struct{ Profile [16]byte }
	graph, moved := identity.NewGraph(), 0
	for _, r := range recordedIn(t, log) {
		moved += len(graph.Moves(r))
		got := read[at](t, pool, `SELECT proffer.profile_at(a, $2, $3) FROM unnest($1::uuid[]) WITH ORDINALITY AS w (a, n) ORDER BY n`,
			aliases, int64(r.At.Sequence), int32(r.At.Index))
		for n, g := range got {
			if want := graph.Profile(person(n)); want != g.Profile {
				t.Fatalf("profile of %d at %v = %v, want %v", n, r.At, domain.Alias(g.Profile), want)
			}
		}
	}
	if moved < 50 {
		t.Errorf("the sample moved only %d aliases", moved)
	}
}

func TestReviewQueueHoldsWhatIsStillOpen(t *testing.T) {
	t.Parallel()
	pool := projected(t, logOf(
		proposed(0, 1, 0.5),
		proposed(2, 3, 0.75), // the most probable
		proposed(4, 5, 0.25), answered(4, 5, 0.25, false),
		proposed(6, 7, 0.5), linkedTo(7, 6, "identify"), // one person on other evidence
		proposed(8, 9, 0.5), barred(9, 8, false),
		proposed(10, 11, 0.5), barred(10, 11, false), barred(11, 10, true),
		proposed(12, 13, 0.25), answered(12, 13, 0.25, true), proposed(12, 13, 0.375), // put up again
	))
	type open struct {
		Alias     [16]byte
		Posterior float64
	}
	want := []open{{person(2), 0.75}, {person(0), 0.5}, {person(10), 0.5}, {person(12), 0.375}}
	if diff := cmp.Diff(want, read[open](t, pool, "SELECT alias, posterior FROM proffer.identity_review_queue")); diff != "" {
		t.Error("queue, -want +got\n" + diff)
	}
	type state struct {
		Alias [16]byte
		State string
	}
	wantStates := []state{{person(0), "open"}, {person(2), "open"}, {person(4), "rejected"}, {person(6), "linked"}, {person(8), "open"},
		{person(10), "open"}, {person(12), "open"}}
	if diff := cmp.Diff(wantStates, read[state](t, pool, "SELECT alias, state FROM proffer.identity_reviews ORDER BY alias")); diff != "" {
		t.Error("reviews, -want +got\n" + diff)
	}
	type bar struct {
		Alias, Other [16]byte
		Stands       bool
	}
	wantBars := []bar{{person(8), person(9), true}, {person(10), person(11), false}}
	if diff := cmp.Diff(wantBars, read[bar](t, pool, "SELECT alias, other, stands FROM proffer.identity_bars ORDER BY alias")); diff != "" {
		t.Error("bars, -want +got\n" + diff)
	}
}

func TestQualityCountsWhatPeopleAnswered(t *testing.T) {
	t.Parallel()
	var events []*event.Event
	answer := func(posterior float64, confirmed ...bool) {
		for _, c := range confirmed {
			n := 2 * len(events)
			events = append(events, proposed(n, n+1, posterior), answered(n, n+1, posterior, c))
		}
	}
	answer(0.1, false)
	answer(0.2, true, false)
	answer(0.5, true)
	answer(0.8, true, true, false)
	answer(0.96, true)
	events = append(events, answered(1000, 1001, 0.3, false)) // of a pair that no model weighed
	type quality struct {
		Model                               string
		Version                             int64
		Band                                string
		Reviewed, Confirmed, Rejected       int64
		Precision, RecallAt80, PrecisionA80 float64
	}
	got := read[quality](t, projected(t, logOf(events...)), `SELECT model, coalesce(model_version, 0), band, reviewed, confirmed, rejected,
		precision::float8, coalesce(recall_at_80, -1)::float8, coalesce(precision_at_80, -1)::float8
		FROM proffer.identity_quality`)
	want := []quality{
		{"", 0, "0.20-0.50", 1, 0, 1, 0, -1, -1},
		{"people", 1, "0.00-0.20", 1, 0, 1, 0, 0.6, 0.75},
		{"people", 1, "0.20-0.50", 2, 1, 1, 0.5, 0.6, 0.75},
		{"people", 1, "0.50-0.80", 1, 1, 0, 1, 0.6, 0.75},
		{"people", 1, "0.80-0.95", 3, 2, 1, 0.6667, 0.6, 0.75},
		{"people", 1, "0.95-1.00", 1, 1, 0, 1, 0.6, 0.75},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error("-want +got\n" + diff)
	}
}

func TestHouseholdsAreWhoIsLinkedToASharedAlias(t *testing.T) {
	t.Parallel()
	pool := projected(t, logOf(
		linkedTo(1, 0, "identify"), linkedTo(2, 0, "identify"), linkedTo(2, 3, "identify"), linkedTo(4, 5, "identify"), markedShared(0),
	))
	type member struct{ Shared, Alias, Profile [16]byte }
	got := read[member](t, pool, "SELECT shared, alias, profile_id FROM proffer.identity_households ORDER BY alias")
	want := []member{{person(0), person(1), person(1)}, {person(0), person(2), person(2)}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error("-want +got\n" + diff)
	}
	type profile struct{ Profile [16]byte }
	profiles := read[profile](t, pool, "SELECT DISTINCT profile_id FROM proffer.identity_mapping ORDER BY 1")
	wantProfiles := []profile{{person(0)}, {person(1)}, {person(2)}, {person(4)}}
	if !slices.Equal(profiles, wantProfiles) {
		t.Errorf("profiles: got %v", profiles)
	}
}

// TestProfileConsentsAreTheLastWords: of a profile the last statement of any alias counts, and what was said stays with
// who said it when two profiles part.
func TestProfileConsentsAreTheLastWords(t *testing.T) {
	t.Parallel()
	type consent struct {
		Profile        [16]byte
		Purpose, State string
		Alias          [16]byte
		Sequence       int64
	}
	const query = "SELECT profile_id, purpose, state, alias, log_sequence FROM proffer.profile_consents ORDER BY 1, 2"
	joined := []*event.Event{
		states(1, "ads", true), states(0, "ads", false), states(1, "stats", true), states(2, "ads", true), states(2, "ads", false),
		states(2, "ads", true), linkedTo(1, 0, "identify"),
	}
	want := []consent{
		{person(0), "ads", "withdrawn", person(0), 2}, {person(0), "stats", "given", person(1), 3}, {person(2), "ads", "given", person(2), 6},
	}
	if diff := cmp.Diff(want, read[consent](t, projected(t, logOf(joined...)), query)); diff != "" {
		t.Error("joined, -want +got\n" + diff)
	}
	parted := append(joined, about(1, &event.Event{Body: &event.Event_IdentityUnlinked{IdentityUnlinked: &event.IdentityUnlinked{
		Other: bytesOf(person(0)), Rule: "operator"}}}))
	pool := projected(t, logOf(parted...))
	want = []consent{
		{person(0), "ads", "withdrawn", person(0), 2}, {person(1), "ads", "given", person(1), 1},
		{person(1), "stats", "given", person(1), 3}, {person(2), "ads", "given", person(2), 6},
	}
	if diff := cmp.Diff(want, read[consent](t, pool, query)); diff != "" {
		t.Error("parted, -want +got\n" + diff)
	}
	type count struct{ N int64 }
	if got := read[count](t, pool, "SELECT count(*) FROM proffer.consents"); got[0].N != 6 {
		t.Errorf("%d statements, want 6", got[0].N)
	}
}
