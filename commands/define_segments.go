package commands

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/feature"
	"github.com/profferhq/proffer/domain/segment"
)

// ErrSegmentView: the feature view that a definition reads is not known here. Nothing was done.
var ErrSegmentView = errors.New("commands: the feature view of a segment definition is not known")

// SegmentPorts is what defining segments needs; all are required.
type SegmentPorts struct {
	Definitions *Definitions
	// View is what a view's name means now; false for one that is not known.
	View func(name string) (feature.View, bool)
	// Ready waits until a view can be read, for which the log may have to be folded. Its error is returned as it is.
	Ready func(context.Context, feature.View) error
}

// DefineSegments puts segment definitions into effect.
type DefineSegments struct{ ports SegmentPorts }

// NewDefineSegments returns the command.
func NewDefineSegments(ports SegmentPorts) *DefineSegments { return &DefineSegments{ports: ports} }

// DefinedSegments is the version of a definition that is in effect.
type DefinedSegments struct {
	*segment.Compiled
	// Version counts from 1.
	Version uint64
	// Digest is the SHA-256 of the canonical document.
	Digest   domain.Hash
	Document []byte
	// DefinedMS is when it took effect, Unix milliseconds.
	DefinedMS int64
	At        domain.Place
}

// SegmentsDefined is what took effect.
type SegmentsDefined struct {
	DefinedSegments
	// Unchanged: the same definition was in effect already, and nothing was written.
	Unchanged bool
}

func featuresOf(view feature.View) []string {
	var names []string
	for _, f := range view.Specs() {
		names = append(names, f.Name)
	}
	return names
}

// Define checks a definition and appends it as the next version of its id, unless it is in effect. It fails with
// ErrChangeInvalid, ErrSegmentView, segment.ErrDefinition, a problem.List, and the errors of Ready and of the log.
func (s *DefineSegments) Define(ctx context.Context, d segment.Definition, change Change) (SegmentsDefined, error) {
	if err := change.check(); err != nil {
		return SegmentsDefined{}, err
	}
	view, known := s.ports.View(d.View)
	if !known {
		return SegmentsDefined{}, fmt.Errorf("%w: %q", ErrSegmentView, d.View)
	}
	// A name without a version means another one later; a definition never does.
	d.View = view.Name()
	compiled, err := segment.Compile(d, featuresOf(view))
	if err != nil {
		return SegmentsDefined{}, err
	}
	if err := s.ports.Ready(ctx, view); err != nil {
		return SegmentsDefined{}, err
	}
	document, err := d.Canonical()
	if err != nil {
		return SegmentsDefined{}, err
	}
	out := SegmentsDefined{DefinedSegments: DefinedSegments{Compiled: compiled, Digest: sha256.Sum256(document), Document: document}}
	var next *event.Event
	at, err := s.ports.Definitions.change(ctx, domain.PolicyLane("segment", d.ID), change.ValidateOnly, func(c *Catalogue) ([]*event.Event, error) {
		if c.viewWithdrawn(d.View) {
			return nil, fmt.Errorf("%w: %q", ErrSegmentView, d.View)
		}
		current, _ := c.segments.Latest(d.ID)
		if current == nil {
			current = &segment.Version{}
		}
		if out.Unchanged = current.Digest == out.Digest; out.Unchanged { // not that of one that was withdrawn
			out.Version, out.DefinedMS, out.At = current.Version, current.DefinedMS, domain.Place{Stream: domain.Policy, Position: current.At}
			return nil, nil
		}
		out.Version = current.Version + 1
		next = &event.Event{Body: &event.Event_SegmentDefined{SegmentDefined: &event.SegmentDefined{
			Id: d.ID, Version: out.Version, View: d.View, Digest: out.Digest[:], DefinitionJson: document,
			Reason: change.Reason, Actor: change.Actor,
		}}}
		return []*event.Event{next}, nil
	})
	if err != nil {
		return SegmentsDefined{}, err
	}
	if !out.Unchanged {
		out.At, out.DefinedMS = at, next.GetReceivedMs()
	}
	return out, nil
}

// InEffect are the definitions in effect, by id. One that this version cannot compile, because it was written by a later one
// or its view is not known, is left out.
func (s *DefineSegments) InEffect() []DefinedSegments {
	var out []DefinedSegments
	for _, d := range s.ports.Definitions.catalogue().definitions() {
		if c, err := s.compiled(d); err == nil {
			out = append(out, c)
		}
	}
	return out
}

// Withdrawn are the definitions that are withdrawn, by id.
func (s *DefineSegments) Withdrawn() []*segment.Version {
	c := s.ports.Definitions.catalogue()
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.segments.Withdrawn()
}

// compiled compiles a definition of the log.
func (s *DefineSegments) compiled(v *segment.Version) (DefinedSegments, error) {
	definition, err := segment.Parse(v.Document)
	if err != nil {
		return DefinedSegments{}, err
	}
	view, known := s.ports.View(definition.View)
	if !known {
		return DefinedSegments{}, ErrSegmentView
	}
	c, err := segment.Compile(definition, featuresOf(view))
	if err != nil {
		return DefinedSegments{}, err
	}
	return DefinedSegments{c, v.Version, v.Digest, v.Document, v.DefinedMS, domain.Place{Stream: domain.Policy, Position: v.At}}, nil
}

// definitions are all in effect, by id.
func (c *Catalogue) definitions() []*segment.Version {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.segments.InEffect()
}
