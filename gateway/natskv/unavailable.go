package natskv

import (
	"context"
	"errors"
	"fmt"
	"net"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/profferhq/proffer/domain"
)

// unavailable marks the errors of a server that cannot be reached with domain.ErrUnavailable, so that callers know to
// try again; others stay as they are.
func unavailable(err error) error {
	for _, away := range []error{
		nats.ErrTimeout, nats.ErrNoResponders, nats.ErrConnectionClosed, nats.ErrDisconnected, nats.ErrNoServers,
		nats.ErrConnectionReconnecting, nats.ErrReconnectBufExceeded, nats.ErrStaleConnection, net.ErrClosed,
		jetstream.ErrNoStreamResponse, jetstream.ErrJetStreamNotEnabled, context.DeadlineExceeded,
	} {
		if errors.Is(err, away) {
			return fmt.Errorf("%w: %w", domain.ErrUnavailable, err)
		}
	}
	var broken *net.OpError
	var answered *jetstream.APIError
	if errors.As(err, &broken) || errors.As(err, &answered) && answered.Code >= 500 {
		return fmt.Errorf("%w: %w", domain.ErrUnavailable, err)
	}
	return err
}
