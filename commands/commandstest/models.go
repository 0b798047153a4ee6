package commandstest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"sync"

	"github.com/profferhq/proffer/domain"
)

// MemoryModels keeps the bytes of models in memory. It is safe for concurrent use; the zero MemoryModels is empty.
type MemoryModels struct {
	mu    sync.Mutex
	bytes map[domain.Hash][]byte
	down  bool
}

// Put implements commands.ModelBytes.
func (m *MemoryModels) Put(_ context.Context, data []byte) (domain.Hash, error) {
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

// Get is the bytes under a digest; false when there are none.
func (m *MemoryModels) Get(_ context.Context, digest domain.Hash) ([]byte, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.down {
		return nil, false, domain.ErrUnavailable
	}
	data, known := m.bytes[digest]
	return bytes.Clone(data), known, nil
}

// SetDown makes the store fail with domain.ErrUnavailable, or answer again.
func (m *MemoryModels) SetDown(down bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.down = down
}
