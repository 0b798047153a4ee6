package projections

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/profferhq/proffer/domain"
)

// gathering is a batch that is still being filled: rows that depend on nothing but the events, what the events add
// to each alias, and the events that change the identity graph or what is known of two aliases.
type gathering struct {
	batch    TableBatch
	deltas   map[domain.Alias]Totals
	identity []domain.Recorded
	stays    stays
}

func newGathering(from domain.Cut) *gathering {
	return &gathering{batch: TableBatch{From: from, To: from}, deltas: map[domain.Alias]Totals{}}
}

// add takes the next envelope of its stream, decoded.
func (g *gathering) add(stream domain.Stream, sequence uint64, events []domain.Recorded) {
	for _, r := range events {
		g.addEvent(stream, r)
	}
	g.batch.Events += len(events)
	g.batch.To[stream] = sequence
}

func (g *gathering) addEvent(stream domain.Stream, r domain.Recorded) {
	place := placeOf(r)
	if !place.Alias.IsZero() {
		g.count(place.Alias, totalsOf(stream, r.Event))
	}
	if s, known := domain.StreamOf(r.Event); !known || s != stream {
		g.addUnknown(stream, place)
		return
	}
	switch stream {
	case domain.Behaviour:
		g.addBehaviour(place, r.Event)
	case domain.Identity:
		g.addIdentity(place, r)
	case domain.Decision:
		g.addDecision(place, r.Event.GetDecision())
	case domain.Outcome:
		g.addOutcome(place, r.Event)
	case domain.Policy:
		g.addPolicy(place, r.Event)
	case domain.Quarantine:
		g.addQuarantine(place, r.Event)
	}
}

func (g *gathering) count(a domain.Alias, t Totals) { g.deltas[a] = g.deltas[a].Add(t) }

// placeOf reads what every event has. A decision without an alias is about the alias that asked.
func placeOf(r domain.Recorded) Place {
	e := r.Event
	alias := aliasOf(e.GetAlias())
	if alias.IsZero() {
		alias = aliasOf(e.GetDecision().GetRequestedAlias())
	}
	return Place{
		At: r.At, Alias: alias,
		OccurredMs: tableMs(e.GetOccurredMs()), ReceivedMs: tableMs(e.GetReceivedMs()),
		Source: cell(e.GetSource()), Channel: cell(e.GetChannel()),
	}
}

// aliasOf reads an alias or another id of 16 bytes; anything else is the zero alias, which tables show as NULL.
func aliasOf(b []byte) domain.Alias {
	a, err := domain.AliasFromBytes(b)
	if err != nil {
		return domain.Alias{}
	}
	return a
}

// unknown is the type of events that this version does not know.
const unknown = "unknown"

func (g *gathering) addUnknown(stream domain.Stream, place Place) {
	rows := &g.batch.Rows
	switch stream {
	case domain.Behaviour:
		rows.Behaviour = append(rows.Behaviour, BehaviourRow{Place: place, Type: unknown})
	case domain.Identity:
		rows.Identity = append(rows.Identity, IdentityRow{Place: place, Type: unknown})
	case domain.Outcome:
		rows.Outcomes = append(rows.Outcomes, OutcomeRow{Place: place, Type: unknown})
	case domain.Policy:
		rows.PolicyEvents = append(rows.PolicyEvents, PolicyEventRow{Place: place, Type: unknown})
	default:
		rows.Unknown = append(rows.Unknown, UnknownRow{Place: place, Stream: stream})
	}
}

// fold leaves each key of the replacing tables once, the last, in ascending order.
func (g *gathering) fold() {
	rows := &g.batch.Rows
	rows.SegmentFirsts, rows.SegmentEnds, rows.SegmentStays = g.stays.firsts, g.stays.ends, g.stays.rows
	rows.Offers = lastByKey(rows.Offers, func(a, b OfferRow) int {
		return cmp.Or(cmp.Compare(a.Offer, b.Offer), cmp.Compare(a.Policy, b.Policy))
	})
	rows.Policies = lastByKey(rows.Policies, func(a, b PolicyRow) int {
		return cmp.Or(cmp.Compare(a.Policy, b.Policy), cmp.Compare(a.Version, b.Version))
	})
	rows.FeatureViews = lastByKey(rows.FeatureViews, func(a, b FeatureViewRow) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), bytes.Compare(a.Fingerprint, b.Fingerprint))
	})
	rows.Definitions = lastByKey(rows.Definitions, func(a, b DefinitionRow) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name))
	})
	rows.Guards = lastByKey(rows.Guards, func(a, b GuardsRow) int { return cmp.Compare(a.Version, b.Version) })
	rows.MatchModels = lastByKey(rows.MatchModels, func(a, b MatchModelRow) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Version, b.Version))
	})
	rows.Resolutions = lastByKey(rows.Resolutions, func(a, b ResolutionRow) int { return a.Of.Compare(b.Of) })
}

// lastByKey sorts rows by key and keeps the last of each.
func lastByKey[R any](rows []R, compare func(a, b R) int) []R {
	slices.SortStableFunc(rows, compare)
	kept := rows[:0]
	for i, r := range rows {
		if i+1 == len(rows) || compare(r, rows[i+1]) != 0 {
			kept = append(kept, r)
		}
	}
	return kept
}
