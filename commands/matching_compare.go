package commands

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/identity"
	"github.com/profferhq/proffer/domain/identity/match"
)

// found is a pair that may be one person.
type found struct {
	first, second domain.Alias // the earlier alias first
	match         match.Match
}

// prepared are the records of aliases in the form in which they are compared, in order.
func (s *matchSession) prepared(ctx context.Context, aliases []domain.Alias) ([]match.Prepared, error) {
	out := make([]match.Prepared, len(aliases))
	var missing []domain.Alias
	var places []int
	for i, a := range aliases {
		p, known := s.recent.find(a)
		if out[i] = p; !known {
			missing, places = append(missing, a), append(places, i)
		}
	}
	if len(missing) == 0 {
		return out, nil
	}
	clear, err := s.of.clear(s.traits).read(ctx, missing)
	if err != nil {
		return nil, err
	}
	for k, i := range places {
		out[i] = s.matcher.Prepare(s.record(missing[k], clear[k]), s.of.ports.Reader)
		s.recent.put(out[i])
	}
	return out, nil
}

func (m *MatchPeople) clear(traits *traitLog) clearTraits {
	return clearTraits{history: m.ports.History, vault: m.ports.Vault, identifiers: m.ports.Identifiers, traits: traits}
}

// record puts an alias's traits into the model's fields.
func (s *matchSession) record(alias domain.Alias, traits []trait) match.Record {
	r := match.Record{ID: alias, Values: make([][]string, len(s.matcher.Model().Fields))}
	for _, t := range traits {
		if i, wanted := s.fields[fieldName(t.name)]; wanted && len(r.Values[i]) < match.MaxValues {
			r.Values[i] = append(r.Values[i], t.value)
		}
	}
	if s.presence >= 0 {
		r.Values[s.presence] = s.sightings.values(alias)
	}
	return r
}

// matchSlice compares the next records with all that changed before them, and says what was found, the most probable
// first. A pair is compared when the later of the two has its turn.
func (s *matchSession) matchSlice(ctx context.Context) error {
	turns, n := s.turns()
	candidates := make([][]domain.Alias, len(turns))
	var all []domain.Alias
	for i, t := range turns {
		own, err := s.prepared(ctx, []domain.Alias{t.alias})
		if err != nil {
			return err
		}
		candidates[i] = s.candidates(t, &own[0])
		all = append(all, candidates[i]...)
	}
	if err := s.readAhead(ctx, all); err != nil {
		return err
	}
	var matches []found
	for i, t := range turns {
		list, err := s.compare(ctx, t.alias, candidates[i])
		if err != nil {
			return err
		}
		matches = append(matches, list...)
	}
	slices.SortFunc(matches, func(a, b found) int {
		return cmp.Or(cmp.Compare(b.match.WeightBits, a.match.WeightBits), a.first.Compare(b.first), a.second.Compare(b.second))
	})
	if err := s.say(ctx, matches); err != nil {
		return fmt.Errorf("say what was found: %w", err)
	}
	if s.unmatched = s.unmatched[n:]; len(s.unmatched) == 0 {
		clear(s.done) // nothing of before the start is compared again
	}
	return nil
}

// turns are the records of the next slice, and how many turns they take.
func (s *matchSession) turns() (turns []turn, n int) {
	for n = 0; n < len(s.unmatched) && len(turns) < matchSlice; n++ {
		if t := s.unmatched[n]; t.sighted || s.traits.at(t.alias) == t.at {
			turns = append(turns, t)
		}
	}
	return turns, n
}

// candidates share a blocking key with the record, changed before it, and can still become one person with it. What
// changed in where a device was seen has no place in IDENTITY: it is compared with all.
func (s *matchSession) candidates(t turn, p *match.Prepared) []domain.Alias {
	list, skipped := s.index.Candidates(p)
	s.skipped += uint64(skipped)
	s.of.ports.Recall.People.Look(func(r *identity.Register) {
		list = slices.DeleteFunc(list, func(c domain.Alias) bool {
			return !t.sighted && s.traits.order(c, t.alias) > 0 || settled(r, c, t.alias)
		})
	})
	return list
}

// settled says whether there is nothing to find out about a pair: they are one person, barred from one another, or
// one means nobody or several.
func settled(r *identity.Register, a, b domain.Alias) bool {
	graph := r.Graph()
	return graph.Linked(a, b) || r.Barred(a, b) || graph.Mark(a) != identity.Unmarked || graph.Mark(b) != identity.Unmarked
}

// readAhead reads the records of many candidates at once, as many as are kept.
func (s *matchSession) readAhead(ctx context.Context, aliases []domain.Alias) error {
	slices.SortFunc(aliases, domain.Alias.Compare)
	aliases = slices.Compact(aliases)
	_, err := s.prepared(ctx, aliases[:min(len(aliases), s.recent.most/2)])
	return err
}

// compare weighs a record against its candidates and returns what is worth saying.
func (s *matchSession) compare(ctx context.Context, alias domain.Alias, candidates []domain.Alias) ([]found, error) {
	records, err := s.prepared(ctx, append([]domain.Alias{alias}, candidates...))
	if err != nil {
		return nil, err
	}
	var list []found
	for i := range candidates {
		f := found{first: alias, second: candidates[i], match: s.index.Compare(&records[0], &records[i+1])}
		if f.match.Posterior < s.of.ports.ProposedFrom {
			continue
		}
		if f.second.Compare(f.first) < 0 {
			f.first, f.second = f.second, f.first
		}
		list = append(list, f)
	}
	return list, nil
}
