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
	"strings"
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
	// slots are the hours of the week at which somebody logged in.
	slots []uint64
}

func newSightings() *sightings {
	return &sightings{of: map[domain.Alias]*list.Element{}, order: list.New()}
}

// add remembers a sighting and says whether it is new; forgotten is the device that made room for it, or zero.
func (s *sightings) add(alias domain.Alias, kind string, token uint64) (fresh bool, forgotten domain.Alias) {
	d, forgotten := s.device(alias, kind)
	d.tokens, fresh = withToken(d.tokens, token)
	return fresh, forgotten
}

// login remembers at which hour of the week somebody logged in, as add does.
func (s *sightings) login(alias domain.Alias, kind string, slot uint64) (fresh bool, forgotten domain.Alias) {
	d, forgotten := s.device(alias, kind)
	d.slots, fresh = withToken(d.slots, slot)
	return fresh, forgotten
}

// withToken adds a token that is new; the oldest makes room.
func withToken(tokens []uint64, token uint64) (_ []uint64, fresh bool) {
	if slices.Contains(tokens, token) {
		return tokens, false
	}
	if len(tokens) == match.MaxValues {
		tokens = slices.Delete(tokens, 0, 1)
	}
	return append(tokens, token), true
}

// device is what is remembered of one, seen now; forgotten is the device that made room for it, or zero.
func (s *sightings) device(alias domain.Alias, kind string) (d *sighted, forgotten domain.Alias) {
	e := s.of[alias]
	if e == nil {
		e = s.order.PushFront(&sighted{alias: alias, kind: kind})
		s.of[alias] = e
	}
	s.order.MoveToFront(e)
	if s.order.Len() > sightedMost {
		forgotten = s.order.Remove(s.order.Back()).(*sighted).alias
		delete(s.of, forgotten)
	}
	return e.Value.(*sighted), forgotten
}

// find is what is remembered of a device; nil for nothing.
func (s *sightings) find(a domain.Alias) *sighted {
	if e := s.of[a]; e != nil {
		return e.Value.(*sighted)
	}
	return nil
}

// texts are tokens as values of a field.
func texts(tokens []uint64) []string {
	values := make([]string, len(tokens))
	for i, token := range tokens {
		values[i] = strconv.FormatUint(token, 36)
	}
	return values
}

// watching says whether the model has a field for what devices did.
func (s *matchSession) watching() bool { return s.presence >= 0 || s.logins >= 0 }

// addDevice adds what is remembered of a device to the values of its record.
func (s *matchSession) addDevice(alias domain.Alias, values [][]string) {
	var d sighted
	if known := s.sightings.find(alias); known != nil {
		d = *known
	}
	if s.presence >= 0 {
		values[s.presence] = texts(d.tokens)
	}
	if s.logins >= 0 {
		values[s.logins] = texts(d.slots)
	}
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
		if s.logins >= 0 && isLogin(e) {
			fresh, forgotten := s.sightings.login(devices[i], e.GetAliasType(), slotOf(e.GetOccurredMs()))
			s.sighted(devices[i], fresh, forgotten)
		}
		if s.presence < 0 || e.GetSealed() == nil {
			continue
		}
		plain, err := Unseal(keys[i], devices[i][:], e.GetSealed())
		if errors.Is(err, ErrSealBroken) {
			continue
		}
		if err != nil {
			return fmt.Errorf("read sightings: %w", err)
		}
		if token, tells := sightingIn(plain, e.GetOccurredMs()); tells {
			fresh, forgotten := s.sightings.add(devices[i], e.GetAliasType(), token)
			s.sighted(devices[i], fresh, forgotten)
		}
	}
	return nil
}

// seenFrom is the sequence from which BEHAVIOUR is read again.
func seenFrom(last uint64) uint64 { return max(last, sightingsBack) - sightingsBack + 1 }

// ofDevice says whether an event tells where a device was.
func ofDevice(e *event.Event) bool {
	kind := e.GetAliasType()
	return (kind == identity.AnonymousID || kind == identity.DeviceID) && (e.GetSealed() != nil || isLogin(e)) && len(e.GetAlias()) == len(domain.Alias{})
}

// isLogin says whether an event is that somebody logged in, whatever its source calls it: "Signed In", "user_login".
func isLogin(e *event.Event) bool {
	name := e.GetTracked().GetName()
	if name == "" || len(name) > loginNameBytes {
		return false
	}
	letters := strings.Map(func(r rune) rune {
		if r < 'a' || r > 'z' {
			return -1
		}
		return r
	}, strings.ToLower(name))
	switch strings.TrimPrefix(letters, "user") {
	case "login", "loggedin", "signin", "signedin":
		return true
	}
	return false
}

// loginNameBytes is more than the names of log-ins have.
const loginNameBytes = 40

// slotOf is the hour of the week, from 0, in UTC.
func slotOf(occurredMS int64) uint64 {
	const week = 7 * 24
	hours := occurredMS / time.Hour.Milliseconds() % week
	return uint64((hours + week) % week)
}

// sighted has a device compared again of which something new is known.
func (s *matchSession) sighted(device domain.Alias, fresh bool, forgotten domain.Alias) {
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
