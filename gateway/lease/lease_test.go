package lease_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/profferhq/proffer/gateway/lease"
	"github.com/profferhq/proffer/gateway/lease/leasetest"
)

func TestMemoryIsAStore(t *testing.T) {
	t.Parallel()
	leasetest.RunStoreSuite(t, leasetest.NewMemoryStore())
}

// office is where servers do one piece of work, one at a time.
type office struct {
	t     *testing.T
	store *leasetest.MemoryStore

	mu   sync.Mutex
	busy []string
}

// server competes for the work until stop is called.
func (o *office) server(name string) (store *leasetest.MemoryStore, stop func()) {
	store = o.store.Another()
	ctx, cancel := context.WithCancel(o.t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- lease.New(store, "work", name).While(ctx, func(ctx context.Context) error { return o.work(ctx, name) })
	}()
	return store, func() {
		o.t.Helper()
		cancel()
		if err := <-ended; err != nil {
			o.t.Error(err)
		}
	}
}

func (o *office) work(ctx context.Context, name string) error {
	o.mu.Lock()
	if o.busy = append(o.busy, name); len(o.busy) > 1 {
		o.t.Errorf("%v work at once", o.busy)
	}
	o.mu.Unlock()
	<-ctx.Done()
	o.mu.Lock()
	defer o.mu.Unlock()
	o.busy = o.busy[1:]
	return nil
}

// works checks who works, after a time.
func (o *office) works(after time.Duration, name string) {
	o.t.Helper()
	time.Sleep(after)
	synctest.Wait()
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.busy) == 0 && name != "" || len(o.busy) > 0 && o.busy[0] != name {
		o.t.Errorf("%v work, want %q", o.busy, name)
	}
}

// within is longer than a server takes to see that another is gone: it looks when the lease has just not ended yet.
const within = 2 * lease.Lasts

func inTheOffice(t *testing.T, test func(o *office)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { test(&office{t: t, store: leasetest.NewMemoryStore()}) })
}

func TestAServerThatStopsHandsItsWorkOver(t *testing.T) {
	inTheOffice(t, func(o *office) {
		_, stopA := o.server("a")
		o.works(0, "a")
		_, stopB := o.server("b")
		o.works(time.Hour, "a")
		stopA()
		o.works(lease.Lasts/3, "b")
		_, stopA = o.server("a")
		o.works(time.Hour, "b")
		stopA()
		stopB()
		o.works(0, "")
	})
}

func TestAServerThatIsCutOffIsReplaced(t *testing.T) {
	inTheOffice(t, func(o *office) {
		a, stopA := o.server("a")
		o.works(0, "a")
		_, stopB := o.server("b")
		a.SetAway(true)
		o.works(lease.Lasts/3, "a") // once is no reason
		a.SetAway(false)
		o.works(time.Hour, "a")
		a.SetAway(true)
		o.works(within, "b")
		a.SetAway(false)
		o.works(time.Hour, "b")
		stopA()
		stopB()
	})
}

func TestAServerThatStartsAgainWorksWhenItsFormerLeaseIsOver(t *testing.T) {
	inTheOffice(t, func(o *office) {
		if _, err := o.store.Store(o.t.Context(), "work", "a server that was killed", 0); err != nil {
			t.Fatal(err)
		}
		_, stop := o.server("a")
		o.works(lease.Lasts/2, "")
		o.works(within, "a")
		stop()
	})
}

func TestWorkThatFailsIsOver(t *testing.T) {
	inTheOffice(t, func(o *office) {
		failed := errors.New("failed")
		if err := lease.New(o.store, "work", "a").While(o.t.Context(), func(context.Context) error { return failed }); !errors.Is(err, failed) {
			t.Errorf("got %v", err)
		}
		_, stop := o.server("b")
		o.works(0, "b")
		stop()
	})
}

// Whatever servers see of the store, no two work at once; and when all see it, one works.
func TestNoTwoServersWorkAtOnce(t *testing.T) {
	inTheOffice(t, func(o *office) {
		draw := rand.New(rand.NewPCG(1, 2))
		stores, stops := map[string]*leasetest.MemoryStore{}, map[string]func(){}
		names := []string{"a", "b", "c"}
		for range 500 {
			name := names[draw.IntN(3)]
			switch {
			case stops[name] == nil:
				stores[name], stops[name] = o.server(name)
			case draw.IntN(4) == 0:
				stops[name]()
				stops[name] = nil
			default:
				stores[name].SetAway(draw.IntN(2) == 0)
			}
			time.Sleep(time.Duration(draw.Int64N(int64(2 * lease.Lasts))))
		}
		for _, name := range names {
			if stops[name] == nil {
				stores[name], stops[name] = o.server(name)
			}
			stores[name].SetAway(false)
		}
		time.Sleep(2 * within)
		synctest.Wait()
		if len(o.busy) != 1 {
			t.Errorf("%v work", o.busy)
		}
		for _, name := range names {
			stops[name]()
		}
	})
}
