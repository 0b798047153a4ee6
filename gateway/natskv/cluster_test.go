package natskv_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/gateway/lease/leasetest"
	"github.com/profferhq/proffer/gateway/natskv"
	"github.com/profferhq/proffer/projections"
	"github.com/profferhq/proffer/projections/projectionstest"
)

// connectCluster starts three servers in this process and connects to one.
func connectCluster(t *testing.T) *nats.Conn {
	t.Helper()
	var routes []*url.URL
	for range 3 {
		routes = append(routes, &url.URL{Scheme: "nats", Host: freeAddress(t)})
	}
	var first *server.Server
	for i, own := range routes {
		host, port := own.Hostname(), 0
		if _, err := fmt.Sscan(own.Port(), &port); err != nil {
			t.Fatal(err)
		}
		s, err := server.NewServer(&server.Options{
			ServerName: fmt.Sprintf("n%d", i), Host: "127.0.0.1", Port: -1, NoLog: true, NoSigs: true,
			JetStream: true, StoreDir: t.TempDir(), Routes: routes,
			Cluster: server.ClusterOpts{Name: "test", Host: host, Port: port},
		})
		if err != nil {
			t.Fatal(err)
		}
		s.Start()
		t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
		if first == nil {
			first = s
		}
	}
	nc, err := nats.Connect("", nats.InProcessServer(first))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	awaitLeader(t, nc)
	return nc
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// awaitLeader waits until the cluster can make a stream of three replicas.
func awaitLeader(t *testing.T, nc *nats.Conn) {
	t.Helper()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	deadline, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	for {
		try, cancel := context.WithTimeout(deadline, time.Second)
		_, err := js.CreateOrUpdateStream(try, jetstream.StreamConfig{Name: "probe", Subjects: []string{"probe"}, Replicas: 3})
		cancel()
		if err == nil {
			return
		}
		if deadline.Err() != nil {
			t.Fatalf("no cluster: %v", err)
		}
	}
}

func TestReplicatedViewsAreAViewStore(t *testing.T) {
	if testing.Short() {
		t.Skip("starts three servers")
	}
	t.Parallel()
	nc := connectCluster(t)
	var stores atomic.Int64
	projectionstest.RunViewStoreSuite(t, func(t *testing.T) projectionstest.ViewStoreHarness {
		var last *natskv.Views
		name := fmt.Sprintf("views%d", stores.Add(1))
		return projectionstest.ViewStoreHarness{Open: func(t *testing.T) projections.ViewStore {
			if last != nil {
				closeViews(t, last)
			}
			last = open(t, nc, natskv.ViewsOptions{Name: name, Buckets: 1, Writer: true, Replicas: 3, Linger: time.Millisecond})
			return last
		}}
	})
}

func TestReplicatedListsAreARecommendationStore(t *testing.T) {
	if testing.Short() {
		t.Skip("starts three servers")
	}
	t.Parallel()
	lists, err := natskv.OpenLists(t.Context(), connectCluster(t), 3)
	if err != nil {
		t.Fatal(err)
	}
	projectionstest.RunRecommendationStoreSuite(t, lists)
}

func TestReplicatedLeasesAreALeaseStore(t *testing.T) {
	if testing.Short() {
		t.Skip("starts three servers")
	}
	t.Parallel()
	leases, err := natskv.OpenLeases(t.Context(), connectCluster(t), 3)
	if err != nil {
		t.Fatal(err)
	}
	leasetest.RunStoreSuite(t, leases)
}

// TestAClusterGivesWhatWasWritten asks often enough that a replica which lags would answer some of the time.
func TestAClusterGivesWhatWasWritten(t *testing.T) {
	if testing.Short() {
		t.Skip("starts three servers")
	}
	t.Parallel()
	nc := connectCluster(t)
	const times = 100
	t.Run("pages of lists", func(t *testing.T) {
		lists, err := natskv.OpenLists(t.Context(), nc, 3)
		if err != nil {
			t.Fatal(err)
		}
		page := projections.RecommendationPage{Lists: []projections.RecommendationList{{Profile: domain.Alias{1}}}}
		for number := range times {
			if err := lists.StorePage(t.Context(), number, page, 0); err != nil {
				t.Fatal(err)
			}
			if pages, err := lists.Pages(t.Context()); err != nil || len(pages) != number+1 {
				t.Fatalf("%d pages of %d: %v", len(pages), number+1, err)
			}
		}
	})
	t.Run("models", func(t *testing.T) {
		models, err := natskv.OpenModels(t.Context(), nc, 3)
		if err != nil {
			t.Fatal(err)
		}
		for n := range byte(times) {
			digest, err := models.Put(t.Context(), bytes.Repeat([]byte{n}, 300<<10)) // some pieces
			if err != nil {
				t.Fatal(err)
			}
			if _, known, err := models.Get(t.Context(), digest); err != nil || !known {
				t.Fatalf("model %d: %v, %v", n, known, err)
			}
		}
	})
	t.Run("views", func(t *testing.T) {
		for n := range uint64(times) {
			v := open(t, nc, natskv.ViewsOptions{Name: "opened", Buckets: 1, Writer: true, Replicas: 3})
			if cut, err := v.Checkpoint(t.Context()); err != nil || cut != cutAt(n) {
				t.Fatalf("opened %d times: cut %v, want %v: %v", n, cut, cutAt(n), err)
			}
			if err := v.Store(t.Context(), projections.Batch{Cut: cutAt(n + 1), Views: []projections.View{{Alias: domain.Alias{byte(n)}, Blob: []byte{1}}}}); err != nil {
				t.Fatal(err)
			}
			closeViews(t, v)
		}
	})
}
