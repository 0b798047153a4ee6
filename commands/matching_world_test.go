package commands_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/profferhq/proffer/commands"
	"github.com/profferhq/proffer/commands/commandstest"
	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/identity"
	"github.com/profferhq/proffer/domain/identity/match"
)

// memoryCheckpoint is commands.MatchCheckpoint in memory; tests wait until it moves.
type memoryCheckpoint struct {
	mu    sync.Mutex
	at    map[uint64]uint64
	moved chan struct{}
}

func newMemoryCheckpoint() *memoryCheckpoint {
	return &memoryCheckpoint{at: map[uint64]uint64{}, moved: make(chan struct{})}
}

func (c *memoryCheckpoint) Load(_ context.Context, version uint64) (uint64, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at[version], nil
}

func (c *memoryCheckpoint) Store(_ context.Context, version, sequence uint64) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at[version] = sequence
	close(c.moved)
	c.moved = make(chan struct{})
	return nil
}

// wait returns when all up to the sequence was compared under the version.
func (c *memoryCheckpoint) wait(t testing.TB, version, sequence uint64) {
	t.Helper()
	within := time.After(60 * time.Second)
	for {
		c.mu.Lock()
		at, moved := c.at[version], c.moved
		c.mu.Unlock()
		if at >= sequence {
			return
		}
		select {
		case <-moved:
		case <-within:
			t.Fatalf("matching under version %d is at %d, want %d", version, at, sequence)
		}
	}
}

// matchWorld is a world in which people are matched.
type matchWorld struct {
	*world
	t          testing.TB
	changes    *commands.IdentityChanges
	checkpoint *memoryCheckpoint
	people     *commands.MatchPeople
	stop       func()
	version    uint64
}

func newMatching(t testing.TB) *matchWorld {
	log := commandstest.NewMemoryLog(4)
	return startMatching(t, log, log, commandstest.NewMemoryVault(), newMemoryCheckpoint())
}

// restartMatching is a server's start over what exists.
func restartMatching(t testing.TB, log *commandstest.MemoryLog, vault *commandstest.MemoryVault, checkpoint *memoryCheckpoint) *matchWorld {
	return startMatching(t, log, log, vault, checkpoint)
}

// startMatching lets matching append through a log of its own; its bounds may be others than by default.
func startMatching(
	t testing.TB, through commands.SharedLog, log *commandstest.MemoryLog, vault *commandstest.MemoryVault, checkpoint *memoryCheckpoint,
	bounds ...func(*commands.MatchingPorts),
) *matchWorld {
	w := startWorld(t, log, vault)
	m := &matchWorld{world: w, t: t, changes: w.changes(log), checkpoint: checkpoint}
	if model := w.recall.People.MatchModel(); model != nil {
		m.version = model.GetVersion()
	}
	ports := commands.MatchingPorts{
		Log: through, History: log, Vault: vault, Reader: match.Plain{}, Recall: w.recall, Checkpoint: checkpoint,
		Now: func() time.Time { return now }, CheckpointEvery: time.Millisecond,
	}
	for _, bound := range bounds {
		bound(&ports)
	}
	m.people = commands.NewMatchPeople(ports)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = w.recall.Follow(ctx) })
	running.Go(func() {
		if err := m.people.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	m.stop = sync.OnceFunc(func() { cancel(); running.Wait() })
	t.Cleanup(m.stop)
	return m
}

// use puts a model into effect.
func (m *matchWorld) use(model match.Model) {
	m.t.Helper()
	document, err := model.Encode()
	if err != nil {
		m.t.Fatal(err)
	}
	m.set(document)
}

func (m *matchWorld) set(document []byte) {
	m.t.Helper()
	in, _, err := m.changes.SetMatching(context.Background(), commands.SetMatching{Name: "test", Document: document})
	if err != nil {
		m.t.Fatal(err)
	}
	m.version = in.GetVersion()
}

// tell ingests what is known of somebody.
func (m *matchWorld) tell(id identity.Identifier, traits string) {
	m.t.Helper()
	m.tellAt(id, traits, now)
}

func (m *matchWorld) tellAt(id identity.Identifier, traits string, at time.Time) {
	m.t.Helper()
	last, err := m.log.Last(context.Background(), domain.Identity)
	if err != nil {
		m.t.Fatal(err)
	}
	v := m.do(m.t, "test", commands.Item{
		MessageID: fmt.Sprint(last), Type: "identify", Identifiers: ids(id), Properties: object(m.t, traits), OccurredMS: at.UnixMilli(),
	})
	if v[0].Status != commands.Accepted {
		m.t.Fatalf("got %+v", v[0])
	}
}

// settle waits until all that the log holds was compared, and nothing more came of it.
func (m *matchWorld) settle() {
	m.t.Helper()
	for {
		last, err := m.log.Last(context.Background(), domain.Identity)
		if err != nil {
			m.t.Fatal(err)
		}
		m.checkpoint.wait(m.t, m.version, last)
		if again, _ := m.log.Last(context.Background(), domain.Identity); again == last {
			return
		}
	}
}

// written are the events that matching wrote: links, withheld claims and proposals of the rule.
func (m *matchWorld) written() (links []*event.Event, withheld []*event.Event, proposals []*event.Event) {
	m.t.Helper()
	for _, e := range m.all(m.t) {
		switch {
		case e.GetIdentityLinked().GetRule() == identity.RuleMatch:
			links = append(links, e)
		case e.GetIdentityWithheld().GetRule() == identity.RuleMatch:
			withheld = append(withheld, e)
		case e.GetMatchProposed() != nil:
			proposals = append(proposals, e)
		}
	}
	return links, withheld, proposals
}

// wrote checks how many events matching wrote.
func (m *matchWorld) wrote(links, withheld, proposals int) {
	m.t.Helper()
	l, w, p := m.written()
	if len(l) != links || len(w) != withheld || len(p) != proposals {
		m.t.Fatalf("matching wrote %d links, %d withheld claims, %d proposals; want %d, %d, %d",
			len(l), len(w), len(p), links, withheld, proposals)
	}
}

func crm(value string) identity.Identifier {
	return identity.Identifier{Type: "crm_id", Value: value}
}

// people is a fitted model of four fields.
func peopleModel() match.Model {
	levels := func(list ...match.Level) []match.Level { return list }
	return match.Model{
		Name: "test", Prior: 0.001, Records: 1000,
		Fields: []match.Field{
			{Name: "first_name", Kind: match.GivenName}, {Name: "surname", Kind: match.Surname},
			{Name: "dob", Kind: match.Date}, {Name: "contact.email", Kind: match.Email},
		},
		Comparisons: []match.Comparison{
			{Name: "surname", Field: "surname", Levels: levels(
				match.Level{Level: "exact", M: .8, U: .005}, match.Level{Level: "jaro_winkler>=0.85", M: .12, U: .01}, match.Level{Level: match.Else, M: .08, U: .985})},
			{Name: "first_name", Field: "first_name", Levels: levels(
				match.Level{Level: "exact", M: .8, U: .01}, match.Level{Level: "damerau_levenshtein<=1", M: .12, U: .01}, match.Level{Level: match.Else, M: .08, U: .98})},
			{Name: "dob", Field: "dob", Levels: levels(
				match.Level{Level: "exact", M: .85, U: .001}, match.Level{Level: "damerau_levenshtein<=1", M: .1, U: .004}, match.Level{Level: match.Else, M: .05, U: .995})},
			{Name: "email", Field: "contact.email", Levels: levels(
				match.Level{Level: "exact", M: .7, U: .0005}, match.Level{Level: "damerau_levenshtein<=1", M: .1, U: .0005}, match.Level{Level: match.Else, M: .2, U: .999})},
		},
		Blocks: [][]string{{"surname"}, {"first_name"}, {"dob"}, {"contact.email"}},
	}
}

// Records of two people; the first two are one person with typing errors, the last two perhaps.
const (
	robert      = `{"first_name":"Robert","surname":"Allanson","dob":"1971-06-24","contact":{"email":"robert255@smith.example"}}`
	robertAgain = `{"first_name":"Robert","surname":"Alanson","dob":"1971-05-24","contact":{"email":"robert25@smith.example"}}`
	maria       = `{"first_name":"Maria","surname":"Garcia"}`
	mariaMaybe  = `{"first_name":"Maria","surname":"Garcya"}`
)

// at is the event of IDENTITY at a position.
func (m *matchWorld) at(p domain.Position) *event.Event {
	m.t.Helper()
	e, err := m.log.At(context.Background(), domain.Identity, p.Sequence)
	if err != nil {
		m.t.Fatal(err)
	}
	events, err := e.Events()
	if err != nil {
		m.t.Fatal(err)
	}
	return events[p.Index]
}
