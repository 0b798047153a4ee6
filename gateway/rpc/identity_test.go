package rpc

import (
	"context"
	"errors"
	"math"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/google/go-cmp/cmp"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/identity"
)

func anAlias(n byte) domain.Alias {
	return domain.NewAlias(time.UnixMilli(int64(n)), [10]byte{9: n})
}

// history numbers events of IDENTITY about the alias 1 and another.
func history(bodies ...func(a, b domain.Alias) *event.Event) []domain.Recorded {
	var out []domain.Recorded
	for i, body := range bodies {
		a := anAlias(1)
		e := body(a, anAlias(2))
		e.Alias = a[:]
		out = append(out, domain.Recorded{At: domain.Position{Sequence: uint64(i + 1)}, Event: e})
	}
	return out
}

func linked(rule string) func(a, b domain.Alias) *event.Event {
	return func(_, b domain.Alias) *event.Event {
		return &event.Event{Body: &event.Event_IdentityLinked{IdentityLinked: &event.IdentityLinked{Other: b[:], Rule: rule, Posterior: 1}}}
	}
}

func withheld(_, b domain.Alias) *event.Event {
	return &event.Event{Body: &event.Event_IdentityWithheld{IdentityWithheld: &event.IdentityWithheld{Other: b[:], Rule: "identify", Guard: "TYPE_LIMIT"}}}
}

func unlinked(_, b domain.Alias) *event.Event {
	return &event.Event{Body: &event.Event_IdentityUnlinked{IdentityUnlinked: &event.IdentityUnlinked{Other: b[:], Rule: "operator"}}}
}

func traits(_, _ domain.Alias) *event.Event {
	return &event.Event{Body: &event.Event_TraitsChanged{TraitsChanged: &event.TraitsChanged{}}}
}

// TestTheLinksOfAHistory: given what was claimed of two, and their marks, when it is told, then these are the links.
func TestTheLinksOfAHistory(t *testing.T) {
	t.Parallel()
	type link struct{ State, Rule, Guard, Position string }
	shared := map[domain.Alias]identity.Mark{anAlias(2): identity.Shared}
	blocked := map[domain.Alias]identity.Mark{anAlias(1): identity.Blocked}
	for name, c := range map[string]struct {
		given []domain.Recorded
		marks map[domain.Alias]identity.Mark
		then  []link
	}{
		"nothing":            {history(traits), nil, nil},
		"a link":             {history(linked("identify")), nil, []link{{"ACTIVE", "identify", "", "IDENTITY/1/0"}}},
		"said twice":         {history(linked("identify"), linked("identify")), nil, []link{{"ACTIVE", "identify", "", "IDENTITY/1/0"}}},
		"in two ways":        {history(linked("identify"), linked("operator")), nil, []link{{"ACTIVE", "identify", "", "IDENTITY/1/0"}, {"ACTIVE", "operator", "", "IDENTITY/2/0"}}},
		"one of two back":    {history(linked("identify"), linked("operator"), unlinked), nil, []link{{"ACTIVE", "identify", "", "IDENTITY/1/0"}}},
		"taken back":         {history(linked("identify"), unlinked), nil, []link{{"TAKEN_BACK", "operator", "", "IDENTITY/2/0"}}},
		"nothing to take":    {history(unlinked), nil, nil},
		"withheld":           {history(withheld), nil, []link{{"WITHHELD", "identify", "TYPE_LIMIT", "IDENTITY/1/0"}}},
		"admitted later":     {history(withheld, linked("guards")), nil, []link{{"ACTIVE", "guards", "", "IDENTITY/2/0"}}},
		"back, and withheld": {history(linked("identify"), unlinked, withheld), nil, []link{{"WITHHELD", "identify", "TYPE_LIMIT", "IDENTITY/3/0"}}},
		"admitted, and back": {history(withheld, linked("guards"), unlinked), nil, []link{{"TAKEN_BACK", "operator", "", "IDENTITY/3/0"}}},
		"shared":             {history(linked("identify")), shared, []link{{"HOUSEHOLD", "identify", "", "IDENTITY/1/0"}}},
		"blocked":            {history(linked("identify")), blocked, []link{{"WITHHELD", "identify", "ALIAS_BLOCKED", "IDENTITY/1/0"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []link
			for _, l := range linksOf(c.given, portrait{marks: c.marks}) {
				got = append(got, link{l.GetState(), l.GetRule(), l.GetGuard(), l.GetPosition()})
				if l.GetAlias() != anAlias(1).String() || l.GetOther() != anAlias(2).String() {
					t.Errorf("the ends are %s and %s", l.GetAlias(), l.GetOther())
				}
			}
			if diff := cmp.Diff(c.then, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestAWaterfallIsToldAsItWasRecorded(t *testing.T) {
	t.Parallel()
	weight := &event.MatchWeight{
		Model: "m", PriorBits: -10, WeightBits: 5,
		Terms: []*event.MatchTerm{{Comparison: "name", Level: "exact", Bits: 12, FrequencyBits: 3}},
	}
	got := waterfallOf(weight, 0.97)
	sum := got.GetPriorBits()
	for _, term := range got.GetTerms() {
		sum += term.GetBits() + term.GetFrequencyBits()
	}
	if math.Abs(sum-got.GetWeightBits()) > 1e-12 || got.GetPosterior() != 0.97 || got.GetTerms()[0].GetLevel() != "exact" {
		t.Errorf("got %v", got)
	}
	if waterfallOf(nil, 1) != nil {
		t.Error("a link that was not weighed has a waterfall")
	}
}

func TestACutReadsBack(t *testing.T) {
	t.Parallel()
	const end = math.MaxUint64
	for text, want := range map[string]domain.Cut{
		"IDENTITY/3":             {domain.Behaviour: end, domain.Identity: 3, domain.Decision: end, domain.Outcome: end, domain.Policy: end, domain.Quarantine: end},
		"IDENTITY/3/1":           {domain.Behaviour: end, domain.Identity: 3, domain.Decision: end, domain.Outcome: end, domain.Policy: end, domain.Quarantine: end},
		"BEHAVIOUR/0 IDENTITY/7": {domain.Behaviour: 0, domain.Identity: 7, domain.Decision: end, domain.Outcome: end, domain.Policy: end, domain.Quarantine: end},
	} {
		if got, err := parseCut(text); err != nil || got != want {
			t.Errorf("%q: got %v, %v", text, got, err)
		}
	}
	whole := domain.Cut{1, 2, 3, 0, 5, 6}
	if got, err := parseCut(cutText(whole)); err != nil || got != whole {
		t.Errorf("%q: got %v, %v", cutText(whole), got, err)
	}
	for _, text := range []string{"", " ", "IDENTITY", "IDENTITY/x", "NONE/1", "IDENTITY/0 IDENTITY/1", "/0", "IDENTITY/-1"} {
		var refused *connect.Error
		if _, err := parseCut(text); !errors.As(err, &refused) || reasonOf(refused) != "CUT_INVALID" {
			t.Errorf("%q: got %v", text, err)
		}
	}
}

// known is who two aliases stand for.
type known struct{ Names }

func (known) Identifiers(_ context.Context, aliases []domain.Alias) ([]identity.Identifier, error) {
	out := make([]identity.Identifier, len(aliases))
	for i := range out {
		out[i] = identity.Identifier{Type: "email", Value: "somebody@example.com"}
	}
	return out, nil
}

func TestOnlyTheOperatorSeesIdentifiers(t *testing.T) {
	t.Parallel()
	s := &Identity{Names: known{}}
	for role, want := range map[Role]string{Operator: "somebody@example.com", Source: "", Nobody: ""} {
		ctx := context.WithValue(t.Context(), roleKeyed{}, role)
		got, err := s.aliasesOf(ctx, []domain.Alias{anAlias(1)}, nil, nil)
		if err != nil || got[0].GetValue() != want || got[0].GetType() != "email" || got[0].GetFirstSeen().AsTime().UnixMilli() != 1 {
			t.Errorf("role %d: got %v, %v", role, got, err)
		}
	}
}

func FuzzParseCut(f *testing.F) {
	f.Add("BEHAVIOUR/12 IDENTITY/3")
	f.Add("IDENTITY/0")
	f.Fuzz(func(t *testing.T, text string) {
		cut, err := parseCut(text)
		if err != nil {
			return
		}
		if again, err := parseCut(cutText(cut)); err != nil || again != cut {
			t.Fatalf("%q reads as %v, then %v, %v", text, cut, again, err)
		}
	})
}
