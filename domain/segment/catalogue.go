package segment

import (
	"crypto/sha256"
	"maps"
	"math"
	"slices"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
)

// Version is one version of a definition as the log has it, or that it was withdrawn.
type Version struct {
	ID string
	// Version counts from 1; what was withdrawn has that of the version before.
	Version uint64
	// Digest is the SHA-256 of the document, which is canonical; empty when it was withdrawn.
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
	v := &Version{DefinedMS: r.Event.GetReceivedMs(), At: r.At}
	if s := r.Event.GetSegmentDefined(); s != nil {
		v.ID, v.Version, v.Document = s.GetId(), s.GetVersion(), s.GetDefinitionJson()
	} else if w := r.Event.GetDefinitionWithdrawn(); w.GetKind() == event.DefinitionWithdrawn_KIND_SEGMENTS {
		v.ID, v.Version = w.GetName(), w.GetVersion()
	} else {
		return nil
	}
	v.Digest = sha256.Sum256(v.Document)
	if c.versions == nil {
		c.versions = map[string][]*Version{}
	}
	c.versions[v.ID] = append(c.versions[v.ID], v)
	return v
}

// Withdrawn says whether the definition is not in effect from here on.
func (v *Version) Withdrawn() bool { return len(v.Document) == 0 }

// At is the version of a definition that was in effect at a cut of POLICY; false when there was none, which is nil, or it was
// withdrawn.
func (c *Catalogue) At(id string, cut uint64) (*Version, bool) {
	for _, v := range slices.Backward(c.versions[id]) {
		if v.At.Sequence <= cut {
			return v, !v.Withdrawn()
		}
	}
	return nil, false
}

// Latest is the version that is in effect at the end of the log.
func (c *Catalogue) Latest(id string) (*Version, bool) { return c.At(id, math.MaxUint64) }

// InEffect are the versions in effect at the end of the log, by id.
func (c *Catalogue) InEffect() []*Version { return c.last(false) }

// Withdrawn are the definitions that are withdrawn at the end of the log, by id.
func (c *Catalogue) Withdrawn() []*Version { return c.last(true) }

func (c *Catalogue) last(withdrawn bool) []*Version {
	var out []*Version
	for _, id := range slices.Sorted(maps.Keys(c.versions)) {
		if v, _ := c.Latest(id); v.Withdrawn() == withdrawn {
			out = append(out, v)
		}
	}
	return out
}
