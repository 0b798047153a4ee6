package projectionstest

import (
	"math"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
)

// fillIdentity draws an event of IDENTITY: links of every rule, some withheld, some taken back, some with an end that
// is marked; matches, reviews, bars, guards, consents.
func (s *Sample) fillIdentity(e *event.Event) {
	other := s.someone()
	switch s.random.IntN(12) {
	case 0, 1, 2, 3:
		e.Body = &event.Event_IdentityLinked{IdentityLinked: &event.IdentityLinked{
			Other: other[:], OtherType: "user_id", Rule: pick(s.random, "identify", "match", "guards", "operator"), Posterior: 1, Evidence: s.evidence(),
		}}
	case 4, 5:
		e.Body = &event.Event_IdentityUnlinked{IdentityUnlinked: &event.IdentityUnlinked{
			Other: other[:], Rule: pick(s.random, "operator", "guards"), Reason: "a mistake", Actor: "key:desk",
		}}
	case 6:
		e.Body = &event.Event_IdentityWithheld{IdentityWithheld: &event.IdentityWithheld{
			Other: other[:], OtherType: "device_id", Rule: "identify", Posterior: 1, Evidence: s.evidence(), Guard: "TYPE_LIMIT", GuardType: "user_id",
		}}
	case 7:
		e.Body = &event.Event_AliasMarked{AliasMarked: &event.AliasMarked{
			Mark: pick(s.random, event.AliasMarked_MARK_NONE, event.AliasMarked_MARK_SHARED, event.AliasMarked_MARK_BLOCKED, event.AliasMarked_MARK_UNSPECIFIED, 99),
			Rule: "guards", Reason: "seen with too many people",
		}}
	case 8:
		e.Body = &event.Event_IdentityBarred{IdentityBarred: &event.IdentityBarred{
			Other: other[:], OtherType: "email", Lifted: s.random.IntN(3) == 0, Rule: "operator", Reason: "twins", Actor: "key:desk",
		}}
	case 9:
		s.fillMatching(e, other)
	case 10:
		s.fillRules(e)
	default:
		s.fillAbout(e)
	}
}

// fillAbout draws what is said about one person.
func (s *Sample) fillAbout(e *event.Event) {
	switch s.random.IntN(3) {
	case 0:
		e.Body = &event.Event_GroupJoined{GroupJoined: &event.GroupJoined{Group: s.id()}}
	case 1:
		e.Body = &event.Event_ConsentStated{ConsentStated: &event.ConsentStated{
			Purpose: pick(s.random, "ads", "stats\x00", ""), Given: s.random.IntN(2) == 0, Rule: "operator", Reason: "by phone\x00", Actor: "key:desk",
		}}
	default:
		e.Body = &event.Event_TraitsChanged{TraitsChanged: &event.TraitsChanged{Names: []string{"age", "plan\x00"}}}
	}
}

func (s *Sample) fillMatching(e *event.Event, other domain.Alias) {
	posterior := pick(s.random, 0.1, 0.3, 0.79, 0.8, 0.99)
	if s.random.IntN(2) == 0 {
		e.Body = &event.Event_MatchProposed{MatchProposed: &event.MatchProposed{
			Other: other[:], OtherType: "email", Posterior: posterior, Evidence: s.evidence(),
		}}
		return
	}
	e.Body = &event.Event_MatchReviewed{MatchReviewed: &event.MatchReviewed{
		Other: other[:], OtherType: "email", Posterior: posterior, Confirmed: s.random.IntN(2) == 0, Reason: "same card\x00", Actor: "key:desk",
	}}
}

// fillRules draws guards or a model; they are about nobody.
func (s *Sample) fillRules(e *event.Event) {
	e.AliasType = ""
	version := uint64(1 + s.random.IntN(3))
	if s.random.IntN(2) == 0 {
		e.Body = &event.Event_GuardsChanged{GuardsChanged: &event.GuardsChanged{
			Version: version, Source: "types:\n", Reason: "kiosks", Actor: "key:desk",
			Guards: &event.IdentityGuards{ProfileMost: 50, Types: []*event.IdentifierGuard{{Type: "user_id", Most: 1, BlockedPatterns: []string{"^0*$", "\x00"}}}},
		}}
	} else {
		e.Body = &event.Event_MatchModelChanged{MatchModelChanged: &event.MatchModelChanged{
			Name: "people", Version: version, Digest: []byte{9}, DocumentJson: []byte(pick(s.random, "", "{\"prior\": 1e-3}", "no JSON")), Reason: "fitted",
		}}
	}
	e.Alias = nil
}

// evidence is what a link rests on: nothing, a message, or a match with bits that JSON may not hold.
func (s *Sample) evidence() *event.LinkEvidence {
	switch s.random.IntN(3) {
	case 0:
		return nil
	case 1:
		return &event.LinkEvidence{Message: s.id(), Actor: "key:web", Reason: "log-in"}
	}
	return &event.LinkEvidence{
		Positions: []*event.Position{{Sequence: 1}, {Sequence: s.drawn, Index: 3}},
		Match: &event.MatchWeight{
			Model: "people", ModelVersion: 1, PriorBits: -10, WeightBits: pick(s.random, 3.5, math.Inf(-1), math.NaN()),
			Terms: []*event.MatchTerm{
				{Comparison: "email", Level: "exact", Bits: 13.5, FrequencyBits: 0.1},
				{Comparison: "na\x00me", Level: "missing", Bits: math.NaN()},
			},
		},
	}
}
