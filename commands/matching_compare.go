package commands

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

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
	var places []int
	for i, a := range aliases {
		p, known := s.recent.find(a)
		if out[i] = p; !known {
			places = append(places, i)
		}
	}
	if len(places) == 0 {
		return out, nil
	}
	records, err := s.records(ctx, aliases, places)
	if err != nil {
		return nil, err
	}
	s.share(len(places), func(k int) { out[places[k]] = s.matcher.Prepare(records[k], s.of.ports.Reader) })
	for _, i := range places {
		s.recent.put(out[i])
	}
	return out, nil
}

// records are the records of the aliases at some places in normal form: as they are kept, or read from the log.
func (s *matchSession) records(ctx context.Context, aliases []domain.Alias, places []int) ([]match.Record, error) {
	records := make([]match.Record, len(places))
	var missing []domain.Alias
	var at []int
	for k, i := range places {
		r, known := s.kept.find(aliases[i], len(s.matcher.Model().Fields))
		if !known {
			missing, at = append(missing, aliases[i]), append(at, k)
			continue
		}
		s.addDevice(aliases[i], r.Values)
		records[k] = r
	}
	if len(missing) > 0 {
		clear, err := s.of.clear(s.traits).read(ctx, missing)
		if err != nil {
			return nil, err
		}
		s.share(len(at), func(n int) {
			records[at[n]] = s.matcher.Normal(s.record(missing[n], clear[n]), s.of.ports.Reader)
		})
		for _, k := range at {
			s.kept.put(records[k])
		}
	}
	return records, nil
}

// share does n things with the workers, each once, in no order; they must not depend on one another.
func (s *matchSession) share(n int, do func(i int)) {
	workers := min(s.of.ports.Workers, n/shareFrom)
	if workers <= 1 {
		for i := range n {
			do(i)
		}
		return
	}
	var next atomic.Int64
	var all sync.WaitGroup
	for range workers {
		all.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				do(i)
			}
		})
	}
	all.Wait()
}

// shareFrom is for how many things another worker is worth its start.
const shareFrom = 8

// forget drops what is known of a record in clear.
func (s *matchSession) forget(a domain.Alias) {
	s.recent.drop(a)
	s.kept.drop(a)
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
	s.addDevice(alias, r.Values)
	return r
}

// matchSlice compares the next records with all that changed before them, and says what was found, the most probable
// first. A pair is compared when the later of the two has its turn. The others are prepared once for all the turns, as
// many at a time as are kept prepared.
func (s *matchSession) matchSlice(ctx context.Context) error {
	slice, err := s.slice(ctx)
	if err != nil {
		return err
	}
	lists := make([][]found, len(slice.turns))
	for others := range slices.Chunk(slice.others(), max(1, s.recent.most/2)) {
		records, err := s.prepared(ctx, others)
		if err != nil {
			return err
		}
		s.share(len(slice.turns), func(i int) {
			lists[i] = append(lists[i], s.compare(&slice.own[i], slice.candidates[i], others, records)...)
		})
	}
	matches := slices.Concat(lists...)
	slices.SortFunc(matches, func(a, b found) int {
		return cmp.Or(cmp.Compare(b.match.WeightBits, a.match.WeightBits), a.first.Compare(b.first), a.second.Compare(b.second))
	})
	if err := s.say(ctx, matches); err != nil {
		return fmt.Errorf("say what was found: %w", err)
	}
	s.skipped += slice.skipped
	s.compared += uint64(slice.taken)
	if s.unmatched = s.unmatched[slice.taken:]; len(s.unmatched) == 0 {
		clear(s.done) // nothing of before the start is compared again
	}
	return nil
}

// candidatesMost is how many pairs a slice has, or as many as its first turns have.
const candidatesMost = 1 << 19

// slice is what is compared in one go.
type slice struct {
	turns      []turn
	own        []match.Prepared
	candidates [][]domain.Alias // of each turn, ascending
	skipped    uint64
	// taken is how many of the unmatched the turns are, with those that have passed.
	taken int
}

// slice takes the next turns while there are not too many candidates.
func (s *matchSession) slice(ctx context.Context) (slice, error) {
	var all slice
	for pairs := 0; pairs < candidatesMost && len(all.turns) < matchSlice && all.taken < len(s.unmatched); {
		turns, n := s.turns(all.taken)
		aliases := make([]domain.Alias, len(turns))
		for i, t := range turns {
			aliases[i] = t.alias
		}
		own, err := s.prepared(ctx, aliases)
		if err != nil {
			return all, err
		}
		candidates, skipped := make([][]domain.Alias, len(turns)), make([]int, len(turns))
		s.share(len(turns), func(i int) { candidates[i], skipped[i] = s.candidates(turns[i], &own[i]) })
		for i := range turns {
			pairs += len(candidates[i])
			all.skipped += uint64(skipped[i])
		}
		all.turns, all.own, all.candidates = append(all.turns, turns...), append(all.own, own...), append(all.candidates, candidates...)
		all.taken += n
	}
	return all, nil
}

// others are the records that the turns are compared with, ascending.
func (s slice) others() []domain.Alias {
	known := map[domain.Alias]struct{}{}
	for _, list := range s.candidates {
		for _, c := range list {
			known[c] = struct{}{}
		}
	}
	others := slices.Collect(maps.Keys(known))
	slices.SortFunc(others, domain.Alias.Compare)
	return others
}

// turns are the next records that have their turn after some of the unmatched, and how many turns they take.
func (s *matchSession) turns(after int) (turns []turn, n int) {
	for n = 0; after+n < len(s.unmatched) && len(turns) < turnsAtOnce; n++ {
		if t := s.unmatched[after+n]; t.sighted || s.traits.at(t.alias) == t.at {
			turns = append(turns, t)
		}
	}
	return turns, n
}

// candidates share a blocking key with the record and changed before it. What changed in where a device was seen has
// no place in IDENTITY: it is compared with all.
func (s *matchSession) candidates(t turn, p *match.Prepared) (list []domain.Alias, skipped int) {
	list, skipped = s.index.Candidates(p)
	if t.sighted {
		return list, skipped
	}
	at := s.traits.at(t.alias)
	return slices.DeleteFunc(list, func(c domain.Alias) bool {
		return cmp.Or(s.traits.at(c).Compare(at), c.Compare(t.alias)) > 0
	}), skipped
}

// settled says whether there is nothing to find out about a pair: they are one person, barred from one another, or
// one means nobody or several.
func settled(r *identity.Register, a, b domain.Alias) bool {
	graph := r.Graph()
	return graph.Linked(a, b) || r.Barred(a, b) || graph.Mark(a) != identity.Unmarked || graph.Mark(b) != identity.Unmarked
}

// compare weighs a record against those of its candidates that are among the others, and returns what is worth saying.
func (s *matchSession) compare(own *match.Prepared, candidates, others []domain.Alias, records []match.Prepared) []found {
	var list []found
	from, _ := slices.BinarySearchFunc(candidates, others[0], domain.Alias.Compare)
	at := 0
	for _, c := range candidates[from:] {
		if c.Compare(others[len(others)-1]) > 0 {
			break
		}
		next, _ := slices.BinarySearchFunc(others[at:], c, domain.Alias.Compare)
		at += next
		if !s.index.Reaches(own, &records[at], s.of.ports.ProposedFrom) {
			continue
		}
		f := found{first: own.ID, second: c, match: s.index.Compare(own, &records[at])}
		if f.second.Compare(f.first) < 0 {
			f.first, f.second = f.second, f.first
		}
		list = append(list, f)
	}
	if len(list) == 0 {
		return nil
	}
	s.of.ports.Recall.People.Look(func(r *identity.Register) {
		list = slices.DeleteFunc(list, func(f found) bool { return settled(r, f.first, f.second) })
	})
	return list
}
