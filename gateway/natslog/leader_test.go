package natslog

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/profferhq/proffer/domain"
)

func TestOnlyTheLeaderOfAStreamIsBelieved(t *testing.T) {
	t.Parallel()
	peers := func(names ...string) (list []*jetstream.PeerInfo) {
		for _, name := range names {
			list = append(list, &jetstream.PeerInfo{Name: name})
		}
		return list
	}
	for name, c := range map[string]struct {
		info *jetstream.ClusterInfo
		want bool
	}{
		"a server alone":       {nil, true},
		"one replica":          {&jetstream.ClusterInfo{Leader: "n0"}, true},
		"the leader of three":  {&jetstream.ClusterInfo{Leader: "n0", Replicas: peers("n1", "n2")}, true},
		"there is no leader":   {&jetstream.ClusterInfo{Replicas: peers("n0", "n1", "n2")}, false},
		"another is leader by": {&jetstream.ClusterInfo{Leader: "n0", Replicas: peers("n0", "n2")}, false},
	} {
		if got := fromLeader(c.info); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// TestAStreamWithoutALeaderHasNoEnd: the replica that is left answers all the same, and may lag.
func TestAStreamWithoutALeaderHasNoEnd(t *testing.T) {
	if testing.Short() {
		t.Skip("three servers, one of which takes 10 s to know that it has no leader: make e2e runs it")
	}
	t.Parallel()
	cluster := startCluster(t, 1)
	nc := dialed(t, cluster.urls(), cluster.account(t))
	l := opened(t, nc, Options{Lanes: 2, Replicas: 3, Patience: 30 * time.Second})
	_, err := l.Last(testContext(t), domain.Behaviour)
	must(t, err, "the end of a stream with a leader")
	for _, s := range cluster.servers[1:] {
		s.Shutdown()
		s.WaitForShutdown()
	}
	ctx := testContext(t)
	for leader := "unknown"; leader != ""; { // the one that is left may lead for a while before it notices
		within, cancel := context.WithTimeout(ctx, attemptWithin)
		info, err := l.streams[domain.Behaviour].Info(within)
		cancel()
		if err == nil {
			leader = info.Cluster.Leader
		}
		must(t, ctx.Err(), "wait for an answer without a leader")
	}
	if last, err := l.Last(ctx, domain.Behaviour); !errors.Is(err, domain.ErrUnavailable) {
		t.Errorf("the end of a stream without a leader: %d, %v", last, err)
	}
}
