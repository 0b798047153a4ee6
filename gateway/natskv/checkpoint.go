package natskv

import (
	"encoding/binary"
	"errors"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/feature"
)

// checkpointKey is the one key of a views bucket that is no page.
const checkpointKey = "_ckpt.views"

// errCheckpoint is for bytes that no checkpoint was written as.
var errCheckpoint = errors.New("natskv: not a checkpoint")

// checkpoint is what a views bucket knows of itself. It stands in the bucket, written after every view it covers was
// acknowledged, because a bucket that is written behind may lose its tail: then it loses the checkpoint too.
type checkpoint struct {
	// generation counts how often the views were begun anew.
	generation uint64
	// cut: every event up to it is in the bucket.
	cut domain.Cut
	// views is how many aliases the bucket then had, and pages are the revisions of its pages by number. Fewer or earlier
	// ones after a restart: some were lost, and not from the tail.
	views uint64
	pages []uint64
	// incarnation names the run of the operating system under which it was written; see ViewsOptions.
	incarnation string
	// schema is the first byte of every view, their encoding's version.
	schema byte
}

const checkpointVersion = 2

// viewSchema is the version that views are encoded under today.
func viewSchema() byte { return feature.Encode(feature.Activity{})[0] }

func (c checkpoint) encode() []byte {
	b := []byte{checkpointVersion, c.schema}
	b = binary.AppendUvarint(b, c.generation)
	for _, sequence := range c.cut {
		b = binary.AppendUvarint(b, sequence)
	}
	b = binary.AppendUvarint(b, c.views)
	b = binary.AppendUvarint(b, uint64(len(c.pages)))
	for _, revision := range c.pages {
		b = binary.AppendUvarint(b, revision)
	}
	return append(b, c.incarnation...)
}

func decodeCheckpoint(b []byte) (checkpoint, error) {
	if len(b) < 2 || b[0] != checkpointVersion {
		return checkpoint{}, errCheckpoint
	}
	rest := b[2:]
	next := func() (v uint64) {
		v, n := binary.Uvarint(rest)
		if n <= 0 {
			rest = nil
			return 0
		}
		rest = rest[n:]
		return v
	}
	c := checkpoint{schema: b[1]}
	c.generation = next()
	for i := range c.cut {
		c.cut[i] = next()
	}
	c.views = next()
	for n := next(); n > 0 && rest != nil; n-- {
		c.pages = append(c.pages, next())
	}
	if rest == nil {
		return checkpoint{}, errCheckpoint
	}
	c.incarnation = string(rest)
	return c, nil
}
