package commandstest_test

import (
	"context"
	"errors"
	"testing"

	"github.com/profferhq/proffer/commands"
	"github.com/profferhq/proffer/commands/commandstest"
	"github.com/profferhq/proffer/domain"
)

var _ commands.Log = (*commandstest.MemoryLog)(nil)

func TestMemoryLog(t *testing.T) {
	t.Parallel()
	commandstest.RunLogSuite(t, func(*testing.T) commandstest.Harness {
		log := commandstest.NewMemoryLog(2)
		return commandstest.Harness{
			Log:   log,
			Rival: func() commandstest.Log { return log.Rival() },
			Put:   log.Put,
		}
	})
}

func TestMemoryLogDown(t *testing.T) {
	t.Parallel()
	log, lane := commandstest.NewMemoryLog(1), domain.Lane{Stream: domain.Behaviour, Key: "0"}
	log.SetDown(true)
	if _, err := log.Append(context.Background(), lane, commandstest.Tracked("x")); !errors.Is(err, domain.ErrUnavailable) {
		t.Fatalf("got %v, want unavailable", err)
	}
	log.SetDown(false)
	at, err := log.Append(context.Background(), lane, commandstest.Tracked("y"))
	if err != nil || at.Sequence != 1 {
		t.Fatalf("got %v, %v, want the first sequence: nothing was half done", at, err)
	}
}
