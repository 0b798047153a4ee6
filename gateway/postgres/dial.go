package postgres

import (
	"context"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// A peer that answers no packet for about 30 s is given up: its host is dead, or a firewall forgot the connection.
// The kernel of a live host answers however long a statement takes.
const (
	probeAfter = 15 * time.Second
	probeEvery = 5 * time.Second
	probes     = 3
	silence    = probeAfter + probes*probeEvery
)

func dialer() *net.Dialer {
	return &net.Dialer{
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: probeAfter, Interval: probeEvery, Count: probes},
		Control:         boundUnacknowledged,
	}
}

// boundServer has the server give up a lost client as soon: it would hold the locks of a transaction for hours, and
// the next connection would wait for them. What the URL sets is left alone.
func boundServer(ctx context.Context, conn *pgx.Conn) error {
	var sets []string
	for _, bound := range []struct {
		name  string
		value int64
	}{
		{"tcp_keepalives_idle", int64(probeAfter.Seconds())},
		{"tcp_keepalives_interval", int64(probeEvery.Seconds())},
		{"tcp_keepalives_count", probes},
		{"tcp_user_timeout", silence.Milliseconds()},
	} {
		if _, chosen := conn.Config().RuntimeParams[bound.name]; !chosen {
			sets = append(sets, fmt.Sprintf("SET %s = %d", bound.name, bound.value))
		}
	}
	if _, err := conn.Exec(ctx, strings.Join(sets, "; ")); err != nil {
		return fmt.Errorf("bound the server's wait for a lost client: %w", err)
	}
	return nil
}
