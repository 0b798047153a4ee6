package gateway

import (
	"context"

	"github.com/profferhq/proffer/domain"
	profferv1 "github.com/profferhq/proffer/gateway/api/proffer/v1"
	"github.com/profferhq/proffer/gateway/rpc"
)

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

// profileCount is how many people there are.
func (n *Node) profileCount() uint64 {
	return uint64(n.parts.views.Len()) - uint64(n.parts.identities.Merged())
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
