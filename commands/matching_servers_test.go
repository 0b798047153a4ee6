package commands_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/profferhq/proffer/commands"
	"github.com/profferhq/proffer/commands/commandstest"
	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
)

// meeting is a server's end of a log at which matching waits before it appends for the first time.
type meeting struct {
	*commandstest.MemoryLog
	before func()
}

func (m meeting) Append(ctx context.Context, lane domain.Lane, events ...*event.Event) (domain.Position, error) {
	m.before()
	return m.MemoryLog.Append(ctx, lane, events...)
}

func (m meeting) AppendAt(ctx context.Context, lane domain.Lane, end uint64, events ...*event.Event) (domain.Position, error) {
	m.before()
	return m.MemoryLog.AppendAt(ctx, lane, end, events...)
}

// Two servers compare the same records and find the same, each before the other has appended anything.
func TestTwoServersThatMatchAppendWhatTheyFindOnce(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		records          [2]string
		links, proposals int
	}{
		"a link":     {[2]string{robert, robertAgain}, 1, 0},
		"a proposal": {[2]string{maria, mariaMaybe}, 0, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			log, vault := commandstest.NewMemoryLog(4), commandstest.NewMemoryVault()
			var met sync.WaitGroup
			met.Add(2)
			meet := func(end *commandstest.MemoryLog) meeting {
				return meeting{end, sync.OnceFunc(func() { met.Done(); met.Wait() })}
			}
			end := log.Rival()
			servers := []*matchWorld{
				startMatching(t, meet(log), log, vault, newMemoryCheckpoint()),
				startMatching(t, meet(end), end, vault, newMemoryCheckpoint()),
			}
			servers[0].use(peopleModel())
			servers[1].version = servers[0].version
			servers[0].tell(crm("1"), c.records[0])
			servers[0].tell(crm("2"), c.records[1])
			for _, s := range servers {
				s.settle()
			}
			servers[0].wrote(c.links, 0, c.proposals)
		})
	}
}

// A server from which another has taken the graph's lane is refused once; then it knows what the other appended, and goes on.
func TestAServerTakesTheGraphsLaneBack(t *testing.T) {
	t.Parallel()
	log, vault := commandstest.NewMemoryLog(1), commandstest.NewMemoryVault()
	one, two := startWorld(t, log, vault), startWorld(t, log.Rival(), vault)
	joins := func(w *world, message string, first, second string) error {
		t.Helper()
		_, err := w.ingest.Ingest(t.Context(), "test", []commands.Item{{Type: "identify", MessageID: message, Identifiers: ids(crm(first), crm(second))}}, false)
		return err
	}
	steps := []struct {
		w             *world
		message       string
		first, second string
		err           error
	}{
		{one, "1", "a", "b", nil}, {two, "2", "c", "d", nil},
		{one, "3", "b", "c", domain.ErrLaneLost}, {one, "3", "b", "c", nil},
		{two, "4", "d", "a", domain.ErrLaneLost}, {two, "4", "d", "a", nil}, // by then it is known that they are one
	}
	for _, s := range steps {
		if err := joins(s.w, s.message, s.first, s.second); !errors.Is(err, s.err) {
			t.Fatalf("message %s: %v, want %v", s.message, err, s.err)
		}
	}
	if links := one.types(t)["identity_linked"]; links != 3 {
		t.Errorf("%d links, want 3", links)
	}
}
