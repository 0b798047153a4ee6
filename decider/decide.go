package decider

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/feature"
	"github.com/profferhq/proffer/domain/policy"
)

// Config is what a decider is made of. All of it is required.
type Config struct {
	Views      Views
	Lanes      Lanes
	Source     Source
	Identities *Identities
	Policies   *Policies
	// Vectors read from these Views and Identities.
	Vectors *Vectors
	// Clock is the time, and Random 10 random bytes of an id.
	Clock  func() time.Time
	Random func() [10]byte
}

// Decider decides and records. It is the only writer of DECISION in its process. Start it before use.
type Decider struct {
	views      Views
	lanes      Lanes
	source     Source
	identities *Identities
	policies   *Policies
	vectors    *Vectors
	clock      func() time.Time
	random     func() [10]byte

	contacts   *contacts
	byID       map[domain.Lane]*lane
	background sync.WaitGroup
}

// New makes a decider over parts that are running.
func New(c Config) *Decider {
	d := &Decider{
		views: c.Views, lanes: c.Lanes, source: c.Source, identities: c.Identities, policies: c.Policies, vectors: c.Vectors,
		clock: c.Clock, random: c.Random, contacts: newContacts(c.Views), byID: map[domain.Lane]*lane{},
	}
	for n := range c.Lanes.Lanes() {
		id := domain.Lane{Stream: domain.Decision, Key: strconv.Itoa(n)}
		d.byID[id] = newLane(id)
	}
	return d
}

// Request asks for one decision.
type Request struct {
	// Alias is who asks, by the strongest identifier that is known.
	Alias     domain.Alias
	Placement string
	Context   []*event.ContextValue
	// NotBefore are places that the decision must have seen: the caller's own writes.
	NotBefore []domain.Place
	// ValidateOnly chooses, but neither records nor counts anything.
	ValidateOnly bool
}

// Answer is a decision, also when it is nothing.
type Answer struct {
	Record *event.Decision
	// At is where the record stands; the zero Place when nothing was recorded.
	At domain.Place
	// Treatment is the chosen offer's content; nil when nothing is offered.
	Treatment *event.Treatment
}

// Decide makes one decision. It is in the log, durably, before it is answered. It fails with ErrUnknownPlacement,
// policy.ErrContext, ErrNotYetVisible, ErrNoSuchPlace, ErrPolicyUnusable or ErrViewNotReady, when nothing was decided; with
// domain.ErrLogFull or domain.ErrTooLarge, when nothing was recorded; and with domain.ErrUnavailable or the
// context's error, when the decision may be recorded all the same: its contact then counts.
func (d *Decider) Decide(ctx context.Context, r Request) (Answer, error) {
	if err := d.await(ctx, r.NotBefore); err != nil {
		return Answer{}, err
	}
	q, err := d.question(r)
	if err != nil {
		return Answer{}, err
	}
	const attempts = 4
	for n := 1; ; n++ {
		record, at, err := d.answer(ctx, q)
		if err == nil {
			return q.answered(record, at), nil
		}
		// A lane that failed before this decision's turn is mended at the next attempt.
		if n == attempts || !errors.Is(err, domain.ErrLaneLost) {
			return Answer{}, fmt.Errorf("decider: decide: %w", err)
		}
	}
}

// question is a request with the policy that answers it.
type question struct {
	Request
	compiled  *policy.Compiled
	placement *policy.Placement
	segments  []segmentsRead
	version   uint64
	policyCut uint64
	id        domain.Alias
	nowMS     int64
}

func (d *Decider) question(r Request) (question, error) {
	published, cut, err := d.policies.At(r.Placement)
	if err != nil {
		return question{}, err
	}
	q := question{Request: r, version: published.Version, policyCut: cut}
	if q.compiled, err = published.CompiledAt(cut); err != nil {
		return question{}, err
	}
	q.segments = d.policies.segmentsAt(q.compiled, cut)
	q.placement, _ = q.compiled.Placement(r.Placement)
	if q.Context, err = q.placement.Context(r.Context); err != nil {
		return question{}, err // it names the fact
	}
	now := d.clock()
	q.id, q.nowMS = domain.NewAlias(now, d.random()), now.UnixMilli()
	return q, nil
}

// moment is what the view reads of the question.
func (q *question) moment() feature.Moment {
	return feature.Moment{NowMS: q.nowMS, Placement: q.Placement, Channel: q.placement.Event.GetChannel(), Context: q.Context}
}

// read finds the person's segments, as of the vector.
func (q *question) read(g *gathered) {
	g.segments = inSegments(q.segments, g.merged, g.moment.NowMS, q.compiled, g.vector)
}

func (q *question) answered(record *event.Decision, at domain.Position) Answer {
	a := Answer{Record: record}
	if at != (domain.Position{}) {
		a.At = domain.Place{Stream: domain.Decision, Position: at}
	}
	for _, c := range q.placement.Candidates {
		if c.Offer.Event.GetId() == record.GetOffer() && c.Treatment.GetId() == record.GetTreatment() {
			a.Treatment = c.Treatment
		}
	}
	return a
}

// await waits until the places are visible to decisions.
func (d *Decider) await(ctx context.Context, places []domain.Place) error {
	for _, p := range places {
		var err error
		switch p.Stream {
		case domain.Behaviour, domain.Decision, domain.Outcome:
			err = d.views.WaitFor(ctx, p)
		case domain.Identity:
			err = d.identities.WaitFor(ctx, p.Position.Sequence)
		case domain.Policy:
			err = d.policies.WaitFor(ctx, p.Position.Sequence)
		default:
			return fmt.Errorf("%w: %s", ErrNoSuchPlace, p.Stream)
		}
		if err != nil {
			return fmt.Errorf("%w: %w", ErrNotYetVisible, err)
		}
	}
	return nil
}

// answer gathers, and takes the lane to choose; again whenever the person changed in between.
func (d *Decider) answer(ctx context.Context, q question) (*event.Decision, domain.Position, error) {
	for {
		g, err := d.vectors.gather(ctx, q.Alias, q.compiled.View(), q.moment())
		if err != nil {
			return nil, domain.Position{}, err
		}
		q.read(g)
		t, err := d.turn(ctx, q, g)
		d.vectors.release(g)
		switch {
		case err != nil:
			return nil, domain.Position{}, err
		case t.record != nil && q.ValidateOnly:
			return t.record, domain.Position{}, nil
		case t.record != nil:
			at, err := d.wait(ctx, t.append)
			return t.record, at, err
		}
		if err := d.unblock(ctx, t); err != nil {
			return nil, domain.Position{}, err
		}
	}
}

// turned is what came of a turn: a record and, unless it is not to be recorded, its append; or what must be awaited
// before the next turn, if anything.
type turned struct {
	record  *event.Decision
	append  appending
	blocked *reservation
	later   uint64
}

// turn decides while nobody else decides in the profile's lane and neither a profile nor a consent changes: what the
// record's cut of IDENTITY holds is the latest that is known.
func (d *Decider) turn(ctx context.Context, q question, g *gathered) (turned, error) {
	l := d.byID[domain.LaneOf(domain.Decision, g.profile, d.lanes.Lanes())]
	if err := d.take(ctx, l); err != nil {
		return turned{}, err
	}
	defer l.give()
	d.identities.mu.RLock()
	defer d.identities.mu.RUnlock()
	if d.identities.cut != g.cut && !slices.Equal(d.identities.graph.Aliases(q.Alias), g.aliases) {
		return turned{}, nil
	}
	consents, current := d.identities.consentsAt(g.cut, g.aliases, q.compiled.Purposes())
	if !current {
		return turned{}, nil
	}
	known, err := d.contactsFor(q, g, l)
	if err != nil || known.blocked != nil || known.later > 0 {
		return turned{blocked: known.blocked, later: known.later}, err
	}
	in := q.input(g, known)
	in.Consents = consents
	in.Models = d.policies.models.now(q.compiled, q.policyCut, g.profile)
	record, err := Choose(q.compiled, in)
	if err != nil {
		return turned{}, err
	}
	if q.ValidateOnly {
		return turned{record: record}, nil
	}
	l.nowMS = g.moment.NowMS
	a, err := d.enqueue(l, eventOf(record))
	return turned{record: record, append: a}, err
}

// contactsFor brings what was gathered to the lane's time and finds the contacts known then.
func (d *Decider) contactsFor(q question, g *gathered, l *lane) (knownAt, error) {
	if l.nowMS > g.moment.NowMS {
		g.moment.NowMS = l.nowMS
		g.readVector(q.compiled.View())
		q.read(g)
	}
	window := q.compiled.LongestWindow()
	if window == 0 {
		return knownAt{cut: d.contacts.snapshot(nil).cut}, nil
	}
	return d.contactsKnown(g, g.moment.NowMS-window)
}

func (q *question) input(g *gathered, known knownAt) Input {
	cut := g.applied
	cut[domain.Identity], cut[domain.Decision], cut[domain.Policy] = g.cut, known.cut, q.policyCut
	return Input{
		ID: q.id, NowMS: g.moment.NowMS, Profile: g.profile, Requested: q.Alias, Aliases: g.seen,
		Placement: q.Placement, Context: q.Context, Cut: cut.Proto(), PolicyVersion: q.version,
		Vector: g.vector, Contacts: known.contacts, Segments: g.segments,
	}
}

// unblock waits for what kept a turn from deciding.
func (d *Decider) unblock(ctx context.Context, t turned) error {
	if t.later > 0 {
		place := domain.Place{Stream: domain.Decision, Position: domain.Position{Sequence: t.later}}
		if err := d.views.WaitFor(ctx, place); err != nil {
			return fmt.Errorf("wait for the views: %w", err)
		}
	}
	if t.blocked == nil {
		return nil
	}
	select {
	case <-d.contacts.end(t.blocked):
	case <-ctx.Done():
		return fmt.Errorf("wait for another decision about the person: %w", context.Cause(ctx))
	}
	if !d.contacts.isDoubtful(t.blocked) {
		return nil
	}
	t.blocked.lane.broken.Store(true) // only reading the lane tells
	if err := d.take(ctx, t.blocked.lane); err != nil {
		return err
	}
	t.blocked.lane.give()
	return nil
}

// Append records decisions of other systems in a lane of DECISION, so that their contacts count from then on. It
// fails as an append to the log does.
func (d *Decider) Append(ctx context.Context, id domain.Lane, events ...*event.Event) (domain.Position, error) {
	l, known := d.byID[id]
	if !known {
		return domain.Position{}, fmt.Errorf("decider: record: %s is no lane of DECISION", id.Subject())
	}
	if err := d.take(ctx, l); err != nil {
		return domain.Position{}, fmt.Errorf("decider: record: %w", err)
	}
	a, err := d.enqueue(l, events...)
	l.give()
	if err != nil {
		return domain.Position{}, fmt.Errorf("decider: record: %w", err)
	}
	at, err := d.wait(ctx, a)
	if err != nil {
		return domain.Position{}, fmt.Errorf("decider: record: %w", err)
	}
	return at, nil
}
