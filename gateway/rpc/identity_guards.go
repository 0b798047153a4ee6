package rpc

import (
	"context"

	"connectrpc.com/connect"

	"github.com/profferhq/proffer/commands"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/identity"
	profferv1 "github.com/profferhq/proffer/gateway/api/proffer/v1"
	"github.com/profferhq/proffer/gateway/guardsfile"
)

// Guarding sets the guards, and the model for matching.
type Guarding interface {
	SetGuards(ctx context.Context, s commands.SetGuards) (commands.GuardsSet, error)
	SetMatching(ctx context.Context, m commands.SetMatching) (*event.MatchModelChanged, commands.Outcome, error)
}

// Modelling reads models for matching, and makes them.
type Modelling interface {
	// Read is a model's name and its canonical form, from the document as its author wrote it; one without parameters is
	// fitted to the records known.
	Read(ctx context.Context, document string) (name string, canonical []byte, err error)
	// Fit proposes a model from the records known and fits it to them.
	Fit(ctx context.Context) (name string, canonical []byte, err error)
}

// SetGuards implements IdentityService. Exact values that the document blocks are marked one by one: they are
// identifiers, and never enter the log.
func (s *Identity) SetGuards(ctx context.Context, r *profferv1.SetGuardsRequest) (*profferv1.SetGuardsResponse, error) {
	document, err := guardsfile.Parse([]byte(r.GetDocument()))
	if err != nil {
		return nil, err
	}
	change := changeOf(ctx, r.GetChange())
	newly, err := s.block(ctx, document.Blocked, change)
	if err != nil {
		return nil, err
	}
	set, err := s.Guarding.SetGuards(ctx, commands.SetGuards{Guards: document.Guards, Source: document.Source, Change: change})
	if err != nil {
		return nil, err
	}
	return &profferv1.SetGuardsResponse{
		Version: set.Version, LinksAdded: uint64(set.LinksAdded), LinksTakenBack: uint64(set.LinksTakenBack),
		Shared: uint64(set.Shared), Position: placeText(set.At), Unchanged: set.Unchanged && !newly,
	}, nil
}

// block marks exact values as meaning nobody, and says whether one was not yet. Trying it makes no aliases.
func (s *Identity) block(ctx context.Context, ids []identity.Identifier, change commands.Change) (newly bool, err error) {
	for _, id := range ids {
		alias, err := s.Names.Known(id)
		if err != nil {
			return newly, err
		}
		if alias.IsZero() && change.ValidateOnly {
			newly = true
			continue
		}
		if alias.IsZero() {
			if alias, err = s.Names.Made(ctx, id); err != nil {
				return newly, err
			}
		}
		each := change
		each.RequestID = "" // blocking twice changes nothing
		outcome, err := s.Changing.Mark(ctx, commands.MarkAlias{
			About: identity.Named{Alias: alias, Type: id.Type}, Mark: identity.Blocked, Change: each,
		})
		if err != nil {
			return newly, err
		}
		newly = newly || !outcome.Unchanged
	}
	return newly, nil
}

// offName is the name under which matching is switched off when there was no model.
const offName = "off"

// SetMatching implements IdentityService.
func (s *Identity) SetMatching(ctx context.Context, r *profferv1.SetMatchingRequest) (*profferv1.SetMatchingResponse, error) {
	wanted := commands.SetMatching{Name: offName, Change: changeOf(ctx, r.GetChange())}
	var err error
	switch {
	case r.GetOff() && r.GetDocument() != "":
		return nil, errOffWithModel
	case r.GetOff():
	case r.GetDocument() == "":
		wanted.Name, wanted.Document, err = s.Modelling.Fit(ctx)
	default:
		wanted.Name, wanted.Document, err = s.Modelling.Read(ctx, r.GetDocument())
	}
	if err != nil {
		return nil, err
	}
	model, outcome, err := s.Guarding.SetMatching(ctx, wanted)
	if err != nil {
		return nil, err
	}
	return &profferv1.SetMatchingResponse{
		Version: model.GetVersion(), Document: string(model.GetDocumentJson()), Position: placeText(outcome.At),
	}, nil
}

var errOffWithModel = refusal(connect.CodeInvalidArgument, "MODEL_INVALID", "off takes no document")
