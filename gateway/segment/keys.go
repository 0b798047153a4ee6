package segment

import (
	"crypto/sha256"
	"errors"
	"fmt"
)

// ErrKeys: the write keys cannot be told apart or are empty.
var ErrKeys = errors.New("segment: every source needs a write key of its own")

// Keys are the write keys of the sources. They are kept and compared as SHA-256, so that neither memory nor timing
// gives one away.
type Keys struct{ sources map[[sha256.Size]byte]string }

// NewKeys takes each source's write key. It fails with ErrKeys.
func NewKeys(keyOf map[string]string) (*Keys, error) {
	k := &Keys{sources: make(map[[sha256.Size]byte]string, len(keyOf))}
	for source, key := range keyOf {
		digest := sha256.Sum256([]byte(key))
		if _, taken := k.sources[digest]; taken || key == "" || source == "" {
			return nil, fmt.Errorf("%w: %q", ErrKeys, source)
		}
		k.sources[digest] = source
	}
	return k, nil
}

// Source is the source that the write key belongs to.
func (k *Keys) Source(writeKey string) (string, bool) {
	source, ok := k.sources[sha256.Sum256([]byte(writeKey))]
	return source, ok
}
