package segment

import (
	"crypto/sha256"
	"maps"
	"math"
	"slices"

	"github.com/profferhq/proffer/domain"
)

// Version is one version of a definition as the log has it.
type Version struct {
	ID string
	// Version counts from 1.
	Version uint64
	// Digest is the SHA-256 of the document, which is canonical.
	Digest   domain.Hash
	Document []byte
	// DefinedMS is when it took effect, Unix milliseconds, and At where in POLICY.
	DefinedMS int64
	At        domain.Position
}

// Catalogue is the definitions there are, and which version of each is in effect at every cut: a fold over POLICY. The zero
// Catalogue has none. It is for one goroutine at a time.
type Catalogue struct{ versions map[string][]*Version }

// Apply folds in an event of POLICY and returns the version that it brings; nil where it concerns no segments.
func (c *Catalogue) Apply(r domain.Recorded) *Version {
	s := r.Event.GetSegmentDefined()
	if s == nil {
		return nil
	}
	v := &Version{
		ID: s.GetId(), Version: s.GetVersion(), Digest: sha256.Sum256(s.GetDefinitionJson()), Document: s.GetDefinitionJson(),
		DefinedMS: r.Event.GetReceivedMs(), At: r.At,
	}
	if c.versions == nil {
		c.versions = map[string][]*Version{}
	}
	c.versions[v.ID] = append(c.versions[v.ID], v)
	return v
}

// At is the version of a definition that was in effect at a cut of POLICY; false when there was none, or it was withdrawn.
func (c *Catalogue) At(id string, cut uint64) (*Version, bool) {
	for _, v := range slices.Backward(c.versions[id]) {
		if v.At.Sequence <= cut {
			return v, len(v.Document) > 0
		}
	}
	return nil, false
}

// Latest is the version that is in effect at the end of the log.
func (c *Catalogue) Latest(id string) (*Version, bool) { return c.At(id, math.MaxUint64) }

// InEffect are the versions in effect at the end of the log, by id.
func (c *Catalogue) InEffect() []*Version {
	var out []*Version
	for _, id := range slices.Sorted(maps.Keys(c.versions)) {
		if v, has := c.Latest(id); has {
			out = append(out, v)
		}
	}
	return out
}
