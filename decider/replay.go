package decider

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/feature"
	"github.com/profferhq/proffer/domain/past"
	"github.com/profferhq/proffer/domain/policy"
)

// ReplayRecord chooses again from what the record says was known, with the policy version and the models that it names.
// It fails with ErrRecord when the record is not one that a decider writes; a record whose outcome cannot be reached at
// all is a difference.
func ReplayRecord(c *policy.Compiled, record *event.Decision, models []Answering) (*event.Decision, []Difference, error) {
	in, err := InputOf(record)
	if err != nil {
		return nil, nil, err
	}
	in.Models = models
	again, err := Choose(c, in)
	if errors.Is(err, ErrUnknownPlacement) {
		return nil, []Difference{{From: FromRecord, Field: "placement", Recorded: record.GetPlacement(), Replayed: "unknown"}}, nil
	}
	if err != nil {
		return nil, nil, err
	}
	return again, Differences(FromRecord, record, again), nil
}

// Replayer makes recorded decisions again, from their records and independently from the raw events of the log.
type Replayer struct {
	source   Source
	policies *Policies
	traces   *Traces // nil when none were given
}

// NewReplayer needs the log and its policies, loaded.
func NewReplayer(source Source, policies *Policies) *Replayer {
	return &Replayer{source: source, policies: policies}
}

// TracedBy lets Suppose find what IDENTITY says of one person without reading all of it. Replay always reads all of it:
// it depends on nothing that a process remembers.
func (r *Replayer) TracedBy(traces *Traces) { r.traces = traces }

// Replayed is the outcome for one decision.
type Replayed struct {
	ID domain.Alias
	At domain.Position
	// External: another system decided; there is nothing to make again, and it is never called identical.
	External bool
	// Digest is the SHA-256 of the record's canonical bytes.
	Digest      domain.Hash
	Differences []Difference
}

// Identical says whether the decision was made here and came out the same.
func (r Replayed) Identical() bool { return !r.External && len(r.Differences) == 0 }

// One replays one decision both ways.
func (r *Replayer) One(ctx context.Context, l Logged) (Replayed, error) {
	ends, err := endsOf(ctx, r.source)
	if err != nil {
		return Replayed{}, fmt.Errorf("decider: replay: %w", err)
	}
	to := reach(l, ends)
	h, err := readPast(ctx, r.source, to[domain.Identity], r.policies)
	if err != nil {
		return Replayed{}, fmt.Errorf("decider: replay: %w", err)
	}
	h.wantDecision(l.Record)
	if err := h.readEvents(ctx, r.source, to); err != nil {
		return Replayed{}, fmt.Errorf("decider: replay: %w", err)
	}
	out, err := r.replay(ctx, l, h)
	if err != nil {
		return Replayed{}, fmt.Errorf("decider: replay: %w", err)
	}
	return out, nil
}

// reach is how far into each stream the record's inputs go, up to the log's ends.
func reach(l Logged, ends domain.Cut) domain.Cut {
	var to domain.Cut
	to[domain.Identity] = l.Record.GetCut().GetIdentity()
	to[domain.Decision] = max(l.At.Sequence, l.Record.GetCut().GetDecision())
	for _, a := range l.Record.GetAliases() {
		to[domain.Behaviour] = max(to[domain.Behaviour], a.GetBehaviour().GetSequence())
		to[domain.Outcome] = max(to[domain.Outcome], a.GetOutcome().GetSequence())
		to[domain.Decision] = max(to[domain.Decision], a.GetDecision().GetSequence())
	}
	for s := range to {
		to[s] = min(to[s], ends[s])
	}
	return to
}

// aliasesOf are the aliases that a record is about; what is no alias is left out.
func aliasesOf(d *event.Decision) []domain.Alias {
	var out []domain.Alias
	if a, err := domain.AliasFromBytes(d.GetRequestedAlias()); err == nil {
		out = append(out, a)
	}
	for _, seen := range d.GetAliases() {
		if a, err := domain.AliasFromBytes(seen.GetAlias()); err == nil {
			out = append(out, a)
		}
	}
	return out
}

// replay makes one decision again from its record and, with a history, from the events.
func (r *Replayer) replay(ctx context.Context, l Logged, h *history) (Replayed, error) {
	canonical := domain.Canonical(l.Record)
	out := Replayed{At: l.At, External: l.Record.GetExternal(), Digest: sha256.Sum256(canonical)}
	out.ID, _ = domain.AliasFromBytes(l.Record.GetId())
	if out.External {
		return out, nil
	}
	compiled, differences, err := r.policyOf(l.Record)
	if err != nil {
		return out, err
	}
	if out.Differences = differences; compiled == nil {
		return out, nil
	}
	if h != nil {
		again, err := r.replayEvents(ctx, compiled, l, h)
		if err != nil {
			return out, err
		}
		if again != nil && bytes.Equal(canonical, domain.Canonical(again)) {
			// What was known is in those bytes too: choosing again from the record would repeat the same call.
			return out, nil
		}
		if again != nil {
			out.Differences = append(out.Differences, Differences(FromEvents, l.Record, again)...)
		}
	}
	models, err := r.policies.models.asRecorded(ctx, l.Record)
	if err != nil {
		return out, err
	}
	_, differences, err = ReplayRecord(compiled, l.Record, models)
	if errors.Is(err, ErrRecord) {
		differences, err = []Difference{{From: FromRecord, Field: "id", Recorded: "unreadable", Replayed: "an id"}}, nil
	}
	out.Differences = append(out.Differences, differences...)
	return out, err
}

// policyOf is the policy version of a record, and how it differs from what POLICY says was in effect.
func (r *Replayer) policyOf(d *event.Decision) (*policy.Compiled, []Difference, error) {
	var found []Difference
	differ := func(field, recorded, replayed string) {
		if recorded != replayed {
			found = append(found, Difference{From: FromEvents, Field: field, Recorded: recorded, Replayed: replayed})
		}
	}
	owner, known := r.policies.ownerAt(d.GetPlacement(), d.GetCut().GetPolicy())
	if !known {
		differ("policy", d.GetPolicy(), "none")
	} else {
		differ("policy", d.GetPolicy(), owner.Policy.GetId())
		differ("policy_version", fmt.Sprint(d.GetPolicyVersion()), fmt.Sprint(owner.Version))
	}
	published, known := r.policies.Version(d.GetPolicy(), d.GetPolicyVersion())
	if !known {
		return nil, append(found, Difference{
			From: FromRecord, Field: "policy_version", Recorded: fmt.Sprint(d.GetPolicyVersion()), Replayed: "not in the log",
		}), nil
	}
	if view, live := r.policies.viewAt(published.Policy.GetView(), d.GetCut().GetPolicy()); live {
		differ("view", d.GetView(), view.Name())
	}
	differ("policy_digest", fmt.Sprintf("%x", d.GetPolicyDigest()), published.Digest.String())
	compiled, err := published.CompiledFor(d.GetView())
	return compiled, found, err
}

// replayEvents finds from the raw events what was known at the record's cut, and chooses from that. Only the request
// itself, the decision's id and its time are taken from the record. It is nil when the record cannot be read or its
// placement is unknown: the replay from the record names that.
func (r *Replayer) replayEvents(ctx context.Context, c *policy.Compiled, l Logged, h *history) (*event.Decision, error) {
	in, err := InputOf(l.Record)
	if err != nil {
		return nil, nil //nolint:nilerr // named by the replay from the record
	}
	if in, err = h.input(c, in, l); err != nil {
		return nil, err
	}
	if in.Models, err = r.models(ctx, c, in, l); err != nil {
		return nil, err
	}
	again, err := Choose(c, in)
	if err != nil {
		return nil, nil //nolint:nilerr // the same
	}
	return again, nil
}

// models are those that POLICY says answered at the record's cut, about the profile that the events say.
func (r *Replayer) models(ctx context.Context, c *policy.Compiled, in Input, l Logged) ([]Answering, error) {
	out := r.policies.models.answering(c, in.Cut.GetPolicy(), in.Profile)
	return out, r.policies.models.attach(ctx, out, l.Record)
}

// input replaces in an input all that the events say.
func (h *history) input(c *policy.Compiled, in Input, l Logged) (Input, error) {
	cut := domain.CutOf(in.Cut)
	aliases := h.Profile(in.Requested, cut[domain.Identity])
	return h.inputOf(c, in, l, aliases, [domain.Streams]domain.Position{})
}

// inputOf is input for a profile of these aliases. Of an alias that the record does not name, the events up to unseen
// are read.
func (h *history) inputOf(
	c *policy.Compiled, in Input, l Logged, aliases []domain.Alias, unseen [domain.Streams]domain.Position,
) (Input, error) {
	cut := domain.CutOf(in.Cut)
	in.Profile = aliases[0]
	seen := map[domain.Alias]*event.SeenAlias{}
	for _, s := range in.Aliases {
		if a, err := domain.AliasFromBytes(s.GetAlias()); err == nil {
			seen[a] = s
		}
	}
	in.Aliases = make([]*event.SeenAlias, 0, len(aliases))
	activities := make([]feature.Activity, 0, len(aliases))
	var contacts []*event.Contact
	for _, alias := range aliases {
		p := h.persons[alias]
		if p == nil {
			p = &personPast{Events: past.Events{Layout: h.layout}}
		}
		to := unseen
		to[domain.Identity] = past.EndOf(cut[domain.Identity])
		if s := seen[alias]; s != nil {
			to = past.Positions(s, cut[domain.Identity])
		}
		a, err := p.Read(to)
		if err != nil {
			return in, err
		}
		activities = append(activities, a)
		in.Aliases = append(in.Aliases, seenOf(alias, &a))
		contacts = append(contacts, p.contactsKnown(l, cut[domain.Decision], in.NowMS-c.LongestWindow())...)
	}
	at, _ := c.Placement(in.Placement)
	merged := feature.Merge(activities...)
	in.Vector = c.View().ReadAt(merged, momentOf(in, at), nil)
	read := h.policies.segmentsAt(c, cut[domain.Policy])
	in.Segments = asInRecord(inSegments(read, merged, in.NowMS, c, in.Vector), l.Record)
	in.Consents = h.consents.Seen(aliases, c.Purposes(), cut[domain.Identity])
	if in.Contacts = nil; c.LongestWindow() > 0 {
		in.Contacts = knownContacts(contacts)
	}
	return in, nil
}

// momentOf is what the view reads of a recorded request.
func momentOf(in Input, at *policy.Placement) feature.Moment {
	m := feature.Moment{NowMS: in.NowMS, Placement: in.Placement, Context: in.Context}
	if at != nil {
		m.Channel = at.Event.GetChannel()
	}
	return m
}

// contactsKnown applies the rule: contacts in the decision's lane before it, and in other lanes up to its cut.
func (p *personPast) contactsKnown(l Logged, cut uint64, since int64) []*event.Contact {
	var out []*event.Contact
	for _, c := range p.contacts {
		known := c.at.Sequence <= cut
		if c.lane == l.Lane {
			known = l.At.After(c.at)
		}
		if known && c.contact.GetTimeMs() > since {
			out = append(out, c.contact)
		}
	}
	return out
}
