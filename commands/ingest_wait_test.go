package commands_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/profferhq/proffer/commands"
	"github.com/profferhq/proffer/commands/commandstest"
	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
)

// gated holds each append until it is told how that ends; nil goes on to the log.
type gated struct {
	*commandstest.MemoryLog
	entered chan chan error
}

func (g gated) Append(ctx context.Context, lane domain.Lane, events ...*event.Event) (domain.Position, error) {
	end := make(chan error)
	g.entered <- end
	if err := <-end; err != nil {
		return domain.Position{}, err
	}
	return g.MemoryLog.Append(ctx, lane, events...)
}

func TestDuplicateIsAcknowledgedOnlyWhenTheFirstIsDurable(t *testing.T) {
	t.Parallel()
	log := gated{MemoryLog: commandstest.NewMemoryLog(1), entered: make(chan chan error)}
	in := commands.NewIngest(commands.IngestPorts{
		Log: log, Vault: commandstest.NewMemoryVault(), Normalizer: trimmer{},
		Recall: commands.NewRecall(log), Now: func() time.Time { return now }, Random: commandstest.NewRandom(1),
	}, 0)
	message := func(id string) commands.Item {
		return commands.Item{MessageID: id, Type: "track", Name: "x", Identifiers: ids(user("u"))}
	}
	ingest := func(items ...commands.Item) chan error {
		done := make(chan error, 1)
		go func() {
			_, err := in.Ingest(context.Background(), "test", items, false)
			done <- err
		}()
		return done
	}
	first := ingest(message("m"))
	firstEnds := <-log.entered
	// The second has one message of its own: when it is being appended, the call knows that m is another's.
	second := ingest(message("m"), message("n"))
	secondEnds := <-log.entered
	secondEnds <- nil
	firstEnds <- domain.ErrLogFull
	if err := <-first; !errors.Is(err, domain.ErrLogFull) {
		t.Errorf("the first: got %v, want ErrLogFull", err)
	}
	if err := <-second; !errors.Is(err, domain.ErrUnavailable) {
		t.Errorf("the second: got %v; m was never written", err)
	}
}

func TestFileIsTakenOnceInOneProcess(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	row := commands.Item{SourceSeq: 256, Type: "track", Name: "x", Identifiers: ids(user("u"), anon("a"))}
	for i, want := range []commands.Status{commands.Accepted, commands.Duplicate} {
		if got := w.do(t, "import:x/f", row)[0].Status; got != want {
			t.Errorf("time %d: got %s, want %s", i, got, want)
		}
	}
	if got := w.types(t); got["tracked"] != 1 || got["identity_linked"] != 1 {
		t.Errorf("got %v", got)
	}
}
