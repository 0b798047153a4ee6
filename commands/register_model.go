package commands

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"regexp"

	"google.golang.org/protobuf/proto"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/model/registry"
)

// Errors of changes to models. After each of them nothing was done.
var (
	// ErrModelName: the name of a model, or of a use, is no such name.
	ErrModelName = errors.New("commands: a name of a model or a use is lower case letters, digits and underscores, begins with " +
		"a letter and has at most 64")
)

var modelName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,63}$`)

// ModelBytes keeps the bytes of models under their digests.
type ModelBytes interface {
	// Put makes the bytes durable under their SHA-256. Putting them again changes nothing. It fails with
	// domain.ErrUnavailable or domain.ErrTooLarge.
	Put(ctx context.Context, data []byte) (domain.Hash, error)
}

// ModelPorts is what commands about models need; all are required.
type ModelPorts struct {
	Definitions *Definitions
	Bytes       ModelBytes
	// Describe reads a model, tries it, and fills in what its registration says but for name, version, reason and actor.
	// Its error is returned as it is.
	Describe func(data []byte) (*event.ModelRegistered, error)
}

// Models registers models and says which of them answers for what.
type Models struct{ ports ModelPorts }

// NewModels returns the commands.
func NewModels(ports ModelPorts) *Models { return &Models{ports: ports} }

// RegisterModel is a new version of a model.
type RegisterModel struct {
	Name   string
	Bytes  []byte
	Change Change
}

// ModelVersion is a version that is, or would be, registered.
type ModelVersion struct {
	*event.ModelRegistered
	At domain.Place
	// Unchanged: the same bytes were registered already under this name, and nothing was written.
	Unchanged bool
}

// Register checks a model, keeps its bytes and appends it as the next version of its name, unless one that is not
// withdrawn has the same bytes. The bytes are durable before the log names them. It fails with ErrModelName, ErrChangeInvalid, the error of
// Describe, and those of the bytes' store and of the log.
func (m *Models) Register(ctx context.Context, r RegisterModel) (ModelVersion, error) {
	if !modelName.MatchString(r.Name) {
		return ModelVersion{}, ErrModelName
	}
	if err := r.Change.check(); err != nil {
		return ModelVersion{}, err
	}
	next, err := m.ports.Describe(r.Bytes)
	if err != nil {
		return ModelVersion{}, err
	}
	next.Name, next.Reason, next.Actor = r.Name, r.Change.Reason, r.Change.Actor
	var out ModelVersion
	decide := func(c *Catalogue) (events []*event.Event, err error) {
		if out, err = c.draftModel(next); err != nil || out.Unchanged {
			return nil, err
		}
		return []*event.Event{{Body: &event.Event_ModelRegistered{ModelRegistered: out.ModelRegistered}}}, nil
	}
	if err := m.ports.Definitions.look(ctx, decide); err != nil || out.Unchanged || r.Change.ValidateOnly {
		return out, err
	}
	if _, err := m.ports.Bytes.Put(ctx, r.Bytes); err != nil {
		return ModelVersion{}, fmt.Errorf("register a model: keep its bytes: %w", err)
	}
	at, err := m.ports.Definitions.change(ctx, domain.PolicyLane("model", r.Name), false, decide)
	if err != nil {
		return ModelVersion{}, fmt.Errorf("register a model: %w", err)
	}
	if !out.Unchanged {
		out.At = at
	}
	return out, nil
}

// draftModel is what registering would do; it numbers the version. The caller holds the lock.
func (c *Catalogue) draftModel(next *event.ModelRegistered) (ModelVersion, error) {
	versions := c.models.Versions(next.GetName())
	for _, v := range versions {
		if bytes.Equal(v.GetDigest(), next.GetDigest()) && !v.Withdrawn() {
			return ModelVersion{v.ModelRegistered, domain.Place{Stream: domain.Policy, Position: v.At}, true}, nil
		}
	}
	next.Version = 1
	if n := len(versions); n > 0 {
		next.Version = versions[n-1].GetVersion() + 1
	}
	if proto.Size(next) > maxModelBytes {
		return ModelVersion{}, fmt.Errorf("%w: the model's card and features", domain.ErrTooLarge)
	}
	return ModelVersion{ModelRegistered: next}, nil
}

// Models looks at what is registered and who answers for what. Nothing of it may be kept.
func (c *Catalogue) Models(look func(*registry.Registry)) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	look(&c.models)
}
