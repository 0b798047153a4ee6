package feature

import (
	"errors"
	"fmt"

	"github.com/profferhq/proffer/domain"
)

// ErrActivityCorrupt is returned for bytes that no Encode wrote; ErrActivitySchema for those of another schema or
// layout, which must be folded again from the log.
var (
	ErrActivityCorrupt = errors.New("feature: the encoded activity is corrupt")
	ErrActivitySchema  = errors.New("feature: the activity is encoded under another schema")
)

// Decode reads what Encode wrote of an activity without a layout; see Layout.Decode.
func Decode(blob []byte) (Activity, error) { return (*Layout)(nil).Decode(blob) }

// Decode reads what Encode wrote of an activity of this layout, whose memory it does not share. It fails with
// ErrActivityCorrupt or ErrActivitySchema. No bytes at all are the empty activity.
func (l *Layout) Decode(blob []byte) (Activity, error) {
	var a Activity
	err := l.DecodeInto(&a, blob)
	return a, err
}

// DecodeInto is Decode in the memory of an activity at which nobody looks any more, nor at what was merged of it or
// prepared of it. After a failure it is empty.
func (l *Layout) DecodeInto(a *Activity, blob []byte) error {
	var d decoder
	err := l.read(a, blob, func(place int, piece []byte) {
		p, s := a.partAt(place)
		d.decode(p, s, piece)
	})
	if err == nil {
		err = corrupt(d.what)
	}
	if err != nil {
		a.restart(l)
	}
	return err
}

// partAt is a part and its stream. The series come after the parts.
func (a *Activity) partAt(place int) (*part, domain.Stream) {
	if place < parts {
		return &a.parts[place], domain.Stream(place)
	}
	return &a.series[place-parts], a.layout.streamOf(place - parts)
}

// read makes an activity the one that is encoded, but for its parts: each of those with content is called with.
func (l *Layout) read(a *Activity, blob []byte, each func(place int, piece []byte)) error {
	known := a.aliasType
	a.restart(l)
	if len(blob) == 0 {
		return nil
	}
	if blob[0] != schema {
		return fmt.Errorf("%w: %d, want %d", ErrActivitySchema, blob[0], schema)
	}
	r := reader{blob: blob, at: 1}
	for i := range a.parts {
		a.parts[i].applied = r.position()
	}
	flags := r.byte()
	a.traits = flags&1 != 0
	a.aliasType = again(known, r.piece())
	for i := range a.parts {
		if flags&(2<<i) != 0 {
			each(i, r.piece())
		}
	}
	if r.what == "" && (flags&hasLayout != 0) != (l != nil) {
		return fmt.Errorf("%w: another layout", ErrActivitySchema)
	}
	if l != nil {
		if digest := r.fixed64(); r.what == "" && digest != l.digest {
			return fmt.Errorf("%w: another layout", ErrActivitySchema)
		}
		r.readSeries(len(l.series), each)
	}
	if flags>>(parts+2) != 0 || r.left() != 0 {
		r.fail("bytes too many")
	}
	return corrupt(r.what)
}

// readSeries calls each with the series, of so many, that have content.
func (r *reader) readSeries(all int, each func(place int, piece []byte)) {
	least := 0
	for range r.length(4, all) {
		i := int(r.index())
		if i < least || i >= all {
			r.fail("place of a series")
			return
		}
		least = i + 1
		each(parts+i, r.piece())
	}
}

// again is a text, which is not made again if it is the one that is known.
func again(known string, text []byte) string {
	if known == string(text) {
		return known
	}
	return string(text)
}

// corrupt is the error of what was wrong; nil for nothing.
func corrupt(what string) error {
	if what == "" {
		return nil
	}
	return fmt.Errorf("%w: %s", ErrActivityCorrupt, what)
}

// AppliedOf is Decode(blob).Applied(s) without decoding the rest.
func AppliedOf(blob []byte, s domain.Stream) (domain.Position, error) {
	if len(blob) == 0 || int(s) >= parts {
		return domain.Position{}, nil
	}
	if blob[0] != schema {
		return domain.Position{}, fmt.Errorf("%w: %d, want %d", ErrActivitySchema, blob[0], schema)
	}
	r := reader{blob: blob, at: 1}
	for range s {
		r.position()
	}
	at := r.position()
	return at, corrupt(r.what)
}
