package decider

import (
	"context"
	"fmt"
	"math"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/identity"
	"github.com/profferhq/proffer/domain/past"
	"github.com/profferhq/proffer/domain/policy"
)

// FromIdentity marks the differences of a decision made again under another identity.
const FromIdentity = "identity"

// Latest as a cut is the log's end when the work begins.
const Latest uint64 = math.MaxUint64

// Supposition is an identity to make a recorded decision under, in place of the one known then. All else stays as it
// was: the time, the draws, the policy version, what was known of each alias, and the lane, whose contacts before the
// decision count.
//
// What would differ under the identity known now is Cut Latest. What a change would have done is the change at each
// decision's own cut, Cut 0: links that came since are not its doing.
type Supposition struct {
	// Cut is the sequence of IDENTITY whose links and marks count: 0 is the decision's own, Latest the log's end.
	Cut uint64
	// Changes are links made and taken back and marks, taken as if they stood right after the cut.
	Changes []*event.Event
}

// Known is who one person is at a cut of IDENTITY.
type Known struct {
	Cut uint64
	// Aliases ascending; the first is the profile's id.
	Aliases []domain.Alias
}

// Supposed is a recorded decision beside the one that another identity would have given.
type Supposed struct {
	Logged
	Then, Now Known
	// Again is the record as it would have been. Its cut is that of the decision.
	Again *event.Decision
	// Differences by field, all of them FromIdentity.
	Differences []Difference
	// Features that have another value, in the view's order.
	Features []ChangedFeature
}

// ChangedFeature is one value of the vector then and now; NaN is missing.
type ChangedFeature struct {
	Name      string
	Then, Now float64
}

// Different says whether the person would have got another answer: the offer, its treatment or the reason.
func (s Supposed) Different() bool {
	return s.Record.GetOffer() != s.Again.GetOffer() || s.Record.GetTreatment() != s.Again.GetTreatment() ||
		s.Record.GetReason() != s.Again.GetReason()
}

// Suppose makes a decision again under another identity. Of an alias that the decision did not know as the person's,
// the events up to its cut count. It fails with ErrRecord or ErrUnknownPlacement when the record is not one that a
// decider writes, with ErrNotFound when the log does not hold its policy version, with ErrExternal when another
// system decided, and as reading the log does.
func (r *Replayer) Suppose(ctx context.Context, l Logged, s Supposition) (Supposed, error) {
	if l.Record.GetExternal() {
		return Supposed{}, ErrExternal
	}
	set, err := r.suppositions(ctx, s, l)
	if err != nil {
		return Supposed{}, fmt.Errorf("decider: suppose another identity: %w", err)
	}
	out, err := set.make(ctx, r, l)
	if err != nil {
		return Supposed{}, fmt.Errorf("decider: suppose another identity: %w", err)
	}
	return out, nil
}

// suppositions are what decisions are made again from.
type suppositions struct {
	*history
	cut uint64 // 0: the decision's own
	// changes by the profile of those whom any link, of the log or supposed, ever joined: no change of another group
	// concerns a person.
	ever    *identity.Graph
	changes map[domain.Alias][]past.Change
}

// suppositions reads what these decisions need, in one scan of each stream at most.
func (r *Replayer) suppositions(ctx context.Context, s Supposition, decisions ...Logged) (*suppositions, error) {
	ends, err := endsOf(ctx, r.source)
	if err != nil {
		return nil, err
	}
	out := &suppositions{cut: min(s.Cut, ends[domain.Identity]), changes: map[domain.Alias][]past.Change{}}
	var to domain.Cut
	for _, l := range decisions {
		to = latest(to, reach(l, ends), known(l, ends))
	}
	if out.history, err = r.linksFor(ctx, s, out.cut, to[domain.Identity], decisions); err != nil {
		return nil, err
	}
	out.group(s.Changes)
	for _, l := range decisions {
		out.wantDecision(l.Record)
		if requested, err := domain.AliasFromBytes(l.Record.GetRequestedAlias()); err == nil {
			out.want(out.supposed(requested, l).Aliases...)
		}
	}
	return out, out.readEvents(ctx, r.source, to)
}

// linksFor begins the history of these decisions, which see IDENTITY up to `to`. Where no change is supposed, one
// decision asks for the links around one alias at two cuts.
func (r *Replayer) linksFor(ctx context.Context, s Supposition, cut, to uint64, decisions []Logged) (*history, error) {
	if r.traces == nil || len(s.Changes) > 0 || len(decisions) != 1 {
		h, err := readPast(ctx, r.source, max(to, cut), r.policies)
		if err == nil {
			h.traces = r.traces // who is wanted follows from the links: what is said of them is not worth another scan
		}
		return h, err
	}
	record := decisions[0].Record
	requested, err := domain.AliasFromBytes(record.GetRequestedAlias())
	if err != nil {
		return nil, fmt.Errorf("%w: the alias that was asked for", ErrRecord)
	}
	own := min(record.GetCut().GetIdentity(), to)
	if cut == 0 {
		cut = own
	}
	h, err := traceLinks(ctx, r.traces, requested, r.policies.layout(), own, cut)
	if err == nil {
		h.policies = r.policies
	}
	return h, err
}

// known is how far into each stream the decision could see at its cut.
func known(l Logged, ends domain.Cut) domain.Cut {
	to := domain.CutOf(l.Record.GetCut())
	for s := range to {
		to[s] = min(to[s], ends[s])
	}
	return to
}

func latest(cuts ...domain.Cut) domain.Cut {
	var out domain.Cut
	for _, c := range cuts {
		for s := range c {
			out[s] = max(out[s], c[s])
		}
	}
	return out
}

// group sorts the supposed changes by whom they may concern.
func (s *suppositions) group(events []*event.Event) {
	var changes []past.Change
	for _, e := range events {
		if c, ok := past.ChangeOf(0, e); ok {
			changes = append(changes, c)
		}
	}
	if len(changes) == 0 {
		return
	}
	s.ever = identity.NewGraph()
	at := uint64(0)
	for _, list := range [][]past.Change{s.Changes(), changes} {
		for _, c := range list {
			if c.Joins() {
				at++
				s.ever.Apply(domain.Recorded{At: domain.Position{Sequence: at}, Event: c.Event()})
			}
		}
	}
	for _, c := range changes {
		group := s.ever.Profile(c.Alias())
		s.changes[group] = append(s.changes[group], c)
	}
}

// supposed is who the person that asked is under the supposition.
func (s *suppositions) supposed(requested domain.Alias, l Logged) Known {
	k := Known{Cut: s.cut}
	if k.Cut == 0 {
		k.Cut = l.Record.GetCut().GetIdentity()
	}
	var changes []past.Change
	if s.ever != nil {
		changes = s.changes[s.ever.Profile(requested)]
	}
	k.Aliases = s.ProfileSupposing(requested, k.Cut, changes)
	return k
}

// make makes one decision again.
func (s *suppositions) make(ctx context.Context, r *Replayer, l Logged) (Supposed, error) {
	out := Supposed{Logged: l}
	published, found := r.policies.Version(l.Record.GetPolicy(), l.Record.GetPolicyVersion())
	if !found {
		return out, fmt.Errorf("%w: policy %s version %d", ErrNotFound, l.Record.GetPolicy(), l.Record.GetPolicyVersion())
	}
	compiled, err := published.CompiledFor(l.Record.GetView())
	if err != nil {
		return out, err
	}
	in, err := InputOf(l.Record)
	if err != nil {
		return out, err
	}
	out.Then.Cut = l.Record.GetCut().GetIdentity()
	for _, seen := range l.Record.GetAliases() {
		if alias, err := domain.AliasFromBytes(seen.GetAlias()); err == nil {
			out.Then.Aliases = append(out.Then.Aliases, alias)
		}
	}
	out.Now = s.supposed(in.Requested, l)
	if in, err = s.inputOf(compiled, in, l, out.Now.Aliases, unseen(l)); err != nil {
		return out, err
	}
	if in.Models, err = r.models(ctx, compiled, in, l); err != nil {
		return out, err
	}
	if out.Again, err = Choose(compiled, in); err != nil {
		return out, err
	}
	out.Differences = Differences(FromIdentity, l.Record, out.Again)
	out.Features = changedFeatures(compiled, l.Record.GetVector(), in.Vector)
	return out, nil
}

// unseen is up to where the events of an alias count that the decision did not read: its cut, and before itself.
func unseen(l Logged) [domain.Streams]domain.Position {
	cut := domain.CutOf(l.Record.GetCut())
	var to [domain.Streams]domain.Position
	for s := range to {
		to[s] = past.EndOf(cut[s])
	}
	if !l.At.After(to[domain.Decision]) && l.At.Sequence > 0 {
		to[domain.Decision] = past.EndOf(l.At.Sequence - 1)
	}
	return to
}

func changedFeatures(c *policy.Compiled, then, now []float64) []ChangedFeature {
	var out []ChangedFeature
	for i, spec := range c.View().Specs() {
		changed := ChangedFeature{Name: spec.Name, Then: domain.CanonicalNaN, Now: domain.CanonicalNaN}
		if i < len(then) {
			changed.Then = then[i]
		}
		if i < len(now) {
			changed.Now = now[i]
		}
		if changed.Then != changed.Now && !(math.IsNaN(changed.Then) && math.IsNaN(changed.Now)) {
			out = append(out, changed)
		}
	}
	return out
}
