package natslog

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/profferhq/proffer/domain"
)

// cluster is three servers in this process, with an account for each test that shares it.
type cluster struct {
	servers []*server.Server
	taken   atomic.Int64
	limit   int64
}

// startCluster tries again when a port that was free has been taken by the time that its server listens.
func startCluster(t *testing.T, accounts int) *cluster {
	t.Helper()
	for range 3 {
		if c := tryCluster(t, accounts); c != nil {
			return c
		}
	}
	t.Fatal("a server is not ready")
	return nil
}

// tryCluster is nil when a server does not get ready.
func tryCluster(t *testing.T, accounts int) *cluster {
	t.Helper()
	c := &cluster{limit: int64(accounts)}
	ports := freePorts(t, 3)
	var routes, users strings.Builder
	for _, p := range ports {
		fmt.Fprintf(&routes, "nats://127.0.0.1:%d ", p)
	}
	for i := range accounts {
		fmt.Fprintf(&users, "T%d: {jetstream: enabled, users: [{user: t%d, password: secret}]}\n", i, i)
	}
	dir := t.TempDir()
	for i, p := range ports {
		options, err := serverOptions(filepath.Join(dir, fmt.Sprint(i)), i, p, routes.String(), users.String())
		must(t, err, "configure")
		s, err := server.NewServer(options)
		must(t, err, "start a server")
		s.Start()
		t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
		c.servers = append(c.servers, s)
	}
	for _, s := range c.servers {
		if !s.ReadyForConnections(readyWithin) {
			for _, started := range c.servers {
				started.Shutdown()
			}
			return nil
		}
	}
	return c
}

func serverOptions(dir string, index, port int, routes, users string) (*server.Options, error) {
	options := new(server.Options)
	err := options.ProcessConfigString(fmt.Sprintf(`
		server_name: n%d, listen: "127.0.0.1:-1", max_payload: %d
		jetstream: {store_dir: %q, sync_interval: always}
		cluster: {name: c, listen: "127.0.0.1:%d", routes: [%s]}
		accounts: {SYS: {users: [{user: sys, password: secret}]}, %s}
		system_account: SYS`, index, maxPayload, dir, port, strings.Join(strings.Fields(routes), ","), users))
	options.NoSigs, options.NoLog = true, true
	return options, err
}

func freePorts(t *testing.T, n int) []int {
	t.Helper()
	var ports []int
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		must(t, err, "listen")
		defer func() { _ = l.Close() }()
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports
}

func (c *cluster) urls() string {
	var urls []string
	for _, s := range c.servers {
		urls = append(urls, s.ClientURL())
	}
	return strings.Join(urls, ",")
}

// account takes an unused account, and waits until its JetStream answers.
func (c *cluster) account(t *testing.T) nats.Option {
	t.Helper()
	n := c.taken.Add(1) - 1
	if n >= c.limit {
		t.Fatal("the cluster has too few accounts")
	}
	user := nats.UserInfo(fmt.Sprintf("t%d", n), "secret")
	nc := dialed(t, c.urls(), user)
	js, err := jetstream.New(nc)
	must(t, err, "jetstream")
	ctx := testContext(t)
	err = steadily(ctx, func(ctx context.Context) error {
		if _, err := js.AccountInfo(ctx); err != nil {
			return unavailable(err)
		}
		_, err := js.Stream(ctx, "NONE") // only the leader of the cluster knows that there is none
		if errors.Is(err, jetstream.ErrStreamNotFound) {
			return nil
		}
		return unavailable(err)
	})
	must(t, err, "wait for the cluster's leader")
	return user
}

// stopLeader stops the server that leads the stream.
func (c *cluster) stopLeader(t *testing.T, nc *nats.Conn, s domain.Stream) {
	t.Helper()
	js, err := jetstream.New(nc)
	must(t, err, "jetstream")
	stream, err := js.Stream(context.Background(), s.String())
	must(t, err, "look up")
	for _, s := range c.servers {
		if s.Name() == stream.CachedInfo().Cluster.Leader {
			s.Shutdown()
			s.WaitForShutdown()
			return
		}
	}
	t.Fatal("no server leads the stream")
}
