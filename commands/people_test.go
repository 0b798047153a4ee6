package commands_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/profferhq/proffer/commands"
	"github.com/profferhq/proffer/commands/commandstest"
	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/identity"
)

func email(value string) identity.Identifier { return identity.Identifier{Type: "email", Value: value} }
func device(value string) identity.Identifier {
	return identity.Identifier{Type: "device_id", Value: value}
}

func TestSegmentsExampleDemotesTheEmail(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first, second, jane := user("abc123"), user("abc456"), email("jane@example1.com")
	seen := func(id string, who identity.Identifier) commands.Item {
		return commands.Item{MessageID: id, Type: "track", Name: "x", Identifiers: ids(who, jane)}
	}
	w.do(t, "test", seen("1", first))
	w.do(t, "test", seen("2", second))
	if !w.linked(first, jane) || w.linked(second, jane) || w.linked(first, second) {
		t.Errorf("want {abc123, jane} and {abc456}")
	}
	want := map[string]int{"tracked": 2, "identity_linked": 1, "identity_withheld": 1}
	if diff := cmp.Diff(want, w.types(t)); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	w.do(t, "test", seen("3", second), seen("4", second))
	if got := w.types(t); got["identity_withheld"] != 1 || got["tracked"] != 4 {
		t.Errorf("said again: got %v", got)
	}
	message := w.vault.MessageID("test", "=2")
	for _, e := range w.all(t) {
		if x := e.GetIdentityWithheld(); x != nil && (x.GetGuard() != identity.GuardTypeLimit || x.GetGuardType() != "user_id" ||
			string(x.GetEvidence().GetMessage()) != string(message[:])) {
			t.Errorf("got %v", x)
		}
		if alias := w.named(second).Alias; e.GetTracked() != nil && string(e.GetId()) == string(message[:]) && string(e.GetAlias()) != string(alias[:]) {
			t.Error("the event is not about the strongest identifier")
		}
	}
	w.compare(t)
}

func TestAnEventIsAboutWhoWasNotLeftOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	jane := email("jane@example1.com")
	w.do(t, "test", commands.Item{Type: "track", Name: "x", Identifiers: ids(user("abc123"), jane)})
	for _, id := range []string{"m", "n"} { // with and without something new to say
		v := w.do(t, "test", commands.Item{
			MessageID: id, Type: "identify", Identifiers: ids(jane, user("abc456")), Properties: object(t, `{"plan":"gold"}`),
		})[0]
		e, err := w.log.At(t.Context(), v.Place.Stream, v.Place.Position.Sequence)
		if err != nil {
			t.Fatal(err)
		}
		events, err := e.Events()
		if err != nil {
			t.Fatal(err)
		}
		got, who := events[v.Place.Position.Index], w.named(user("abc456")).Alias
		if string(got.GetAlias()) != string(who[:]) || got.GetAliasType() != "user_id" {
			t.Errorf("message %s is about %x, want the user", id, got.GetAlias())
		}
		keys, err := w.vault.DataKeys(t.Context(), []domain.Alias{who})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := commands.Unseal(keys[0], who[:], got.GetSealed()); err != nil {
			t.Errorf("message %s is sealed for somebody else: %v", id, err)
		}
	}
}

func TestKioskIsOneDeviceAndItsPeople(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const logins = 200
	kiosk := device("kiosk")
	var wg sync.WaitGroup
	turns := make(chan int)
	for range 64 {
		wg.Go(func() {
			for n := range turns {
				who := user(fmt.Sprint("u", n))
				w.do(t, "test", commands.Item{MessageID: fmt.Sprint(n), Type: "track", Name: "login", Identifiers: ids(who, kiosk)})
				w.do(t, "test", commands.Item{MessageID: fmt.Sprint("again ", n), Type: "track", Name: "login", Identifiers: ids(who, kiosk)})
			}
		})
	}
	for n := range logins {
		turns <- n
	}
	close(turns)
	wg.Wait()
	w.compare(t)
	w.isKiosk(t, logins, kiosk)
	if got := w.types(t)["alias_marked"]; got != 1 {
		t.Errorf("the device was marked %d times, want once", got)
	}
	about := w.named(kiosk).Alias
	for _, e := range w.all(t) {
		if e.GetTracked() != nil && string(e.GetAlias()) == string(about[:]) {
			t.Fatal("a log-in is about the device")
		}
	}
	again := startWorld(t, w.log, w.vault)
	again.isKiosk(t, logins, kiosk)
}

func (w *world) isKiosk(t *testing.T, people int, kiosk identity.Identifier) {
	t.Helper()
	w.recall.People.Look(func(r *identity.Register) {
		if marked := r.Marked(); len(marked) != 1 || marked[0].Alias != w.named(kiosk).Alias || marked[0].Mark != identity.Shared {
			t.Errorf("marked are %v, want the device alone", marked)
		}
		profiles := map[domain.Alias]bool{}
		for n := range people {
			a := w.named(user(fmt.Sprint("u", n))).Alias
			profiles[r.Graph().Profile(a)] = true
			if len(r.Graph().Aliases(a)) != 1 {
				t.Fatalf("person %d has %d aliases", n, len(r.Graph().Aliases(a)))
			}
		}
		if len(profiles) != people {
			t.Errorf("there are %d people, want %d", len(profiles), people)
		}
		if h := r.Graph().Households(w.named(kiosk).Alias); len(h) != 1 || len(h[0].Profiles) != people {
			t.Errorf("the household has not all %d people", people)
		}
	})
}

func TestKioskStaysSoUnderOtherLimits(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	kiosk := device("kiosk")
	for n := range 20 {
		w.do(t, "test", commands.Item{Type: "track", Name: "login", Identifiers: ids(user(fmt.Sprint("u", n)), kiosk)})
	}
	changes := w.changes(w.log)
	set := func(above uint32) commands.GuardsSet {
		guards := identity.DefaultGuards()
		for _, g := range guards.GetTypes() {
			if g.GetType() == "device_id" {
				g.SharedAbove = above
			}
		}
		got, err := changes.SetGuards(t.Context(), commands.SetGuards{Guards: guards, Source: fmt.Sprint("above ", above)})
		if err != nil {
			t.Fatal(err)
		}
		w.compare(t)
		return got
	}
	w.isKiosk(t, 20, kiosk)
	if got := set(2); got.Version != 1 {
		t.Errorf("got %+v, want version 1", got)
	}
	w.isKiosk(t, 20, kiosk)
	if got := set(100); got.Version != 2 {
		t.Errorf("got %+v, want version 2", got)
	}
	w.recall.People.Look(func(r *identity.Register) {
		if len(r.Marked()) != 0 || r.Graph().Size(w.named(kiosk).Alias) != 2 {
			t.Errorf("raised: marked %v, the device's profile has %d aliases; want it with the first user",
				r.Marked(), r.Graph().Size(w.named(kiosk).Alias))
		}
	})
	set(2)
	w.isKiosk(t, 20, kiosk)
	startWorld(t, w.log, w.vault).isKiosk(t, 20, kiosk)
}

func TestBlockedValuesGetNoAlias(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v := w.do(t, "test",
		commands.Item{Type: "track", Name: "x", Identifiers: ids(user("null"), anon("a"))},
		commands.Item{Type: "track", Name: "x", Identifiers: ids(anon("0000-0000"))},
		commands.Item{Type: "link", Identifiers: ids(user("u"), email("unknown"))},
	)
	if v[0].Status != commands.Accepted || v[1].Reason != commands.ReasonIdentifierBlocked || v[2].Reason != commands.ReasonIdentifierBlocked {
		t.Errorf("got %+v", v)
	}
	if w.vault.Len() != 1 {
		t.Errorf("the vault has %d identifiers, want one", w.vault.Len())
	}
	if diff := cmp.Diff(map[string]int{"tracked": 1, "quarantined": 2}, w.types(t)); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

func TestABlockedAliasIsLeftOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	shop := email("shop@example.com")
	if _, err := w.changes(w.log).Mark(t.Context(), commands.MarkAlias{About: w.named(shop), Mark: identity.Blocked}); err != nil {
		t.Fatal(err)
	}
	v := w.do(t, "test",
		commands.Item{Type: "track", Name: "x", Identifiers: ids(shop, user("u"), anon("a"))},
		commands.Item{Type: "track", Name: "x", Identifiers: ids(shop)},
		commands.Item{Type: "link", Identifiers: ids(user("u"), shop)},
		commands.Item{Type: "group", Identifiers: ids(shop, user("u"), identity.Identifier{Type: "group_id", Value: "g"})},
	)
	for i, want := range []commands.Status{commands.Accepted, commands.Rejected, commands.Rejected, commands.Accepted} {
		if v[i].Status != want {
			t.Errorf("item %d: got %+v, want %s", i, v[i], want)
		}
	}
	blocked := w.named(shop).Alias
	for _, e := range w.all(t) {
		if e.GetAliasMarked() == nil && string(e.GetAlias()) == string(blocked[:]) || string(e.GetIdentityLinked().GetOther()) == string(blocked[:]) {
			t.Errorf("a blocked alias got in: %v", domain.TypeOf(e))
		}
	}
	w.compare(t)
}

// holding holds back appends to IDENTITY until each is told how it ends, and minds no context.
type holding struct {
	*commandstest.MemoryLog
	entered chan chan error
}

func (h holding) Append(ctx context.Context, lane domain.Lane, events ...*event.Event) (domain.Position, error) {
	if lane.Stream == domain.Identity {
		end := make(chan error)
		h.entered <- end
		if err := <-end; err != nil {
			return domain.Position{}, err
		}
	}
	return h.MemoryLog.Append(context.WithoutCancel(ctx), lane, events...)
}

func TestWhoReliesOnALinkWaitsUntilItIsDurable(t *testing.T) {
	t.Parallel()
	log := holding{commandstest.NewMemoryLog(1), make(chan chan error)}
	w := &world{log: log.MemoryLog, vault: commandstest.NewMemoryVault(), recall: commands.NewRecall(log.MemoryLog)}
	in := w.ingestThrough(log)
	ingest := func(ctx context.Context, id string) error {
		item := commands.Item{MessageID: id, Type: "track", Name: "x", Identifiers: ids(user("u"), anon("a"))}
		_, err := in.Ingest(ctx, "test", []commands.Item{item}, false)
		return err
	}
	first := make(chan error, 1)
	go func() { first <- ingest(context.Background(), "1") }()
	end := <-log.entered
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	// Its identifiers are linked already, but not durably: it waits for the first, as long as its context lets it.
	if err := ingest(ended, "2"); !errors.Is(err, context.Canceled) {
		t.Errorf("the second: got %v, want that it waited", err)
	}
	end <- domain.ErrLogFull
	if err := <-first; !errors.Is(err, domain.ErrLogFull) {
		t.Errorf("the first: got %v, want ErrLogFull", err)
	}
	if w.linked(user("u"), anon("a")) || len(w.types(t)) != 0 {
		t.Errorf("the link was not taken back, or something was written: %v", w.types(t))
	}
	go func() { first <- ingest(context.Background(), "1") }()
	end = <-log.entered
	end <- nil
	if err := <-first; err != nil || !w.linked(user("u"), anon("a")) {
		t.Errorf("the first, sent again: got %v", err)
	}
	w.compare(t)
}

func TestAProfileDoesNotOutgrowTheGuards(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if _, err := guardsOf(func(g *event.IdentityGuards) { g.ProfileMost = 3 })(t.Context(), w, w.changes(w.log), commands.Change{}); err != nil {
		t.Fatal(err)
	}
	for n := range 6 {
		w.do(t, "test", commands.Item{Type: "track", Name: "x", Identifiers: ids(user("u"), anon(fmt.Sprint("a", n)))})
		w.do(t, "test", commands.Item{Type: "link", Identifiers: ids(user("u"), anon(fmt.Sprint("a", n)))})
	}
	w.recall.People.Look(func(r *identity.Register) {
		if size := r.Graph().Size(w.named(user("u")).Alias); size != 3 || r.WithheldBy(identity.GuardTooLarge) != 4 {
			t.Errorf("the profile has %d aliases, and %d links are withheld; want 3 and 4", size, r.WithheldBy(identity.GuardTooLarge))
		}
	})
	if got := w.types(t)["identity_withheld"]; got != 4 {
		t.Errorf("%d links are withheld in the log, want 4: one for each identifier, however often it is said", got)
	}
	w.compare(t)
}

func TestWhatAnotherServerLinksIsKnownHere(t *testing.T) {
	t.Parallel()
	here := newWorld(t)
	there := startWorld(t, here.log, here.vault)
	item := commands.Item{Type: "track", Name: "x", Identifiers: ids(user("u"), anon("a"))}
	there.do(t, "test", item)
	if err := here.recall.CatchUp(t.Context(), domain.Identity); err != nil {
		t.Fatal(err)
	}
	here.do(t, "test", item)
	if got := here.types(t); got["identity_linked"] != 1 || got["tracked"] != 2 {
		t.Errorf("got %v, want one link", got)
	}
	here.compare(t)
	there.compare(t)
}
