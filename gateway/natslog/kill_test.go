package natslog

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/profferhq/proffer/commands/commandstest"
	"github.com/profferhq/proffer/domain"
)

// victimFolder tells this test binary to be the process that is killed.
const victimFolder = "PROFFER_NATSLOG_VICTIM"

// TestVictim appends without end and prints what was acknowledged. It runs only as the child of TestKill.
func TestVictim(t *testing.T) {
	dir := os.Getenv(victimFolder)
	if dir == "" {
		t.Skip("it is the child of TestKill")
	}
	e := startEmbedded(t, EmbeddedOptions{Dir: dir})
	l := opened(t, connected(t, e), Options{})
	done := make(chan error, 4)
	for c := range 4 {
		go func() {
			for r := 0; ; r++ {
				name := fmt.Sprintf("%d/%d/%d", os.Getpid(), c, r)
				lane := domain.Lane{Stream: domain.Behaviour, Key: fmt.Sprint(c % 2)}
				if _, err := l.Append(context.Background(), lane, commandstest.Tracked("%s", name), commandstest.Tracked("%s+", name)); err != nil {
					done <- err
					return
				}
				fmt.Printf("acknowledged %s\n", name)
			}
		}()
	}
	t.Fatal(<-done)
}

// TestKill kills the process at random instants: everything acknowledged is in the log once, calls are whole and
// the chain holds.
func TestKill(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it starts and kills processes")
	}
	dir := t.TempDir()
	acknowledged := map[string]bool{}
	for range 4 {
		killOne(t, dir, 20+rand.IntN(300), acknowledged)
	}
	l := opened(t, connected(t, startEmbedded(t, EmbeddedOptions{Dir: dir})), Options{})
	seen := map[string]int{}
	for env, err := range l.Read(testContext(t), domain.Behaviour, 1, End) {
		must(t, err, "read")
		events, err := env.Events()
		must(t, err, "events")
		if len(events)%2 != 0 {
			t.Fatalf("a call is torn at %d", env.Sequence)
		}
		for _, e := range events {
			seen[e.GetTracked().GetName()]++
		}
	}
	for name := range acknowledged {
		if seen[name] != 1 || seen[name+"+"] != 1 {
			t.Errorf("%s was acknowledged and stands %d and %d times in the log", name, seen[name], seen[name+"+"])
		}
	}
	if len(acknowledged) < 80 {
		t.Errorf("only %d calls were acknowledged", len(acknowledged))
	}
}

// killOne runs the victim until it has printed that many lines, kills it, and takes down what it printed.
func killOne(t *testing.T, dir string, lines int, acknowledged map[string]bool) {
	t.Helper()
	child := exec.Command(os.Args[0], "-test.run=^TestVictim$", "-test.timeout=60s")
	child.Env = append(os.Environ(), victimFolder+"="+dir)
	out, err := child.StdoutPipe()
	must(t, err, "pipe")
	must(t, child.Start(), "start")
	in := bufio.NewScanner(out)
	for n := 0; in.Scan(); n++ {
		if name, ok := strings.CutPrefix(in.Text(), "acknowledged "); ok {
			acknowledged[name] = true
		}
		if n == lines {
			must(t, child.Process.Kill(), "kill")
		}
	}
	if err := child.Wait(); err == nil {
		t.Fatal("the child ended by itself")
	}
}
