package commands

import (
	"container/list"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"github.com/profferhq/proffer/commands/jsontext"
	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/identity"
	"github.com/profferhq/proffer/domain/identity/match"
)

// Bounds of co-presence.
const (
	// sightingWindow is how long being at one place with one model of device counts as once.
	sightingWindow = 6 * time.Hour
	// sightedMost is how many devices are remembered, those seen last; each costs about 700 bytes at most.
	sightedMost = 200_000
	// sightingsBack is how many envelopes of BEHAVIOUR are read again at a start.
	sightingsBack = 10_000
)

// sightings are where and when devices were seen together: for each a few hashes of an address block, a model of
// device and a window of time, the latest match.MaxValues of them. They are kept in memory only and are gone when the
// device was not among the last sightedMost.
type sightings struct {
	of    map[domain.Alias]*list.Element
	order *list.List // of *sighted, the last seen first
}

type sighted struct {
	alias  domain.Alias
	kind   string
	tokens []uint64
}

func newSightings() *sightings {
	return &sightings{of: map[domain.Alias]*list.Element{}, order: list.New()}
}

// add remembers a sighting and says whether it is new; forgotten is the device that made room for it, or zero.
func (s *sightings) add(alias domain.Alias, kind string, token uint64) (fresh bool, forgotten domain.Alias) {
	e := s.of[alias]
	if e == nil {
		e = s.order.PushFront(&sighted{alias: alias, kind: kind})
		s.of[alias] = e
	}
	s.order.MoveToFront(e)
	d := e.Value.(*sighted)
	if slices.Contains(d.tokens, token) {
		return false, domain.Alias{}
	}
	if len(d.tokens) == match.MaxValues {
		d.tokens = slices.Delete(d.tokens, 0, 1)
	}
	d.tokens = append(d.tokens, token)
	if s.order.Len() > sightedMost {
		forgotten = s.order.Remove(s.order.Back()).(*sighted).alias
		delete(s.of, forgotten)
	}
	return true, forgotten
}

// find is what is remembered of a device; nil for nothing.
func (s *sightings) find(a domain.Alias) *sighted {
	if e := s.of[a]; e != nil {
		return e.Value.(*sighted)
	}
	return nil
}

// values are a device's sightings as a record has them.
func (s *sightings) values(a domain.Alias) []string {
	d := s.find(a)
	if d == nil {
		return nil
	}
	values := make([]string, len(d.tokens))
	for i, token := range d.tokens {
		values[i] = strconv.FormatUint(token, 36)
	}
	return values
}

// see takes in an envelope of BEHAVIOUR. It may be repeated after it failed.
func (s *matchSession) see(ctx context.Context, e domain.Envelope) error {
	events, err := e.Events()
	if err != nil {
		return fmt.Errorf("read sightings: %w", err)
	}
	var devices []domain.Alias
	events = slices.DeleteFunc(events, func(e *event.Event) bool { return !ofDevice(e) })
	for _, e := range events {
		devices = append(devices, domain.Alias(e.GetAlias()))
	}
	if len(events) == 0 {
		return nil
	}
	keys, err := s.of.ports.Vault.DataKeys(ctx, devices)
	if err != nil {
		return fmt.Errorf("read sightings: find data keys: %w", err)
	}
	for i, e := range events {
		plain, err := Unseal(keys[i], devices[i][:], e.GetSealed())
		if errors.Is(err, ErrSealBroken) {
			continue
		}
		if err != nil {
			return fmt.Errorf("read sightings: %w", err)
		}
		if token, tells := sightingIn(plain, e.GetOccurredMs()); tells {
			s.sighted(devices[i], e.GetAliasType(), token)
		}
	}
	return nil
}

// seenFrom is the sequence from which BEHAVIOUR is read again.
func seenFrom(last uint64) uint64 { return max(last, sightingsBack) - sightingsBack + 1 }

// ofDevice says whether an event tells where a device was.
func ofDevice(e *event.Event) bool {
	kind := e.GetAliasType()
	return (kind == identity.AnonymousID || kind == identity.DeviceID) && e.GetSealed() != nil && len(e.GetAlias()) == len(domain.Alias{})
}

func (s *matchSession) sighted(device domain.Alias, kind string, token uint64) {
	fresh, forgotten := s.sightings.add(device, kind, token)
	if !fresh {
		return
	}
	if !forgotten.IsZero() && s.traits.of[forgotten] == nil {
		s.index.Remove(forgotten)
	}
	s.recent.drop(device) // what is kept of it has no sightings
	s.unindexed = append(s.unindexed, device)
	s.unmatched = append(s.unmatched, turn{alias: device, sighted: true})
}

// sightingIn is the hash of where and when an event happened: the block of the address, the model of the device, or
// what the browser calls itself, and the window. It tells nothing when any is missing, or the address is no public one.
func sightingIn(plain []byte, occurredMS int64) (token uint64, tells bool) {
	object, err := jsontext.Parse(plain, sealedDepth)
	if err != nil {
		return 0, false
	}
	context := object.Member("$context")
	block, ok := addressBlock(context.Member("ip"))
	if !ok {
		return 0, false
	}
	model, _ := context.Member("device").Member("model").Text()
	if model == "" {
		model, _ = context.Member("userAgent").Text()
	}
	if model == "" {
		return 0, false
	}
	window := occurredMS / sightingWindow.Milliseconds()
	sum := sha256.Sum256([]byte(block.String() + "\x00" + strconv.FormatInt(window, 10) + "\x00" + model))
	return binary.BigEndian.Uint64(sum[:]), true
}

// addressBlock is the /24 of an IPv4 address and the /48 of an IPv6 address.
func addressBlock(v jsontext.Value) (netip.Prefix, bool) {
	text, _ := v.Text()
	address, err := netip.ParseAddr(text)
	if err != nil {
		return netip.Prefix{}, false
	}
	address = address.Unmap().WithZone("")
	if !address.IsGlobalUnicast() || address.IsPrivate() {
		return netip.Prefix{}, false
	}
	bits := 48
	if address.Is4() {
		bits = 24
	}
	block, err := address.Prefix(bits)
	return block, err == nil
}
