package postgres

import (
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// ErrNoConnection: the database cannot be reached, or went away meanwhile. Whether the call took effect is unknown.
var ErrNoConnection = errors.New("no connection")

// failed is an error with what was being done, marked with ErrNoConnection when that is the reason.
func failed(doing string, err error) error {
	if connectionLost(err) && !errors.Is(err, ErrNoConnection) {
		return fmt.Errorf("postgres: %s: %w: %w", doing, ErrNoConnection, err)
	}
	return fmt.Errorf("postgres: %s: %w", doing, err)
}

func connectionLost(err error) bool {
	for _, lost := range []error{io.EOF, io.ErrUnexpectedEOF, net.ErrClosed, pgconn.ErrConnClosed} {
		if errors.Is(err, lost) {
			return true
		}
	}
	var refused *pgconn.ConnectError
	var broken *net.OpError
	if errors.As(err, &refused) || errors.As(err, &broken) {
		return true
	}
	var answered *pgconn.PgError
	return errors.As(err, &answered) && (strings.HasPrefix(answered.Code, connectionException) || strings.HasPrefix(answered.Code, shutdown))
}

// Beginnings of the codes with which Postgres says that it ends a connection, or takes none now.
const (
	connectionException = "08"
	shutdown            = "57P0"
)
