package projections

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"sync"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/value"
)

// WorthUnitDays is how many days the unit of time of the fitted models has: a week.
const WorthUnitDays = 7

// Purchases remembers on which days each alias bought and for how much, in memory: folded from BEHAVIOUR. Refunds take
// nothing away, as the log seldom says what they undo. It is safe for concurrent use.
type Purchases struct {
	mu      sync.RWMutex
	days    map[domain.Alias][]value.Occasion // ascending, one a day
	folded  int
	applied uint64

	learning sync.Mutex
	learned  *learnedWorth
}

// learnedWorth is what was learned from so many purchases up to a day.
type learnedWorth struct {
	model  value.Lifetime
	folded int
	until  int
}

// NewPurchases remembers nothing yet.
func NewPurchases() *Purchases { return &Purchases{days: map[domain.Alias][]value.Occasion{}} }

// Apply takes the next envelope of BEHAVIOUR; one that was applied already changes nothing.
func (p *Purchases) Apply(e domain.Envelope) error {
	events, err := e.Recorded()
	if err != nil {
		return fmt.Errorf("apply %s %d: %w", e.Lane.Stream, e.Sequence, err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if e.Sequence <= p.applied {
		return nil
	}
	p.applied = e.Sequence
	for _, r := range events {
		alias, err := domain.AliasFromBytes(r.Event.GetAlias())
		if bought := r.Event.GetPurchased(); bought != nil && err == nil && bought.GetAmountMicros() >= 0 {
			p.days[alias] = bringIn(p.days[alias], value.Occasion{Day: dayOf(domain.TimeOf(r.Event)), Micros: bought.GetAmountMicros()})
			p.folded++
		}
	}
	return nil
}

func dayOf(ms int64) int { return int(math.Floor(float64(ms) / dayMS)) }

// bringIn adds a purchase to days in order. Nearly always it is the latest.
func bringIn(days []value.Occasion, one value.Occasion) []value.Occasion {
	at := len(days)
	for at > 0 && days[at-1].Day > one.Day {
		at--
	}
	if at > 0 && days[at-1].Day == one.Day {
		days[at-1] = value.Occasions([]value.Occasion{days[at-1], one})[0]
		return days
	}
	return slices.Insert(days, at, one)
}

// WorthAsk says whose worth is asked for. Until is a day (days since 1970); 0 is the latest day with a purchase, so that
// imported history has a present. Horizon is for how many days something is expected.
type WorthAsk struct {
	Until   int
	Horizon float64
}

// Worth is what is expected of people.
type Worth struct {
	Until             int
	Model             value.Lifetime
	People, Repeating int
	Persons           []PersonWorth
}

// PersonWorth is what is expected of a profile, and why; times are in WorthUnitDays.
type PersonWorth struct {
	Profile domain.Alias
	History value.History
	value.Expectation
}

// Everybody says what is expected of all who bought, most first. It fails with value.ErrHopeless or the context's error.
func (p *Purchases) Everybody(ctx context.Context, linked Linked, ask WorthAsk) (Worth, error) {
	profiles, histories, until, folded := p.histories(linked, ask.Until)
	w, err := p.learnt(histories, until, folded)
	if err != nil {
		return w, err
	}
	for i, e := range w.Model.Expect(histories, ask.Horizon/WorthUnitDays) {
		if i%1000 == 0 && ctx.Err() != nil {
			return w, context.Cause(ctx)
		}
		w.Persons = append(w.Persons, PersonWorth{Profile: profiles[i], History: histories[i], Expectation: e})
	}
	slices.SortStableFunc(w.Persons, func(a, b PersonWorth) int { return cmp.Compare(b.rank(), a.rank()) })
	return w, nil
}

// rank is the value, or the purchases where no values are known.
func (p PersonWorth) rank() float64 {
	if math.IsNaN(p.Value) {
		return p.Purchases
	}
	return p.Value
}

// Of says what is expected of one profile; nothing is in Persons when she has not bought. It fails with
// value.ErrHopeless.
func (p *Purchases) Of(linked Linked, alias domain.Alias, ask WorthAsk) (Worth, error) {
	profiles, histories, until, folded := p.histories(linked, ask.Until)
	w, err := p.learnt(histories, until, folded)
	if err != nil {
		return w, err
	}
	profile, _ := linked.Profile(alias)
	if at, bought := slices.BinarySearchFunc(profiles, profile, domain.Alias.Compare); bought {
		for _, e := range w.Model.Expect(histories[at:at+1], ask.Horizon/WorthUnitDays) {
			w.Persons = []PersonWorth{{Profile: profile, History: histories[at], Expectation: e}}
		}
	}
	return w, nil
}

// histories are those of all profiles that bought by a day, by profile.
func (p *Purchases) histories(linked Linked, until int) (profiles []domain.Alias, histories []value.History, end, folded int) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if until == 0 {
		until = math.MinInt
		for _, days := range p.days {
			until = max(until, days[len(days)-1].Day)
		}
	}
	of := map[domain.Alias][]value.Occasion{}
	for alias, days := range p.days {
		after := len(days)
		for after > 0 && days[after-1].Day > until {
			after--
		}
		if after > 0 {
			profile, _ := linked.Profile(alias)
			of[profile] = append(of[profile], days[:after]...)
		}
	}
	for profile := range of {
		profiles = append(profiles, profile)
	}
	slices.SortFunc(profiles, domain.Alias.Compare)
	for _, profile := range profiles {
		histories = append(histories, value.HistoryOf(value.Occasions(of[profile]), until, WorthUnitDays))
	}
	return profiles, histories, until, p.folded
}

// learnt fits the models, or takes those fitted before when it is the same day and hardly more was bought since.
func (p *Purchases) learnt(histories []value.History, until, folded int) (Worth, error) {
	w := Worth{Until: until, People: len(histories)}
	for _, h := range histories {
		if h.Repeats > 0 {
			w.Repeating++
		}
	}
	p.learning.Lock()
	defer p.learning.Unlock()
	if l := p.learned; l != nil && l.until == until && folded-l.folded <= l.folded/20 {
		w.Model = l.model
		return w, nil
	}
	var err error
	if w.Model, err = value.Fit(histories); err != nil {
		return w, fmt.Errorf("learn what people are worth: %w", err)
	}
	p.learned = &learnedWorth{model: w.Model, folded: folded, until: until}
	return w, nil
}
