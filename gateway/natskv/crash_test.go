package natskv_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/profferhq/proffer/gateway/natskv"
	"github.com/profferhq/proffer/gateway/natslog"
	"github.com/profferhq/proffer/projections"
)

// victimFolder is set in the process that is to be killed: where it keeps its log and views.
const victimFolder = "PROFFER_TEST_VICTIM_FOLDER"

// TestVictim is not a test of its own: it is the process that TestKilledAtAnyInstant kills. It projects while it
// appends, and says so after every envelope, until it is killed.
func TestVictim(t *testing.T) {
	dir := os.Getenv(victimFolder)
	if dir == "" {
		t.Skip("run by TestKilledAtAnyInstant")
	}
	server, err := natslog.StartEmbedded(natslog.EmbeddedOptions{Dir: dir, Sync: "100ms"})
	if err != nil {
		t.Fatal(err)
	}
	nc, err := server.Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	log := openLog(t, nc)
	views, err := natskv.OpenViews(t.Context(), nc, natskv.ViewsOptions{Writer: true, Linger: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = projections.NewViewsProjector(log, views, nil).Run(t.Context()) }()
	for {
		fill(t, log, 400, 3_000)
		fmt.Println("appended")
	}
}

func TestKilledAtAnyInstant(t *testing.T) {
	if testing.Short() {
		t.Skip("starts and kills processes")
	}
	t.Parallel()
	dir := t.TempDir()
	random := rand.New(rand.NewPCG(7, 11))
	for round := range 4 {
		kill(t, dir, 1+random.IntN(60))
		t.Logf("round %d", round)
		resumedEqualsRebuilt(t, dir)
	}
}

// kill lets a process run until it has appended so many envelopes and then ends it with SIGKILL.
func kill(t *testing.T, dir string, envelopes int) {
	t.Helper()
	victim := exec.Command(os.Args[0], "-test.run=^TestVictim$", "-test.timeout=60s")
	victim.Env = append(os.Environ(), victimFolder+"="+dir)
	out, err := victim.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := victim.Start(); err != nil {
		t.Fatal(err)
	}
	said := bufio.NewScanner(out)
	for range envelopes {
		if !said.Scan() {
			t.Fatal("the process ended by itself")
		}
	}
	if err := victim.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, out)
	_ = victim.Wait()
}

// resumedEqualsRebuilt opens what the killed process left, goes on from its checkpoint, and compares with folding
// everything anew.
func resumedEqualsRebuilt(t *testing.T, dir string) {
	t.Helper()
	server, err := natslog.StartEmbedded(natslog.EmbeddedOptions{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	nc, err := server.Connect(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	log, err := natslog.Open(t.Context(), nc, natslog.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	views, err := natskv.OpenViews(t.Context(), nc, natskv.ViewsOptions{Writer: true})
	if err != nil {
		t.Fatal(err)
	}
	defer closeViews(t, views)
	resumed, err := views.Checkpoint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	p := projections.NewViewsProjector(log, views, nil)
	cut, digest, err := p.Digest(t.Context(), views)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("resumed after %d of %d", resumed[0], cut[0])
	if err := p.Rebuild(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if again, rebuilt, err := p.Digest(t.Context(), views); err != nil || again != cut || rebuilt != digest {
		t.Fatalf("digest %v at %v, rebuilt %v at %v: %v", digest, cut, rebuilt, again, err)
	}
}
