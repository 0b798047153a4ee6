package rpc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/profferhq/proffer/commands"
	"github.com/profferhq/proffer/decider"
	"github.com/profferhq/proffer/decider/model"
	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/label"
	"github.com/profferhq/proffer/domain/model/registry"
	"github.com/profferhq/proffer/domain/model/watch"
	"github.com/profferhq/proffer/domain/problem"
	profferv1 "github.com/profferhq/proffer/gateway/api/proffer/v1"
)

// ModelCommands change models.
type ModelCommands interface {
	Register(ctx context.Context, r commands.RegisterModel) (commands.ModelVersion, error)
	Assign(ctx context.Context, a commands.AssignModel) (commands.ModelsAssigned, error)
	Rollback(ctx context.Context, use string, change commands.Change) (commands.ModelsAssigned, error)
	SetLimits(ctx context.Context, s commands.SetModelLimits) (commands.ModelLimits, error)
}

// ModelCatalogue is what is registered and who answers for what.
type ModelCatalogue interface {
	Models(look func(*registry.Registry))
	PoliciesReading(use string) []string
	ModelLimits(use string) *event.ModelLimitsSet
}

// Models implements ModelService.
type Models struct {
	Commands  ModelCommands
	Catalogue ModelCatalogue
	Bytes     decider.ModelBytes
	// Warm loads a model that is about to get a role.
	Warm     func(ctx context.Context, digest domain.Hash) error
	InEffect InEffect
}

// errModelPieces: the pieces of a model together are larger than a model may be.
var errModelPieces = fmt.Errorf("%w: at most %d MiB", domain.ErrTooLarge, model.MaxBytes>>20)

// modelPiece is how many bytes of a model one message of a download carries.
const modelPiece = 512 << 10

// modelProblems gives the faults of a model their own reason.
func modelProblems(err error) error {
	if problems, ok := errors.AsType[problem.List](err); ok {
		return refusedProblems("MODEL_INVALID", problems)
	}
	return err
}

// RegisterModel implements ModelService.
func (s *Models) RegisterModel(
	ctx context.Context, stream *connect.ClientStream[profferv1.RegisterModelRequest],
) (*profferv1.RegisterModelResponse, error) {
	var r commands.RegisterModel
	for first := true; stream.Receive(); first = false {
		m := stream.Msg()
		if first {
			r.Name = m.GetName()
			// Only the operator's key comes as far as here.
			r.Change = commands.Change{ValidateOnly: m.GetValidateOnly(), Reason: m.GetReason(), Actor: operatorName}
		}
		if r.Bytes = append(r.Bytes, m.GetChunk()...); len(r.Bytes) > model.MaxBytes {
			return nil, errModelPieces
		}
	}
	if err := stream.Err(); err != nil {
		return nil, err
	}
	v, err := s.Commands.Register(ctx, r)
	if err != nil {
		return nil, modelProblems(err)
	}
	return &profferv1.RegisterModelResponse{
		Name: v.GetName(), Version: v.GetVersion(), Sha256: domain.Hash(v.GetDigest()).String(), Position: placeText(v.At), Unchanged: v.Unchanged,
	}, nil
}

// ListModels implements ModelService.
func (s *Models) ListModels(context.Context, *profferv1.ListModelsRequest) (*profferv1.ListModelsResponse, error) {
	out := &profferv1.ListModelsResponse{}
	s.Catalogue.Models(func(r *registry.Registry) {
		for _, name := range r.Names() {
			for _, v := range r.Versions(name) {
				out.Models = append(out.Models, modelMessage(v))
			}
		}
		for _, use := range r.Uses() {
			out.Uses = append(out.Uses, useMessage(use, r.Roles(use, math.MaxUint64)))
		}
	})
	for _, u := range out.Uses {
		u.Policies = s.Catalogue.PoliciesReading(u.GetUse())
	}
	return out, nil
}

func modelMessage(v registry.Version) *profferv1.Model {
	out := &profferv1.Model{
		Name: v.GetName(), Version: v.GetVersion(), Size: v.GetSize(), View: v.GetView(), Features: uint32(len(v.GetFeatures())),
		Label: v.GetLabel(), Objective: v.GetObjective(), RegisteredAt: timestamppb.New(time.UnixMilli(v.RegisteredMS)),
		Position: domain.Place{Stream: domain.Policy, Position: v.At}.String(), Auc: math.NaN(), BaselineAuc: math.NaN(),
	}
	if digest := v.GetDigest(); len(digest) == len(domain.Hash{}) {
		out.Sha256 = domain.Hash(digest).String()
	}
	if v.Withdrawn() {
		out.WithdrawnAt = timestamppb.New(time.UnixMilli(v.WithdrawnMS))
	}
	var card struct {
		AUC      *float64 `json:"auc"`
		Baseline struct {
			AUC *float64 `json:"auc"`
		} `json:"baseline"`
	}
	if json.Unmarshal(v.GetCardJson(), &card) == nil { // a card of another shape says nothing here
		if card.AUC != nil {
			out.Auc = *card.AUC
		}
		if card.Baseline.AUC != nil {
			out.BaselineAuc = *card.Baseline.AUC
		}
	}
	return out
}

func useMessage(use string, roles []registry.Assignment) *profferv1.ModelUse {
	out := &profferv1.ModelUse{Use: use}
	for _, a := range roles {
		out.Roles = append(out.Roles, &profferv1.ModelRole{
			Role: registry.RoleName(a.GetRole()), Model: a.GetModel(), Version: a.GetVersion(), Share: a.GetShare(),
			Since: timestamppb.New(time.UnixMilli(a.SinceMS)), Rule: a.GetRule(),
		})
	}
	return out
}

func (s *Models) version(name string, number uint64) (v registry.Version, err error) {
	s.Catalogue.Models(func(r *registry.Registry) { v, err = r.Version(name, number) })
	return v, err
}

// DescribeModel implements ModelService.
func (s *Models) DescribeModel(_ context.Context, r *profferv1.DescribeModelRequest) (*profferv1.DescribeModelResponse, error) {
	v, err := s.version(r.GetName(), r.GetVersion())
	if err != nil {
		return nil, err
	}
	judging := watch.JudgingOf(v.ModelRegistered, label.ShippedAs)
	return &profferv1.DescribeModelResponse{
		Model: modelMessage(v), Features: v.GetFeatures(), Card: string(v.GetCardJson()), JudgedAs: judging.As, NotJudged: judging.Why,
	}, nil
}

// DownloadModel implements ModelService.
func (s *Models) DownloadModel(
	ctx context.Context, r *profferv1.DownloadModelRequest, stream *connect.ServerStream[profferv1.DownloadModelResponse],
) error {
	v, err := s.version(r.GetName(), r.GetVersion())
	if err != nil {
		return err
	}
	if len(v.GetDigest()) != len(domain.Hash{}) {
		return decider.ErrNoModelBytes
	}
	data, known, err := s.Bytes.Get(ctx, domain.Hash(v.GetDigest()))
	if err != nil {
		return err
	}
	if !known {
		return decider.ErrNoModelBytes
	}
	for len(data) > 0 {
		n := min(len(data), modelPiece)
		if err := stream.Send(&profferv1.DownloadModelResponse{Chunk: data[:n]}); err != nil {
			return fmt.Errorf("send a model: %w", err)
		}
		data = data[n:]
	}
	return nil
}

// AssignModel implements ModelService. The model is loaded before the log says that it answers.
func (s *Models) AssignModel(ctx context.Context, r *profferv1.AssignModelRequest) (*profferv1.AssignModelResponse, error) {
	role, err := registry.RoleOf(r.GetRole())
	if err != nil {
		return nil, err
	}
	change := commands.Change{ValidateOnly: r.GetValidateOnly(), Reason: r.GetReason(), Actor: actorOf(ctx)}
	if v, err := s.version(r.GetModel(), r.GetVersion()); err == nil && len(v.GetDigest()) == len(domain.Hash{}) {
		if err := s.Warm(ctx, domain.Hash(v.GetDigest())); err != nil {
			return nil, err
		}
	}
	a, err := s.Commands.Assign(ctx, commands.AssignModel{Change: change, Wish: registry.Wish{
		Use: r.GetUse(), Role: role, Model: r.GetModel(), Version: r.GetVersion(), Share: r.GetShare(),
	}})
	if err != nil {
		return nil, modelProblems(err)
	}
	if err := followed(ctx, s.InEffect, a.At); err != nil {
		return nil, err
	}
	return &profferv1.AssignModelResponse{Use: s.use(r.GetUse(), a), Position: placeText(a.At), Unchanged: a.Unchanged, Warnings: a.Doubts}, nil
}

// use is who answers for a use after a change.
func (s *Models) use(use string, a commands.ModelsAssigned) *profferv1.ModelUse {
	out := useMessage(use, a.Roles)
	out.Policies = s.Catalogue.PoliciesReading(use)
	return out
}

// RollbackModel implements ModelService.
func (s *Models) RollbackModel(ctx context.Context, r *profferv1.RollbackModelRequest) (*profferv1.RollbackModelResponse, error) {
	a, err := s.Commands.Rollback(ctx, r.GetUse(), commands.Change{
		ValidateOnly: r.GetValidateOnly(), Reason: r.GetReason(), Actor: actorOf(ctx),
	})
	if err != nil {
		return nil, modelProblems(err)
	}
	if err := followed(ctx, s.InEffect, a.At); err != nil {
		return nil, err
	}
	return &profferv1.RollbackModelResponse{Use: s.use(r.GetUse(), a), Position: placeText(a.At)}, nil
}
