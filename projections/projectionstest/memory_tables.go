package projectionstest

import (
	"context"
	"errors"
	"iter"
	"maps"
	"slices"
	"sync"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/projections"
)

var _ projections.Tables = (*MemoryTables)(nil)

// MemoryTables are the analysts' tables in memory. It can be made to fail as a database does.
type MemoryTables struct {
	mu      sync.Mutex
	cut     domain.Cut
	content content
	applied []projections.TableBatch
	failure error
	after   bool
	down    bool
}

// ErrTablesDown is what MemoryTables fails with when it is down.
var ErrTablesDown = errors.New("projectionstest: the tables are down")

// NewMemoryTables is the tables before the first event.
func NewMemoryTables() *MemoryTables { return &MemoryTables{content: newContent()} }

// SetDown makes every call fail with ErrTablesDown, or work again.
func (m *MemoryTables) SetDown(down bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.down = down
}

// FailNextApply makes the next Apply fail: before it does anything, or after it has taken effect, as when the answer
// to a commit is lost.
func (m *MemoryTables) FailNextApply(err error, after bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.failure, m.after = err, after
}

// FallBack takes the last batches back, as a database that commits asynchronously does when it crashes.
func (m *MemoryTables) FallBack(batches int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	kept := m.applied[:max(0, len(m.applied)-batches)]
	m.cut, m.content, m.applied = domain.Cut{}, newContent(), nil
	for _, b := range kept {
		m.write(b)
	}
}

// Profiles are the rows of profiles, by id.
func (m *MemoryTables) Profiles() map[domain.Alias]projections.ProfileRow {
	m.mu.Lock()
	defer m.mu.Unlock()
	return maps.Clone(m.content.profiles)
}

// Aliases are the rows of aliases.
func (m *MemoryTables) Aliases() map[domain.Alias]projections.AliasRow {
	m.mu.Lock()
	defer m.mu.Unlock()
	return maps.Clone(m.content.aliases)
}

// Happened are the rows of what happened.
func (m *MemoryTables) Happened() projections.Rows {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.content.happened
}

// PairRows are the rows of pairs.
func (m *MemoryTables) PairRows() map[projections.Pair]projections.PairRow {
	m.mu.Lock()
	defer m.mu.Unlock()
	return maps.Clone(m.content.pairs)
}

// History are the stretches of every alias that ever moved, oldest first.
func (m *MemoryTables) History() map[domain.Alias][]projections.HistoryRow {
	m.mu.Lock()
	defer m.mu.Unlock()
	history := map[domain.Alias][]projections.HistoryRow{}
	for a, rows := range m.content.history {
		history[a] = slices.Clone(rows)
	}
	return history
}

// Stays are the stays in segments, in no order.
func (m *MemoryTables) Stays() []projections.SegmentStay {
	m.mu.Lock()
	defer m.mu.Unlock()
	var all []projections.SegmentStay
	for _, of := range m.content.stays {
		all = append(all, of...)
	}
	return all
}

// Batches is how many batches were applied.
func (m *MemoryTables) Batches() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.applied)
}

// Apply implements projections.TableWriter.
func (m *MemoryTables) Apply(ctx context.Context, batch projections.TableBatch) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.usable(ctx); err != nil {
		return err
	}
	failure := m.failure
	m.failure = nil
	if failure != nil && !m.after {
		return failure
	}
	if err := projections.CompareCheckpoint(m.cut, batch.From); err != nil {
		return err
	}
	m.write(batch)
	return failure
}

func (m *MemoryTables) usable(ctx context.Context) error {
	if m.down {
		return ErrTablesDown
	}
	return ctx.Err()
}

func (m *MemoryTables) write(batch projections.TableBatch) {
	m.cut = batch.To
	m.applied = append(m.applied, batch)
	m.content.write(batch.Rows)
}

// Clear implements projections.TableWriter.
func (m *MemoryTables) Clear(ctx context.Context) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.usable(ctx); err != nil {
		return err
	}
	m.cut, m.content, m.applied = domain.Cut{}, newContent(), nil
	return nil
}

// Checkpoint implements projections.TableReader.
func (m *MemoryTables) Checkpoint(ctx context.Context) (domain.Cut, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.cut, m.usable(ctx)
}

// Totals implements projections.RowReader.
func (m *MemoryTables) Totals(ctx context.Context, aliases []domain.Alias) (map[domain.Alias]projections.Totals, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	found := map[domain.Alias]projections.Totals{}
	for _, a := range aliases {
		if row, ok := m.content.aliases[a]; ok {
			found[a] = row.Totals
		}
	}
	return found, m.usable(ctx)
}

// Links implements projections.TableReader.
func (m *MemoryTables) Links(ctx context.Context) iter.Seq2[domain.Recorded, error] {
	m.mu.Lock()
	defer m.mu.Unlock()
	links, err := m.content.links(), m.usable(ctx)
	return func(yield func(domain.Recorded, error) bool) {
		if err != nil {
			yield(domain.Recorded{}, err)
			return
		}
		for _, r := range links {
			if !yield(r, nil) {
				return
			}
		}
	}
}

// Pairs implements projections.RowReader.
func (m *MemoryTables) Pairs(ctx context.Context, pairs []projections.Pair) (map[projections.Pair]projections.PairRow, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	found := map[projections.Pair]projections.PairRow{}
	for _, p := range pairs {
		if row, ok := m.content.pairs[p]; ok {
			found[p] = row
		}
	}
	return found, m.usable(ctx)
}

// Digest implements projections.TableReader.
func (m *MemoryTables) Digest(ctx context.Context) (domain.Cut, domain.Hash, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.usable(ctx); err != nil {
		return m.cut, domain.Hash{}, err
	}
	return m.cut, m.content.digest(), nil
}
