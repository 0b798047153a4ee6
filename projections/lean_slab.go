package projections

import (
	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
)

// slab is memory for the events of one message. Once they are folded it can be used for another's.
type slab struct {
	recorded  []domain.Recorded
	events    spares[event.Event]
	lines     spares[event.Line]
	viewed    spares[viewedBody]
	carted    spares[cartedBody]
	purchased spares[purchasedBody]
	linked    spares[linkedBody]
	decisions spares[decisionBody]
	outcomes  spares[outcomeBody]
}

// Bodies with all that an event of the kind usually needs, in one piece.
type (
	viewedBody struct {
		of     event.Event_Viewed
		viewed event.Viewed
		line   event.Line
	}
	cartedBody struct {
		of     event.Event_Carted
		carted event.Carted
		line   event.Line
	}
	purchasedBody struct {
		of        event.Event_Purchased
		purchased event.Purchased
	}
	linkedBody struct {
		of     event.Event_IdentityLinked
		linked event.IdentityLinked
	}
	decisionBody struct {
		of       event.Event_Decision
		decision event.Decision
	}
	// outcomeBody is of any of the kinds of outcomes.
	outcomeBody struct {
		of          event.OutcomeOf
		deliveredOf event.Event_Delivered
		delivered   event.Delivered
		exposedOf   event.Event_Exposed
		exposed     event.Exposed
		clickedOf   event.Event_Clicked
		clicked     event.Clicked
		convertedOf event.Event_Converted
		converted   event.Converted
	}
)

// reuse takes everything back.
func (s *slab) reuse() {
	s.recorded = s.recorded[:0]
	s.events.used, s.lines.used = 0, 0
	s.viewed.used, s.carted.used, s.purchased.used = 0, 0, 0
	s.linked.used, s.decisions.used, s.outcomes.used = 0, 0, 0
}

// spares hands out values that may have been used before: whoever gets one overwrites what it reads of it.
type spares[T any] struct {
	all  []*T
	used int
}

// most is how many values are made at once at most.
const most = 64

func (s *spares[T]) next() *T {
	if s.used == len(s.all) {
		block := make([]T, min(max(len(s.all), 1), most))
		for i := range block {
			s.all = append(s.all, &block[i])
		}
	}
	s.used++
	return s.all[s.used-1]
}
