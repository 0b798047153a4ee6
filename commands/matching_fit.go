package commands

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/identity/match"
)

// Bounds of fitting.
const (
	// FitRecords is how many records a model is fitted on at most: their clear values are in memory meanwhile, about
	// 3 kB each. Of more, an even share is drawn by the hash of their aliases.
	FitRecords = 50_000
	// fitNames is how many names of traits are looked at, the most frequent.
	fitNames = 300
	// proposedName is the name of a model that nobody named.
	proposedName = "default"
	// fitSeed makes fitting repeatable.
	fitSeed = 1
)

// Fit learns a model's parameters from the records that the log holds now. A model without fields is proposed from
// what the traits are called and hold. It changes nothing; the model is put into effect by SetMatching. It fails with
// match.ErrTooFew, with match.ErrModel (also when no trait tells anything about a person) and with the errors of the
// log and the vault.
func (m *MatchPeople) Fit(ctx context.Context, proposal match.Model) (match.Model, match.FitReport, error) {
	rows, err := m.rows(ctx)
	if err != nil {
		return match.Model{}, match.FitReport{}, fmt.Errorf("fit a model: %w", err)
	}
	if proposal.Name == "" {
		proposal.Name = proposedName
	}
	if len(proposal.Fields) == 0 {
		if proposal, err = propose(rows, proposal.Name); err != nil {
			return match.Model{}, match.FitReport{}, err
		}
	}
	matcher, err := match.NewMatcher(proposal)
	if err != nil {
		return match.Model{}, match.FitReport{}, err
	}
	records, err := m.prepare(ctx, matcher, rows)
	if err != nil {
		return match.Model{}, match.FitReport{}, err
	}
	return match.Fit(proposal, records, 0, fitSeed)
}

// prepare turns rows into records, and lets the rows go. Devices are records of their own where the model has a field
// for where they were seen.
func (m *MatchPeople) prepare(ctx context.Context, matcher *match.Matcher, rows []row) ([]match.Prepared, error) {
	s := newMatchSession(m, "", 0, matcher)
	if s.watching() {
		if err := s.seeAll(ctx); err != nil {
			return nil, fmt.Errorf("fit a model: %w", err)
		}
		rows = append(rows, s.devices(rows)...)
	}
	records := make([]match.Prepared, 0, len(rows))
	for n, row := range rows {
		if n%indexSlice == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		records = append(records, matcher.Prepare(s.record(row.alias, row.traits), m.ports.Reader))
		rows[n].traits = nil
	}
	return records, nil
}

// seeAll reads back where devices were seen.
func (s *matchSession) seeAll(ctx context.Context) error {
	last, err := s.of.ports.History.Last(ctx, domain.Behaviour)
	if err != nil || last == 0 {
		return err
	}
	for e, err := range s.of.ports.History.Read(ctx, domain.Behaviour, seenFrom(last), last) {
		if err != nil {
			return err
		}
		if err := s.see(ctx, e); err != nil {
			return err
		}
	}
	return nil
}

// devices are the devices that were seen and have no row.
func (s *matchSession) devices(rows []row) []row {
	known := map[domain.Alias]bool{}
	for _, r := range rows {
		known[r.alias] = true
	}
	var aliases []domain.Alias
	for a := range s.sightings.of {
		if !known[a] {
			aliases = append(aliases, a)
		}
	}
	slices.SortFunc(aliases, domain.Alias.Compare)
	var devices []row
	for _, a := range share(aliases, FitRecords) {
		devices = append(devices, row{alias: a})
	}
	return devices
}

// row is what is known of an alias.
type row struct {
	alias  domain.Alias
	traits []trait
}

// rows are the traits of all aliases that have some, or of an even share of them, in the order of their last change.
func (m *MatchPeople) rows(ctx context.Context) ([]row, error) {
	traits := newTraitLog()
	last, err := m.ports.History.Last(ctx, domain.Identity)
	if err != nil || last == 0 {
		return nil, err
	}
	for e, err := range m.ports.History.Read(ctx, domain.Identity, 1, last) {
		if err != nil {
			return nil, err
		}
		recorded, err := e.Recorded()
		if err != nil {
			return nil, err
		}
		for _, r := range recorded {
			traits.observe(r)
		}
	}
	aliases := share(traits.aliases(), FitRecords)
	var rows []row
	for slice := range slices.Chunk(aliases, indexSlice) {
		clear, err := m.clear(traits).read(ctx, slice)
		if err != nil {
			return nil, err
		}
		for i, told := range clear {
			if len(told) > 0 {
				rows = append(rows, row{slice[i], told})
			}
		}
	}
	return rows, nil
}

// share leaves out the aliases with the largest hashes until there are at most so many.
func share(aliases []domain.Alias, most int) []domain.Alias {
	if len(aliases) <= most {
		return aliases
	}
	hashes := make([]uint64, len(aliases))
	for i, a := range aliases {
		hashes[i] = hashOf(a)
	}
	sorted := slices.Clone(hashes)
	slices.Sort(sorted)
	limit := sorted[most]
	return slices.DeleteFunc(aliases, func(a domain.Alias) bool { return hashOf(a) >= limit })
}

func hashOf(a domain.Alias) uint64 {
	sum := sha256.Sum256(a[:])
	return binary.BigEndian.Uint64(sum[:])
}

// propose makes an unfitted model from the traits. Of a nested trait the last part of its path tells what it is.
func propose(rows []row, name string) (match.Model, error) {
	m := match.Model{Name: name}
	kinds := map[match.Kind]bool{}
	for _, path := range frequentNames(rows) {
		field := fieldName(path)
		same := func(f match.Field) bool { return f.Name == field }
		if len(field) > fieldNameBytes || slices.ContainsFunc(m.Fields, same) || len(m.Fields) == match.MaxFields {
			continue
		}
		leaf := path[strings.LastIndexByte(path, '.')+1:]
		if kind, tells := match.Recognise(match.Column{Name: leaf, Values: column(rows, path)}); tells {
			m.Fields = append(m.Fields, match.Field{Name: field, Kind: kind})
			kinds[kind] = true
		}
	}
	if kinds[match.GivenName] && kinds[match.Surname] {
		m.Fields = slices.DeleteFunc(m.Fields, func(f match.Field) bool { return f.Kind == match.FullName })
	}
	if len(rows) == 0 {
		return m, match.ErrTooFew
	}
	return m, match.ProposeFor(&m)
}

// frequentNames are the names of traits, the most frequent first.
func frequentNames(rows []row) []string {
	counts := map[string]int{}
	for _, row := range rows {
		for _, t := range row.traits {
			counts[t.name]++
		}
	}
	names := make([]string, 0, len(counts))
	for name := range counts {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int {
		if counts[a] != counts[b] {
			return counts[b] - counts[a]
		}
		return strings.Compare(a, b)
	})
	return names[:min(len(names), fitNames)]
}

// column has a value for each row, empty where it has none.
func column(rows []row, name string) []string {
	values := make([]string, len(rows))
	for i, row := range rows {
		for _, t := range row.traits {
			if t.name == name && values[i] == "" {
				values[i] = t.value
			}
		}
	}
	return values
}

// fieldNameBytes is how long the name of a model's field may be.
const fieldNameBytes = 80

// fieldName is a trait's path as a model names it: without the signs that blocks are written with.
func fieldName(path string) string {
	return strings.NewReplacer(":", "_", "+", "_").Replace(path)
}
