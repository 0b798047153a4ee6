package rpc

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/profferhq/proffer/decider"
	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/expression"
	"github.com/profferhq/proffer/domain/feature"
	"github.com/profferhq/proffer/domain/label"
	"github.com/profferhq/proffer/domain/problem"
	profferv1 "github.com/profferhq/proffer/gateway/api/proffer/v1"
	"github.com/profferhq/proffer/gateway/labelfile"
	"github.com/profferhq/proffer/projections"
)

// Exporting exports training rows.
type Exporting interface {
	Export(ctx context.Context, r projections.TrainingRequest, sink projections.TrainingSink) (projections.TrainingEnd, error)
}

// PointInTime is the part of FeatureService that reads features as they were known at any cut.
type PointInTime struct {
	Names    Names
	Log      Entries
	Profiles Profiles
	Training Exporting
	// Views finds a feature view by its name, with or without a version.
	Views func(name string) (feature.View, bool)
	// Prepare waits until the live views can be read with a view.
	Prepare func(context.Context, feature.View) error
	Now     func() time.Time
}

var errFeature = errors.New("the view has no such feature")

// GetFeatures implements FeatureService.
func (s *PointInTime) GetFeatures(ctx context.Context, r *profferv1.GetFeaturesRequest) (*profferv1.GetFeaturesResponse, error) {
	alias, err := (&Identity{Names: s.Names}).seen(r.GetWho())
	if err != nil {
		return nil, err
	}
	view, err := s.view(r.GetView())
	if err != nil {
		return nil, err
	}
	wanted, err := wantedFeatures(view, r.GetFeatures())
	if err != nil {
		return nil, err
	}
	known, err := s.known(ctx, r, alias, view)
	if err != nil {
		return nil, err
	}
	fingerprint := view.Fingerprint()
	out := &profferv1.GetFeaturesResponse{
		View: view.Name(), Fingerprint: fingerprint.String(), Profile: known.ID().String(),
		At: timestamppb.New(time.UnixMilli(known.NowMS)), Cut: cutText(known.Cut),
	}
	for _, a := range known.Aliases {
		out.Aliases = append(out.Aliases, a.String())
	}
	specs := view.Specs()
	for _, i := range wanted {
		f := &profferv1.FeatureValue{Name: specs[i].Name, Exact: known.Exact[i]}
		f.Missing, f.Value = missingOr(known.Vector[i])
		out.Features = append(out.Features, f)
	}
	return out, nil
}

func (s *PointInTime) view(name string) (feature.View, error) {
	if v, known := s.Views(cmp.Or(name, feature.DefaultView)); known {
		return v, nil
	}
	return feature.View{}, noView(name)
}

// wantedFeatures are the places of the features that are asked for, in the view's order when that is all.
func wantedFeatures(view feature.View, names []string) ([]int, error) {
	if len(names) == 0 {
		all := make([]int, view.Len())
		for i := range all {
			all[i] = i
		}
		return all, nil
	}
	var out []int
	for _, name := range names {
		i, known := view.Index(name)
		if !known {
			return nil, refusedFeature(view, name)
		}
		out = append(out, i)
	}
	return out, nil
}

func refusedFeature(view feature.View, name string) error {
	var all []string
	for _, s := range view.Specs() {
		all = append(all, s.Name)
	}
	return refusal(connect.CodeInvalidArgument, feature.FaultUnknownFeature, errFeature.Error()+": "+name+expression.Suggestion(name, all))
}

// checkMoment refuses a time that no event can have; none is fine.
func checkMoment(field string, t *timestamppb.Timestamp) error {
	if t == nil || t.CheckValid() == nil && t.AsTime().Year() >= 1970 {
		return nil
	}
	return refusal(connect.CodeInvalidArgument, "TIME_INVALID", field+" is out of range: want a time from 1970 to 9999")
}

// known is the profile at the moment that a request names.
func (s *PointInTime) known(ctx context.Context, r *profferv1.GetFeaturesRequest, alias domain.Alias, view feature.View) (decider.Profile, error) {
	at := s.Now()
	if err := cmp.Or(checkMoment("time (--as-of)", r.GetTime()), checkMoment("at", r.GetAt())); err != nil {
		return decider.Profile{}, err
	}
	if r.GetAsOf() == nil {
		if r.GetAt() != nil {
			at = r.GetAt().AsTime()
		}
		if err := s.Prepare(ctx, view); err != nil {
			return decider.Profile{}, err
		}
		known, err := s.Profiles.Now(ctx, alias, view, at.UnixMilli())
		if err != nil || r.GetAt() == nil || !slices.Contains(known.Exact, false) {
			return known, err
		}
		return s.Profiles.HappenedBy(ctx, alias, view, known.Cut, at.UnixMilli()) // more came since than is kept one by one
	}
	var cut domain.Cut
	var err error
	if t := r.GetTime(); t != nil {
		at = t.AsTime()
		cut, err = s.Profiles.CutAt(ctx, at)
	} else if cut, err = parseCut(r.GetCut()); err == nil && r.GetAt() == nil {
		at, err = (&Identity{Log: s.Log}).timeOfCut(ctx, &cut)
	}
	if err != nil {
		return decider.Profile{}, err
	}
	if r.GetAt() != nil {
		return s.Profiles.HappenedBy(ctx, alias, view, cut, r.GetAt().AsTime().UnixMilli())
	}
	return s.Profiles.AsOf(ctx, alias, view, cut, at.UnixMilli())
}

// timeOfCut is timeOf of a cut whose sequences may lie beyond the ends of their streams; it is brought to them.
func (s *Identity) timeOfCut(ctx context.Context, cut *domain.Cut) (time.Time, error) {
	ends, err := s.ends(ctx)
	if err != nil {
		return time.Time{}, err
	}
	for stream := range cut {
		cut[stream] = min(cut[stream], ends[stream])
	}
	return s.timeOf(ctx, *cut)
}

// labelProblems gives the faults of a label their own reason.
func labelProblems(err error) error {
	var problems problem.List
	if errors.Is(err, label.ErrInvalid) && errors.As(err, &problems) {
		return refusedProblems("LABEL_INVALID", problems)
	}
	return err
}

// ExportTraining implements FeatureService.
func (s *PointInTime) ExportTraining(
	ctx context.Context, r *profferv1.ExportTrainingRequest, stream *connect.ServerStream[profferv1.ExportTrainingResponse],
) error {
	view, err := s.view(r.GetView())
	if err != nil {
		return err
	}
	l, err := labelfile.Parse([]byte(r.GetLabel()), view)
	if err != nil {
		return labelProblems(err)
	}
	request := projections.TrainingRequest{
		View: view, Label: l, AtDecisions: r.GetAtDecisions(), Placement: r.GetPlacement(), Share: r.GetShare(),
	}
	if !request.AtDecisions {
		request.EveryMS = int64(r.GetEveryHours()) * time.Hour.Milliseconds()
	}
	if r.GetFrom() != nil {
		request.FromMS = r.GetFrom().AsTime().UnixMilli()
	}
	if r.GetUntil() != nil {
		request.UntilMS = r.GetUntil().AsTime().UnixMilli()
	}
	sink := &streamed{stream: stream}
	request.Progress = sink.progress
	end, err := s.Training.Export(ctx, request, sink)
	if err != nil {
		return err
	}
	return stream.Send(&profferv1.ExportTrainingResponse{Part: &profferv1.ExportTrainingResponse_End{End: &profferv1.TrainingEnd{
		Rows: end.Rows, Outside: end.Outside, Unfinished: end.Unfinished, Skewed: end.Skewed,
	}}})
}

// streamed sends training rows to a caller.
type streamed struct {
	stream   *connect.ServerStream[profferv1.ExportTrainingResponse]
	features int
}

// progress tells how far the log is read. A caller who does not hear it hears no rows either: those say so.
func (s *streamed) progress(done, total uint64) {
	_ = s.stream.Send(&profferv1.ExportTrainingResponse{Part: &profferv1.ExportTrainingResponse_Progress{
		Progress: &profferv1.TrainingProgress{Read: done, Total: total},
	}})
}

// Head implements projections.TrainingSink.
func (s *streamed) Head(h projections.TrainingHead) error {
	fingerprint := h.View.Fingerprint()
	s.features = h.View.Len()
	out := &profferv1.TrainingHead{
		View: h.View.Name(), ViewFingerprint: fingerprint[:], Label: h.Label.Name(), LabelJson: h.Label.Canonical(),
		Cut: cutText(h.Cut), Expected: h.Expected,
	}
	for _, spec := range h.View.Specs() {
		out.Features = append(out.Features, spec.Name)
	}
	return s.stream.Send(&profferv1.ExportTrainingResponse{Part: &profferv1.ExportTrainingResponse_Head{Head: out}})
}

// maxCells is how many features one message carries: about 2 MiB.
const maxCells = 1 << 18

// Rows implements projections.TrainingSink.
func (s *streamed) Rows(r *projections.TrainingRows) error {
	most := max(1, maxCells/max(1, s.features))
	for from := 0; from < len(r.AtMS); from += most {
		to := min(from+most, len(r.AtMS))
		out := &profferv1.TrainingRows{
			Profiles: texts(r.Profiles[from:to]), AtMs: r.AtMS[from:to], Labels: r.Labels[from:to],
			Values: r.Values[from*s.features : to*s.features],
		}
		if slices.ContainsFunc(r.Decisions[from:to], func(a domain.Alias) bool { return !a.IsZero() }) {
			out.Decisions = texts(r.Decisions[from:to])
		}
		if err := s.stream.Send(&profferv1.ExportTrainingResponse{Part: &profferv1.ExportTrainingResponse_Rows{Rows: out}}); err != nil {
			return err
		}
	}
	return nil
}

func texts(aliases []domain.Alias) []string {
	out := make([]string, len(aliases))
	for i, a := range aliases {
		out[i] = a.String()
	}
	return out
}
