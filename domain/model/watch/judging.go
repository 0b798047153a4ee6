package watch

import (
	"fmt"

	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/label"
	"github.com/profferhq/proffer/domain/model/card"
	"github.com/profferhq/proffer/domain/model/registry"
)

// As what scores are judged.
const (
	AsChance = "chance" // against a label of yes or no
	AsAmount = "amount" // against the label's number
)

// Judging is how the decisions of a version are judged.
type Judging struct {
	// Label by which they are.
	Label label.Label
	// As is AsChance or AsAmount; empty when they are not judged, and Why says why.
	As, Why string
}

// JudgingOf is how the decisions of a registered version are judged; find is as Options.Label.
func JudgingOf(m *event.ModelRegistered, find func(name string) (label.Label, bool)) Judging {
	c, err := card.Decode(m.GetCardJson())
	if err != nil { // a model of others may have a card of its own kind
		c = &card.Card{}
	}
	return judgingOf(m, c, find)
}

func judgingOf(m *event.ModelRegistered, c *card.Card, find func(name string) (label.Label, bool)) Judging {
	if m.GetLabel() == "" {
		return Judging{Why: "it was registered without a label"}
	}
	l, err := label.Parse(c.LabelDefinition)
	known := err == nil && l.Name() == m.GetLabel()
	if !known {
		l, known = find(m.GetLabel())
	}
	if !known {
		return Judging{Why: fmt.Sprintf("its card does not say what the label %s is, and none comes with the product", m.GetLabel())}
	}
	switch meaning := registry.MeaningOf(m.GetObjective()); {
	case meaning == registry.Order:
		return Judging{Why: "its scores order people and say nothing else"}
	case meaning == registry.Chance && !l.Binary():
		return Judging{Why: fmt.Sprintf("its scores are chances from 0 to 1, and the label %s is an amount or a count", l.Name())}
	case meaning == registry.Amount || !l.Binary():
		return Judging{Label: l, As: AsAmount}
	}
	return Judging{Label: l, As: AsChance}
}
