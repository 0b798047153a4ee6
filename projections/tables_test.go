package projections_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/identity"
	"github.com/profferhq/proffer/projections"
	"github.com/profferhq/proffer/projections/projectionstest"
)

func TestMemoryTables(t *testing.T) {
	t.Parallel()
	projectionstest.RunTablesSuite(t, func(*testing.T) projections.Tables { return projectionstest.NewMemoryTables() })
}

// startTables runs a projector; the function stops it and returns what Run returned.
func startTables(t *testing.T, p *projections.TablesProjector) (stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	result := make(chan error, 1)
	go func() { result <- p.Run(ctx) }()
	stopped := false
	stop = func() error {
		if stopped {
			return nil
		}
		stopped = true
		cancel()
		return <-result
	}
	t.Cleanup(func() { _ = stop() })
	return stop
}

func endOf(t *testing.T, log projections.Source) domain.Cut {
	t.Helper()
	var cut domain.Cut
	for _, s := range domain.AllStreams() {
		last, err := log.Last(context.Background(), s)
		if err != nil {
			t.Fatal(err)
		}
		cut[s] = last
	}
	return cut
}

func waitFor(t *testing.T, p *projections.TablesProjector, cut domain.Cut) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for err := p.WaitFor(ctx, cut); err != nil; err = p.WaitFor(ctx, cut) { // a failure is tried again
		if ctx.Err() != nil {
			t.Fatalf("wait for %v, at %v: %v", cut, p.Applied(), err)
		}
	}
}

func quick() projections.TablesOptions {
	return projections.TablesOptions{RetryFirst: time.Millisecond, RetryMost: 2 * time.Millisecond}
}

// digestOfLog is the digest that the whole log gives in one go.
func digestOfLog(t interface{ Fatal(...any) }, log projections.Source) domain.Hash {
	tables := projectionstest.NewMemoryTables()
	p := projections.NewTablesProjector(log, tables, projections.TablesOptions{})
	if err := p.CatchUp(context.Background()); err != nil {
		t.Fatal(err)
	}
	_, digest, err := p.Digest(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return digest
}

func TestTablesProjectorFollowsTheLog(t *testing.T) {
	t.Parallel()
	log, tables := projectionstest.NewStreamLog(), projectionstest.NewMemoryTables()
	sample := projectionstest.NewSample(1, 20)
	p := projections.NewTablesProjector(log, tables, quick())
	stop := startTables(t, p)
	for range 10 {
		sample.Fill(log, 100)
		waitFor(t, p, endOf(t, log))
	}
	if lag, err := p.Lag(t.Context()); err != nil || lag != 0 {
		t.Errorf("lag: %d, %v", lag, err)
	}
	if err := stop(); err != nil {
		t.Errorf("a run that is ended: %v", err)
	}
	_, digest, err := p.Digest(t.Context())
	if err != nil || digest != digestOfLog(t, log) {
		t.Errorf("the tables differ from those of a rebuild (%v)", err)
	}
}

func TestTablesProjectorSurvivesFailures(t *testing.T) {
	t.Parallel()
	log, tables := projectionstest.NewStreamLog(), projectionstest.NewMemoryTables()
	sample := projectionstest.NewSample(2, 20)
	options := quick()
	options.BatchEvents = 50
	p := projections.NewTablesProjector(log, tables, options)
	stop := startTables(t, p)
	step := func() { sample.Fill(log, 200) }
	caughtUp := func() { waitFor(t, p, endOf(t, log)) }

	tables.FailNextApply(errors.New("connection lost"), false)
	step()
	caughtUp()
	tables.FailNextApply(errors.New("connection lost after the commit"), true)
	step()
	caughtUp()
	tables.SetDown(true)
	step()
	tables.SetDown(false)
	caughtUp()
	log.SetDown(true)
	log.SetDown(false)
	step()
	caughtUp()
	tables.FallBack(2)
	step()
	caughtUp()
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	if _, digest, _ := tables.Digest(t.Context()); digest != digestOfLog(t, log) {
		t.Error("after failures the tables differ from those of a rebuild")
	}
}

// TestWaitingForTablesThatAreAwayEnds: whoever waits learns why nothing comes; afterwards a wait gets what it waits for.
func TestWaitingForTablesThatAreAwayEnds(t *testing.T) {
	t.Parallel()
	log, tables := projectionstest.NewStreamLog(), projectionstest.NewMemoryTables()
	p := projections.NewTablesProjector(log, tables, quick())
	startTables(t, p)
	tables.SetDown(true)
	projectionstest.NewSample(4, 20).Fill(log, 100)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := p.WaitFor(ctx, endOf(t, log)); !errors.Is(err, projectionstest.ErrTablesDown) {
		t.Errorf("got %v, want ErrTablesDown", err)
	}
	tables.SetDown(false)
	waitFor(t, p, endOf(t, log))
}

func TestTablesProjectorStopsForAnotherOwner(t *testing.T) {
	t.Parallel()
	log, tables := projectionstest.NewStreamLog(), projectionstest.NewMemoryTables()
	sample := projectionstest.NewSample(3, 20)
	sample.Fill(log, 100)
	p := projections.NewTablesProjector(log, tables, quick())
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	result := make(chan error, 1)
	go func() { result <- p.Run(ctx) }()
	waitFor(t, p, endOf(t, log))
	at := p.Applied()
	beyond := at
	beyond[domain.Behaviour] += 1000
	if err := tables.Apply(ctx, projections.TableBatch{From: at, To: beyond}); err != nil {
		t.Fatal(err)
	}
	sample.Fill(log, 100)
	if err := <-result; !errors.Is(err, projections.ErrAnotherOwner) {
		t.Errorf("got %v, want ErrAnotherOwner", err)
	}
}

func TestRebuildBesideARunningProjector(t *testing.T) {
	t.Parallel()
	log, tables := projectionstest.NewStreamLog(), projectionstest.NewMemoryTables()
	sample := projectionstest.NewSample(4, 20)
	p := projections.NewTablesProjector(log, tables, quick())
	stop := startTables(t, p)
	sample.Fill(log, 500)
	waitFor(t, p, endOf(t, log))
	var seen []uint64
	err := p.Rebuild(t.Context(), func(done, total uint64) { seen = append(seen, done, total) })
	if err != nil {
		t.Fatal(err)
	}
	if n := len(seen); n < 2 || seen[n-1] != seen[n-2] || seen[n-1] == 0 {
		t.Errorf("progress: %v", seen)
	}
	sample.Fill(log, 500)
	waitFor(t, p, endOf(t, log))
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	if _, digest, _ := tables.Digest(t.Context()); digest != digestOfLog(t, log) {
		t.Error("the tables differ from those of a rebuild")
	}
}

// TestTablesIgnoreInterleaving: whatever order the streams arrive in, however they are cut into batches, and with
// restarts in between, the tables are the same.
func TestTablesIgnoreInterleaving(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		log, tables := projectionstest.NewStreamLog(), projectionstest.NewMemoryTables()
		projectionstest.NewSample(rapid.Uint64().Draw(t, "seed"), rapid.IntRange(2, 12).Draw(t, "aliases")).Fill(log, 150)
		order := rapid.Permutation(domain.AllStreams()).Draw(t, "order")
		for range 3 {
			for _, s := range order {
				limited := upTo{Source: log, stream: s, most: rapid.Uint64Range(0, 12).Draw(t, "envelopes"), tables: tables}
				options := projections.TablesOptions{RebuildEvents: rapid.IntRange(1, 60).Draw(t, "batch")}
				if err := projections.NewTablesProjector(limited, tables, options).CatchUp(context.Background()); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := projections.NewTablesProjector(log, tables, projections.TablesOptions{}).CatchUp(context.Background()); err != nil {
			t.Fatal(err)
		}
		if _, digest, _ := tables.Digest(context.Background()); digest != digestOfLog(t, log) {
			t.Fatal("the interleaving shows in the tables")
		}
		checkPeople(t, log, tables)
	})
}

// upTo shows a log as if only some more envelopes of one stream had been written since the tables' checkpoint.
type upTo struct {
	projections.Source
	stream domain.Stream
	most   uint64
	tables projections.Tables
}

func (u upTo) Last(ctx context.Context, s domain.Stream) (uint64, error) {
	at, err := u.tables.Checkpoint(ctx)
	if err != nil || s != u.stream {
		return at[s], err
	}
	last, err := u.Source.Last(ctx, s)
	return min(last, at[s]+u.most), err
}

// checkPeople compares aliases and profiles with a naive fold of the whole log.
func checkPeople(t *rapid.T, log *projectionstest.StreamLog, tables *projectionstest.MemoryTables) {
	graph, events := identity.NewGraph(), map[domain.Alias]int64{}
	for _, s := range domain.AllStreams() {
		last, _ := log.Last(context.Background(), s)
		for e, err := range log.Read(context.Background(), s, 1, last) {
			if err != nil {
				t.Fatal(err)
			}
			recorded, err := e.Recorded()
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range recorded {
				if s == domain.Identity {
					graph.Apply(r)
				}
				for _, a := range about(r.Event) {
					events[a]++
				}
			}
		}
	}
	profiles, aliases := map[domain.Alias]int64{}, map[domain.Alias]domain.Alias{}
	for a, n := range events {
		profiles[graph.Profile(a)] += n
		aliases[a] = graph.Profile(a)
	}
	for a := range events {
		if mark := tables.Aliases()[a].Mark; mark != graph.Mark(a).String() {
			t.Fatalf("mark of %v = %q, want %q", a, mark, graph.Mark(a))
		}
	}
	gotProfiles, gotAliases := map[domain.Alias]int64{}, map[domain.Alias]domain.Alias{}
	for id, row := range tables.Profiles() {
		gotProfiles[id] = row.Totals.Events
	}
	for a, row := range tables.Aliases() {
		gotAliases[a] = row.Profile
	}
	if diff := cmp.Diff(profiles, gotProfiles); diff != "" {
		t.Fatalf("profiles and their events, -want +got\n%s", diff)
	}
	if diff := cmp.Diff(aliases, gotAliases); diff != "" {
		t.Fatalf("aliases and their profiles, -want +got\n%s", diff)
	}
}

// about lists whom an event is about: its alias, and where it is about two the other one.
func about(e *event.Event) []domain.Alias {
	var aliases []domain.Alias
	for _, b := range [][]byte{
		e.GetAlias(), e.GetIdentityLinked().GetOther(), e.GetIdentityUnlinked().GetOther(), e.GetIdentityWithheld().GetOther(),
		e.GetIdentityBarred().GetOther(), e.GetMatchProposed().GetOther(), e.GetMatchReviewed().GetOther(),
	} {
		if a, err := domain.AliasFromBytes(b); err == nil && !slices.Contains(aliases, a) {
			aliases = append(aliases, a)
		}
	}
	return aliases
}

func TestTotalsAreAdditive(t *testing.T) {
	t.Parallel()
	totals := rapid.Custom(func(t *rapid.T) projections.Totals {
		if rapid.Bool().Draw(t, "none") {
			return projections.Totals{}
		}
		n := rapid.Int64Range(-5, 5)
		first := n.Draw(t, "first")
		u := projections.Totals{
			Type: rapid.SampledFrom([]string{"", "device", "user_id"}).Draw(t, "type"), Events: 1, FirstMs: first,
			LastMs: first + rapid.Int64Range(0, 5).Draw(t, "span"), SpentMicros: n.Draw(t, "spent"),
			Currency: rapid.SampledFrom([]string{"", "EUR", "USD", projections.MixedCurrencies}).Draw(t, "currency"),
		}
		if rapid.Bool().Draw(t, "behaviour") {
			u.Behaviours, u.LastActiveMs = 1, n.Draw(t, "active")
		}
		return u
	})
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := totals.Draw(t, "a"), totals.Draw(t, "b"), totals.Draw(t, "c")
		if diff := cmp.Diff(a.Add(b), b.Add(a)); diff != "" {
			t.Fatalf("not commutative\n%s", diff)
		}
		if diff := cmp.Diff(a.Add(b).Add(c), a.Add(b.Add(c))); diff != "" {
			t.Fatalf("not associative\n%s", diff)
		}
		if diff := cmp.Diff(a, a.Add(projections.Totals{})); diff != "" {
			t.Fatalf("zero is not neutral\n%s", diff)
		}
	})
}
