package projections

import (
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/profferhq/proffer/domain"
)

// share is one of several equal shares of all aliases, numbered from 0. The zero share, of none, has them all.
type share struct{ number, of int }

// has says whether an alias belongs to the share. Its last byte is random.
func (s share) has(a domain.Alias) bool { return s.of == 0 || int(a[len(a)-1])%s.of == s.number }

// mayHave says whether an event must be looked at for the share, without decoding it: it is about an alias of the share, or
// about more than its first fields tell. Events about no person, and those that are written otherwise, are everybody's.
func (s share) mayHave(stream domain.Stream, frame []byte) bool {
	if s.of == 0 || stream == domain.Identity { // a link is about two
		return true
	}
	raw := aliasIn(frame)
	return len(raw) != len(domain.Alias{}) || s.has(domain.Alias(raw))
}

// aliasIn is the alias of an event that is written in the order of its fields; nil for any other.
func aliasIn(frame []byte) []byte {
	var f field
	var ok bool
	for len(frame) > 0 && f.number < 2 {
		if frame, ok = f.next(frame); !ok {
			return nil
		}
	}
	if f.number != 2 || f.kind != protowire.BytesType {
		return nil
	}
	return f.bytes
}
