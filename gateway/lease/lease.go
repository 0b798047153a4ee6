// Package lease lets one server of a cluster at a time do a piece of work, and another take over within seconds when that
// one is gone. A lease spares work. It proves nothing: a server that stood still may believe for a moment that it holds one
// which another has, so that what the work writes must be fenced all the same.
package lease

import (
	"context"
	"errors"
	"log/slog"
	"time"
)

// ErrTaken: the lease is another's, or was renewed, since it was read. Nothing was stored.
var ErrTaken = errors.New("lease: another server has it")

// Store keeps who holds what.
type Store interface {
	// Load is who holds the work of a name, "" for nobody, and a revision, which every Store changes; 0 where nothing was
	// ever stored. It fails with domain.ErrUnavailable.
	Load(ctx context.Context, work string) (holder string, revision uint64, err error)
	// Store replaces the holder, if the revision is still that one, and returns the new revision. It fails with ErrTaken,
	// and with domain.ErrUnavailable, after which it may be stored all the same.
	Store(ctx context.Context, work, holder string, revision uint64) (uint64, error)
}

// Lasts is how long a lease lasts that is not renewed. It is looked at, and renewed, every lookEvery, and a look takes no
// longer: one that hears nothing is not the last. Another server waits for grace beyond Lasts, in which the work ends.
const (
	Lasts     = 3 * time.Second
	lookEvery = Lasts / 3
	grace     = Lasts / 2
)

// Lease is one server's end of one piece of work. It is for one goroutine at a time.
type Lease struct {
	store  Store
	work   string
	holder string
	// seen is the last revision, and since when it is known here; until is when this server's hold ends unless it is renewed.
	seen         uint64
	since, until time.Time
}

// New is the lease of a piece of work; holder is a name that no other process has.
func New(store Store, work, holder string) *Lease {
	return &Lease{store: store, work: work, holder: holder}
}

// While does the work whenever this server holds the lease, until the context ends or the work fails; it returns the failure.
// The work's context ends when the lease is lost.
func (l *Lease) While(ctx context.Context, work func(context.Context) error) error {
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for ctx.Err() == nil {
		if l.look(ctx); l.held() {
			if err := l.hold(ctx, look.C, work); err != nil {
				return err
			}
			continue
		}
		select {
		case <-look.C:
		case <-ctx.Done():
		}
	}
	return nil
}

// hold does the work until it ends, or the lease is lost and it ends for that.
func (l *Lease) hold(ctx context.Context, look <-chan time.Time, work func(context.Context) error) error {
	working, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- work(working) }()
	for {
		select {
		case <-look:
			if l.look(ctx); !l.held() {
				stop()
				return <-ended
			}
		case err := <-ended:
			l.giveBack(ctx)
			return err
		}
	}
}

func (l *Lease) held() bool { return time.Now().Before(l.until) }

// look takes the lease, or renews it, where nobody else holds it. Its hold counts from before that is stored, and another
// server counts from after it has seen it: the holder is the first to know that it is over.
func (l *Lease) look(ctx context.Context) {
	began := time.Now()
	within, cancel := context.WithTimeout(ctx, lookEvery)
	defer cancel()
	holder, revision, err := l.store.Load(within, l.work)
	if err != nil {
		return // a hold goes on as long as it lasts
	}
	if revision != l.seen {
		l.seen, l.since = revision, time.Now()
	}
	if holder != "" && holder != l.holder && time.Since(l.since) < Lasts+grace {
		l.until = time.Time{}
		return
	}
	revision, err = l.store.Store(within, l.work, l.holder, revision)
	switch {
	case err == nil:
		l.seen, l.until = revision, began.Add(Lasts)
	case errors.Is(err, ErrTaken):
		l.until = time.Time{}
	}
}

// giveBack lets another server begin at once. Where that fails the lease ends by itself.
func (l *Lease) giveBack(ctx context.Context) {
	if !l.held() {
		return
	}
	within, cancel := context.WithDeadline(context.WithoutCancel(ctx), l.until)
	defer cancel()
	l.until = time.Time{}
	if _, err := l.store.Store(within, l.work, "", l.seen); err != nil {
		slog.Info("work of the cluster was not handed over: another server begins in a while", "work", l.work, "error", err)
	}
}
