package commands

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/expression"
	"github.com/profferhq/proffer/domain/feature"
)

// Errors of changes to feature views. After each of them nothing was done.
var (
	// ErrViewTaken: the version is published already and is not the same. A version never changes: give the next number.
	ErrViewTaken = errors.New("commands: this version of the feature view is published and is another: a version never changes")
	// ErrUnknownView: there is no such version of a feature view.
	ErrUnknownView = errors.New("commands: there is no such version of a feature view")
)

// FeatureViewPorts is what commands about feature views need; all are required.
type FeatureViewPorts struct {
	Definitions *Definitions
	// Ready waits until a view can be read, for which the log may have to be folded. Its error is returned as it is.
	Ready func(context.Context, feature.View) error
}

// FeatureViews publishes feature views and says which version a name means.
type FeatureViews struct{ ports FeatureViewPorts }

// NewFeatureViews returns the commands.
func NewFeatureViews(ports FeatureViewPorts) *FeatureViews { return &FeatureViews{ports: ports} }

// PublishView is a new version of a view, with the document as its author wrote it.
type PublishView struct {
	View     feature.View
	Document string
	Change   Change
}

// PublishedView is a version that is, or would be, published.
type PublishedView struct {
	feature.View
	At domain.Place
	// Unchanged: it was published already, and nothing was written.
	Unchanged bool
	// Live: the name without a version means this one.
	Live bool
	// Beside what is live, if anything is.
	Difference feature.Difference
}

// Publish appends a version of a view, or brings back one that was withdrawn; the first of its name is live with it. It fails with ErrViewTaken,
// ErrChangeInvalid and the log's errors.
func (f *FeatureViews) Publish(ctx context.Context, p PublishView) (PublishedView, error) {
	if err := p.Change.check(); err != nil {
		return PublishedView{}, err
	}
	fingerprint := p.View.Fingerprint()
	published := &event.FeatureViewPublished{
		Name: p.View.Name(), Fingerprint: fingerprint[:], SpecsJson: p.View.Canonical(), Source: p.Document,
		Reason: p.Change.Reason, Actor: p.Change.Actor,
	}
	var out PublishedView
	at, err := f.ports.Definitions.change(ctx, viewLane(p.View.Family()), p.Change.ValidateOnly, func(c *Catalogue) (events []*event.Event, err error) {
		if out, err = draftView(c.views, p.View); err != nil || out.Unchanged {
			return nil, err
		}
		return []*event.Event{{Body: &event.Event_FeatureViewPublished{FeatureViewPublished: published}}}, nil
	})
	if err != nil {
		return PublishedView{}, err
	}
	if !out.Unchanged {
		out.At = at
	}
	return out, nil
}

// draftView is what publishing would do.
func draftView(c *feature.Catalogue, v feature.View) (PublishedView, error) {
	live, known := c.Live(v.Family())
	out := PublishedView{View: v, Live: !known || live.Name == v.Name()}
	if known && live.Err == nil {
		out.Difference = feature.Compare(live.View, v)
	}
	before, taken := c.Version(v.Name())
	if !taken {
		return out, nil
	}
	if before.Err != nil || before.Fingerprint() != v.Fingerprint() {
		latest, _ := c.Latest(v.Family())
		return out, fmt.Errorf("%w: the latest is %s: publish yours as the next", ErrViewTaken, latest.Name)
	}
	if out.Unchanged = !before.Withdrawn(); out.Unchanged {
		out.At = domain.Place{Stream: domain.Policy, Position: before.At}
	}
	return out, nil
}

func viewLane(family string) domain.Lane { return domain.PolicyLane("view", family) }

// SwitchView lets a name without a version mean this version ("retail@2").
type SwitchView struct {
	View   string
	Change Change
}

// SwitchedView is what a name means now, or would mean.
type SwitchedView struct {
	View, Before string
	At           domain.Place
	// Unchanged: it meant that already, and nothing was written.
	Unchanged bool
}

// Switch appends what a name means from here on, when that version can be read. Going back is a switch, too. It fails
// with ErrUnknownView, ErrChangeInvalid, the error of Ready and the log's errors.
func (f *FeatureViews) Switch(ctx context.Context, s SwitchView) (SwitchedView, error) {
	if err := s.Change.check(); err != nil {
		return SwitchedView{}, err
	}
	family, _, _ := strings.Cut(s.View, "@")
	var out SwitchedView
	var to feature.View
	decide := func(c *Catalogue) (events []*event.Event, err error) {
		if out, to, err = draftSwitch(c.views, s.View); err != nil || out.Unchanged {
			return nil, err
		}
		return []*event.Event{{Body: &event.Event_FeatureViewSwitched{FeatureViewSwitched: &event.FeatureViewSwitched{
			Name: family, View: s.View, Before: out.Before, Reason: s.Change.Reason, Actor: s.Change.Actor,
		}}}}, nil
	}
	if err := f.ports.Definitions.look(ctx, decide); err != nil || out.Unchanged {
		return out, err
	}
	if err := f.ports.Ready(ctx, to); err != nil || s.Change.ValidateOnly {
		return out, err
	}
	at, err := f.ports.Definitions.change(ctx, viewLane(family), false, decide)
	if err != nil {
		return SwitchedView{}, err
	}
	out.At = at
	return out, nil
}

// draftSwitch is what a switch to a version would do, and that version.
func draftSwitch(c *feature.Catalogue, version string) (SwitchedView, feature.View, error) {
	family, _, versioned := strings.Cut(version, "@")
	found, known := c.Version(version)
	if known && found.Withdrawn() {
		return SwitchedView{}, feature.View{}, fmt.Errorf("%w: %s is withdrawn: publish it again first", ErrUnknownView, version)
	}
	if !versioned || !known || found.Err != nil {
		return SwitchedView{}, feature.View{}, fmt.Errorf("%w: %q%s", ErrUnknownView, version, expression.Suggestion(version, c.Names()))
	}
	out := SwitchedView{View: version}
	if live, known := c.Live(family); known {
		out.Before = live.Name
	}
	out.Unchanged = out.Before == out.View
	return out, found.View, nil
}

// FeatureViews shows the feature views there are. Nothing of it may be kept but what it gives.
func (c *Catalogue) FeatureViews(look func(*feature.Catalogue)) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	look(c.views)
}
