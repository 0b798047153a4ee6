package commands

import (
	"context"
	"slices"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/identity"
	"github.com/profferhq/proffer/domain/identity/match"
)

// contradictMost is how many records of each of two profiles are compared before the profiles become one.
const contradictMost = 8

// contradicted says whether the other records of two profiles speak against what two of their records say. A link
// joins whole profiles: without this, one pair that is wrong by chance would make one person of two well-known ones.
// A pair of records speaks for it with a posterior above a half, and against it when it would not even be proposed
// and they disagree in something; what is missing on one side does not count. More against than for makes the match one
// for a person to judge.
func (s *matchSession) contradicted(ctx context.Context, f found) (bool, error) {
	if f.match.Posterior < s.of.ports.LinkedFrom {
		return false, nil
	}
	firsts, seconds := s.profiles(f)
	if len(firsts)*len(seconds) < 2 {
		return false, nil
	}
	records, err := s.prepared(ctx, slices.Concat(firsts, seconds))
	if err != nil {
		return false, err
	}
	against, speaks := 0, 0
	for i := range firsts {
		for j := range seconds {
			m := s.index.Compare(&records[i], &records[len(firsts)+j])
			switch {
			case m.Posterior > 0.5:
				speaks++
			case m.Posterior < s.of.ports.ProposedFrom && disagrees(m):
				against++
			}
		}
	}
	return against > speaks, nil
}

// disagrees says whether a comparison speaks against it.
func disagrees(m match.Match) bool {
	return slices.ContainsFunc(m.Terms, func(t match.Term) bool { return t.Bits < 0 && t.Comparison != match.HouseholdTerm })
}

// profiles are the records of the two profiles that a pair would join: the pair's own, and those that changed last.
func (s *matchSession) profiles(f found) (firsts, seconds []domain.Alias) {
	s.of.ports.Recall.People.Look(func(r *identity.Register) {
		firsts, seconds = r.Graph().Aliases(f.first), r.Graph().Aliases(f.second)
	})
	return s.latest(firsts, f.first, contradictMost), s.latest(seconds, f.second, contradictMost)
}

// latest are the records among the aliases of a profile: its own one first, then those that changed last.
func (s *matchSession) latest(aliases []domain.Alias, own domain.Alias, most int) []domain.Alias {
	aliases = slices.DeleteFunc(aliases, func(a domain.Alias) bool { return a == own || s.traits.of[a] == nil && s.sightings.find(a) == nil })
	slices.SortFunc(aliases, func(a, b domain.Alias) int { return s.traits.order(b, a) })
	return append([]domain.Alias{own}, aliases[:min(len(aliases), most-1)]...)
}
