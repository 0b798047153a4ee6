package decidertest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"sync"
	"time"

	"github.com/profferhq/proffer/decider/model"
	"github.com/profferhq/proffer/decider/model/tree"
	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/feature"
)

// ModelBytes keeps the bytes of models in memory. It is safe for concurrent use; the zero ModelBytes is empty.
type ModelBytes struct {
	mu    sync.Mutex
	bytes map[domain.Hash][]byte
	down  bool
}

// Put keeps bytes and returns their SHA-256.
func (m *ModelBytes) Put(_ context.Context, data []byte) (domain.Hash, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.down {
		return domain.Hash{}, domain.ErrUnavailable
	}
	if m.bytes == nil {
		m.bytes = map[domain.Hash][]byte{}
	}
	digest := domain.Hash(sha256.Sum256(data))
	m.bytes[digest] = bytes.Clone(data)
	return digest, nil
}

// Get implements decider.ModelBytes.
func (m *ModelBytes) Get(_ context.Context, digest domain.Hash) ([]byte, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.down {
		return nil, false, domain.ErrUnavailable
	}
	data, known := m.bytes[digest]
	return bytes.Clone(data), known, nil
}

// Lose forgets the bytes under a digest.
func (m *ModelBytes) Lose(digest domain.Hash) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.bytes, digest)
}

// SetDown makes the store fail with domain.ErrUnavailable, or answer again.
func (m *ModelBytes) SetDown(down bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.down = down
}

// Stump is the smallest model there is: a binary one whose margin is low where the feature is at most the threshold or
// missing, and high elsewhere.
func Stump(view feature.View, of string, threshold, low, high float64) *model.File {
	e := &tree.Ensemble{Objective: tree.Binary, Outputs: 1, Features: 1, Bias: []float64{0}, Trees: []tree.Tree{{Nodes: []tree.Node{
		{Left: 1, Right: 2, Threshold: threshold, MissingLeft: true}, {Left: -1, Right: -1, Value: low}, {Left: -1, Right: -1, Value: high},
	}}}}
	return &model.File{
		Origin: "test", Label: "test", View: view.Name(), ViewFingerprint: view.Fingerprint(), Features: []string{of}, Ensemble: e,
		Golden: []model.Golden{{Row: []float64{domain.CanonicalNaN}, Margins: []float64{low}}},
	}
}

// Registered is the registration of a model's bytes as a version.
func Registered(name string, version uint64, data []byte, at time.Time) *event.Event {
	e, digest := About("", at, "registered "+name), model.Digest(data)
	e.Alias, e.AliasType = nil, ""
	e.Body = &event.Event_ModelRegistered{ModelRegistered: &event.ModelRegistered{Name: name, Version: version, Digest: digest[:]}}
	return e
}

// Assigned gives a version a role for a use; a share is a challenger's.
func Assigned(use string, role event.ModelAssigned_Role, name string, version uint64, data []byte, share float64, at time.Time) *event.Event {
	e, digest := About("", at, "assigned "+use+role.String()+name), model.Digest(data)
	e.Alias, e.AliasType = nil, ""
	e.Body = &event.Event_ModelAssigned{ModelAssigned: &event.ModelAssigned{
		Use: use, Role: role, Model: name, Version: version, Digest: digest[:], Share: share, Rule: "operator",
	}}
	return e
}
