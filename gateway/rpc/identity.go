package rpc

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"strings"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/profferhq/proffer/decider"
	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/consent"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/feature"
	"github.com/profferhq/proffer/domain/identity"
	profferv1 "github.com/profferhq/proffer/gateway/api/proffer/v1"
)

// Names finds the aliases of identifiers and back.
type Names interface {
	// Known is the alias of an identifier; zero when it was never seen. It fails with *identity.Malformed.
	Known(id identity.Identifier) (domain.Alias, error)
	// Made is the alias of an identifier, which gets one if it has none. It fails as Known does, and with
	// domain.ErrUnavailable.
	Made(ctx context.Context, id identity.Identifier) (domain.Alias, error)
	// Knows says whether an alias stands for an identifier.
	Knows(alias domain.Alias) bool
	// Identifiers are those that aliases stand for, in order; zero where there is none any more. It fails with
	// domain.ErrUnavailable.
	Identifiers(ctx context.Context, aliases []domain.Alias) ([]identity.Identifier, error)
}

// People is who is one person now.
type People interface {
	// Look calls a function with the live register, which stands still and must only be read meanwhile.
	Look(look func(*identity.Register))
	// GuardsInForce is the latest change of the guards; nil when the defaults hold.
	GuardsInForce() *event.GuardsChanged
	// MatchModel is the model by which records are compared; nil when there never was one.
	MatchModel() *event.MatchModelChanged
}

// Entries reads single entries of the log.
type Entries interface {
	Last(ctx context.Context, stream domain.Stream) (uint64, error)
	At(ctx context.Context, stream domain.Stream, sequence uint64) (domain.Envelope, error)
}

// Profiles reads the features of people.
type Profiles interface {
	Now(ctx context.Context, alias domain.Alias, view feature.View, nowMS int64) (decider.Profile, error)
	AsOf(ctx context.Context, alias domain.Alias, view feature.View, cut domain.Cut, nowMS int64) (decider.Profile, error)
	HappenedBy(ctx context.Context, alias domain.Alias, view feature.View, cut domain.Cut, nowMS int64) (decider.Profile, error)
	CutAt(ctx context.Context, at time.Time) (domain.Cut, error)
}

// Identity implements IdentityService.
type Identity struct {
	Names    Names
	People   People
	Log      Entries
	Traces   *decider.Traces
	Profiles Profiles
	// Views finds a feature view by its name.
	Views      func(name string) (feature.View, bool)
	Changing   Changing
	Guarding   Guarding
	Modelling  Modelling
	Previewing Previewing
	Supposing  Supposing
	// InEffect waits until this server decides by what IDENTITY holds.
	InEffect InEffect
	// Count is how many profiles there are.
	Count func() uint64
	Now   func() time.Time
}

// whoIs is the alias that a request names; zero when its identifier was never seen.
func (s *Identity) whoIs(w *profferv1.Who) (domain.Alias, error) {
	if id := w.GetIdentifier(); id != nil {
		return s.Names.Known(identity.Identifier{Type: id.GetType(), Value: id.GetValue()})
	}
	alias, err := domain.ParseAlias(w.GetAlias())
	if err != nil {
		return domain.Alias{}, errWho
	}
	if !s.Names.Knows(alias) {
		return domain.Alias{}, nil
	}
	return alias, nil
}

// seen is whoIs for those who must have been seen.
func (s *Identity) seen(w *profferv1.Who) (domain.Alias, error) {
	alias, err := s.whoIs(w)
	if err == nil && alias.IsZero() {
		err = errNeverSeen
	}
	return alias, err
}

// Refusals of the identity service.
var (
	errWho       = refusal(connect.CodeInvalidArgument, "WHO_INVALID", "name a person by an identifier, or by an alias of 32 hexadecimal digits")
	errNeverSeen = refusal(connect.CodeNotFound, "IDENTIFIER_UNKNOWN", "nobody was ever seen under this identifier")
	errCut       = refusal(connect.CodeInvalidArgument, "CUT_INVALID", "as_of is no cut: want STREAM/sequence for each stream, as answers write it")
)

// Resolve implements IdentityService.
func (s *Identity) Resolve(ctx context.Context, r *profferv1.ResolveRequest) (*profferv1.ResolveResponse, error) {
	alias, err := s.whoIs(r.GetWho())
	if err != nil {
		return nil, err
	}
	if r.GetAsOf() == nil {
		var out *profferv1.ResolveResponse
		s.People.Look(func(register *identity.Register) { out = resolved(register.Graph(), alias, register.Applied()) })
		return out, nil
	}
	cut, _, err := s.moment(ctx, r)
	if err != nil {
		return nil, err
	}
	end, err := s.Log.Last(ctx, domain.Identity)
	if err != nil {
		return nil, err
	}
	at := min(cut[domain.Identity], end)
	if alias.IsZero() {
		return resolved(nil, alias, at), nil
	}
	graph, err := s.graphAt(ctx, alias, false, at)
	if err != nil {
		return nil, err
	}
	return resolved(graph, alias, at), nil
}

// resolved is what a graph says of an alias; nothing of the zero alias.
func resolved(g *identity.Graph, alias domain.Alias, at uint64) *profferv1.ResolveResponse {
	if alias.IsZero() {
		return &profferv1.ResolveResponse{Position: sequenceText(at)}
	}
	return &profferv1.ResolveResponse{
		Known: true, Alias: alias.String(), Profile: g.Profile(alias).String(), Mark: g.Mark(alias).String(), Position: sequenceText(at),
	}
}

// sequenceText is a sequence of IDENTITY as a position: all of its envelope is meant.
func sequenceText(sequence uint64) string {
	if sequence == 0 {
		return ""
	}
	return fmt.Sprintf("%s/%d", domain.Identity, sequence)
}

// Get implements IdentityService.
func (s *Identity) Get(ctx context.Context, r *profferv1.GetRequest) (*profferv1.GetResponse, error) {
	alias, err := s.seen(r.GetWho())
	if err != nil {
		return nil, err
	}
	view, err := s.view(r.GetView())
	if err != nil {
		return nil, err
	}
	if r.GetAsOf() == nil {
		return s.present(ctx, r, alias, view)
	}
	cut, at, err := s.moment(ctx, r)
	if err != nil {
		return nil, err
	}
	return s.past(ctx, r, alias, view, cut, at)
}

func noView(name string) error {
	return refusal(connect.CodeNotFound, "UNKNOWN_VIEW", fmt.Sprintf("there is no feature view %q: ListViews, or proffer feature list, has those that there are", name))
}

func (s *Identity) view(name string) (feature.View, error) {
	if v, known := s.Views(cmp.Or(name, feature.DefaultView)); known {
		return v, nil
	}
	return feature.View{}, noView(name)
}

// present is a profile as known now.
func (s *Identity) present(ctx context.Context, r *profferv1.GetRequest, alias domain.Alias, view feature.View) (*profferv1.GetResponse, error) {
	out := &profferv1.GetResponse{}
	cut, err := s.ends(ctx)
	if err != nil {
		return nil, err
	}
	if !r.GetIdentityOnly() {
		known, err := s.Profiles.Now(ctx, alias, view, s.Now().UnixMilli())
		if err != nil {
			return nil, err
		}
		out.View, out.Features = view.Name(), featuresOf(known)
		for _, folded := range []domain.Stream{domain.Behaviour, domain.Decision, domain.Outcome} {
			cut[folded] = known.Cut[folded] // what the views have
		}
	}
	var who portrait
	s.People.Look(func(register *identity.Register) { who = portraitOf(register.Graph(), register.Consents(), alias) })
	out.Profile, err = s.profile(ctx, who, cut[domain.Identity])
	out.Cut = cutText(cut)
	return out, err
}

// past is a profile as it was known at a cut; its features are read at a time.
func (s *Identity) past(
	ctx context.Context, r *profferv1.GetRequest, alias domain.Alias, view feature.View, cut domain.Cut, at time.Time,
) (*profferv1.GetResponse, error) {
	out := &profferv1.GetResponse{}
	ends, err := s.ends(ctx)
	if err != nil {
		return nil, err
	}
	for stream := range cut {
		cut[stream] = min(cut[stream], ends[stream])
	}
	if !r.GetIdentityOnly() {
		if at.IsZero() {
			var err error
			if at, err = s.timeOf(ctx, cut); err != nil {
				return nil, err
			}
		}
		known, err := s.Profiles.AsOf(ctx, alias, view, cut, at.UnixMilli())
		if err != nil {
			return nil, err
		}
		out.View, out.Features = view.Name(), featuresOf(known)
	}
	graph, err := s.graphAt(ctx, alias, true, cut[domain.Identity])
	if err != nil {
		return nil, err
	}
	history, err := s.Traces.Of(ctx, graph.Aliases(alias), cut[domain.Identity])
	if err != nil {
		return nil, err
	}
	said := consent.NewBook()
	for _, r := range history {
		said.Apply(r)
	}
	out.Profile, err = s.drawn(ctx, portraitOf(graph, said, alias), history)
	out.Cut = cutText(cut)
	return out, err
}

// ends are the ends of all streams.
func (s *Identity) ends(ctx context.Context) (domain.Cut, error) {
	var out domain.Cut
	for _, stream := range domain.AllStreams() {
		last, err := s.Log.Last(ctx, stream)
		if err != nil {
			return out, err
		}
		out[stream] = last
	}
	return out, nil
}

func featuresOf(p decider.Profile) []*profferv1.ProfileFeature {
	specs := p.View.Specs()
	out := make([]*profferv1.ProfileFeature, 0, len(specs))
	for i, spec := range specs {
		f := &profferv1.ProfileFeature{Name: spec.Name, Missing: math.IsNaN(p.Vector[i])}
		if !f.GetMissing() {
			f.Value = p.Vector[i]
		}
		out = append(out, f)
	}
	return out
}

// asOf is a request that may say when.
type asOf interface {
	GetCut() string
	GetTime() *timestamppb.Timestamp
}

// moment is the cut that a request names, and the time if it names one.
func (s *Identity) moment(ctx context.Context, r asOf) (domain.Cut, time.Time, error) {
	if at := r.GetTime(); at != nil {
		if at.CheckValid() != nil {
			return domain.Cut{}, time.Time{}, errCut
		}
		cut, err := s.Profiles.CutAt(ctx, at.AsTime())
		return cut, at.AsTime(), err
	}
	cut, err := parseCut(r.GetCut())
	return cut, time.Time{}, err
}

// parseCut reads what cutText writes; streams that are left out are at their present end, and of a position all of its
// envelope counts.
func parseCut(text string) (domain.Cut, error) {
	var cut domain.Cut
	for stream := range cut {
		cut[stream] = math.MaxUint64
	}
	named := [domain.Streams]bool{}
	fields := strings.Fields(text)
	for _, field := range fields {
		name, zero := strings.CutSuffix(field, "/0")
		if stream, err := domain.ParseStream(name); zero && err == nil && !named[stream] {
			cut[stream], named[stream] = 0, true
			continue
		}
		place, err := domain.ParsePlace(field)
		if err != nil || named[place.Stream] {
			return cut, errCut
		}
		cut[place.Stream], named[place.Stream] = place.Position.Sequence, true
	}
	if len(fields) == 0 {
		return cut, errCut
	}
	return cut, nil
}

// timeOf is when the last event of a cut was accepted: what is read as of the cut is read at that time. An empty log
// has the epoch.
func (s *Identity) timeOf(ctx context.Context, cut domain.Cut) (time.Time, error) {
	latest := int64(0)
	for stream, sequence := range cut {
		if sequence == 0 {
			continue
		}
		envelope, err := s.Log.At(ctx, domain.Stream(stream), sequence)
		if err != nil {
			return time.Time{}, fmt.Errorf("read the end of a cut: %w", err)
		}
		events, err := envelope.Events()
		if err != nil {
			return time.Time{}, fmt.Errorf("read the end of a cut: %w", err)
		}
		for _, e := range events {
			latest = max(latest, acceptedMS(e))
		}
	}
	return time.UnixMilli(latest), nil
}

// acceptedMS is when an event came to be: a decision's own time, or when the rest was accepted.
func acceptedMS(e *event.Event) int64 {
	return max(e.GetReceivedMs(), e.GetDecision().GetNowMs())
}
