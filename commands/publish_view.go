package commands

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

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
	Log    Log
	Recall *Recall
	// Ready waits until a view can be read, for which the log may have to be folded. Its error is returned as it is.
	Ready func(context.Context, feature.View) error
	Now   func() time.Time
	// Random yields event ids; reads must not fail.
	Random io.Reader
}

// FeatureViews publishes feature views and says which version a name means.
type FeatureViews struct {
	ports FeatureViewPorts
	mu    sync.Mutex // versions and switches follow one another
}

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
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.ports.Recall.CatchUp(ctx, domain.Policy); err != nil {
		return PublishedView{}, fmt.Errorf("publish a feature view: %w", err)
	}
	out, err := f.draft(p.View)
	if err != nil || out.Unchanged || p.Change.ValidateOnly {
		return out, err
	}
	fingerprint := p.View.Fingerprint()
	out.At, err = f.append(ctx, p.View.Family(), &event.Event{Body: &event.Event_FeatureViewPublished{
		FeatureViewPublished: &event.FeatureViewPublished{
			Name: p.View.Name(), Fingerprint: fingerprint[:], SpecsJson: p.View.Canonical(), Source: p.Document,
			Reason: p.Change.Reason, Actor: p.Change.Actor,
		},
	}})
	if err != nil {
		return PublishedView{}, fmt.Errorf("publish a feature view: %w", err)
	}
	return out, nil
}

// draft is what publishing would do.
func (f *FeatureViews) draft(v feature.View) (out PublishedView, err error) {
	out.View = v
	f.ports.Recall.Catalogue.FeatureViews(func(c *feature.Catalogue) {
		live, known := c.Live(v.Family())
		out.Live = !known || live.Name == v.Name()
		if known && live.Err == nil {
			out.Difference = feature.Compare(live.View, v)
		}
		if before, taken := c.Version(v.Name()); taken {
			if out.Unchanged = !before.Withdrawn(); out.Unchanged {
				out.At = domain.Place{Stream: domain.Policy, Position: before.At}
			}
			if before.Err != nil || before.Fingerprint() != v.Fingerprint() {
				latest, _ := c.Latest(v.Family())
				err = fmt.Errorf("%w: the latest is %s: publish yours as the next", ErrViewTaken, latest.Name)
			}
		}
	})
	return out, err
}

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
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.ports.Recall.CatchUp(ctx, domain.Policy); err != nil {
		return SwitchedView{}, fmt.Errorf("switch a feature view: %w", err)
	}
	family, _, versioned := strings.Cut(s.View, "@")
	out := SwitchedView{View: s.View}
	var view feature.View
	var err error
	f.ports.Recall.Catalogue.FeatureViews(func(c *feature.Catalogue) {
		found, known := c.Version(s.View)
		if known && found.Withdrawn() {
			err = fmt.Errorf("%w: %s is withdrawn: publish it again first", ErrUnknownView, s.View)
			return
		}
		if !versioned || !known || found.Err != nil {
			err = fmt.Errorf("%w: %q%s", ErrUnknownView, s.View, expression.Suggestion(s.View, c.Names()))
			return
		}
		view = found.View
		if live, known := c.Live(family); known {
			out.Before = live.Name
		}
	})
	if err != nil {
		return SwitchedView{}, err
	}
	if out.Unchanged = out.Before == out.View; out.Unchanged {
		return out, nil
	}
	if err := f.ports.Ready(ctx, view); err != nil || s.Change.ValidateOnly {
		return out, err
	}
	out.At, err = f.append(ctx, family, &event.Event{Body: &event.Event_FeatureViewSwitched{
		FeatureViewSwitched: &event.FeatureViewSwitched{
			Name: family, View: s.View, Before: out.Before, Reason: s.Change.Reason, Actor: s.Change.Actor,
		},
	}})
	if err != nil {
		return SwitchedView{}, fmt.Errorf("switch a feature view: %w", err)
	}
	return out, nil
}

func (f *FeatureViews) append(ctx context.Context, family string, e *event.Event) (domain.Place, error) {
	now := f.ports.Now().UnixMilli()
	e.Id, e.OccurredMs, e.ReceivedMs = make([]byte, 16), now, now
	if _, err := io.ReadFull(f.ports.Random, e.Id); err != nil {
		return domain.Place{}, fmt.Errorf("draw an id: %w", err)
	}
	lane := domain.PolicyLane("view", family)
	at, err := f.ports.Log.Append(ctx, lane, e)
	if err != nil {
		return domain.Place{}, err
	}
	f.ports.Recall.Catalogue.apply(lane, domain.Recorded{At: at, Event: e})
	return domain.Place{Stream: domain.Policy, Position: at}, nil
}

// FeatureViews shows the feature views there are. Nothing of it may be kept but what it gives.
func (c *Catalogue) FeatureViews(look func(*feature.Catalogue)) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	look(c.views)
}
