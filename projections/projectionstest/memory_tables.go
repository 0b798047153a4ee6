package projectionstest

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"sync"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
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

type offerKey struct{ offer, policy string }

type policyKey struct {
	policy  string
	version uint64
}

// content is what the tables hold; what happened is in slices, what is replaced in maps.
type content struct {
	happened     projections.Rows
	resolutions  map[domain.Alias]projections.ResolutionRow
	offers       map[offerKey]projections.OfferRow
	policies     map[policyKey]projections.PolicyRow
	featureViews map[string]projections.FeatureViewRow
	aliases      map[domain.Alias]projections.AliasRow
	profiles     map[domain.Alias]projections.ProfileRow
}

func newContent() content {
	return content{
		resolutions:  map[domain.Alias]projections.ResolutionRow{},
		offers:       map[offerKey]projections.OfferRow{},
		policies:     map[policyKey]projections.PolicyRow{},
		featureViews: map[string]projections.FeatureViewRow{},
		aliases:      map[domain.Alias]projections.AliasRow{},
		profiles:     map[domain.Alias]projections.ProfileRow{},
	}
}

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
	c, rows, h := &m.content, batch.Rows, &m.content.happened
	h.Behaviour = append(h.Behaviour, rows.Behaviour...)
	h.Lines = append(h.Lines, rows.Lines...)
	h.Identity = append(h.Identity, rows.Identity...)
	h.Decisions = append(h.Decisions, rows.Decisions...)
	h.Candidates = append(h.Candidates, rows.Candidates...)
	h.Outcomes = append(h.Outcomes, rows.Outcomes...)
	h.Quarantined = append(h.Quarantined, rows.Quarantined...)
	h.Unknown = append(h.Unknown, rows.Unknown...)
	for _, r := range rows.Resolutions {
		c.resolutions[r.Of] = r
	}
	for _, r := range rows.Offers {
		c.offers[offerKey{r.Offer, r.Policy}] = r
	}
	for _, r := range rows.Policies {
		c.policies[policyKey{r.Policy, r.Version}] = r
	}
	for _, r := range rows.FeatureViews {
		c.featureViews[r.Name+"/"+string(r.Fingerprint)] = r
	}
	for _, r := range rows.Aliases {
		c.aliases[r.Alias] = r
	}
	for _, id := range rows.GoneProfiles {
		delete(c.profiles, id)
	}
	for _, r := range rows.Profiles {
		c.profiles[r.Profile] = r
	}
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

// Totals implements projections.TableReader.
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
	rows, err := slices.Clone(m.content.happened.Identity), m.usable(ctx)
	return func(yield func(domain.Recorded, error) bool) {
		if err != nil {
			yield(domain.Recorded{}, err)
			return
		}
		for _, row := range rows {
			if e, ok := linkOf(row); ok && !yield(domain.Recorded{At: row.At, Event: e}, nil) {
				return
			}
		}
	}
}

func linkOf(row projections.IdentityRow) (*event.Event, bool) {
	e := &event.Event{Alias: row.Alias[:]}
	switch row.Type {
	case "identity_linked":
		e.Body = &event.Event_IdentityLinked{IdentityLinked: &event.IdentityLinked{Other: row.Other[:]}}
	case "identity_unlinked":
		e.Body = &event.Event_IdentityUnlinked{IdentityUnlinked: &event.IdentityUnlinked{Other: row.Other[:]}}
	default:
		return nil, false
	}
	return e, true
}

// Digest implements projections.TableReader.
func (m *MemoryTables) Digest(ctx context.Context) (domain.Cut, domain.Hash, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.usable(ctx); err != nil {
		return m.cut, domain.Hash{}, err
	}
	c, hash := m.content, sha256.New()
	h := c.happened
	// The one table that several streams write to: its order is the order of arrival.
	h.Unknown = slices.SortedFunc(slices.Values(h.Unknown), func(a, b projections.UnknownRow) int {
		return cmp.Or(cmp.Compare(a.Stream, b.Stream), a.At.Compare(b.At))
	})
	// %v writes every value, NaN included, and maps with ascending keys.
	for _, part := range []any{h.Behaviour, h.Lines, h.Identity, h.Decisions, h.Candidates, h.Outcomes, h.Quarantined, h.Unknown} {
		fmt.Fprintf(hash, "%+v\n", part)
	}
	for _, part := range []any{c.resolutions, c.offers, c.policies, c.featureViews, c.aliases, c.profiles} {
		fmt.Fprintf(hash, "%+v\n", part)
	}
	return m.cut, domain.Hash(hash.Sum(nil)), nil
}
