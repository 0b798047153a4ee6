package consent_test

import (
	"math/rand"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/consent"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/identity"
)

func someone(n int) domain.Alias {
	return domain.NewAlias(time.UnixMilli(int64(n+1)), [10]byte{9: byte(n)})
}

func states(alias domain.Alias, purpose string, given bool, sequence uint64) domain.Recorded {
	return domain.Recorded{At: domain.Position{Sequence: sequence}, Event: &event.Event{
		Alias: alias[:], OccurredMs: int64(sequence),
		Body: &event.Event_ConsentStated{ConsentStated: &event.ConsentStated{Purpose: purpose, Given: given}},
	}}
}

func TestTheLatestStatementOfAProfileCounts(t *testing.T) {
	t.Parallel()
	ann, bob, cid := someone(1), someone(2), someone(3)
	b := consent.NewBook()
	for _, r := range []domain.Recorded{
		states(ann, "marketing", true, 5), states(bob, "marketing", false, 7), states(ann, "analytics", true, 9),
	} {
		b.Apply(r)
	}
	for _, c := range []struct {
		of      []domain.Alias
		purpose string
		want    string
		at      uint64
	}{
		{[]domain.Alias{ann}, "marketing", consent.Given, 5},
		{[]domain.Alias{bob}, "marketing", consent.Withdrawn, 7},
		{[]domain.Alias{ann, bob}, "marketing", consent.Withdrawn, 7},
		{[]domain.Alias{bob, cid, ann}, "analytics", consent.Given, 9},
		{[]domain.Alias{cid}, "marketing", "", 0},
		{[]domain.Alias{ann, bob}, "profiling", "", 0},
	} {
		seen := b.Seen(c.of, []string{c.purpose})[0]
		if seen.GetState() != c.want || seen.GetAt().GetSequence() != c.at {
			t.Errorf("%s of %d aliases: %q at %v, want %q at %d", c.purpose, len(c.of), seen.GetState(), seen.GetAt(), c.want, c.at)
		}
	}
	if got := b.All([]domain.Alias{ann, bob}); len(got) != 2 || got[0].Purpose != "analytics" || got[1].State() != consent.Withdrawn {
		t.Errorf("all: %+v", got)
	}
}

func TestAWithdrawalWinsOverWhatCannotBeToldApart(t *testing.T) {
	t.Parallel()
	ann, bob := someone(1), someone(2)
	for _, order := range [][2]bool{{true, false}, {false, true}} {
		b := consent.NewBook()
		b.Apply(states(ann, "marketing", order[0], 5))
		b.Apply(states(bob, "marketing", order[1], 5))
		if s, _ := b.Of([]domain.Alias{ann, bob}, "marketing"); s.Given {
			t.Error("given, want withdrawn")
		}
		b.Put(ann, consent.Statement{Purpose: "marketing", Given: true})
		if s, _ := b.Of([]domain.Alias{ann, bob}, "marketing"); !s.Given {
			t.Error("a statement that is about to be appended is not the latest")
		}
	}
}

// drawn is a history of links, unlinks and statements, and the statements alone.
func drawn(t *rapid.T) (all, said []domain.Recorded) {
	for i := range rapid.IntRange(0, 40).Draw(t, "events") {
		a, o := someone(rapid.IntRange(0, 5).Draw(t, "who")), someone(rapid.IntRange(0, 5).Draw(t, "other"))
		r := states(a, rapid.SampledFrom([]string{"marketing", "analytics"}).Draw(t, "purpose"), rapid.Bool().Draw(t, "given"), uint64(i+1))
		switch rapid.IntRange(0, 3).Draw(t, "what") {
		case 0:
			r.Event.Body = &event.Event_IdentityLinked{IdentityLinked: &event.IdentityLinked{Other: o[:]}}
		case 1:
			r.Event.Body = &event.Event_IdentityUnlinked{IdentityUnlinked: &event.IdentityUnlinked{Other: o[:]}}
		default:
			said = append(said, r)
		}
		all = append(all, r)
	}
	return all, said
}

// The rule, said again in the plainest way: of all statements of the profile's aliases, the last.
func plainly(said []domain.Recorded, aliases []domain.Alias, purpose string) (state string, at uint64) {
	for _, r := range said {
		a, _ := domain.AliasFromBytes(r.Event.GetAlias())
		if s := r.Event.GetConsentStated(); slices.Contains(aliases, a) && s.GetPurpose() == purpose {
			state, at = consent.Withdrawn, r.At.Sequence
			if s.GetGiven() {
				state = consent.Given
			}
		}
	}
	return state, at
}

// given: any history; then at every prefix the consent of every profile is the last statement of its aliases, a book
// that is filled in another order says the same, and a link that is taken back leaves both as they were.
func TestConsentFollowsTheProfile(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		all, said := drawn(t)
		g, b := identity.NewGraph(), consent.NewBook()
		purposes := []string{"analytics", "marketing"}
		seen := func(b *consent.Book, g *identity.Graph) [][]*event.SeenConsent {
			var out [][]*event.SeenConsent
			for n := range 6 {
				out = append(out, b.Seen(g.Aliases(someone(n)), purposes))
			}
			return out
		}
		for n, r := range all {
			g.Apply(r)
			b.Apply(r)
			until := said[:sortedUpTo(said, r.At.Sequence)]
			for n, ofPerson := range seen(b, g) {
				for i, s := range ofPerson {
					if state, at := plainly(until, g.Aliases(someone(n)), purposes[i]); s.GetState() != state || s.GetAt().GetSequence() != at {
						t.Fatalf("%d about %s: %q at %v, want %q at %d", n, purposes[i], s.GetState(), s.GetAt(), state, at)
					}
				}
			}
			shuffled := slices.Clone(all[:n+1])
			rand.New(rand.NewSource(int64(n))).Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
			other := consent.NewBook()
			for _, r := range shuffled {
				other.Apply(r)
				other.Apply(r)
			}
			if diff := cmp.Diff(texts(seen(b, g)), texts(seen(other, g))); diff != "" {
				t.Fatalf("in another order (-want +got):\n%s", diff)
			}
		}
		before, at := texts(seen(b, g)), uint64(len(all))
		x, y := someone(rapid.IntRange(0, 5).Draw(t, "x")), someone(rapid.IntRange(0, 5).Draw(t, "y"))
		for i, body := range []*event.Event{
			{Body: &event.Event_IdentityLinked{IdentityLinked: &event.IdentityLinked{Other: y[:]}}},
			{Body: &event.Event_IdentityUnlinked{IdentityUnlinked: &event.IdentityUnlinked{Other: y[:]}}},
		} {
			body.Alias = x[:]
			r := domain.Recorded{At: domain.Position{Sequence: at + uint64(i) + 1}, Event: body}
			g.Apply(r)
			b.Apply(r)
		}
		if diff := cmp.Diff(before, texts(seen(b, g))); diff != "" {
			t.Fatalf("after a link and an unlink (-before +after):\n%s", diff)
		}
	})
}

func sortedUpTo(said []domain.Recorded, sequence uint64) int {
	n := 0
	for n < len(said) && said[n].At.Sequence <= sequence {
		n++
	}
	return n
}

func texts(seen [][]*event.SeenConsent) []string {
	var out []string
	for _, of := range seen {
		for _, s := range of {
			out = append(out, s.String())
		}
	}
	return out
}

func TestPurposes(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"Advertising": "advertising", "Email Marketing": "email-marketing", "marketing.email": "marketing.email",
		" C0001 ": "c0001", "a & b": "a-b", "functional_cookies": "functional_cookies", "-x-": "x",
		"": "", "&": "", "广告": "", "Möbel": "", "a/b": "a-b", "...": "",
		"0123456789012345678901234567890123456789012345678901234567890": "",
	} {
		if got := consent.PurposeOf(name); got != want {
			t.Errorf("PurposeOf(%q) is %q, want %q", name, got, want)
		}
		if want != "" && !consent.ValidPurpose(want) {
			t.Errorf("%q is no purpose", want)
		}
	}
	for _, bad := range []string{"", "Marketing", "a b", "-a", ".a", "a\n", "é", "a/b"} {
		if consent.ValidPurpose(bad) {
			t.Errorf("%q is a purpose", bad)
		}
	}
}
