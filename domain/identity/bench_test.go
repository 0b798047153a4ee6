package identity_test

import (
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/identity"
)

// millionLinks are 714,000 links among a million aliases: mostly small profiles, as a site has them.
func millionLinks() ([]domain.Alias, []domain.Recorded) {
	const aliases, links = 1_000_000, 714_000
	list := manyAliases(aliases)
	random := rand.New(rand.NewPCG(3, 4))
	events := make([]domain.Recorded, links)
	for i := range events {
		// Neighbours within a small group are one person; no component grows with the number of aliases.
		a := random.IntN(aliases)
		b := min(a/4*4+random.IntN(4), aliases-1)
		events[i] = linkedAt(uint64(i+1), list[a], list[b])
	}
	return list, events
}

// BenchmarkLoad loads a million identifiers; the target is 300,000 links a second.
func BenchmarkLoad(b *testing.B) {
	list, events := millionLinks()
	for name, load := range map[string]func() any{
		"graph": func() any { return folded(events...) },
		"register": func() any {
			r := identity.NewRegister()
			for _, e := range events {
				r.Apply(e)
			}
			return r
		},
	} {
		b.Run(name, func(b *testing.B) {
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			kept := load()
			runtime.GC()
			runtime.ReadMemStats(&after)
			linked := 0
			g, isGraph := kept.(*identity.Graph)
			if !isGraph {
				g = kept.(*identity.Register).Graph()
			}
			for _, a := range list {
				if len(g.Edges(a)) > 0 {
					linked++
				}
			}
			for b.Loop() {
				load()
			}
			b.ReportMetric(float64(len(events))*float64(b.N)/b.Elapsed().Seconds(), "links/s")
			b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/float64(linked), "B/alias")
			runtime.KeepAlive(kept)
		})
	}
}

// BenchmarkResolve looks profiles up among a million; the target is 1 us.
func BenchmarkResolve(b *testing.B) {
	list, events := millionLinks()
	g := folded(events...)
	random := rand.New(rand.NewPCG(5, 6))
	for b.Loop() {
		g.Profile(list[random.IntN(len(list))])
	}
}

// BenchmarkUnlinkTail takes a link out of a component of 1,000, a random tree with a quarter more links, and reports
// the 99th percentile; the target is 1 ms.
func BenchmarkUnlinkTail(b *testing.B) {
	const size = 1_000
	list := manyAliases(size)
	random := rand.New(rand.NewPCG(7, 8))
	g, sequence := identity.NewGraph(), uint64(0)
	var ends [][2]domain.Alias
	link := func(x, y domain.Alias) {
		sequence++
		g.Apply(linkedAt(sequence, x, y))
		ends = append(ends, [2]domain.Alias{x, y})
	}
	for i := 1; i < size; i++ {
		link(list[i], list[random.IntN(i)])
	}
	for range size / 4 {
		link(list[random.IntN(size)], list[random.IntN(size)])
	}
	var took []time.Duration
	for b.Loop() {
		e := ends[random.IntN(len(ends))]
		out, in := unlinkedAt(sequence+1, e[0], e[1]), linkedAt(sequence+2, e[0], e[1])
		sequence += 2
		start := time.Now()
		g.Apply(out)
		took = append(took, time.Since(start))
		g.Apply(in)
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)*99/100].Nanoseconds()), "p99-ns")
}

// BenchmarkAdmit admits a new identifier to a profile of 100.
func BenchmarkAdmit(b *testing.B) {
	book := newBook(nil)
	for n := range 99 {
		book.claim(identity.RuleIdentify, user(0), named("card", n+1))
	}
	claim := book.claimOf(identity.RuleIdentify, user(0), named("card", 1000))
	for b.Loop() {
		book.Admit(claim)
	}
}

// BenchmarkTakeAndDrop applies a link for the time being and takes it back.
func BenchmarkTakeAndDrop(b *testing.B) {
	r := identity.NewRegister()
	e := withID(linkedAt(0, alias(1), alias(2)).Event, 1)
	for b.Loop() {
		r.Take(e)
		r.Drop(e)
	}
}

// BenchmarkRealign plays 200,000 claims.
func BenchmarkRealign(b *testing.B) {
	_, events := millionLinks()
	c := identity.NewClaims()
	c.Collect(slices.Values(events[:200_000]))
	for b.Loop() {
		c.Realign(nil)
	}
}
