package natskv

import (
	"sync"
	"sync/atomic"

	"github.com/profferhq/proffer/domain"
)

// memoryShards is how many locks the views in memory are spread over; the alias's last byte, which is random, chooses.
const memoryShards = 256

// memory holds the views of one generation: each bucket's present values, and what the writer has not written yet.
type memory struct {
	generation uint64
	shards     [memoryShards]memoryShard
	len        atomic.Int64
	bytes      atomic.Int64
	// durable counts, by partition, the aliases that their bucket has some revision of.
	durable [domain.Partitions]atomic.Int64
}

type memoryShard struct {
	mu    sync.RWMutex
	views map[domain.Alias]memoryView
}

// memoryView is a blob and the revision of its page in the bucket, 0 when it is in none yet; unwritten, the blob is newer
// than that revision.
type memoryView struct {
	blob     []byte
	revision uint64
}

// Marks in the highest bits of a revision: a blob that its bucket does not have yet, and one that is being written.
const (
	unwritten = 1 << 63
	writing   = 1 << 62
)

func newMemory(generation uint64) *memory {
	m := &memory{generation: generation}
	for i := range m.shards {
		m.shards[i].views = map[domain.Alias]memoryView{}
	}
	return m
}

func (m *memory) shard(a domain.Alias) *memoryShard { return &m.shards[a[len(a)-1]] }

func (m *memory) blob(a domain.Alias) ([]byte, bool) {
	s := m.shard(a)
	s.mu.RLock()
	v, known := s.views[a]
	s.mu.RUnlock()
	return v.blob, known
}

// put takes the writer's newest blob and says whether the alias was written before, that is: must be queued.
func (m *memory) put(a domain.Alias, blob []byte) (queue bool) {
	s := m.shard(a)
	s.mu.Lock()
	defer s.mu.Unlock()
	v, known := s.views[a]
	m.account(known, len(blob)-len(v.blob))
	s.views[a] = memoryView{blob: blob, revision: v.revision | unwritten}
	return v.revision&unwritten == 0
}

// observe takes what a page of the bucket says, and returns the revision of the alias's outdated page, 0 for none. That
// is the page itself when it is older than what is known, or when the writer has passed it.
func (m *memory) observe(a domain.Alias, blob []byte, revision uint64) (outdated uint64) {
	s := m.shard(a)
	s.mu.Lock()
	defer s.mu.Unlock()
	v, known := s.views[a]
	if known && revision <= v.revision {
		return revision
	}
	m.account(known, len(blob)-len(v.blob))
	m.accountDurable(a, v.revision)
	s.views[a] = memoryView{blob: blob, revision: revision}
	return v.revision
}

func (m *memory) account(known bool, bytes int) {
	if !known {
		m.len.Add(1)
	}
	m.bytes.Add(int64(bytes))
}

// take is the blob to write; from now on the alias is to be queued again when it changes.
func (m *memory) take(a domain.Alias) (blob []byte) {
	s := m.shard(a)
	s.mu.Lock()
	defer s.mu.Unlock()
	v := s.views[a]
	v.revision = v.revision&^unwritten | writing
	s.views[a] = v
	return v.blob
}

// under is the blob of an alias whose page has this revision; false when it is in another, or to be written anyway.
func (m *memory) under(a domain.Alias, revision uint64) ([]byte, bool) {
	s := m.shard(a)
	s.mu.RLock()
	defer s.mu.RUnlock()
	v := s.views[a]
	return v.blob, v.revision == revision
}

// written takes the revision of the alias's new page, and returns that of the page before, 0 for none.
func (m *memory) written(a domain.Alias, revision uint64) (before uint64) {
	s := m.shard(a)
	s.mu.Lock()
	defer s.mu.Unlock()
	v := s.views[a]
	m.accountDurable(a, v.revision)
	before = v.revision &^ (unwritten | writing)
	v.revision = revision | v.revision&unwritten
	s.views[a] = v
	return before
}

// accountDurable counts an alias when it gets its first revision.
func (m *memory) accountDurable(a domain.Alias, before uint64) {
	if before&^(unwritten|writing) == 0 {
		m.durable[domain.PartitionOf(a)].Add(1)
	}
}

func (m *memory) each(yield func(domain.Alias, []byte) bool) {
	for i := range m.shards {
		if !m.shards[i].each(yield) {
			return
		}
	}
}

// each copies the shard's content first: what is done with a view never holds a lock.
func (s *memoryShard) each(yield func(domain.Alias, []byte) bool) bool {
	type view struct {
		alias domain.Alias
		blob  []byte
	}
	s.mu.RLock()
	views := make([]view, 0, len(s.views))
	for a, v := range s.views {
		views = append(views, view{alias: a, blob: v.blob})
	}
	s.mu.RUnlock()
	for _, v := range views {
		if !yield(v.alias, v.blob) {
			return false
		}
	}
	return true
}
