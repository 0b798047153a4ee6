//go:build unix

package postgres_test

import (
	"context"
	"log/slog"
	"syscall"
	"testing"
	"time"

	"github.com/profferhq/proffer/gateway/postgres"
)

func TestAKilledServerRunsAgainUnderItsURL(t *testing.T) {
	t.Parallel()
	server := start(t, postgres.Options{Dir: folder(t), NoSync: true})
	pool := open(t, server.URL())
	if _, err := pool.Exec(t.Context(), "CREATE TABLE kept (x int); CHECKPOINT"); err != nil {
		t.Fatal(err)
	}
	pid, exited := server.PID(), server.Exited()
	keeping, stop := context.WithCancel(t.Context())
	kept := make(chan struct{})
	go func() {
		defer close(kept)
		server.Keep(keeping, slog.New(slog.DiscardHandler))
	}()
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-exited
	patience, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		_, err := pool.Exec(patience, "SELECT x FROM kept")
		if err == nil {
			break
		}
		select {
		case <-tick.C:
		case <-patience.Done():
			t.Fatal(err)
		}
	}
	stop()
	<-kept
	if server.PID() == pid {
		t.Error("the process is the killed one")
	}
	if err := server.Close(); err != nil {
		t.Error(err)
	}
}
