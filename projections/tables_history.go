package projections

import (
	"github.com/profferhq/proffer/domain"
)

// histories makes the stretches of a batch out of moves in the order of the log.
type histories struct {
	ends []HistoryEnd
	rows []HistoryRow
	// open is, for each alias that has moved, the row of its stretch that is still open.
	open map[domain.Alias]int
}

func newHistories() *histories { return &histories{open: map[domain.Alias]int{}} }

// move takes an alias from one profile to another, by the event at that moment. An alias moves once in an event.
//
// What is stored need not be known: the first time ever that an alias moves it leaves the profile of its own, so its
// first stretch, from the start of the log on, is written whenever it leaves its own, and left out where it is stored.
func (h *histories) move(alias, from, to domain.Alias, at Moment) {
	if i, moved := h.open[alias]; moved {
		h.rows[i].To = at
	} else {
		h.ends = append(h.ends, HistoryEnd{Alias: alias, To: at})
		if from == alias {
			h.rows = append(h.rows, HistoryRow{Alias: alias, Profile: alias, To: at})
		}
	}
	h.open[alias] = len(h.rows)
	h.rows = append(h.rows, HistoryRow{Alias: alias, Profile: to, From: at})
}
