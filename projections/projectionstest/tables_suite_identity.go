package projectionstest

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/projections"
)

// fullPair is a row in which every field differs from zero.
func fullPair(alias, other domain.Alias) projections.PairRow {
	at := func(sequence uint64) projections.Moment {
		return projections.Moment{At: domain.Position{Sequence: sequence, Index: 1}, Ms: SampleStart().UnixMilli() + int64(sequence)}
	}
	match := projections.Match{
		Posterior: 0.75, Message: other, EvidenceJSON: `["IDENTITY/1/0"]`, Model: "people", ModelVersion: math.MaxInt64,
		WeightBits: math.Inf(-1), WaterfallJSON: `[1]`,
	}
	return projections.PairRow{
		Pair: projections.Pair{Alias: alias, Other: other}, AliasType: "user_id", OtherType: "email",
		Claim: projections.Claim{First: at(1), Last: at(2), Links: 3, Withheld: true, Rule: "match", Match: match,
			ChangedBy: "guards", Actor: "key:desk", Reason: "r", Guard: "TYPE_LIMIT", GuardType: "email"},
		Proposal: projections.Proposal{At: at(3), Open: true, Match: match},
		Review: projections.Review{At: at(4), Confirmed: true, Posterior: math.NaN(), Model: "people", ModelVersion: 4,
			Actor: "key:desk", Reason: "r"},
		Bar: projections.Bar{At: at(5), Lifted: true, Rule: "operator", Actor: "key:desk", Reason: "r"},
	}
}

func pairsAreReadBack(t *testing.T, open func(t *testing.T) projections.Tables) {
	tables, s := open(t), NewSample(1, 4)
	full, bare := fullPair(s.Alias(0), s.Alias(1)), projections.PairRow{Pair: projections.Pair{Alias: s.Alias(1), Other: s.Alias(2)}}
	absent := projections.Pair{Alias: s.Alias(0), Other: s.Alias(2)}
	old := full
	old.Claim.Links, old.Review = 9, projections.Review{}
	cut, _ := digestOf(t, tables)
	for _, rows := range [][]projections.PairRow{{old, bare}, {full}} {
		mustApply(t, tables, projections.TableBatch{From: cut, To: cut, Rows: projections.Rows{Pairs: rows}})
	}
	got, err := tables.Pairs(t.Context(), []projections.Pair{full.Pair, bare.Pair, absent})
	if err != nil {
		t.Fatal(err)
	}
	want := map[projections.Pair]projections.PairRow{full.Pair: full, bare.Pair: bare}
	if diff := cmp.Diff(want, got, cmpopts.EquateNaNs()); diff != "" {
		t.Error("-want +got\n" + diff)
	}
	if got, err := tables.Pairs(t.Context(), nil); err != nil || len(got) != 0 {
		t.Errorf("no pairs: got %v, %v", got, err)
	}
}

func marksAreReadBack(t *testing.T, open func(t *testing.T) projections.Tables) {
	tables, s := open(t), NewSample(1, 2)
	marks := map[string]event.AliasMarked_Mark{
		"none": event.AliasMarked_MARK_NONE, "shared": event.AliasMarked_MARK_SHARED,
		"blocked": event.AliasMarked_MARK_BLOCKED, "unknown": event.AliasMarked_MARK_UNSPECIFIED,
	}
	var rows projections.Rows
	want := make([]event.AliasMarked_Mark, 0, len(marks))
	for name, mark := range marks {
		at := domain.Position{Sequence: uint64(len(want) + 1)}
		rows.Identity = append(rows.Identity, projections.IdentityRow{Place: projections.Place{At: at, Alias: s.Alias(0)}, Type: "alias_marked", Mark: name})
		want = append(want, mark)
	}
	mustApply(t, tables, projections.TableBatch{Rows: rows})
	var got []event.AliasMarked_Mark
	for _, r := range linksOf(t, tables) {
		got = append(got, r.Event.GetAliasMarked().GetMark())
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error("-want +got\n" + diff)
	}
}

// historyIsKeptOnce: an alias's first stretch, from the start of the log on, comes whenever it leaves its own profile,
// and the end of a stretch is for the one that is open.
func historyIsKeptOnce(t *testing.T, open func(t *testing.T) projections.Tables) {
	tables, once, s := open(t), open(t), NewSample(1, 2)
	a, b := s.Alias(1), s.Alias(0)
	at := func(sequence uint64) projections.Moment {
		return projections.Moment{At: domain.Position{Sequence: sequence}, Ms: int64(sequence)}
	}
	for _, rows := range []projections.Rows{
		{HistoryEnds: []projections.HistoryEnd{{Alias: a, To: at(1)}}, History: []projections.HistoryRow{{Alias: a, Profile: a, To: at(1)}, {Alias: a, Profile: b, From: at(1)}}},
		{HistoryEnds: []projections.HistoryEnd{{Alias: a, To: at(2)}}, History: []projections.HistoryRow{{Alias: a, Profile: a, From: at(2)}}},
		{HistoryEnds: []projections.HistoryEnd{{Alias: a, To: at(3)}}, History: []projections.HistoryRow{{Alias: a, Profile: a, To: at(3)}, {Alias: a, Profile: b, From: at(3)}}},
	} {
		mustApply(t, tables, projections.TableBatch{Rows: rows})
	}
	mustApply(t, once, projections.TableBatch{Rows: projections.Rows{History: []projections.HistoryRow{
		{Alias: a, Profile: a, To: at(1)}, {Alias: a, Profile: b, From: at(1), To: at(2)},
		{Alias: a, Profile: a, From: at(2), To: at(3)}, {Alias: a, Profile: b, From: at(3)},
	}}})
	_, got := digestOf(t, tables)
	if _, want := digestOf(t, once); got != want {
		t.Error("the history that was written step by step is another")
	}
}
