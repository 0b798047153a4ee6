package commands_test

import (
	"context"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/profferhq/proffer/commands"
	"github.com/profferhq/proffer/commands/commandstest"
	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/identity"
)

// changes are the operators' commands of the world, through a log.
func (w *world) changes(log commands.SharedLog) *commands.IdentityChanges {
	return commands.NewIdentityChanges(commands.IdentityPorts{
		Log: log, Vault: w.vault, Identifiers: w.vault, Recall: w.recall,
		Now: func() time.Time { return now }, Random: commandstest.NewRandom(7),
	})
}

// named is an identifier's alias with its type.
func (w *world) named(id identity.Identifier) identity.Named {
	aliases, err := w.vault.Aliases(context.Background(), ids(id))
	if err != nil {
		panic(err)
	}
	return identity.Named{Alias: aliases[0], Type: id.Type}
}

func (w *world) linked(a, b identity.Identifier) (yes bool) {
	w.recall.People.Look(func(r *identity.Register) {
		yes = r.Graph().Linked(w.named(a).Alias, w.named(b).Alias)
	})
	return yes
}

// state is what a register says, for comparison.
type state struct {
	Profiles map[string]string
	Links    map[string]int
	Marked   []string
	Withheld []string
	Bars     []string
	Consents []string
	Version  uint64
}

// stateOf reads a register about these aliases.
func stateOf(r *identity.Register, aliases []domain.Alias) state {
	s := state{Profiles: map[string]string{}, Links: map[string]int{}}
	for _, a := range aliases {
		s.Profiles[a.String()] = r.Graph().Profile(a).String()
		for _, e := range r.Graph().Edges(a) {
			s.Links[a.String()+" "+e.Other.String()] = e.Links
		}
		if m, said := r.MarkOf(a); said {
			s.Marked = append(s.Marked, a.String()+" "+m.Mark.String()+" "+m.Rule)
		}
		for _, c := range r.Consents().All([]domain.Alias{a}) {
			s.Consents = append(s.Consents, fmt.Sprint(a, c))
		}
	}
	for _, w := range r.Withheld() {
		s.Withheld = append(s.Withheld, fmt.Sprint(w.First.Alias, w.Second.Alias, w.Rule, w.Guard, w.At))
	}
	for _, b := range r.Bars() {
		s.Bars = append(s.Bars, fmt.Sprint(b.First.Alias, b.Second.Alias, b.Rule, b.At))
	}
	_, s.Version = r.Guards()
	return s
}

// rebuilt is the register that the log gives.
func (w *world) rebuilt(t interface{ Fatal(...any) }) *identity.Register {
	r := identity.NewRegister()
	for e, err := range w.log.Read(context.Background(), domain.Identity, 1, math.MaxUint64) {
		if err != nil {
			t.Fatal(err)
		}
		recorded, err := e.Recorded()
		if err != nil {
			t.Fatal(err)
		}
		for _, one := range recorded {
			r.Apply(one)
		}
	}
	return r
}

// compare fails when the live register is not what the log gives.
func (w *world) compare(t interface {
	Fatal(...any)
	Fatalf(string, ...any)
}) {
	if err := w.recall.CatchUp(context.Background(), domain.Identity); err != nil {
		t.Fatal(err)
	}
	var aliases []domain.Alias
	if err := w.vault.Scan(context.Background(), func(a domain.Alias, _ identity.Identifier) error {
		aliases = append(aliases, a)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	w.recall.People.Look(func(r *identity.Register) {
		if r.Pending() != 0 {
			t.Fatalf("%d events are neither in the log nor taken back", r.Pending())
		}
		if diff := cmp.Diff(stateOf(w.rebuilt(t), aliases), stateOf(r, aliases)); diff != "" {
			t.Fatalf("the live register is not what the log gives (-log +live):\n%s", diff)
		}
	})
}

func BenchmarkIngestOfKnownPeople(b *testing.B) {
	w := newWorld(b)
	items := make([]commands.Item, 500)
	for i := range items {
		items[i] = commands.Item{Type: "track", Name: "x", Identifiers: ids(user(fmt.Sprint(i)), anon(fmt.Sprint(i)))}
	}
	w.do(b, "test", items...)
	b.ResetTimer()
	for b.Loop() {
		w.do(b, "test", items...)
	}
	b.ReportMetric(float64(b.N*len(items))/b.Elapsed().Seconds(), "items/s")
}

// BenchmarkIngestOfNewPeople links two identifiers in every item.
func BenchmarkIngestOfNewPeople(b *testing.B) {
	w := newWorld(b)
	items := make([]commands.Item, 500)
	n := 0
	for b.Loop() {
		for i := range items {
			n++
			items[i] = commands.Item{Type: "track", Name: "x", Identifiers: ids(user(fmt.Sprint("u", n)), anon(fmt.Sprint("a", n)))}
		}
		w.do(b, "test", items...)
		b.StopTimer()
		if err := w.recall.CatchUp(context.Background(), domain.Identity); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
	b.ReportMetric(float64(b.N*len(items))/b.Elapsed().Seconds(), "items/s")
}
