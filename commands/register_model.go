package commands

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"sync"
	"time"

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
	Log    SharedLog
	Recall *Recall
	Bytes  ModelBytes
	// Describe reads a model, tries it, and fills in what its registration says but for name, version, reason and actor.
	// Its error is returned as it is.
	Describe func(data []byte) (*event.ModelRegistered, error)
	Now      func() time.Time
	// Random yields event ids; reads must not fail.
	Random io.Reader
}

// Models registers models and says which of them answers for what.
type Models struct {
	ports ModelPorts
	mu    sync.Mutex // versions and roles follow one another
}

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
	m.mu.Lock()
	defer m.mu.Unlock()
	lane := domain.PolicyLane("model", r.Name)
	if err := takeOver(ctx, m.ports.Log, lane); err != nil {
		return ModelVersion{}, fmt.Errorf("register a model: %w", err)
	}
	if err := m.ports.Recall.CatchUp(ctx, domain.Policy); err != nil {
		return ModelVersion{}, fmt.Errorf("register a model: %w", err)
	}
	versions := m.ports.Recall.Catalogue.ModelVersions(r.Name)
	for _, v := range versions {
		if bytes.Equal(v.GetDigest(), next.GetDigest()) && !v.Withdrawn() {
			return ModelVersion{v.ModelRegistered, domain.Place{Stream: domain.Policy, Position: v.At}, true}, nil
		}
	}
	next.Name, next.Version, next.Reason, next.Actor = r.Name, 1, r.Change.Reason, r.Change.Actor
	if n := len(versions); n > 0 {
		next.Version = versions[n-1].GetVersion() + 1
	}
	if proto.Size(next) > maxModelBytes {
		return ModelVersion{}, fmt.Errorf("%w: the model's card and features", domain.ErrTooLarge)
	}
	if r.Change.ValidateOnly {
		return ModelVersion{ModelRegistered: next}, nil
	}
	if _, err := m.ports.Bytes.Put(ctx, r.Bytes); err != nil {
		return ModelVersion{}, fmt.Errorf("register a model: keep its bytes: %w", err)
	}
	at, err := m.append(ctx, lane, &event.Event{Body: &event.Event_ModelRegistered{ModelRegistered: next}})
	if err != nil {
		return ModelVersion{}, fmt.Errorf("register a model: %w", err)
	}
	return ModelVersion{next, at, false}, nil
}

// commit appends what is decided on all that POLICY holds, if anything, unless it is only to be tried. When another server
// appends to the lane in between, it is decided anew.
func (m *Models) commit(
	ctx context.Context, lane domain.Lane, validateOnly bool, decide func(*Catalogue) ([]*event.Event, error),
) (domain.Place, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	const attempts = 4
	for n := 1; ; n++ {
		if err := takeOver(ctx, m.ports.Log, lane); err != nil {
			return domain.Place{}, err
		}
		if err := m.ports.Recall.CatchUp(ctx, domain.Policy); err != nil {
			return domain.Place{}, err
		}
		catalogue := m.ports.Recall.Catalogue
		catalogue.mu.RLock()
		events, err := decide(catalogue)
		catalogue.mu.RUnlock()
		if err != nil || len(events) == 0 || validateOnly {
			return domain.Place{}, err
		}
		at, err := m.append(ctx, lane, events...)
		if n == attempts || !errors.Is(err, domain.ErrLaneLost) {
			return at, err
		}
	}
}

// append writes events of one lane of POLICY in one envelope, and remembers them.
func (m *Models) append(ctx context.Context, lane domain.Lane, events ...*event.Event) (domain.Place, error) {
	now := m.ports.Now().UnixMilli()
	for _, e := range events {
		e.Id, e.OccurredMs, e.ReceivedMs = make([]byte, 16), now, now
		if _, err := io.ReadFull(m.ports.Random, e.Id); err != nil {
			return domain.Place{}, fmt.Errorf("draw an id: %w", err)
		}
	}
	at, err := m.ports.Log.Append(ctx, lane, events...)
	if err != nil {
		return domain.Place{}, err
	}
	for i, e := range events {
		position := domain.Position{Sequence: at.Sequence, Index: at.Index + uint32(i)}
		m.ports.Recall.Catalogue.apply(lane, domain.Recorded{At: position, Event: e})
	}
	return domain.Place{Stream: domain.Policy, Position: at}, nil
}

// ModelVersions are the versions of a model, in their order.
func (c *Catalogue) ModelVersions(name string) []registry.Version {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.models.Versions(name)
}

// Models looks at what is registered and who answers for what. Nothing of it may be kept.
func (c *Catalogue) Models(look func(*registry.Registry)) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	look(&c.models)
}
