package policy

import (
	"fmt"
	"strconv"

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

// Used says how much of the limit is used, for people: "3 of 3 in 7d".
func (l Limit) Used(count int) string {
	return fmt.Sprintf("%d of %d in %s", count, l.Most, l.window())
}

// window is the window as a policy's author writes it: 7d, 36h, 90m.
func (l Limit) window() string {
	for _, unit := range []struct {
		ms   int64
		name string
	}{{24 * 3600 * 1000, "d"}, {3600 * 1000, "h"}, {60 * 1000, "m"}, {1000, "s"}} {
		if l.WindowMS >= unit.ms && l.WindowMS%unit.ms == 0 {
			return strconv.FormatInt(l.WindowMS/unit.ms, 10) + unit.name
		}
	}
	return strconv.FormatInt(l.WindowMS, 10) + "ms"
}

// String says what the limit allows, for people: "at most 3 contacts by email in 7d".
func (l Limit) String() string {
	text := fmt.Sprintf("at most %d contact", l.Most)
	if l.Most != 1 {
		text += "s"
	}
	if l.Channel != "" {
		text += " by " + l.Channel
	}
	if l.Category != "" {
		text += " with " + l.Category
	}
	return text + " in " + l.window()
}
