package gateway

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"time"

	"github.com/profferhq/proffer/domain"
	profferv1 "github.com/profferhq/proffer/gateway/api/proffer/v1"
	"github.com/profferhq/proffer/gateway/natslog"
	"github.com/profferhq/proffer/gateway/rpc"
	"github.com/profferhq/proffer/gateway/segment"
)

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

// identity is who is one person: read from the live register and the log, changed by commands.
func (n *Node) identity(away outage) *rpc.Identity {
	return &rpc.Identity{
		Names:  n.names(away),
		People: n.parts.recall.People, Log: n.parts.log, Traces: n.parts.traces,
		Profiles: n.profiles(), Views: n.parts.policies.CurrentView,
		Changing: n.parts.changes, Guarding: n.parts.changes, Previewing: n.parts.changes,
		Modelling: modelling{n.parts.matching},
		Supposing: n.parts.replayer, InEffect: n.parts.identities, Count: n.profileCount, Now: n.now,
	}
}

// features is the feature views, and what they read of people.
func (n *Node) features(away outage) *rpc.Features {
	return &rpc.Features{
		PointInTime: n.pointInTime(away),
		Commands:    n.parts.featureViews, Catalogue: n.parts.policies,
		Comparing: n.profiles(),
		People:    n.parts.views.Aliases, Prepare: n.parts.views.Prepare, InEffect: n.parts.policies, Now: n.now,
	}
}

// profileCount is how many people there are.
func (n *Node) profileCount() uint64 {
	return uint64(n.parts.views.Len()) - uint64(n.parts.identities.Merged())
}

// ready answers 200 when the log takes appends and the vault new identifiers, as far as the last ones tell, and nothing has
// failed.
func (n *Node) ready(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
	defer cancel()
	select {
	case <-n.failed:
		http.Error(w, "a part has failed", http.StatusServiceUnavailable)
		return
	default:
	}
	switch err := n.logHealth(ctx); {
	case errors.Is(err, domain.ErrLogFull):
		http.Error(w, "the log's disk is full: make room and start the server again", http.StatusServiceUnavailable)
		return
	case err != nil:
		http.Error(w, "the log is unavailable", http.StatusServiceUnavailable)
		return
	}
	if err := n.parts.log.Room(n.now()); err != nil {
		http.Error(w, "the log is full: raise its limit or make room", http.StatusServiceUnavailable)
		return
	}
	if err := n.parts.vault.Room(n.now().Add(-natslog.FullFor)); err != nil {
		http.Error(w, "the vault is full and takes nobody new: raise the limit of its buckets or make room", http.StatusServiceUnavailable)
		return
	}
	w.WriteHeader(http.StatusOK)
}

// logHealth fails with domain.ErrLogFull or domain.ErrUnavailable.
func (n *Node) logHealth(ctx context.Context) error {
	if err := n.diskRoom(); err != nil {
		return err
	}
	return n.parts.log.Health(ctx)
}

// diskRoom fails with domain.ErrLogFull once the embedded log has found its disk full: it then takes nothing more,
// even when there is room again.
func (n *Node) diskRoom() error {
	if n.parts.embedded != nil && n.parts.embedded.DiskFull() {
		return fmt.Errorf("%w: its disk is full: make room and start the server again", domain.ErrLogFull)
	}
	return nil
}

func (n *Node) projections() []rpc.Projection {
	var all []rpc.Projection
	if !n.config.NoDatabase { // first: they can be away while the rest is there, and then a rebuild has dropped nothing
		all = append(all, n.projectionTables())
	}
	views, counts := n.parts.views, n.parts.counts
	return append(all,
		rpc.Projection{Name: "views", Applied: views.Applied, Lag: views.Lag, Trouble: views.Trouble, Digest: views.Digest, Rebuild: views.Rebuild},
		rpc.Projection{Name: "counts", Applied: counts.Applied, Lag: counts.Lag, Trouble: counts.Trouble, Digest: counts.Digest, Rebuild: counts.Rebuild},
	)
}

// cut is the log's present end.
func (n *Node) cut(ctx context.Context) (domain.Cut, error) {
	var end domain.Cut
	for _, s := range domain.AllStreams() {
		last, err := n.parts.log.Last(ctx, s)
		if err != nil {
			return end, err
		}
		end[s] = last
	}
	return end, nil
}

// logEnd is how many messages the log has.
func (n *Node) logEnd(ctx context.Context) (uint64, error) {
	end, err := n.cut(ctx)
	var sum uint64
	for _, last := range end {
		sum += last
	}
	return sum, err
}

// Status implements rpc.Counting.
func (n *Node) Status(context.Context) (*profferv1.StatusResponse, error) {
	c := n.parts.counts.Counts()
	analystURL, _ := n.parts.tables.address()
	return &profferv1.StatusResponse{
		Matching: n.matchingStatus(),
		Events:   c.Events, Aliases: uint64(n.parts.views.Len()), Profiles: n.profileCount(),
		Decisions: c.Decisions(), ExternalDecisions: c.ExternalDecisions(), Outcomes: c.Outcomes(),
		Quarantined: c.Quarantined(), Duplicates: n.parts.ingest.Duplicates(),
		DatabaseUrl: analystURL, NatsUrl: n.parts.natsURL,
	}, nil
}

// matchingStatus is nil while matching is off.
func (n *Node) matchingStatus() *profferv1.MatchingStatus {
	p := n.parts.matching.Progress()
	if p.Version == 0 {
		return nil
	}
	return &profferv1.MatchingStatus{
		Version: p.Version, Records: uint64(p.Records), Unindexed: uint64(p.Unindexed), Waiting: uint64(p.Unmatched),
		Matched: p.Matched, Skipped: p.Skipped,
	}
}

// Description is what a person who has started a server wants to know.
type Description struct {
	URL        string `json:"url"`
	Address    string `json:"address"`
	Data       string `json:"data"`
	Durability string `json:"durability"`
	NatsURL    string `json:"nats_url"`
	AnalystURL string `json:"analyst_url"`
	TablesWhy  string `json:"tables_off_because,omitempty"`
}

// Describe tells it.
func (n *Node) Describe() Description {
	analystURL, why := n.parts.tables.address()
	durability := n.config.Sync
	if n.config.NatsURL != "" {
		durability = "as the cluster is configured"
	}
	return Description{
		URL: n.URL(), Address: n.address, Data: n.config.Data, Durability: durability,
		NatsURL: n.parts.natsURL, AnalystURL: analystURL, TablesWhy: why,
	}
}

// Build is what a binary says of itself.
type Build struct {
	Version string `json:"version"`
	Go      string `json:"go"`
}

// Version is set by the linker.
var Version = "development"

// BuildVersion tells it.
func BuildVersion() Build { return Build{Version: Version, Go: runtime.Version()} }
