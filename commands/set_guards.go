package commands

import (
	"context"
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/identity"
)

// SetGuards puts guards into effect, on older links too.
type SetGuards struct {
	Guards *event.IdentityGuards
	// Source is the document as its author wrote it, without blocked values.
	Source string
	Change Change
}

// maxGuardsBytes bounds a document and what it says.
const maxGuardsBytes = 200_000

// GuardsSet is what other guards did, or would do.
type GuardsSet struct {
	Outcome
	Version uint64
	// LinksAdded, LinksTakenBack and Shared are what brings older links in line.
	LinksAdded, LinksTakenBack, Shared int
}

// SetGuards puts guards into effect as the next version, unless the same from the same document are in effect. What
// they change about older links is appended with them; what a crash cuts off is completed by the next change, or by
// Resume. It fails with *identity.GuardsInvalid, domain.ErrTooLarge, the errors of a change and those of the log.
func (x *IdentityChanges) SetGuards(ctx context.Context, s SetGuards) (GuardsSet, error) {
	guards, err := identity.NewGuards(s.Guards)
	if err != nil {
		return GuardsSet{}, err
	}
	if len(s.Source)+proto.Size(guards.Document()) > maxGuardsBytes {
		return GuardsSet{}, domain.ErrTooLarge
	}
	blocked, err := x.blocked(ctx, guards)
	if err != nil {
		return GuardsSet{}, err
	}
	people := x.ports.Recall.People
	var set GuardsSet
	in := s.intent(people, guards, blocked)
	in.told = func(c *changed) {
		set.Version = c.event.GetGuardsChanged().GetVersion()
		set.tell(c.followed)
	}
	in.effect = func(d *draft) {
		_, set.Version = d.register.Guards()
		set.tell(d.tally())
	}
	set.Outcome, err = x.do(ctx, in)
	return set, err
}

func (s *GuardsSet) tell(f followed) {
	s.LinksAdded, s.LinksTakenBack, s.Shared = f.linked, f.takenBack, f.shared
}

// tally counts what the draft has.
func (d *draft) tally() followed {
	var f followed
	for _, e := range d.events {
		f.count(e)
	}
	return f
}

func (s SetGuards) intent(people *People, guards *identity.Guards, blocked blocking) intent {
	return intent{
		kind: "guards", change: s.Change, all: true,
		same: func(e *event.Event) bool {
			return e.GetGuardsChanged().GetSource() == s.Source && proto.Equal(e.GetGuardsChanged().GetGuards(), guards.Document())
		},
		decide: func(d *draft) error {
			now := people.inForce // do holds the lock
			if now != nil && now.GetSource() == s.Source && proto.Equal(now.GetGuards(), guards.Document()) {
				return nil
			}
			_, version := d.register.Guards()
			d.add(identity.Named{}, &event.Event{Body: &event.Event_GuardsChanged{GuardsChanged: &event.GuardsChanged{
				Guards: guards.Document(), Version: version + 1, Source: s.Source, Reason: s.Change.Reason, Actor: s.Change.Actor,
			}}})
			d.inLine(blocked)
			return nil
		},
	}
}

// inLine adds what must follow for the guards in effect to have always held.
func (d *draft) inLine(blocked blocking) {
	for _, n := range blocked.marks {
		if now, said := d.register.MarkOf(n.Alias); !said || now.Rule != identity.RuleOperator && now.Mark != identity.Blocked {
			d.mark(n, identity.Blocked, "a blocked value")
		}
	}
	for _, n := range blocked.lifts {
		d.mark(n, identity.Unmarked, "no blocked value any more")
	}
	d.realign()
}

func (d *draft) mark(n identity.Named, mark identity.Mark, reason string) {
	d.add(n, &event.Event{Body: &event.Event_AliasMarked{AliasMarked: &event.AliasMarked{
		Mark: mark.Proto(), Rule: identity.RuleGuards, Reason: reason,
	}}})
}

// blocking is what blocked patterns say of the identifiers that have an alias already.
type blocking struct{ marks, lifts []identity.Named }

// blocked reads the vault's identifiers. Those that mean nobody are to be marked; those that guards marked before and
// that no pattern matches any more are not.
func (x *IdentityChanges) blocked(ctx context.Context, guards *identity.Guards) (blocking, error) {
	marked := map[domain.Alias]bool{}
	x.ports.Recall.People.Look(func(r *identity.Register) {
		for _, m := range r.Marked() {
			if m.Mark == identity.Blocked && m.Rule == identity.RuleGuards {
				marked[m.Alias] = true
			}
		}
	})
	var out blocking
	err := x.ports.Identifiers.Scan(ctx, func(a domain.Alias, id identity.Identifier) error {
		named := identity.Named{Alias: a, Type: id.Type}
		switch blocked := guards.Blocked(id); {
		case blocked && !marked[a]:
			out.marks = append(out.marks, named)
		case !blocked && marked[a]:
			out.lifts = append(out.lifts, named)
		}
		return nil
	})
	if err != nil {
		return out, fmt.Errorf("look for blocked identifiers: %w", err)
	}
	return out, nil
}

// Resume completes what a crash cut off of a change: it is called once the log is known.
func (x *IdentityChanges) Resume(ctx context.Context) error {
	people := x.ports.Recall.People
	people.operator.Lock()
	defer people.operator.Unlock()
	release, err := x.still(ctx)
	if err != nil {
		return err
	}
	defer release()
	return x.complete(ctx)
}

// complete appends what the log lacks of the latest change. The caller has made everything stand still.
func (x *IdentityChanges) complete(ctx context.Context) error {
	people := x.ports.Recall.People
	people.mu.RLock()
	latest := people.latest
	cutOff := latest != nil && latest.cutOff()
	guards, _ := people.register.Guards()
	people.mu.RUnlock()
	if !cutOff {
		return nil
	}
	blocked, err := x.blocked(ctx, guards)
	if err != nil {
		return err
	}
	claims, err := x.claims(ctx, intent{all: true})
	if err != nil {
		return err
	}
	people.mu.Lock()
	d := &draft{
		register: people.register, claims: claims, following: true,
		id: eventID(latest.event.GetId()), nowMS: x.ports.Now().UnixMilli(),
	}
	d.inLine(blocked)
	if len(d.events) == 0 {
		latest.followed.last = true
		people.mu.Unlock()
		return nil
	}
	r := x.send(people, d)
	people.mu.Unlock()
	if err := r.wait(context.WithoutCancel(ctx)); err != nil {
		return fmt.Errorf("complete a change: %w", err)
	}
	if err := x.ports.Recall.CatchUp(ctx, domain.Identity); err != nil {
		return fmt.Errorf("complete a change: %w", err)
	}
	return nil
}
