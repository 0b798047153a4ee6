package projections

import (
	"math"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/identity"
)

// maxEvidence is how many places of evidence, and terms of a waterfall, a row shows; the log has all.
const maxEvidence = 1_000

// addIdentity makes the row of one event of IDENTITY, and keeps what changes pairs and profiles for settle.
func (g *gathering) addIdentity(place Place, r domain.Recorded) {
	row := IdentityRow{Place: place, Type: domain.TypeOf(r.Event)}
	switch b := r.Event.GetBody().(type) {
	case *event.Event_TraitsChanged:
		for _, n := range b.TraitsChanged.GetNames() {
			row.Names = append(row.Names, cell(n))
		}
	case *event.Event_GroupJoined:
		row.Other, row.OtherType = aliasOf(b.GroupJoined.GetGroup()), identity.GroupID
	case *event.Event_AliasMarked:
		row.setMark(b.AliasMarked)
		g.keep(place, r)
	case *event.Event_ConsentStated:
		row.Rule, row.Actor, row.Reason = cell(b.ConsentStated.GetRule()), cell(b.ConsentStated.GetActor()), cell(b.ConsentStated.GetReason())
		g.addConsent(row, b.ConsentStated)
	case *event.Event_GuardsChanged:
		row.Version, row.Actor, row.Reason = version(b.GuardsChanged.GetVersion()), cell(b.GuardsChanged.GetActor()), cell(b.GuardsChanged.GetReason())
		g.batch.Rows.Guards = append(g.batch.Rows.Guards, guardsRow(place, b.GuardsChanged))
	case *event.Event_MatchModelChanged:
		row.Version, row.Actor, row.Reason = version(b.MatchModelChanged.GetVersion()), cell(b.MatchModelChanged.GetActor()), cell(b.MatchModelChanged.GetReason())
		g.batch.Rows.MatchModels = append(g.batch.Rows.MatchModels, matchModelRow(place, b.MatchModelChanged))
	default:
		row.setPair(r.Event)
		g.keep(place, r)
		g.countOther(row)
	}
	g.batch.Rows.Identity = append(g.batch.Rows.Identity, row)
}

// addConsent makes the row of a statement, of one that says whose and to what.
func (g *gathering) addConsent(said IdentityRow, c *event.ConsentStated) {
	if said.Alias.IsZero() || c.GetPurpose() == "" {
		return
	}
	g.batch.Rows.Consents = append(g.batch.Rows.Consents, ConsentRow{
		Place: said.Place, Purpose: cell(c.GetPurpose()), Given: c.GetGiven(), Rule: said.Rule, Actor: said.Actor, Reason: said.Reason,
	})
}

// keep keeps what settle needs. An event that is about nobody, as no source can make one, joins nobody: it could not be
// read back.
func (g *gathering) keep(place Place, r domain.Recorded) {
	_, pair := pairOf(r.Event)
	if pair || (r.Event.GetAliasMarked() != nil && !place.Alias.IsZero()) {
		g.identity = append(g.identity, r)
	}
}

// countOther counts an event about two aliases for the second one, which may never have an event of its own.
func (g *gathering) countOther(row IdentityRow) {
	if row.Other.IsZero() || row.Other == row.Alias {
		return
	}
	ms := row.OccurredMs
	g.count(row.Other, Totals{Type: row.OtherType, Events: 1, FirstMs: ms, LastMs: ms})
}

func (r *IdentityRow) setMark(m *event.AliasMarked) {
	r.Rule, r.Actor, r.Reason = cell(m.GetRule()), cell(m.GetActor()), cell(m.GetReason())
	r.Mark = markName(m.GetMark())
}

// markName is a mark as a row of an event shows it.
func markName(m event.AliasMarked_Mark) string {
	switch mark, known := identity.MarkOf(m); {
	case !known:
		return unknown
	case mark == identity.Unmarked:
		return "none"
	default:
		return mark.String()
	}
}

// MarkNamed is the mark that a row of an event shows: what a store needs to read marks back for Links.
func MarkNamed(name string) event.AliasMarked_Mark {
	for m := range event.AliasMarked_Mark_name {
		if mark := event.AliasMarked_Mark(m); mark != event.AliasMarked_MARK_UNSPECIFIED && markName(mark) == name {
			return mark
		}
	}
	return event.AliasMarked_MARK_UNSPECIFIED
}

// setPair reads an event about two aliases.
func (r *IdentityRow) setPair(e *event.Event) {
	switch b := e.GetBody().(type) {
	case *event.Event_IdentityLinked:
		l := b.IdentityLinked
		r.Other, r.OtherType, r.Rule = aliasOf(l.GetOther()), cell(l.GetOtherType()), cell(l.GetRule())
		r.Posterior = l.GetPosterior()
		r.Actor, r.Reason = cell(l.GetEvidence().GetActor()), cell(l.GetEvidence().GetReason())
	case *event.Event_IdentityUnlinked:
		u := b.IdentityUnlinked
		r.Other, r.Rule = aliasOf(u.GetOther()), cell(u.GetRule())
		r.Actor, r.Reason = cell(u.GetActor()), cell(u.GetReason())
	case *event.Event_IdentityWithheld:
		w := b.IdentityWithheld
		r.Other, r.OtherType, r.Rule = aliasOf(w.GetOther()), cell(w.GetOtherType()), cell(w.GetRule())
		r.Posterior, r.Guard, r.GuardType = w.GetPosterior(), cell(w.GetGuard()), cell(w.GetGuardType())
		r.Actor, r.Reason = cell(w.GetEvidence().GetActor()), cell(w.GetEvidence().GetReason())
	case *event.Event_IdentityBarred:
		x := b.IdentityBarred
		r.Other, r.OtherType, r.Rule = aliasOf(x.GetOther()), cell(x.GetOtherType()), cell(x.GetRule())
		r.Lifted, r.Actor, r.Reason = x.GetLifted(), cell(x.GetActor()), cell(x.GetReason())
	case *event.Event_MatchProposed:
		p := b.MatchProposed
		r.Other, r.OtherType, r.Posterior = aliasOf(p.GetOther()), cell(p.GetOtherType()), p.GetPosterior()
		r.Actor, r.Reason = cell(p.GetEvidence().GetActor()), cell(p.GetEvidence().GetReason())
	case *event.Event_MatchReviewed:
		v := b.MatchReviewed
		r.Other, r.OtherType, r.Posterior = aliasOf(v.GetOther()), cell(v.GetOtherType()), v.GetPosterior()
		r.Confirmed, r.Actor, r.Reason = v.GetConfirmed(), cell(v.GetActor()), cell(v.GetReason())
	}
}

// version is a version as tables can hold it.
func version(v uint64) uint64 { return min(v, math.MaxInt64) }

func guardsRow(place Place, c *event.GuardsChanged) GuardsRow {
	return GuardsRow{
		At: momentOf(place), Version: version(c.GetVersion()), Document: clip(c.GetSource(), maxDocumentBytes),
		GuardsJSON: guardsJSON(c.GetGuards()), ProfileMost: int64(c.GetGuards().GetProfileMost()),
		Actor: cell(c.GetActor()), Reason: cell(c.GetReason()),
	}
}

func guardsJSON(g *event.IdentityGuards) string {
	type guard struct {
		Type            string   `json:"type"`
		Most            uint32   `json:"most,omitempty"`
		WindowMS        int64    `json:"window_ms,omitempty"`
		SharedAbove     uint32   `json:"shared_above,omitempty"`
		BlockedPatterns []string `json:"blocked_patterns,omitempty"`
	}
	list := make([]guard, 0, len(g.GetTypes()))
	for _, t := range g.GetTypes() {
		list = append(list, guard{
			Type: t.GetType(), Most: t.GetMost(), WindowMS: t.GetWindowMs(),
			SharedAbove: t.GetSharedAbove(), BlockedPatterns: t.GetBlockedPatterns(),
		})
	}
	return jsonOf(list)
}

func matchModelRow(place Place, c *event.MatchModelChanged) MatchModelRow {
	row := MatchModelRow{
		At: momentOf(place), Name: cell(c.GetName()), Version: version(c.GetVersion()), Digest: c.GetDigest(),
		Actor: cell(c.GetActor()), Reason: cell(c.GetReason()),
	}
	if len(c.GetDocumentJson()) > 0 {
		row.DocumentJSON = document(c.GetDocumentJson())
	}
	return row
}

// matchOf reads the evidence of a claim or a proposal.
func matchOf(posterior float64, e *event.LinkEvidence) Match {
	w := e.GetMatch()
	return Match{
		Posterior: posterior, Message: aliasOf(e.GetMessage()), EvidenceJSON: evidenceJSON(e.GetPositions()),
		Model: cell(w.GetModel()), ModelVersion: version(w.GetModelVersion()),
		WeightBits: w.GetWeightBits(), WaterfallJSON: waterfallJSON(w),
	}
}

func evidenceJSON(positions []*event.Position) string {
	if len(positions) == 0 {
		return ""
	}
	list := make([]string, 0, min(len(positions), maxEvidence))
	for _, p := range positions[:cap(list)] {
		list = append(list, domain.Place{Stream: domain.Identity, Position: domain.PositionOf(p)}.String())
	}
	return jsonOf(list)
}

// waterfallJSON is the prior, the terms and the weight, in bits; a number JSON cannot hold is null.
func waterfallJSON(w *event.MatchWeight) string {
	if w == nil {
		return ""
	}
	type term struct {
		Comparison    string `json:"comparison"`
		Level         string `json:"level"`
		Bits          any    `json:"bits"`
		FrequencyBits any    `json:"frequency_bits"`
	}
	terms := make([]term, 0, min(len(w.GetTerms()), maxEvidence))
	for _, t := range w.GetTerms()[:cap(terms)] {
		terms = append(terms, term{cell(t.GetComparison()), cell(t.GetLevel()), jsonNumber(t.GetBits()), jsonNumber(t.GetFrequencyBits())})
	}
	return jsonOf(struct {
		Prior  any    `json:"prior_bits"`
		Terms  []term `json:"terms"`
		Weight any    `json:"weight_bits"`
	}{jsonNumber(w.GetPriorBits()), terms, jsonNumber(w.GetWeightBits())})
}
