package registry

import (
	"fmt"
	"math"

	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/label"
)

// Doubts are what makes a wish look like a mistake, though it can come true: a use is a name, and whoever names it may
// mean what he says. A use that is called as a label of the product asks for a model that learnt it; any other, for what
// its champion learnt.
func (r *Registry) Doubts(w Wish) []string {
	v, err := r.Version(w.Model, w.Version)
	if err != nil {
		return nil
	}
	asked, meant := label.ShippedAs(w.Use)
	if !meant {
		return r.doubtsBesideChampion(w.Use, v)
	}
	var doubts []string
	if learnt := v.GetLabel(); learnt != "" && learnt != w.Use {
		doubts = append(doubts, fmt.Sprintf("%s@%d learnt the label %s, not %s", v.GetName(), v.GetVersion(), learnt, w.Use))
	}
	meaning := MeaningOf(v.GetObjective())
	switch chance := meaning == Chance; {
	case meaning == Unsaid || chance == asked.Binary():
	case asked.Binary():
		doubts = append(doubts, fmt.Sprintf("%s@%d scores by %s, and %s is a chance from 0 to 1", v.GetName(), v.GetVersion(), v.GetObjective(), w.Use))
	default:
		doubts = append(doubts, fmt.Sprintf("%s@%d scores chances from 0 to 1, and %s is an amount or a count", v.GetName(), v.GetVersion(), w.Use))
	}
	return doubts
}

func (r *Registry) doubtsBesideChampion(use string, v Version) []string {
	for _, a := range r.Roles(use, math.MaxUint64) {
		if a.GetRole() != event.ModelAssigned_ROLE_CHAMPION {
			continue
		}
		champion, err := r.Version(a.GetModel(), a.GetVersion())
		if err == nil && champion.GetLabel() != "" && v.GetLabel() != "" && champion.GetLabel() != v.GetLabel() {
			return []string{fmt.Sprintf("%s@%d learnt the label %s, and the champion of %s, %s@%d, learnt %s",
				v.GetName(), v.GetVersion(), v.GetLabel(), use, champion.GetName(), champion.GetVersion(), champion.GetLabel())}
		}
	}
	return nil
}
