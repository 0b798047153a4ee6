package natslog

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/profferhq/proffer/commands/commandstest"
	"github.com/profferhq/proffer/domain"
)

// testPatience outlasts two lost replies.
const testPatience = 8 * time.Second

func testContext(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// startEmbedded starts a server that is closed with the test.
func startEmbedded(t *testing.T, o EmbeddedOptions) *Embedded {
	t.Helper()
	e, err := StartEmbedded(o)
	must(t, err, "start")
	t.Cleanup(e.Close)
	return e
}

// dialed is a connection that is closed with the test.
func dialed(t *testing.T, url string, extra ...nats.Option) *nats.Conn {
	t.Helper()
	nc, err := nats.Connect(url, append(clientOptions(context.Background()), extra...)...)
	must(t, err, "connect")
	t.Cleanup(nc.Close)
	return nc
}

// opened is a log that is closed with the test.
func opened(t *testing.T, nc *nats.Conn, o Options) *Log {
	t.Helper()
	if o.Patience == 0 {
		o.Patience = testPatience
	}
	l, err := Open(testContext(t), nc, o)
	must(t, err, "open")
	t.Cleanup(l.Close)
	return l
}

func put(t *testing.T, nc *nats.Conn) func(domain.Lane, []byte) {
	t.Helper()
	js, err := jetstream.New(nc)
	must(t, err, "jetstream")
	return func(lane domain.Lane, data []byte) {
		t.Helper()
		_, err := js.Publish(testContext(t), lane.Subject(), data)
		must(t, err, "put")
	}
}

func credentials(t *testing.T, e *Embedded) nats.Option {
	t.Helper()
	token, err := os.ReadFile(e.TokenFile())
	must(t, err, "read the token")
	return nats.Token(strings.TrimSpace(string(token)))
}

func TestEmbeddedLog(t *testing.T) { t.Parallel(); runEmbedded(t, false) }

// A log that believes to be alone is none the worse for a rival.
func TestEmbeddedLogAlone(t *testing.T) { t.Parallel(); runEmbedded(t, true) }

func runEmbedded(t *testing.T, alone bool) {
	t.Helper()
	commandstest.RunLogSuite(t, func(t *testing.T) commandstest.Harness {
		dir := t.TempDir()
		e := startEmbedded(t, EmbeddedOptions{Dir: dir})
		proxy := newLossyProxy(t, hostOf(e.ClientURL()))
		owner, direct := dialed(t, proxy.url(), credentials(t, e)), dialed(t, e.ClientURL(), credentials(t, e))
		return commandstest.Harness{
			Log:         opened(t, owner, Options{Lanes: 2, Bulk: direct, Alone: alone}),
			Rival:       func() commandstest.Log { return opened(t, direct, Options{}) },
			Put:         put(t, direct),
			LoseReplies: proxy.loseReplies,
			Restart: func() commandstest.Log {
				e.Close()
				owner.Close()
				again := startEmbedded(t, EmbeddedOptions{Dir: dir})
				nc, err := again.Connect(testContext(t))
				must(t, err, "connect")
				t.Cleanup(nc.Close)
				return opened(t, nc, Options{Alone: alone})
			},
		}
	})
}

func TestClusterLog(t *testing.T) {
	t.Parallel()
	cluster := startCluster(t, 20)
	commandstest.RunLogSuite(t, func(t *testing.T) commandstest.Harness {
		user := cluster.account(t)
		proxy := newLossyProxy(t, hostOf(cluster.servers[0].ClientURL()))
		owner := dialed(t, proxy.url(), user, nats.DontRandomize(), nats.IgnoreDiscoveredServers())
		direct := dialed(t, cluster.urls(), user)
		return commandstest.Harness{
			Log:         opened(t, owner, Options{Lanes: 2, Replicas: 3, Bulk: direct}),
			Rival:       func() commandstest.Log { return opened(t, direct, Options{Replicas: 3}) },
			Put:         put(t, direct),
			LoseReplies: proxy.loseReplies,
		}
	})
}

func TestClusterLogRestart(t *testing.T) {
	t.Parallel()
	cluster := startCluster(t, 1)
	user := cluster.account(t)
	owner, direct := dialed(t, cluster.urls(), user), dialed(t, cluster.urls(), user)
	commandstest.RunRestart(t, commandstest.Harness{
		Log: opened(t, owner, Options{Lanes: 2, Replicas: 3}),
		Restart: func() commandstest.Log {
			cluster.stopLeader(t, direct, domain.Behaviour)
			owner.Close()
			return opened(t, direct, Options{Replicas: 3, Patience: 30 * time.Second})
		},
	})
}
