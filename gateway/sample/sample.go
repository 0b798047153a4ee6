// Package sample makes the small shop that `make run` starts with: a few thousand people over ninety days,
// generated from a seed, so that everybody sees the same shop and its truth is known.
package sample

import (
	_ "embed"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	profferv1 "github.com/profferhq/proffer/gateway/api/proffer/v1"
)

// Policy is the document that the sample publishes.
//
//go:embed policy.yaml
var Policy []byte

// Source is the source under which the sample's events stand in the log.
const Source = "sample:shop"

// People is how many the shop knows; Days is how long their history is.
const (
	People = 3000
	Days   = 90
)

// Kind is what a person truly is: what a model or a segment should find out.
type Kind int

// The kinds, with the share of people of each.
const (
	Browser Kind = iota // 50 %: looks, seldom buys
	Bargain             // 30 %: buys mostly with an offer
	Loyal               // 20 %: buys often
)

// habits are the expected numbers per day, and the chance that a received offer is redeemed.
type habits struct{ views, cartPerView, buyPerCart, redeem float64 }

var truth = map[Kind]habits{
	Browser: {views: 0.25, cartPerView: 0.10, buyPerCart: 0.15, redeem: 0.02},
	Bargain: {views: 0.20, cartPerView: 0.25, buyPerCart: 0.30, redeem: 0.25},
	Loyal:   {views: 0.35, cartPerView: 0.35, buyPerCart: 0.60, redeem: 0.10},
}

// KindOf is the truth about a person, by number from 0.
func KindOf(person int) Kind {
	switch r := rand.New(rand.NewPCG(uint64(person), 1)).Float64(); {
	case r < 0.5:
		return Browser
	case r < 0.8:
		return Bargain
	}
	return Loyal
}

// UserID is how the shop calls a person who logged in.
func UserID(person int) string { return fmt.Sprintf("shopper-%04d", person) }

type article struct {
	id, category string
	cents        int
}

var articles = func() []article {
	categories := []string{"coffee", "tea", "pastry", "mugs", "gifts"}
	out := make([]article, 0, 60)
	for i := range 60 {
		out = append(out, article{
			id: fmt.Sprintf("sku-%02d", i), category: categories[i%len(categories)], cents: 250 + 175*(i%17),
		})
	}
	return out
}()

// Items yields the shop's history up to end, person by person and in order of time for each.
// The same seed and end give the same items.
func Items(seed uint64, end time.Time) iter.Seq[*profferv1.Item] {
	return func(yield func(*profferv1.Item) bool) {
		seq := uint64(0)
		for person := range People {
			for _, item := range history(seed, person, end) {
				seq++
				item.SourceSeq = seq << 8
				if !yield(item) {
					return
				}
			}
		}
	}
}

func history(seed uint64, person int, end time.Time) []*profferv1.Item {
	p := shopper{
		r: rand.New(rand.NewPCG(seed, uint64(person)+1000)), h: truth[KindOf(person)],
		user:      &profferv1.Identifier{Type: "user_id", Value: UserID(person)},
		anonymous: &profferv1.Identifier{Type: "anonymous_id", Value: fmt.Sprintf("device-%04d", person)},
		mobile:    person%3 == 0,
	}
	joined := p.r.IntN(Days - 5)
	start := end.AddDate(0, 0, -Days)
	for day := joined; day < Days; day++ {
		p.live(start.AddDate(0, 0, day), day == joined)
	}
	slices.SortStableFunc(p.items, func(a, b *profferv1.Item) int { return a.GetTime().AsTime().Compare(b.GetTime().AsTime()) })
	return p.items
}

type shopper struct {
	r               *rand.Rand
	h               habits
	user, anonymous *profferv1.Identifier
	mobile          bool
	known           bool
	orders          int
	items           []*profferv1.Item
}

// live is one day: the first visit is anonymous and ends with a log-in that links the device to the person.
func (p *shopper) live(day time.Time, first bool) {
	at := day.Add(time.Duration(7+p.r.IntN(15))*time.Hour + time.Duration(p.r.IntN(3600))*time.Second)
	visits := p.r.Float64() < p.h.views
	if first {
		p.view(at)
		p.add(at.Add(time.Minute), &profferv1.Item{
			Type: "identify", Identifiers: []*profferv1.Identifier{p.user, p.anonymous},
		})
		p.known, visits = true, true
	}
	if day.YearDay()%7 == 0 && p.known {
		p.mail(at.Add(-time.Hour))
	}
	if !visits {
		return
	}
	for range 1 + p.r.IntN(3) {
		at = at.Add(time.Duration(30+p.r.IntN(240)) * time.Second)
		line := p.view(at)
		if p.r.Float64() >= p.h.cartPerView {
			continue
		}
		at = at.Add(20 * time.Second)
		p.add(at, &profferv1.Item{Type: "cart", Lines: []*profferv1.Line{line}})
		if p.r.Float64() < p.h.buyPerCart {
			at = at.Add(2 * time.Minute)
			p.buy(at, line)
		}
	}
}

func (p *shopper) view(at time.Time) *profferv1.Line {
	a := articles[p.r.IntN(len(articles))]
	line := &profferv1.Line{Item: a.id, Category: a.category, Amount: cents(a.cents)}
	p.add(at, &profferv1.Item{Type: "view", Kind: "item", Lines: []*profferv1.Line{line}})
	return line
}

func (p *shopper) buy(at time.Time, line *profferv1.Line) {
	p.orders++
	p.add(at, &profferv1.Item{
		Type: "purchase", Amount: line.GetAmount(), Currency: "EUR",
		Order: fmt.Sprintf("order-%s-%d", p.user.GetValue()[len("shopper-"):], p.orders), Lines: []*profferv1.Line{line},
	})
}

// mail is a campaign of another system: an external decision with its delivery, and what came of it.
func (p *shopper) mail(at time.Time) {
	offers := []string{"mail-ten-percent", "mail-free-shipping"}
	offer := offers[p.r.IntN(len(offers))]
	p.add(at, &profferv1.Item{
		Type: "external_decision", Placement: "weekly-mail", Offer: offer, Treatment: "email", Channel: "email",
		Category: "mail", Policy: "mail-v0", Candidates: offers, Propensity: 0.5,
	})
	p.add(at, &profferv1.Item{Type: "deliver", Offer: offer, Placement: "weekly-mail", Channel: "email"})
	if p.r.Float64() < 0.4 {
		p.add(at.Add(40*time.Minute), &profferv1.Item{Type: "expose", Offer: offer, Placement: "weekly-mail", Channel: "email"})
	}
	if p.r.Float64() < p.h.redeem {
		a := articles[p.r.IntN(len(articles))]
		line := &profferv1.Line{Item: a.id, Category: a.category, Amount: cents(a.cents)}
		p.buy(at.Add(2*time.Hour), line)
		p.add(at.Add(2*time.Hour), &profferv1.Item{
			Type: "convert", Offer: offer, Placement: "weekly-mail", Amount: line.GetAmount(), Cost: "1.00",
		})
	}
}

func (p *shopper) add(at time.Time, item *profferv1.Item) {
	item.Time = timestamppb.New(at)
	if len(item.GetIdentifiers()) == 0 {
		item.Identifiers = []*profferv1.Identifier{p.anonymous}
		if p.known {
			item.Identifiers = []*profferv1.Identifier{p.user}
		}
	}
	if item.GetChannel() == "" {
		item.Channel = "web"
		if p.mobile {
			item.Channel = "mobile"
		}
	}
	p.items = append(p.items, item)
}

func cents(n int) string { return fmt.Sprintf("%d.%02d", n/100, n%100) }
