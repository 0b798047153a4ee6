package decider

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/feature"
	"github.com/profferhq/proffer/domain/past"
)

// Times says when the entries of the log were appended.
type Times interface {
	// LastBy is the last sequence of a stream that was appended at or before a time; 0 for none. It fails with
	// domain.ErrUnavailable when the log cannot be reached.
	LastBy(ctx context.Context, stream domain.Stream, at time.Time) (uint64, error)
}

// Profile is a person as known at a cut, with the vector that a decision would have read.
type Profile struct {
	// Aliases ascending; the first is the profile's id.
	Aliases []domain.Alias
	Cut     domain.Cut
	// Vector has one value a feature of the view, NaN for missing, at NowMS (Unix milliseconds).
	View   feature.View
	Vector []float64
	NowMS  int64
	// Exact says of each value whether nothing in its window was rounded (View.Exact).
	Exact []bool
	// Contacts are the offers received, oldest first, as many as an activity keeps.
	Contacts []*event.Contact
}

// ID is the profile's id: its earliest alias.
func (p Profile) ID() domain.Alias { return p.Aliases[0] }

// Profiles reads whole profiles: as the live views have them, and as of any cut from the raw events of the log.
type Profiles struct {
	source  Source
	times   Times
	traces  *Traces
	vectors *Vectors
}

// NewProfiles needs the log, the times of its entries, what it says about whom, and what the decider decides from.
func NewProfiles(source Source, times Times, traces *Traces, vectors *Vectors) *Profiles {
	return &Profiles{source: source, times: times, traces: traces, vectors: vectors}
}

// Now is an alias's profile as known now, from the live views. Its cut is that of the views; that of IDENTITY is the
// graph's.
func (p *Profiles) Now(ctx context.Context, alias domain.Alias, view feature.View, nowMS int64) (Profile, error) {
	g, err := p.vectors.gather(ctx, alias, view, feature.Moment{NowMS: nowMS})
	if err != nil {
		return Profile{}, fmt.Errorf("decider: read the profile: %w", err)
	}
	defer p.vectors.release(g)
	cut := g.applied
	cut[domain.Identity] = g.cut
	return Profile{
		Aliases: g.aliases, Cut: cut, View: view, Vector: g.vector, NowMS: nowMS,
		Contacts: g.merged.Contacts(math.MinInt64), Exact: view.Exact(g.merged, nowMS),
	}, nil
}

// AsOf is an alias's profile as it stood at a cut, read at a time, from the raw events: what a projection that had
// stopped at the cut would hold. Of IDENTITY it reads what concerns the profile, of the other streams everything up to
// the cut; sequences beyond a stream's end mean its end, and the profile's cut names it.
func (p *Profiles) AsOf(
	ctx context.Context, alias domain.Alias, view feature.View, cut domain.Cut, nowMS int64,
) (Profile, error) {
	return p.asOf(ctx, alias, view, cut, nowMS, nil)
}

// HappenedBy is AsOf without what happened later than the time at which it is read. Reading an activity leaves that out as
// well, as far as it keeps it one by one; here it is not folded, so it displaces nothing however much there is of it.
func (p *Profiles) HappenedBy(
	ctx context.Context, alias domain.Alias, view feature.View, cut domain.Cut, nowMS int64,
) (Profile, error) {
	return p.asOf(ctx, alias, view, cut, nowMS, func(r domain.Recorded) bool { return domain.TimeOf(r.Event) > nowMS })
}

func (p *Profiles) asOf(
	ctx context.Context, alias domain.Alias, view feature.View, cut domain.Cut, nowMS int64, skip func(domain.Recorded) bool,
) (Profile, error) {
	ends, err := endsOf(ctx, p.source)
	if err != nil {
		return Profile{}, fmt.Errorf("decider: read the profile as of a cut: %w", err)
	}
	for s := range cut {
		cut[s] = min(cut[s], ends[s])
	}
	h, err := traceLinks(ctx, p.traces, alias, feature.LayoutOf(view), cut[domain.Identity])
	if err != nil {
		return Profile{}, fmt.Errorf("decider: read the profile as of a cut: %w", err)
	}
	h.skip = skip
	out := Profile{Aliases: h.Profile(alias, cut[domain.Identity]), Cut: cut, View: view, NowMS: nowMS}
	h.want(out.Aliases...)
	if err := h.readEvents(ctx, p.source, cut); err != nil {
		return Profile{}, fmt.Errorf("decider: read the profile as of a cut: %w", err)
	}
	merged, err := h.merged(out.Aliases, cut)
	if err != nil {
		return Profile{}, fmt.Errorf("decider: read the profile as of a cut: %w", err)
	}
	out.Vector, out.Contacts = view.Read(merged, nowMS, nil), merged.Contacts(math.MinInt64)
	out.Exact = view.Exact(merged, nowMS)
	return out, nil
}

// merged is what is known of these aliases together at a cut.
func (h *history) merged(aliases []domain.Alias, cut domain.Cut) (feature.Activity, error) {
	var to [domain.Streams]domain.Position
	for s := range to {
		to[s] = past.EndOf(cut[s])
	}
	activities := make([]feature.Activity, 0, len(aliases))
	for _, alias := range aliases {
		a, err := h.persons[alias].Read(to)
		if err != nil {
			return feature.Activity{}, err
		}
		activities = append(activities, a)
	}
	return feature.Merge(activities...), nil
}

// CutAt is the cut at a time: of each stream that decisions depend on, the last entry appended at or before it. What
// a source says about when something happened does not move it: it tells what was known then.
func (p *Profiles) CutAt(ctx context.Context, at time.Time) (domain.Cut, error) {
	var cut domain.Cut
	for _, s := range []domain.Stream{domain.Behaviour, domain.Identity, domain.Decision, domain.Outcome, domain.Policy} {
		last, err := p.times.LastBy(ctx, s, at)
		if err != nil {
			return cut, fmt.Errorf("decider: find the cut at a time: %w", err)
		}
		cut[s] = last
	}
	return cut, nil
}
