package projections

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"slices"

	"github.com/profferhq/proffer/domain"
)

// ViewRange yields every view once, in any order.
type ViewRange interface {
	Range(yield func(domain.Alias, []byte) bool)
}

// Digest folds what the log holds at the time of the call, and hashes every view at that cut: equal for equal logs,
// whatever way the views came about. Nothing is folded meanwhile.
func (p *ViewsProjector) Digest(ctx context.Context, views ViewRange) (cut domain.Cut, digest domain.Hash, err error) {
	err = p.sessions.urgently(ctx, func() error {
		if err := p.catchUp(ctx, nil); err != nil {
			return err
		}
		cut, digest = p.Applied(), ViewsDigest(views)
		return nil
	})
	return cut, digest, err
}

// ViewsDigest is the SHA-256 over every alias, the length of its blob and the blob, ascending by alias.
func ViewsDigest(views ViewRange) domain.Hash {
	var all []View
	for a, blob := range views.Range {
		all = append(all, View{Alias: a, Blob: blob})
	}
	slices.SortFunc(all, func(x, y View) int { return x.Alias.Compare(y.Alias) })
	h := sha256.New()
	var size [8]byte
	for _, v := range all {
		binary.BigEndian.PutUint64(size[:], uint64(len(v.Blob)))
		h.Write(v.Alias[:])
		h.Write(size[:])
		h.Write(v.Blob)
	}
	return domain.Hash(h.Sum(nil))
}
