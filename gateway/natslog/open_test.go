package natslog

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/profferhq/proffer/commands"
	"github.com/profferhq/proffer/domain"
)

var _ commands.Log = (*Log)(nil)

func connected(t *testing.T, e *Embedded) *nats.Conn {
	t.Helper()
	nc, err := e.Connect(testContext(t))
	must(t, err, "connect")
	t.Cleanup(nc.Close)
	return nc
}

func TestOpenRefusesOtherStreams(t *testing.T) {
	t.Parallel()
	nc := connected(t, startEmbedded(t, EmbeddedOptions{Dir: t.TempDir()}))
	opened(t, nc, Options{Lanes: 3})
	js, err := jetstream.New(nc)
	must(t, err, "jetstream")
	for want, change := range map[string]func(*jetstream.StreamConfig){
		"IDENTITY: max_age is 1h0m0s, want 0s":             func(c *jetstream.StreamConfig) { c.MaxAge = time.Hour },
		"IDENTITY: discard is DiscardOld, want DiscardNew": func(c *jetstream.StreamConfig) { c.Discard = jetstream.DiscardOld },
		"IDENTITY: allow_direct is true, want false":       func(c *jetstream.StreamConfig) { c.AllowDirect = true },
		"IDENTITY: metadata proffer_lanes is 4, want 3":    func(c *jetstream.StreamConfig) { c.Metadata = map[string]string{lanesKey: "4"} },
		"IDENTITY: subjects is identity.> x, want identity.>": func(c *jetstream.StreamConfig) {
			c.Subjects = append(c.Subjects, "x")
		},
	} {
		config := streamConfig(domain.Identity, 3, 1)
		change(&config)
		_, err := js.UpdateStream(testContext(t), config)
		must(t, err, "change the stream")
		_, err = Open(testContext(t), nc, Options{})
		if !errors.Is(err, ErrStreamDiffers) || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
		info, err := js.Stream(testContext(t), "IDENTITY")
		must(t, err, "look up")
		if err := checkStream(domain.Identity, info.CachedInfo().Config, streamConfig(domain.Identity, 3, 1)); err == nil {
			t.Errorf("%s: opening changed the stream", want)
		}
		_, err = js.UpdateStream(testContext(t), streamConfig(domain.Identity, 3, 1))
		must(t, err, "change the stream back")
	}
	opened(t, nc, Options{})
}

func TestLanesAreFixedAtCreation(t *testing.T) {
	t.Parallel()
	nc := connected(t, startEmbedded(t, EmbeddedOptions{Dir: t.TempDir()}))
	for _, lanes := range []int{-1, domain.Partitions + 1} {
		if _, err := Open(testContext(t), nc, Options{Lanes: lanes}); err == nil {
			t.Errorf("%d lanes were taken", lanes)
		}
	}
	opened(t, nc, Options{Lanes: 5})
	if got := opened(t, nc, Options{}).Lanes(); got != 5 {
		t.Errorf("got %d lanes, want the stored 5", got)
	}
	if _, err := Open(testContext(t), nc, Options{Lanes: 6}); !errors.Is(err, ErrStreamDiffers) {
		t.Errorf("another lane count: got %v, want that the stream differs", err)
	}
	if got := opened(t, connected(t, startEmbedded(t, EmbeddedOptions{Dir: t.TempDir()})), Options{}).Lanes(); got != DefaultLanes {
		t.Errorf("got %d lanes of a new log, want %d", got, DefaultLanes)
	}
}

func TestEmbeddedNeedsItsToken(t *testing.T) {
	t.Parallel()
	e := startEmbedded(t, EmbeddedOptions{Dir: t.TempDir()})
	if !strings.HasPrefix(e.ClientURL(), "nats://127.0.0.1:") {
		t.Errorf("it listens at %s, want loopback", e.ClientURL())
	}
	for name, o := range map[string][]nats.Option{"no token": nil, "a wrong one": {nats.Token("x")}} {
		if _, err := nats.Connect(e.ClientURL(), o...); !errors.Is(err, nats.ErrAuthorization) {
			t.Errorf("with %s: got %v, want refused", name, err)
		}
	}
	info, err := os.Stat(e.TokenFile())
	must(t, err, "stat")
	if info.Mode().Perm() != 0o600 {
		t.Errorf("the token's file has mode %v, want 0600", info.Mode())
	}
	if nc := dialed(t, e.ClientURL(), credentials(t, e)); !nc.IsConnected() {
		t.Error("not connected with the token")
	}
	bulk, err := e.ConnectBulk(testContext(t))
	must(t, err, "connect for bulk")
	bulk.Close()
}

func TestEmbeddedRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	e := startEmbedded(t, EmbeddedOptions{Dir: dir, Sync: "100ms"})
	if _, err := StartEmbedded(EmbeddedOptions{Dir: dir}); !errors.Is(err, ErrFolderInUse) || !strings.Contains(err.Error(), dir) {
		t.Errorf("a second server on one folder: got %v, want refused", err)
	}
	e.Close()
	startEmbedded(t, EmbeddedOptions{Dir: dir})
	for name, o := range map[string]EmbeddedOptions{
		"no folder":         {},
		"a sync of nothing": {Dir: t.TempDir(), Sync: "never"},
		"a sync of zero":    {Dir: t.TempDir(), Sync: "0s"},
		"no port":           {Dir: t.TempDir(), Listen: "127.0.0.1"},
		"a port by name":    {Dir: t.TempDir(), Listen: "127.0.0.1:x"},
	} {
		if _, err := StartEmbedded(o); err == nil {
			t.Errorf("%s: it started", name)
		}
	}
}
