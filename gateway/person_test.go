package gateway

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/identity"
	"github.com/profferhq/proffer/gateway/normal"
	"github.com/profferhq/proffer/gateway/rpc"
)

// book is a vault, marks and guards in memory; its aliases end in the number of the identifier.
type book struct {
	known  map[identity.Identifier]domain.Alias
	marked map[domain.Alias]identity.Mark
	rules  *identity.Guards
}

func (b book) Lookup(ids []identity.Identifier) []domain.Alias {
	out := make([]domain.Alias, len(ids))
	for i, id := range ids {
		out[i] = b.known[id]
	}
	return out
}

func (b book) Aliases(_ context.Context, ids []identity.Identifier) ([]domain.Alias, error) {
	for _, id := range ids {
		if b.known[id].IsZero() {
			b.known[id] = domain.Alias{15: byte(len(b.known) + 1)}
		}
	}
	return b.Lookup(ids), nil
}

func (b book) Mark(a domain.Alias) identity.Mark { return b.marked[a] }

func (b book) Guards() (*identity.Guards, uint64) { return b.rules, 0 }

func id(kind, value string) identity.Identifier { return identity.Identifier{Type: kind, Value: value} }

// setup knows ann (1) and her phone's device (2), a kiosk (3) that people share and a blocked device (4).
func setup(t *testing.T) (persons, book) {
	t.Helper()
	normalizer, err := normal.New(normal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	rules, err := identity.NewGuards(identity.DefaultGuards())
	if err != nil {
		t.Fatal(err)
	}
	b := book{known: map[identity.Identifier]domain.Alias{}, rules: rules, marked: map[domain.Alias]identity.Mark{
		{15: 3}: identity.Shared, {15: 4}: identity.Blocked,
	}}
	_, err = b.Aliases(t.Context(), []identity.Identifier{
		id("user_id", "ann"), id("device_id", "phone"), id("device_id", "kiosk"), id("device_id", "broken"),
	})
	if err != nil {
		t.Fatal(err)
	}
	return persons{normalizer: normalizer, vault: b, marks: b, guards: b}, b
}

func TestWhomIdentifiersMean(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		given []identity.Identifier
		want  byte // the alias's number; 0 is nobody known
		made  bool
		err   error
	}{
		"the first that is known":               {given: []identity.Identifier{id("user_id", "new"), id("device_id", "phone"), id("user_id", "ann")}, want: 2},
		"a stranger becomes known by the first": {given: []identity.Identifier{id("user_id", "new"), id("device_id", "newer")}, want: 5, made: true},
		"a shared device beside a known person": {given: []identity.Identifier{id("device_id", "kiosk"), id("user_id", "ann")}, want: 1},
		"a shared device beside a stranger":     {given: []identity.Identifier{id("device_id", "kiosk"), id("user_id", "new")}, want: 5, made: true},
		"a shared device alone":                 {given: []identity.Identifier{id("device_id", "kiosk")}, want: 3},
		"a shared device beside a blocked one":  {given: []identity.Identifier{id("device_id", "broken"), id("device_id", "kiosk")}, want: 3},
		"a blocked alias is passed over":        {given: []identity.Identifier{id("device_id", "broken"), id("user_id", "ann")}, want: 1},
		"a blocked value is passed over":        {given: []identity.Identifier{id("user_id", "null"), id("device_id", "phone")}, want: 2},
		"a blocked value never gets an alias":   {given: []identity.Identifier{id("user_id", "0000"), id("user_id", "new")}, want: 5, made: true},
		"nothing but what means nobody":         {given: []identity.Identifier{id("user_id", "null"), id("device_id", "broken")}, err: rpc.ErrIdentifierBlocked},
		"nothing but a value that is blocked":   {given: []identity.Identifier{id("anonymous_id", "undefined")}, err: rpc.ErrIdentifierBlocked},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, validateOnly := range []bool{true, false} {
				p, b := setup(t)
				got, err := p.Person(t.Context(), c.given, validateOnly)
				want, count := domain.Alias{15: c.want}, 4
				if c.made && validateOnly {
					want = domain.Alias{}
				} else if c.made {
					count++
				}
				if got != want || !errors.Is(err, c.err) || len(b.known) != count {
					t.Errorf("validate only %v: got %s, %v with %d known; want %s, %v with %d", validateOnly, got, err, len(b.known), want, c.err, count)
				}
			}
		})
	}
}

// Of what is malformed its place and type are told, never a value, and no type that may be a value.
func TestAMalformedIdentifierIsNamedByItsPlaceAndType(t *testing.T) {
	t.Parallel()
	p, _ := setup(t)
	for want, given := range map[string]identity.Identifier{
		"identifiers[1] (email): ": id("email", "ann.at.home"),
		"identifiers[1]: ":         id("ann@example.org", "email"),
	} {
		_, err := p.Person(t.Context(), []identity.Identifier{id("user_id", "ann"), given}, true)
		if err == nil || !strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), "ann") {
			t.Errorf("%v, want %s and no value", err, want)
		}
	}
}
