package gateway

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/profferhq/proffer/gateway/rpc"
	"github.com/profferhq/proffer/gateway/segment"
)

// serve listens last, when everything behind it works.
func (n *Node) serve(ctx context.Context) error {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", n.config.Listen)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	n.address = listener.Addr().String()
	server := rpc.Server(n.handler())
	n.closers = append(n.closers, func() error { return stopServing(server) })
	n.run("serve", func(context.Context) error {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	return ServerFile{
		Address: n.address, URL: n.URL(), Key: n.keys.Source, OperatorKey: n.keys.Operator, Pid: os.Getpid(),
	}.write(n.config.Data)
}

// stopServing lets calls under way end, for a while.
func stopServing(server *http.Server) error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		return server.Close()
	}
	return nil
}

// handler is every route of the server.
func (n *Node) handler() http.Handler {
	mux := http.NewServeMux()
	away := outage{health: n.logHealth}
	identities := n.identity(away)
	services := rpc.Services{
		Ingest: &rpc.Ingest{Ingesting: n.parts.ingest},
		Decisions: &rpc.Decisions{
			Persons: persons{
				normalizer: n.parts.normalizer, vault: n.parts.vault, marks: n.parts.identities,
				guards: n.parts.recall.People, outage: away,
			},
			Deciding: deciding{n.parts.decider, n.parts.fresh, away, &n.decided}, Timeout: n.config.DecideTimeout,
		},
		Audit:      &rpc.Audit{Replayer: n.parts.replayer},
		Policies:   &rpc.Policies{Publishing: n.parts.publish, Withdrawing: n.parts.withdraw, InEffect: n.parts.policies},
		Quarantine: &rpc.Quarantine{Quarantine: n.parts.quarantine},
		Operations: &rpc.Operations{Counting: n, Projections: n.projections()},
		Identity:   identities,
		Features:   n.features(away),
		Models: &rpc.Models{
			Commands: n.parts.models, Catalogue: n.parts.recall.Catalogue, Bytes: n.parts.modelBytes, Warm: n.parts.policies.Models().Warm,
			InEffect: n.parts.policies,
		},
		Segments: &rpc.Segments{
			Who: identities, Linked: n.parts.identities, Defining: n.parts.defining, Membership: n.parts.segments,
			View: n.parts.policies.View, Prepare: n.parts.views.Prepare, InEffect: n.parts.policies,
			Recommending: n.parts.recommending, Habits: n.parts.habits, Worth: n.parts.purchases, Remembered: n.parts.remembered.upToNow, Now: n.now,
		},
	}
	rpc.Mount(mux, n.keys, services, n.calls)
	mux.Handle("GET /metrics", rpc.OperatorOnly(n.keys, http.HandlerFunc(n.metrics)))
	mux.Handle("/v1/", segment.New(n.parts.ingest, n.segmentKeys, n.now))
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
	mux.HandleFunc("GET /readyz", n.ready)
	return mux
}
