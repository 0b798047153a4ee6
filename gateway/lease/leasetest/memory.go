// Package leasetest has a lease.Store in memory, and what every lease.Store must do.
package leasetest

import (
	"context"
	"fmt"
	"sync"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/gateway/lease"
)

// MemoryStore is one server's end of a lease.Store in memory.
type MemoryStore struct {
	held *held

	mu   sync.Mutex
	away bool
}

// held is what servers share.
type held struct {
	mu       sync.Mutex
	revision uint64
	by       map[string]entry
}

type entry struct {
	holder   string
	revision uint64
}

// NewMemoryStore is an empty store.
func NewMemoryStore() *MemoryStore { return &MemoryStore{held: &held{by: map[string]entry{}}} }

// Another is another server's end of it.
func (s *MemoryStore) Another() *MemoryStore { return &MemoryStore{held: s.held} }

// SetAway makes every call of this server fail with domain.ErrUnavailable once its context has ended, or work again.
func (s *MemoryStore) SetAway(away bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.away = away
}

func (s *MemoryStore) there(ctx context.Context) error {
	s.mu.Lock()
	away := s.away
	s.mu.Unlock()
	if !away {
		return nil
	}
	<-ctx.Done()
	return fmt.Errorf("leasetest: %w: %w", domain.ErrUnavailable, ctx.Err())
}

// Load implements lease.Store.
func (s *MemoryStore) Load(ctx context.Context, work string) (string, uint64, error) {
	if err := s.there(ctx); err != nil {
		return "", 0, err
	}
	s.held.mu.Lock()
	defer s.held.mu.Unlock()
	e := s.held.by[work]
	return e.holder, e.revision, nil
}

// Store implements lease.Store.
func (s *MemoryStore) Store(ctx context.Context, work, holder string, revision uint64) (uint64, error) {
	if err := s.there(ctx); err != nil {
		return 0, err
	}
	s.held.mu.Lock()
	defer s.held.mu.Unlock()
	if s.held.by[work].revision != revision {
		return 0, lease.ErrTaken
	}
	s.held.revision++
	s.held.by[work] = entry{holder, s.held.revision}
	return s.held.revision, nil
}
