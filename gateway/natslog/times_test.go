package natslog

import (
	"testing"
	"time"

	"github.com/profferhq/proffer/decider/decidertest"
)

func TestTheLogKnowsItsTimes(t *testing.T) {
	t.Parallel()
	decidertest.RunTimesSuite(t, func(t *testing.T) decidertest.TimedLog {
		e := startEmbedded(t, EmbeddedOptions{Dir: t.TempDir()})
		nc, err := e.Connect(testContext(t))
		must(t, err, "connect")
		t.Cleanup(nc.Close)
		return opened(t, nc, Options{Lanes: 2})
	})
}

func TestAClusterKnowsItsTimes(t *testing.T) {
	t.Parallel()
	cluster := startCluster(t, 2)
	decidertest.RunTimesSuite(t, func(t *testing.T) decidertest.TimedLog {
		return opened(t, dialed(t, cluster.urls(), cluster.account(t)), Options{Lanes: 2, Replicas: 3, Patience: 30 * time.Second})
	})
}
