package identity_test

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"iter"
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/identity"
)

// book is a log of IDENTITY with a register that follows it.
type book struct {
	*identity.Register
	events   []domain.Recorded
	messages uint32
}

func newBook(document *event.IdentityGuards) *book {
	b := &book{Register: identity.NewRegister()}
	if document != nil {
		b.append(guardsChanged(1, document))
	}
	return b
}

func guardsChanged(version uint64, document *event.IdentityGuards) *event.Event {
	return &event.Event{Body: &event.Event_GuardsChanged{GuardsChanged: &event.GuardsChanged{Guards: document, Version: version}}}
}

func (b *book) append(events ...*event.Event) {
	for _, e := range events {
		r := domain.Recorded{At: domain.Position{Sequence: uint64(len(b.events) + 1)}, Event: e}
		b.events = append(b.events, r)
		b.Apply(r)
	}
}

func (b *book) log() iter.Seq[domain.Recorded] { return slices.Values(b.events) }

func (b *book) claims() *identity.Claims {
	c := identity.NewClaims()
	c.Collect(b.log())
	return c
}

// claim admits what one message says and appends what comes of it.
func (b *book) claim(rule string, named ...identity.Named) identity.Admission {
	a := b.Admit(b.claimOf(rule, named...))
	b.append(a.Events(b.stamp())...)
	return a
}

func (b *book) claimOf(rule string, named ...identity.Named) identity.Claim {
	b.messages++
	message := sha256.Sum256(binary.BigEndian.AppendUint32(nil, b.messages))
	return identity.Claim{
		Named: named, Rule: rule, AtMS: int64(b.messages), Posterior: 1, Evidence: &event.LinkEvidence{Message: message[:16]},
	}
}

func (b *book) stamp() identity.Stamp {
	message := b.messages
	return identity.Stamp{OccurredMS: int64(message), ReceivedMS: int64(message), Source: "test", ID: func(p identity.Part) []byte {
		sum := sha256.Sum256(fmt.Appendf(nil, "%d %c %v %v %d", message, p.Kind, p.First, p.Second, p.Times))
		return sum[:16]
	}}
}

// realign appends guards and what they change.
func (b *book) realign(t *testing.T, version uint64, document *event.IdentityGuards) identity.Realignment {
	t.Helper()
	b.messages++
	guards, err := identity.NewGuards(document)
	if err != nil {
		t.Fatal(err)
	}
	r := b.claims().Realign(guards)
	b.append(guardsChanged(version, document))
	b.append(r.Events(b.stamp())...)
	if again := b.claims().Realign(nil); !again.Empty() {
		t.Fatalf("realigning again changes more: %d links, %d taken back, %d marks, %d withheld",
			len(again.Links), len(again.TakenBack), len(again.Marks), len(again.Withheld))
	}
	return r
}

func named(kind string, n int) identity.Named { return identity.Named{Alias: alias(n), Type: kind} }

func user(n int) identity.Named   { return named(identity.UserID, n) }
func email(n int) identity.Named  { return named(identity.Email, n) }
func device(n int) identity.Named { return named(identity.DeviceID, n) }
func cookie(n int) identity.Named { return named(identity.AnonymousID, n) }

func eventOf(a, other identity.Named) *event.Event {
	e := &event.Event{Alias: a.Alias[:], AliasType: a.Type}
	sum := sha256.Sum256(fmt.Appendf(nil, "%v %v", a.Alias, other.Alias))
	e.Id = sum[:16]
	return e
}

func barred(a, b identity.Named, lifted bool) *event.Event {
	e := eventOf(a, b)
	e.Body = &event.Event_IdentityBarred{IdentityBarred: &event.IdentityBarred{
		Other: b.Alias[:], OtherType: b.Type, Rule: identity.RuleOperator, Lifted: lifted,
	}}
	return e
}

func unlinkedBy(rule string, a, b identity.Named) *event.Event {
	e := eventOf(a, b)
	e.Body = &event.Event_IdentityUnlinked{IdentityUnlinked: &event.IdentityUnlinked{Other: b.Alias[:], Rule: rule}}
	return e
}

func markedBy(rule string, a identity.Named, mark identity.Mark) *event.Event {
	e := eventOf(a, identity.Named{})
	e.Body = &event.Event_AliasMarked{AliasMarked: &event.AliasMarked{Mark: mark.Proto(), Rule: rule}}
	return e
}

// withID gives an event an id of its own.
func withID(e *event.Event, n int) *event.Event {
	e = proto.Clone(e).(*event.Event)
	e.Id = binary.BigEndian.AppendUint64(make([]byte, 8), uint64(n))
	return e
}

func documentOf(profileMost uint32, types ...*event.IdentifierGuard) *event.IdentityGuards {
	return &event.IdentityGuards{Types: types, ProfileMost: profileMost}
}

func guardOf(kind string, most, sharedAbove uint32) *event.IdentifierGuard {
	return &event.IdentifierGuard{Type: kind, Most: most, SharedAbove: sharedAbove}
}

func aliases(named ...identity.Named) []domain.Alias {
	list := make([]domain.Alias, len(named))
	for i, n := range named {
		list[i] = n.Alias
	}
	slices.SortFunc(list, domain.Alias.Compare)
	return list
}
