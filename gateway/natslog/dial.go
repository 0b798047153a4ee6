package natslog

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go"
)

// DialOptions says how to reach a NATS server or cluster. Empty fields are not used.
type DialOptions struct {
	// URL is one or several server addresses, separated by commas.
	URL string
	// CredentialsFile is a NATS credentials file (JWT and seed).
	CredentialsFile string
	// TLSCA is a PEM file of the authorities to trust; TLSCert and TLSKey are this client's, both or none.
	TLSCA, TLSCert, TLSKey string
}

// Dial connects. The connection restores itself for ever, also when its server falls silent; while it is away, appends
// fail with domain.ErrUnavailable after a bounded time.
func Dial(ctx context.Context, o DialOptions) (*nats.Conn, error) {
	if o.URL == "" {
		return nil, errors.New("natslog: dial: no address is given")
	}
	if (o.TLSCert == "") != (o.TLSKey == "") {
		return nil, errors.New("natslog: dial: a TLS certificate needs its key, and a key its certificate")
	}
	opts := append(clientOptions(ctx), silenceOptions()...)
	if o.CredentialsFile != "" {
		opts = append(opts, nats.UserCredentials(o.CredentialsFile))
	}
	if o.TLSCA != "" {
		opts = append(opts, nats.RootCAs(o.TLSCA))
	}
	if o.TLSCert != "" {
		opts = append(opts, nats.ClientCert(o.TLSCert, o.TLSKey))
	}
	nc, err := nats.Connect(o.URL, opts...)
	if err != nil {
		return nil, fmt.Errorf("natslog: dial: %w", err)
	}
	return nc, nil
}

// silenceOptions have a server that answers nothing given up after 30 s, the third ping that is due, instead of NATS's
// six minutes: its host is dead, or a firewall forgot the connection. A write that blocks holds pings up, so it has the
// same bound.
func silenceOptions() []nats.Option {
	return []nats.Option{
		nats.PingInterval(10 * time.Second),
		nats.MaxPingsOutstanding(2),
		nats.FlusherTimeout(30 * time.Second),
	}
}

// clientOptions are those of every connection. Nothing is buffered while the server is away: a message that is
// sent seconds after its caller was told "unavailable" would be half done.
func clientOptions(ctx context.Context) []nats.Option {
	opts := []nats.Option{
		nats.Name("proffer"),
		nats.MaxReconnects(-1),
		nats.ReconnectWait(200 * time.Millisecond),
		nats.ReconnectBufSize(-1),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			slog.Warn("nats connection", "error", err)
		}),
	}
	if deadline, ok := ctx.Deadline(); ok {
		if left := time.Until(deadline); left > 0 {
			opts = append(opts, nats.Timeout(left))
		}
	}
	return opts
}
