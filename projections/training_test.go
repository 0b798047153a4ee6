package projections_test

import (
	"context"
	"errors"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/feature"
	"github.com/profferhq/proffer/domain/identity"
	"github.com/profferhq/proffer/domain/label"
	"github.com/profferhq/proffer/projections"
	"github.com/profferhq/proffer/projections/projectionstest"
)

// coreView is a lookup of core@1.
type coreView struct{}

func (coreView) View(name string) (feature.View, bool) {
	return feature.Core(), name == feature.Core().Name()
}

const hourMS = int64(3_600_000)

// told is an event in the log, and when it was known.
type told struct {
	stream domain.Stream
	at     domain.Position
	event  *event.Event
	keyMS  int64
}

// randomHistory is a log of a few people: live events, some late, and files of history in any order.
func randomHistory(t *rapid.T) (*projectionstest.StreamLog, []told) {
	log := projectionstest.NewStreamLog()
	var all []told
	now := int64(1_000_000) * hourMS
	for range rapid.IntRange(1, 40).Draw(t, "events") {
		now += int64(rapid.IntRange(0, 30).Draw(t, "hours")) * hourMS
		s, e := viewEvent(t, 5)
		e.OccurredMs = now - int64(rapid.IntRange(0, 200).Draw(t, "ago"))*hourMS
		e.ReceivedMs = now
		if rapid.Bool().Draw(t, "imported") {
			e.Source, e.SourceSeq = rapid.SampledFrom([]string{"import:a", "import:b"}).Draw(t, "file"), uint64(len(all)+1)<<8
		}
		if d := e.GetDecision(); d != nil {
			d.NowMs, d.External = e.GetOccurredMs(), true
			d.Id = append([]byte(nil), e.GetAlias()...)
			d.Id[0] = byte(len(all))
		}
		key := e.GetReceivedMs()
		if e.GetSourceSeq() != 0 {
			key = e.GetOccurredMs()
		}
		sequence := log.Append(domain.Lane{Stream: s, Key: "0"}, e)
		all = append(all, told{stream: s, at: domain.Position{Sequence: sequence}, event: e, keyMS: key})
	}
	return log, all
}

// vectorOf folds what is known of an alias's profile, plainly.
func vectorOf(all []told, alias domain.Alias, nowMS int64, knows func(told) bool) (domain.Alias, []float64) {
	graph := identity.NewGraph()
	activities := map[domain.Alias]feature.Activity{}
	for _, x := range all {
		if !knows(x) {
			continue
		}
		r := domain.Recorded{At: x.at, Event: x.event}
		a, _ := domain.AliasFromBytes(x.event.GetAlias())
		activities[a] = feature.Fold(activities[a], r)
		if x.stream == domain.Identity {
			graph.Apply(r)
			if m, ok := identity.Mirror(r); ok {
				b, _ := domain.AliasFromBytes(m.Event.GetAlias())
				activities[b] = feature.Fold(activities[b], m)
			}
		}
	}
	var of []feature.Activity
	aliases := graph.Aliases(alias)
	for _, a := range aliases {
		of = append(of, activities[a])
	}
	return aliases[0], feature.Core().Read(feature.Merge(of...), nowMS, nil)
}

func always(t *rapid.T) label.Label {
	l, err := label.New(label.Document{
		Name: "x", Description: "x", Owner: "x", Source: []string{"purchased"}, Aggregation: label.Count, Horizon: "1m", Attribution: label.OfPerson,
	})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// someOf draws a few of the rows.
func someOf(t *rapid.T, rows int) []int {
	if rows == 0 {
		return nil
	}
	return rapid.SliceOfNDistinct(rapid.IntRange(0, rows-1), 1, min(rows, 6), rapid.ID[int]).Draw(t, "rows")
}

func equalBits(x, y []float64) bool {
	return slices.EqualFunc(x, y, func(a, b float64) bool { return math.Float64bits(a) == math.Float64bits(b) })
}

func TestRowsAtDatesAreWhatWasKnownThen(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		log, all := randomHistory(t)
		rows := new(projectionstest.MemoryRows)
		request := projections.TrainingRequest{View: feature.Core(), Label: always(t), EveryMS: 24 * hourMS}
		end, err := projections.NewTraining(log, coreView{}).Export(context.Background(), request, rows)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range someOf(t, len(rows.AtMS)) {
			at := rows.AtMS[i]
			profile, vector := vectorOf(all, rows.Profiles[i], at, func(x told) bool { return x.keyMS <= at })
			if profile != rows.Profiles[i] || !equalBits(vector, rows.Vector(i)) {
				t.Fatalf("row %d of %s at %d is not what was known then", i, rows.Profiles[i], at)
			}
			purchases := 0.0
			for _, x := range all {
				happened := x.event.GetOccurredMs()
				if x.event.GetPurchased() == nil || happened < at || happened > at+60_000 {
					continue
				}
				a, _ := domain.AliasFromBytes(x.event.GetAlias())
				owner, _ := vectorOf(all, a, at, func(x told) bool { return x.keyMS <= at })
				// In the row's own millisecond, what was known is no outcome.
				later := happened > at || happened == at && x.keyMS > at
				if owner == profile && later {
					purchases++
				}
			}
			if rows.Labels[i] != purchases {
				t.Fatalf("row %d has the label %v, want %v", i, rows.Labels[i], purchases)
			}
		}
		if end.Rows != uint64(len(rows.AtMS)) || end.Outside != 0 {
			t.Fatalf("%+v for %d rows", end, len(rows.AtMS))
		}
		{
			held := rapid.SampledFrom([]int{1, 500, 3000}).Draw(t, "held")
			again := new(projectionstest.MemoryRows)
			bounded, err := projections.NewTraining(log, coreView{}).Holding(held).Export(context.Background(), request, again)
			if err != nil || again.Digest() != rows.Digest() {
				t.Fatalf("held in %d bytes, in %d passes, the rows are others (%v)", held, bounded.Passes, err)
			}
		}
	})
}

func TestRowsAtDecisionsOfOthersAreWhatWasKnownBefore(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		log, all := randomHistory(t)
		rows := new(projectionstest.MemoryRows)
		request := projections.TrainingRequest{View: feature.Core(), Label: always(t), AtDecisions: true}
		end, err := projections.NewTraining(log, coreView{}).Export(context.Background(), request, rows)
		if err != nil {
			t.Fatal(err)
		}
		byID := map[domain.Alias]told{}
		for _, x := range all {
			if d := x.event.GetDecision(); d != nil {
				id, _ := domain.AliasFromBytes(d.GetId())
				byID[id] = x
			}
		}
		if rows.Of.Expected != uint64(len(byID)) || end.Rows+end.Unfinished != uint64(len(byID)) {
			t.Fatalf("%+v of %d decisions, %d expected", end, len(byID), rows.Of.Expected)
		}
		for _, i := range someOf(t, len(rows.AtMS)) {
			id := rows.Decisions[i]
			d := byID[id]
			knows := func(x told) bool {
				switch {
				case x.keyMS != d.keyMS:
					return x.keyMS < d.keyMS
				case d.event.GetSourceSeq() != 0:
					return x.event.GetSource() == d.event.GetSource() && x.event.GetSourceSeq() != 0 && x.event.GetSourceSeq() < d.event.GetSourceSeq()
				}
				return x.event.GetSourceSeq() == 0 && x.stream == domain.Decision && d.at.After(x.at)
			}
			alias, _ := domain.AliasFromBytes(d.event.GetAlias())
			profile, vector := vectorOf(all, alias, rows.AtMS[i], knows)
			if profile != rows.Profiles[i] || !equalBits(vector, rows.Vector(i)) || rows.AtMS[i] != d.event.GetDecision().GetNowMs() {
				t.Fatalf("the row of decision %s is not what was known before it", id)
			}
		}
	})
}

func TestPeopleAreInOrderAndASampleIsOfPeople(t *testing.T) {
	t.Parallel()
	log := projectionstest.NewStreamLog()
	for p := range 400 {
		a := projectionstest.ViewAlias(p)
		for n := range int64(3) {
			at := n * 24 * hourMS
			log.Append(domain.Lane{Stream: domain.Behaviour, Key: "0"}, &event.Event{
				Alias: a[:], OccurredMs: at + 1, ReceivedMs: at + 1,
				Body: &event.Event_Purchased{Purchased: &event.Purchased{AmountMicros: 1}},
			})
		}
	}
	export := func(share float64) *projectionstest.MemoryRows {
		rows := new(projectionstest.MemoryRows)
		l, _ := label.ShippedAs("repeat_purchase_30d")
		d := l.Document()
		d.Horizon = "1h"
		short, err := label.New(d)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := projections.NewTraining(log, coreView{}).Export(t.Context(), projections.TrainingRequest{
			View: feature.Core(), Label: short, EveryMS: 24 * hourMS, Share: share,
		}, rows); err != nil {
			t.Fatal(err)
		}
		return rows
	}
	people := func(rows *projectionstest.MemoryRows) map[domain.Alias]int {
		out := map[domain.Alias]int{}
		for i, p := range rows.Profiles {
			if out[p]++; i > 0 && rows.Profiles[i-1] == p && rows.AtMS[i-1] >= rows.AtMS[i] {
				t.Errorf("row %d of one person is not later than the one before", i)
			}
		}
		return out
	}
	all, tenth := people(export(0)), people(export(.25))
	if len(all) != 400 || len(tenth) < 60 || len(tenth) > 140 {
		t.Fatalf("%d people, of a quarter %d", len(all), len(tenth))
	}
	for p, n := range tenth {
		if all[p] != n {
			t.Errorf("somebody of the sample has %d rows, %d of all", n, all[p])
		}
	}
}

func TestAnExportThatCannotGoOnEnds(t *testing.T) {
	t.Parallel()
	log := busyFor(t)
	l, _ := label.ShippedAs("repeat_purchase_30d")
	request := projections.TrainingRequest{View: feature.Core(), Label: l, EveryMS: 24 * hourMS}
	full := errors.New("the disk is full")
	if _, err := projections.NewTraining(log, coreView{}).Export(t.Context(), request, &projectionstest.MemoryRows{Fail: full}); !errors.Is(err, full) {
		t.Errorf("error %v, want the sink's", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := projections.NewTraining(log, coreView{}).Export(ctx, request, new(projectionstest.MemoryRows)); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want the context's", err)
	}
	log.SetDown(true)
	if _, err := projections.NewTraining(log, coreView{}).Export(t.Context(), request, new(projectionstest.MemoryRows)); !errors.Is(err, domain.ErrUnavailable) {
		t.Errorf("error %v, want the log's", err)
	}
}

func TestAnExportIsInterruptedWhileItReads(t *testing.T) {
	t.Parallel()
	log := busyFor(t)
	l, _ := label.ShippedAs("repeat_purchase_30d")
	stop := errors.New("the caller has gone")
	ctx, cancel := context.WithCancelCause(t.Context())
	rows := new(projectionstest.MemoryRows)
	_, err := projections.NewTraining(log, coreView{}).Export(ctx, projections.TrainingRequest{
		View: feature.Core(), Label: l, EveryMS: 24 * hourMS, Progress: func(uint64, uint64) { cancel(stop) },
	}, rows)
	if !errors.Is(err, stop) || len(rows.AtMS) > 0 {
		t.Errorf("error %v after %d rows, want the context's and none", err, len(rows.AtMS))
	}
}

func busyFor(t *testing.T) *projectionstest.StreamLog {
	t.Helper()
	log := projectionstest.NewStreamLog()
	for p := range 50 {
		a := projectionstest.ViewAlias(p)
		for n := range int64(10) {
			log.Append(domain.Lane{Stream: domain.Behaviour, Key: "0"}, &event.Event{
				Alias: a[:], OccurredMs: 1 + n*240*hourMS, ReceivedMs: 1 + n*240*hourMS,
				Body: &event.Event_Purchased{Purchased: &event.Purchased{AmountMicros: 1}},
			})
		}
	}
	return log
}

func TestRequestsThatMakeNoSenseAreRefused(t *testing.T) {
	t.Parallel()
	churn, _ := label.ShippedAs("churn_90d")
	completion, _ := label.ShippedAs("offer_completion")
	core := feature.Core()
	for name, r := range map[string]projections.TrainingRequest{
		"no view":              {Label: churn, EveryMS: hourMS},
		"no label":             {View: core, EveryMS: hourMS},
		"an offer's at dates":  {View: core, Label: completion, EveryMS: hourMS},
		"dates of decisions":   {View: core, Label: churn, AtDecisions: true, EveryMS: hourMS},
		"a placement of dates": {View: core, Label: churn, EveryMS: hourMS, Placement: "home"},
		"every minute":         {View: core, Label: churn, EveryMS: 60_000},
		"until before from":    {View: core, Label: churn, EveryMS: hourMS, FromMS: 2, UntilMS: 1},
		"more than all":        {View: core, Label: churn, EveryMS: hourMS, Share: 1.5},
	} {
		if err := r.Check(); !errors.Is(err, projections.ErrTrainingRequest) {
			t.Errorf("%s: %v", name, err)
		}
	}
	far := projections.TrainingRequest{View: core, Label: churn, EveryMS: hourMS, FromMS: 1, UntilMS: 30_000 * hourMS}
	if _, err := projections.NewTraining(busyFor(t), coreView{}).Export(t.Context(), far, new(projectionstest.MemoryRows)); !errors.Is(err, projections.ErrTrainingRequest) {
		t.Errorf("30,000 dates: %v", err)
	}
}

func TestAnExportTellsHowFarTheLogIsRead(t *testing.T) {
	t.Parallel()
	const messages = 100
	log := projectionstest.NewStreamLog()
	for n := range int64(messages) {
		a := projectionstest.ViewAlias(int(n))
		log.Append(domain.Lane{Stream: domain.Behaviour, Key: "0"}, &event.Event{
			Alias: a[:], ReceivedMs: (n + 1) * hourMS, Body: &event.Event_Viewed{Viewed: &event.Viewed{}},
		})
	}
	type told struct{ done, total uint64 }
	var heard []told
	sink := new(projectionstest.MemoryRows)
	l, _ := label.ShippedAs("conversion_7d")
	r := projections.TrainingRequest{
		View: feature.Core(), Label: l, AtDecisions: true,
		Progress: func(done, total uint64) { heard = append(heard, told{done, total}) },
	}
	if _, err := projections.NewTraining(log, coreView{}).Export(context.Background(), r, sink); err != nil {
		t.Fatal(err)
	}
	if len(heard) == 0 || !slices.IsSortedFunc(heard, func(a, b told) int { return int(a.done) - int(b.done) }) {
		t.Fatalf("told %v", heard)
	}
	if last := heard[len(heard)-1]; last.done > last.total || last.total != messages {
		t.Errorf("told %+v of %d messages", last, messages)
	}
}
