package identity_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/identity"
)

func TestMovesAreTheAliasesWhoseProfileChanged(t *testing.T) {
	t.Parallel()
	const aliases = 8
	rapid.Check(t, func(t *rapid.T) {
		moving, plain := identity.NewGraph(), identity.NewGraph()
		for sequence := range rapid.IntRange(1, 40).Draw(t, "steps") {
			r := domain.Recorded{At: domain.Position{Sequence: uint64(sequence + 1)}, Event: drawEvent(t, aliases, sequence)}
			before := profilesOf(plain, aliases)
			plain.Apply(r)
			var want []identity.Move
			for n, profile := range profilesOf(plain, aliases) {
				if profile != before[n] {
					want = append(want, identity.Move{Alias: alias(n), From: before[n], To: profile})
				}
			}
			if diff := cmp.Diff(want, moving.Moves(r)); diff != "" {
				t.Fatalf("moves (-want +got):\n%s", diff)
			}
		}
	})
}

func profilesOf(g *identity.Graph, aliases int) []domain.Alias {
	profiles := make([]domain.Alias, aliases)
	for n := range profiles {
		profiles[n] = g.Profile(alias(n))
	}
	return profiles
}
