package policy

import (
	"fmt"
	"time"

	"github.com/profferhq/proffer/domain/event"
)

// Limit is a contact limit: at most Most contacts of the channel and category within the window.
type Limit struct {
	Name              string
	Channel, Category string
	Most              int
	WindowMS          int64
}

func limitsOf(p *event.Policy) []Limit {
	limits := make([]Limit, 0, len(p.GetContactLimits()))
	for _, l := range p.GetContactLimits() {
		limits = append(limits, Limit{
			Name: l.GetName(), Channel: l.GetChannel(), Category: l.GetCategory(),
			Most: int(l.GetMost()), WindowMS: l.GetWindowMs(),
		})
	}
	return limits
}

// Concerns says whether a contact by that channel with an offer of that category counts, and so whether such
// an offer can be refused.
func (l Limit) Concerns(channel, category string) bool {
	return (l.Channel == "" || l.Channel == channel) && (l.Category == "" || l.Category == category)
}

// Count is how many of the contacts count at that time: those later than the window's start. A contact that is
// later than now counts too: it is known, and a limit is never exceeded.
func (l Limit) Count(contacts []*event.Contact, nowMS int64) int {
	n := 0
	for _, c := range contacts {
		if c.GetTimeMs() > nowMS-l.WindowMS && l.Concerns(c.GetChannel(), c.GetCategory()) {
			n++
		}
	}
	return n
}

// Used says how much of the limit is used, for people: "3 of 3 in 168h0m0s".
func (l Limit) Used(count int) string {
	return fmt.Sprintf("%d of %d in %s", count, l.Most, time.Duration(l.WindowMS)*time.Millisecond)
}

// String says what the limit allows, for people: "at most 3 contacts by email in 168h0m0s".
func (l Limit) String() string {
	text := fmt.Sprintf("at most %d contacts", l.Most)
	if l.Channel != "" {
		text += " by " + l.Channel
	}
	if l.Category != "" {
		text += " with " + l.Category
	}
	return text + " in " + (time.Duration(l.WindowMS) * time.Millisecond).String()
}
