package identity_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/identity"
)

// What a history answers about any position is what a graph that stands there answers.
func TestAsOfAPositionIsTheStateThen(t *testing.T) {
	t.Parallel()
	const aliases = 8
	rapid.Check(t, func(t *rapid.T) {
		h, g := identity.NewHistory(), identity.NewGraph()
		var then [][]domain.Alias
		steps := rapid.IntRange(1, 40).Draw(t, "steps")
		for sequence := range steps {
			r := domain.Recorded{At: domain.Position{Sequence: uint64(sequence + 1)}, Event: drawEvent(t, aliases, sequence)}
			var before, after []domain.Alias
			for n := range aliases {
				before = append(before, g.Profile(alias(n)))
			}
			moves := h.Apply(r)
			g.Apply(r)
			var want []identity.Move
			for n := range aliases {
				after = append(after, g.Profile(alias(n)))
				if after[n] != before[n] {
					want = append(want, identity.Move{Alias: alias(n), From: before[n], To: after[n]})
				}
			}
			if diff := cmp.Diff(want, moves); diff != "" {
				t.Fatalf("moves (-want +got):\n%s", diff)
			}
			then = append(then, after)
		}
		for sequence, profiles := range then {
			at := domain.Position{Sequence: uint64(sequence + 1), Index: 1<<32 - 1}
			members := map[domain.Alias][]domain.Alias{}
			for n, profile := range profiles {
				members[profile] = append(members[profile], alias(n))
				if got := h.Resolve(alias(n), at); got != profile {
					t.Fatalf("profile of %d at %d = %v, want %v", n, sequence+1, got, profile)
				}
			}
			for n := range aliases {
				if diff := cmp.Diff(members[alias(n)], h.Members(alias(n), at)); diff != "" {
					t.Fatalf("members of %d at %d:\n%s", n, sequence+1, diff)
				}
			}
		}
		for n := range aliases {
			intervals(t, h, alias(n))
		}
	})
}

// intervals checks that those of an alias follow one another without gaps.
func intervals(t *rapid.T, h *identity.History, a domain.Alias) {
	list := h.Intervals(a)
	if list[0].From != (domain.Position{}) || list[len(list)-1].To != (domain.Position{}) {
		t.Fatal("the intervals do not reach from the beginning until now")
	}
	for i := 1; i < len(list); i++ {
		if list[i].From != list[i-1].To || list[i].Profile == list[i-1].Profile || h.Resolve(a, list[i].From) != list[i].Profile {
			t.Fatalf("intervals %+v", list)
		}
	}
}

func TestReplayTwiceGivesTheSameProfiles(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		b := newBook(drawDocument(t))
		for range rapid.IntRange(1, 25).Draw(t, "steps") {
			b.step(t)
		}
		var again [2]*identity.Register
		for i := range again {
			again[i] = identity.NewRegister()
			for r := range b.log() {
				again[i].Apply(r)
				again[i].Apply(r) // a redelivery does no harm
			}
		}
		for n := range 16 {
			want := b.Graph().Profile(alias(n))
			if again[0].Graph().Profile(alias(n)) != want || again[1].Graph().Profile(alias(n)) != want {
				t.Fatalf("the profile of %d differs from replay to replay", n)
			}
		}
	})
}
