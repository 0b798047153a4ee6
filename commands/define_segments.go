package commands

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/feature"
	"github.com/profferhq/proffer/domain/segment"
)

// ErrSegmentView: the feature view that a definition reads is not known here. Nothing was done.
var ErrSegmentView = errors.New("commands: the feature view of a segment definition is not known")

// SegmentPorts is what defining segments needs; all are required.
type SegmentPorts struct {
	Log    SharedLog
	Recall *Recall
	// View is what a view's name means now; false for one that is not known.
	View func(name string) (feature.View, bool)
	// Ready waits until a view can be read, for which the log may have to be folded. Its error is returned as it is.
	Ready func(context.Context, feature.View) error
	Now   func() time.Time
	// Random yields event ids; reads must not fail.
	Random io.Reader
}

// DefineSegments puts segment definitions into effect.
type DefineSegments struct {
	ports SegmentPorts
	mu    sync.Mutex // versions follow one another
}

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
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.ports.Recall.CatchUp(ctx, domain.Policy); err != nil {
		return SegmentsDefined{}, fmt.Errorf("define segments: %w", err)
	}
	next := DefinedSegments{Compiled: compiled, Version: 1, Digest: sha256.Sum256(document), Document: document, DefinedMS: s.ports.Now().UnixMilli()}
	if current := s.ports.Recall.Catalogue.definition(d.ID); current != nil {
		next.Version = current.Version + 1
		if current.Digest == next.Digest { // not that of one that was withdrawn
			next.Version, next.DefinedMS, next.At = current.Version, current.DefinedMS, domain.Place{Stream: domain.Policy, Position: current.At}
			return SegmentsDefined{next, true}, nil
		}
	}
	if change.ValidateOnly {
		return SegmentsDefined{DefinedSegments: next}, nil
	}
	return s.append(ctx, next, change)
}

func (s *DefineSegments) append(ctx context.Context, next DefinedSegments, change Change) (SegmentsDefined, error) {
	d := next.Definition()
	e := &event.Event{
		Id: make([]byte, 16), OccurredMs: next.DefinedMS, ReceivedMs: next.DefinedMS,
		Body: &event.Event_SegmentDefined{SegmentDefined: &event.SegmentDefined{
			Id: d.ID, Version: next.Version, View: d.View, Digest: next.Digest[:], DefinitionJson: next.Document,
			Reason: change.Reason, Actor: change.Actor,
		}},
	}
	if _, err := io.ReadFull(s.ports.Random, e.Id); err != nil {
		return SegmentsDefined{}, fmt.Errorf("define segments: draw an id: %w", err)
	}
	lane := domain.PolicyLane("segment", d.ID)
	at, err := s.ports.Log.Append(ctx, lane, e)
	if err != nil {
		return SegmentsDefined{}, fmt.Errorf("define segments: %w", err)
	}
	s.ports.Recall.Catalogue.apply(lane, domain.Recorded{At: at, Event: e})
	next.At = domain.Place{Stream: domain.Policy, Position: at}
	return SegmentsDefined{DefinedSegments: next}, nil
}

// InEffect are the definitions in effect, by id. One that this version cannot compile, because it was written by a later one
// or its view is not known, is left out.
func (s *DefineSegments) InEffect() []DefinedSegments {
	var out []DefinedSegments
	for _, d := range s.ports.Recall.Catalogue.definitions() {
		if c, err := s.compiled(d); err == nil {
			out = append(out, c)
		}
	}
	return out
}

// Withdrawn are the definitions that are withdrawn, by id.
func (s *DefineSegments) Withdrawn() []*segment.Version {
	c := s.ports.Recall.Catalogue
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

// definition is the last version of a segment definition, or that it was withdrawn; nil when there was none.
func (c *Catalogue) definition(id string) *segment.Version {
	c.mu.RLock()
	defer c.mu.RUnlock()
	last, _ := c.segments.Latest(id)
	return last
}

// definitions are all in effect, by id.
func (c *Catalogue) definitions() []*segment.Version {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.segments.InEffect()
}
