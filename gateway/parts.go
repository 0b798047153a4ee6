package gateway

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/profferhq/proffer/commands"
	"github.com/profferhq/proffer/decider"
	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/feature"
	"github.com/profferhq/proffer/gateway/natskv"
	"github.com/profferhq/proffer/gateway/natslog"
	"github.com/profferhq/proffer/gateway/normal"
	"github.com/profferhq/proffer/gateway/postgres"
	"github.com/profferhq/proffer/gateway/rpc"
	"github.com/profferhq/proffer/projections"
)

// parts are what a node is made of, in the order in which they start.
type parts struct {
	natsURL    string
	embedded   *natslog.Embedded // nil in a cluster
	log        *natslog.Log
	nc         *nats.Conn
	leases     *natskv.Leases // nil without a cluster
	vault      *natskv.Vault
	views      *liveViews
	counts     *projections.CountsProjector
	counters   *natskv.Counters
	identities *decider.Identities
	vectors    *decider.Vectors
	policies   *decider.Policies
	decider    *decider.Decider
	replayer   *decider.Replayer
	traces     *decider.Traces
	normalizer *normal.Normalizer
	recall     *commands.Recall
	ingest     *commands.Ingest
	quarantine *commands.Quarantine
	publish    *commands.PublishPolicy
	withdraw   *commands.Withdrawals
	// featureViews publishes and switches views.
	featureViews *commands.FeatureViews
	models       *commands.Models
	modelBytes   *natskv.Models
	changes      *commands.IdentityChanges
	matching     *commands.MatchPeople
	fresh        *freshness
	tables       tables
	defining     *commands.DefineSegments
	segments     *projections.Segments

	recommending *recommending
	habits       *projections.Habits
	purchases    *projections.Purchases
	remembered   *remembering
	watcher      *projections.ModelWatcher
	// modelDays is nil when there is no database.
	modelDays *postgres.ModelDays
}

// openLog joins the cluster, or starts a server of its own, and opens the streams.
func (n *Node) openLog(ctx context.Context) error {
	options := n.config.logOptions()
	var err error
	if n.config.NatsURL != "" {
		n.parts.natsURL = redactedServers(n.config.NatsURL)
		if n.parts.nc, err = n.dialCluster(ctx); err != nil {
			return err
		}
		if options.Bulk, err = n.dialCluster(ctx); err != nil {
			return err
		}
	} else {
		natslog.RoomToSync()
		server, err := natslog.StartEmbedded(natslog.EmbeddedOptions{Dir: filepath.Join(n.config.Data, "nats"), Sync: n.config.Sync})
		if err != nil {
			return err
		}
		n.closing(func() error { server.Close(); return nil })
		n.parts.embedded = server
		n.parts.natsURL = server.ClientURL()
		if n.parts.nc, err = server.Connect(ctx); err != nil {
			return err
		}
		n.closingConnection(n.parts.nc)
		if options.Bulk, err = server.ConnectBulk(ctx); err != nil {
			return err
		}
		n.closingConnection(options.Bulk)
	}
	if n.parts.log, err = natslog.Open(ctx, n.parts.nc, options); err != nil {
		return err
	}
	n.closing(func() error { n.parts.log.Close(); return nil })
	return nil
}

// openLeases needs none on a log of its own, which no other server can open.
func (n *Node) openLeases(ctx context.Context) (err error) {
	if n.config.NatsURL != "" {
		n.parts.leases, err = natskv.OpenLeases(ctx, n.parts.nc, n.config.Replicas)
	}
	return err
}

func (n *Node) dialCluster(ctx context.Context) (*nats.Conn, error) {
	nc, err := natslog.Dial(ctx, natslog.DialOptions{
		URL: n.config.NatsURL, CredentialsFile: n.config.NatsCredentials,
		TLSCA: n.config.NatsCA, TLSCert: n.config.NatsCert, TLSKey: n.config.NatsKey,
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", redactedServers(n.config.NatsURL), err)
	}
	n.closingConnection(nc)
	return nc, nil
}

func (n *Node) openVault(ctx context.Context) error {
	key, err := n.config.VaultSecret()
	if err != nil {
		return err
	}
	vault, err := natskv.OpenVault(ctx, n.parts.nc, natskv.VaultOptions{Key: key, Replicas: n.config.Replicas})
	if err != nil {
		return err
	}
	n.parts.vault = vault
	n.closing(func() error { vault.Close(); return nil })
	n.parts.normalizer, err = normal.New(normal.Options{Region: n.config.Region})
	return err
}

// openCounts reads how much the log held, of every stream, before anything is appended to it.
func (n *Node) openCounts(ctx context.Context) error {
	options := natskv.CountsOptions{Replicas: n.config.Replicas}
	if n.config.Sync != natslog.SyncAlways {
		options.Incarnation = natskv.Incarnation() // a power cut may have taken the log's end
	}
	store, err := natskv.OpenCounts(ctx, n.parts.nc, options)
	if err != nil {
		return err
	}
	n.parts.counts = projections.NewCountsProjector(n.parts.log, store)
	return n.orWhatIsLeft(ctx, n.parts.counts.Resume(ctx), n.parts.counts.Rebuild)
}

// orWhatIsLeft is how a projection resumed. When the log has lost its end and the server was started to rebuild, what is
// left of the log is folded anew.
func (n *Node) orWhatIsLeft(ctx context.Context, err error, rebuild func(context.Context, projections.Progress) error) error {
	if !n.config.Rebuilding || !errors.Is(err, domain.ErrEndLost) {
		return err
	}
	slog.Warn("what is left of the log is folded again", "lost", err)
	return rebuild(ctx, nil)
}

// openViews loads the views and folds what the log holds beyond them, so that the first decision is no staler than
// the last before the restart. Which series they keep stands in POLICY.
func (n *Node) openViews(ctx context.Context) error {
	n.parts.policies = decider.NewPolicies(feature.BuiltIn()...)
	if err := n.parts.policies.Load(ctx, n.parts.log); err != nil {
		return err
	}
	n.parts.fresh = &freshness{now: n.now}
	n.parts.views = &liveViews{open: n.openLayout, source: n.parts.log, policies: n.parts.policies, applied: n.parts.fresh.appliedTo}
	n.closing(func() error {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		return n.parts.views.Close(ctx)
	})
	if err := n.orWhatIsLeft(ctx, n.parts.views.start(ctx), n.parts.views.Rebuild); err != nil {
		return err
	}
	return n.parts.views.dropOthers(ctx)
}

func (n *Node) openLayout(ctx context.Context, layout *feature.Layout) (*natskv.Views, error) {
	incarnation := ""
	if n.config.NatsURL == "" {
		incarnation = natskv.Incarnation()
	}
	return natskv.OpenViews(ctx, n.parts.nc, natskv.ViewsOptions{
		Replicas: n.config.Replicas, Writer: true, Incarnation: incarnation, Logger: slog.Default(), Layout: layout,
	})
}

func (n *Node) startDeciding(ctx context.Context) error {
	n.parts.identities = decider.NewIdentities(n.parts.views)
	n.parts.vectors = decider.NewVectors(n.parts.views, n.parts.identities)
	var err error
	if n.parts.modelBytes, err = natskv.OpenModels(ctx, n.parts.nc, n.config.Replicas); err != nil {
		return err
	}
	n.parts.policies.Models().KeptIn(n.parts.modelBytes)
	n.parts.decider = decider.New(decider.Config{
		Views: n.parts.views, Lanes: n.parts.log, Source: n.parts.log,
		Identities: n.parts.identities, Policies: n.parts.policies, Vectors: n.parts.vectors,
		Clock: n.now, Random: randomID,
	})
	n.parts.replayer = decider.NewReplayer(n.parts.log, n.parts.policies)
	if err := n.parts.decider.Start(ctx); err != nil {
		return err
	}
	n.closing(func() error { n.parts.decider.Close(); return nil })
	n.run("follow identities and policies", n.parts.decider.Run)
	return nil
}

func (n *Node) startIngesting(ctx context.Context) (err error) {
	if n.parts.counters, err = natskv.OpenCounters(ctx, n.parts.nc, n.config.Replicas); err != nil {
		return err
	}
	duplicates, err := n.parts.counters.Load(ctx, duplicatesCounter)
	if err != nil {
		return err
	}
	n.parts.recall = commands.NewRecall(n.parts.log)
	if err := n.parts.recall.Load(ctx); err != nil {
		return err
	}
	n.parts.traces = decider.NewTraces(n.parts.log, n.parts.recall.People)
	n.parts.traces.FoundBy(n.parts.recall)
	n.parts.replayer.TracedBy(n.parts.traces)
	log := n.route()
	n.parts.ingest = commands.NewIngest(commands.IngestPorts{
		Log: log, Vault: n.parts.vault, Normalizer: n.parts.normalizer,
		Recall: n.parts.recall, Now: n.now, Random: rand.Reader, Deciding: n.parts.identities,
	}, duplicates)
	n.parts.quarantine = commands.NewQuarantine(commands.QuarantinePorts{
		Log: log, Vault: n.parts.vault, Recall: n.parts.recall, Ingest: n.parts.ingest, Reader: rpc.ItemReader{}, Now: n.now,
	})
	definitions := commands.NewDefinitions(commands.DefinitionPorts{Log: log, Recall: n.parts.recall, Now: n.now, Random: rand.Reader})
	n.parts.publish = commands.NewPublishPolicy(commands.PublishPolicyPorts{Definitions: definitions, Check: n.checkPolicy})
	n.parts.withdraw = commands.NewWithdrawals(definitions)
	n.parts.featureViews = commands.NewFeatureViews(commands.FeatureViewPorts{Definitions: definitions, Ready: n.parts.views.Prepare})
	n.parts.models = commands.NewModels(commands.ModelPorts{
		Definitions: definitions, Bytes: n.parts.modelBytes, Describe: n.parts.policies.DescribeModel,
	})
	n.parts.segments = projections.NewSegments(n.parts.views, n.parts.identities, n.parts.policies.View)
	n.parts.defining = commands.NewDefineSegments(commands.SegmentPorts{
		Definitions: definitions, View: n.parts.policies.CurrentView, Ready: n.parts.views.Prepare,
	})
	n.parts.changes = commands.NewIdentityChanges(commands.IdentityPorts{
		Log: log, Vault: n.parts.vault, Identifiers: n.parts.vault, Recall: n.parts.recall, Now: n.now, Random: rand.Reader,
	})
	if err := n.parts.changes.Resume(ctx); err != nil {
		return err
	}
	n.run("remember what was seen", n.parts.recall.Follow)
	n.run("keep the count of duplicates", n.keepDuplicates)
	return nil
}

// checkPolicy compiles a policy and waits until what it reads can be read.
func (n *Node) checkPolicy(ctx context.Context, p *event.Policy) error {
	compiled, err := n.parts.policies.Check(p)
	if err != nil {
		return err
	}
	return n.parts.views.Prepare(ctx, compiled.View())
}

func (n *Node) startProjecting(ctx context.Context) error {
	n.run("fold views", n.parts.views.fold)
	n.run("keep what feature views read", n.parts.views.keep)
	lists, err := natskv.OpenLists(ctx, n.parts.nc, n.config.Replicas)
	if err != nil {
		return err
	}
	recommendations := projections.NewRecommendations()
	n.parts.habits, n.parts.purchases = projections.NewHabits(), projections.NewPurchases()
	n.parts.remembered = newRemembering(n.parts.log, recommendations.Apply, n.parts.habits.Apply, n.parts.purchases.Apply)
	n.run("remember what people did", n.parts.remembered.run)
	n.parts.recommending = &recommending{
		memory: recommendations, lists: projections.NewRecommendationLists(recommendations, n.parts.identities, lists),
		remembered: n.parts.remembered, linked: n.parts.identities, views: n.parts.views, now: n.now,
	}
	n.run("keep recommendations", n.parts.recommending.run)
	n.run("count", n.parts.counts.Run)
	return nil
}

func randomID() [10]byte {
	var b [10]byte
	rand.Read(b[:])
	return b
}

func (n *Node) closing(c func() error) { n.closers = append(n.closers, c) }

func (n *Node) closingConnection(nc *nats.Conn) {
	n.closing(func() error { nc.Close(); return nil })
}
