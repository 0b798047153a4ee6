package gateway

import (
	"context"
	"errors"
	"time"
)

// outage looks at the log when a request's time has ended. It makes a difference to the caller why: too slow, or a log
// that is away.
type outage struct {
	health func(context.Context) error
}

// lookWithin bounds the look.
const lookWithin = 250 * time.Millisecond

// or is the error, joined with what is wrong with the log if a deadline has ended the request.
func (o outage) or(ctx context.Context, err error) error {
	if !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	look, cancel := context.WithTimeout(context.WithoutCancel(ctx), lookWithin)
	defer cancel()
	return errors.Join(err, o.health(look))
}
