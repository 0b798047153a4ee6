package projectionstest

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"slices"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/projections"
)

type offerKey struct{ offer, policy string }

type policyKey struct {
	policy  string
	version uint64
}

type definitionKey struct{ kind, name string }

type stayKey struct {
	alias               domain.Alias
	definition, segment string
}

type modelKey struct {
	name    string
	version uint64
}

// content is what the tables hold; what happened is in slices, what is replaced in maps.
type content struct {
	happened     projections.Rows
	resolutions  map[domain.Alias]projections.ResolutionRow
	offers       map[offerKey]projections.OfferRow
	policies     map[policyKey]projections.PolicyRow
	featureViews map[string]projections.FeatureViewRow
	definitions  map[definitionKey]projections.DefinitionRow
	guards       map[uint64]projections.GuardsRow
	models       map[modelKey]projections.MatchModelRow
	pairs        map[projections.Pair]projections.PairRow
	aliases      map[domain.Alias]projections.AliasRow
	profiles     map[domain.Alias]projections.ProfileRow
	// history has an alias's stretches in the order of the log.
	history map[domain.Alias][]projections.HistoryRow
	// stays has an alias's stays in each segment in the order of the log.
	stays map[stayKey][]projections.SegmentStay
}

func newContent() content {
	return content{
		resolutions:  map[domain.Alias]projections.ResolutionRow{},
		offers:       map[offerKey]projections.OfferRow{},
		policies:     map[policyKey]projections.PolicyRow{},
		featureViews: map[string]projections.FeatureViewRow{},
		definitions:  map[definitionKey]projections.DefinitionRow{},
		guards:       map[uint64]projections.GuardsRow{},
		models:       map[modelKey]projections.MatchModelRow{},
		pairs:        map[projections.Pair]projections.PairRow{},
		aliases:      map[domain.Alias]projections.AliasRow{},
		profiles:     map[domain.Alias]projections.ProfileRow{},
		history:      map[domain.Alias][]projections.HistoryRow{},
		stays:        map[stayKey][]projections.SegmentStay{},
	}
}

func (c *content) write(rows projections.Rows) {
	c.append(rows)
	for _, r := range rows.Resolutions {
		c.resolutions[r.Of] = r
	}
	for _, r := range rows.Offers {
		c.offers[offerKey{r.Offer, r.Policy}] = r
	}
	for _, r := range rows.Policies {
		c.policies[policyKey{r.Policy, r.Version}] = r
	}
	for _, r := range rows.FeatureViews {
		c.featureViews[r.Name+"/"+string(r.Fingerprint)] = r
	}
	for _, r := range rows.Definitions {
		c.definitions[definitionKey{r.Kind, r.Name}] = r
	}
	c.writeIdentity(rows)
	for _, r := range rows.SegmentFirsts {
		key := stayKey{r.Alias, r.Definition, r.Segment}
		if stored := c.stays[key]; len(stored) == 0 || !stored[len(stored)-1].Left.IsZero() {
			c.stays[key] = append(stored, r)
		}
	}
	for _, e := range rows.SegmentEnds {
		if stored := c.stays[stayKey{e.Alias, e.Definition, e.Segment}]; len(stored) > 0 && stored[len(stored)-1].Left.IsZero() {
			last := &stored[len(stored)-1]
			last.Left, last.LeftVersion = e.Left, e.Version
		}
	}
	for _, r := range rows.SegmentStays {
		key := stayKey{r.Alias, r.Definition, r.Segment}
		c.stays[key] = append(c.stays[key], r)
	}
}

// append adds what happened.
func (c *content) append(rows projections.Rows) {
	h := &c.happened
	h.Behaviour = append(h.Behaviour, rows.Behaviour...)
	h.Lines = append(h.Lines, rows.Lines...)
	h.Identity = append(h.Identity, rows.Identity...)
	h.Consents = append(h.Consents, rows.Consents...)
	h.Decisions = append(h.Decisions, rows.Decisions...)
	h.Candidates = append(h.Candidates, rows.Candidates...)
	h.Outcomes = append(h.Outcomes, rows.Outcomes...)
	h.PolicyEvents = append(h.PolicyEvents, rows.PolicyEvents...)
	h.Quarantined = append(h.Quarantined, rows.Quarantined...)
	h.Unknown = append(h.Unknown, rows.Unknown...)
}

func (c *content) writeIdentity(rows projections.Rows) {
	for _, r := range rows.Guards {
		c.guards[r.Version] = r
	}
	for _, r := range rows.MatchModels {
		c.models[modelKey{r.Name, r.Version}] = r
	}
	for _, r := range rows.Pairs {
		c.pairs[r.Pair] = r
	}
	for _, r := range rows.Aliases {
		c.aliases[r.Alias] = r
	}
	for _, id := range rows.GoneProfiles {
		delete(c.profiles, id)
	}
	for _, r := range rows.Profiles {
		c.profiles[r.Profile] = r
	}
	for _, e := range rows.HistoryEnds {
		if stored := c.history[e.Alias]; len(stored) > 0 && stored[len(stored)-1].To.IsZero() {
			stored[len(stored)-1].To = e.To
		}
	}
	for _, r := range rows.History {
		stored := c.history[r.Alias]
		if !slices.ContainsFunc(stored, func(s projections.HistoryRow) bool { return s.From.At == r.From.At }) {
			c.history[r.Alias] = append(stored, r)
		}
	}
}

// links are the events that an identity graph reads.
func (c *content) links() []domain.Recorded {
	var links []domain.Recorded
	for _, row := range c.happened.Identity {
		if e := linkOf(row); e != nil {
			links = append(links, domain.Recorded{At: row.At, Event: e})
		}
	}
	return links
}

// linkOf is the event as an identity graph reads it; nil when it is none, or about nobody.
func linkOf(row projections.IdentityRow) *event.Event {
	if row.Alias.IsZero() || (row.Other.IsZero() && row.Type != "alias_marked") {
		return nil
	}
	e := &event.Event{Alias: row.Alias[:]}
	switch row.Type {
	case "identity_linked":
		e.Body = &event.Event_IdentityLinked{IdentityLinked: &event.IdentityLinked{Other: row.Other[:]}}
	case "identity_unlinked":
		e.Body = &event.Event_IdentityUnlinked{IdentityUnlinked: &event.IdentityUnlinked{Other: row.Other[:]}}
	case "alias_marked":
		e.Body = &event.Event_AliasMarked{AliasMarked: &event.AliasMarked{Mark: projections.MarkNamed(row.Mark)}}
	default:
		return nil
	}
	return e
}

func (c *content) digest() domain.Hash {
	hash, h := sha256.New(), c.happened
	// The one table that several streams write to: its order is the order of arrival.
	unknown := slices.SortedFunc(slices.Values(h.Unknown), func(a, b projections.UnknownRow) int {
		return cmp.Or(cmp.Compare(a.Stream, b.Stream), a.At.Compare(b.At))
	})
	// %v writes every value, NaN included, and maps with ascending keys.
	for _, part := range []any{
		h.Behaviour, h.Lines, h.Identity, h.Consents, h.Decisions, h.Candidates, h.Outcomes, h.PolicyEvents, h.Quarantined, unknown,
		c.resolutions, c.offers, c.policies, c.featureViews, c.definitions, c.guards, c.models,
		c.pairs, c.aliases, c.profiles, c.history, c.stays,
	} {
		fmt.Fprintf(hash, "%+v\n", part)
	}
	return domain.Hash(hash.Sum(nil))
}
