// Package gateway wires the product: everything that touches the world is below it, one package a technology.
// Run reads from top to bottom as the story of the program.
package gateway

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/profferhq/proffer/gateway/lease"
	"github.com/profferhq/proffer/gateway/metrics"
	"github.com/profferhq/proffer/gateway/natslog"
	"github.com/profferhq/proffer/gateway/rpc"
	"github.com/profferhq/proffer/gateway/segment"
)

// ErrUsage is wrapped by errors that the command line can cure.
var ErrUsage = errors.New("usage")

// defaultSource is whose events come with the key of server.json.
const defaultSource = "segment:default"

// Run starts a server, tells ready when it serves, and stops it when the context ends or a part fails for good.
func Run(ctx context.Context, c Config, ready func(*Node) error) error {
	node, err := Start(ctx, c)
	if err != nil {
		return err
	}
	if err := ready(node); err != nil {
		return errors.Join(err, node.Close())
	}
	select {
	case <-ctx.Done():
	case <-node.failed:
	}
	return node.Close()
}

// Node is one running server.
type Node struct {
	config Config
	keys   rpc.Keys
	// segmentKeys says which source a Segment write key belongs to.
	segmentKeys *segment.Keys
	parts       parts

	background context.Context
	cancel     context.CancelFunc
	running    sync.WaitGroup
	failed     chan struct{}
	failure    error
	once       sync.Once
	closers    []func() error

	address string
	now     func() time.Time

	started time.Time
	calls   *metrics.Calls
	decided decided
}

// Start brings a server up, part by part; on an error what was started is stopped again.
func Start(ctx context.Context, c Config) (*Node, error) {
	if err := c.Validate(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUsage, err)
	}
	n := &Node{config: c, failed: make(chan struct{}), now: time.Now, started: time.Now(), calls: rpc.NewCalls()}
	n.background, n.cancel = context.WithCancel(context.WithoutCancel(ctx))
	for _, step := range []struct {
		name string
		run  func(context.Context) error
	}{
		{"read the keys", n.readKeys},
		{"open the log", n.openLog},               // the truth
		{"open the leases", n.openLeases},         // which server of a cluster does what only one need do
		{"open the vault", n.openVault},           // the other truth: who an alias is
		{"open the counts", n.openCounts},         // how much the log holds, and that it has lost nothing of that
		{"open the views", n.openViews},           // what is known of each alias, in memory
		{"start deciding", n.startDeciding},       // request + views -> decision
		{"start ingesting", n.startIngesting},     // what happened -> events
		{"start matching", n.startMatching},       // what is said about people -> probable links
		{"start projecting", n.startProjecting},   // events -> views, counts
		{"follow the segments", n.followSegments}, // activities + definitions -> who entered, who left
		{"start the tables", n.startTables},       // events -> Postgres, which may be away
		{"watch the models", n.watchModels},       // decisions + outcomes -> how models do, alerts
		{"serve", n.serve},                        // Connect, gRPC, Segment
	} {
		if err := step.run(ctx); err != nil {
			return nil, errors.Join(fmt.Errorf("%s: %w", step.name, err), n.Close())
		}
	}
	return n, nil
}

// run starts a background part; its failure stops the node.
func (n *Node) run(name string, work func(context.Context) error) {
	n.running.Go(func() {
		if err := work(n.background); err != nil && n.background.Err() == nil {
			n.fail(fmt.Errorf("%s: %w", name, err))
		}
	})
}

// runOnOne is run for work that one server of the cluster does for all. Without a cluster it is this one.
func (n *Node) runOnOne(name, work string, do func(context.Context) error) {
	if n.parts.leases == nil {
		n.run(name, do)
		return
	}
	l := lease.New(n.parts.leases, work, rand.Text())
	n.run(name, func(ctx context.Context) error { return l.While(ctx, do) })
}

func (n *Node) fail(err error) {
	n.once.Do(func() {
		slog.Error("a part failed: stopping", "error", err)
		n.failure = err
		close(n.failed)
	})
}

// Close stops the parts in the opposite order of their start and returns why the node failed, if it did.
func (n *Node) Close() error {
	n.once.Do(func() { close(n.failed) })
	errs := []error{n.failure}
	if last := len(n.closers) - 1; last >= 0 && n.address != "" {
		errs = append(errs, n.closers[last]()) // no new calls
		n.closers = n.closers[:last]
	}
	n.cancel()
	n.running.Wait()
	for i := len(n.closers) - 1; i >= 0; i-- {
		errs = append(errs, n.closers[i]())
	}
	n.closers = nil
	return errors.Join(errs...)
}

// URL is where the node serves.
func (n *Node) URL() string { return "http://" + n.address }

// OperatorKey opens everything; it is for the commands of this process.
func (n *Node) OperatorKey() string { return n.keys.Operator }

// SourceKey lets a source send events and ask for decisions.
func (n *Node) SourceKey() string { return n.keys.Source }

// Settle returns when the work of a start is done: everything in the log is counted, and the views are durable.
func (n *Node) Settle(ctx context.Context) error {
	return errors.Join(n.parts.counts.CatchUp(ctx, nil), n.parts.views.Flush(ctx))
}

// Log is the node's log, for those who measure it.
func (n *Node) Log() *natslog.Log { return n.parts.log }

// Now is the node's clock.
func (n *Node) Now() time.Time { return n.now() }
