package commands_test

import (
	"context"
	"errors"
	"testing"

	"github.com/profferhq/proffer/commands"
	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/feature"
	"github.com/profferhq/proffer/domain/problem"
	"github.com/profferhq/proffer/domain/segment"
)

func readyAtOnce(context.Context, feature.View) error { return nil }

func (w *world) defining(ready func(context.Context, feature.View) error) *commands.DefineSegments {
	return commands.NewDefineSegments(commands.SegmentPorts{
		Definitions: w.definitions,
		View:        func(name string) (feature.View, bool) { return feature.Core(), name == "core@1" || name == "core" },
		Ready:       ready,
	})
}

func tags(when string) segment.Definition {
	return segment.Definition{ID: "tags", View: "core", Rules: []segment.Rule{{Segment: "rich", When: when}}}
}

func TestDefinitionsHaveVersionsAndSurviveARestart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.defining(readyAtOnce)
	for i, c := range []struct {
		when      string
		change    commands.Change
		version   uint64
		unchanged bool
	}{
		{"features.spend_7d > 1", commands.Change{ValidateOnly: true}, 1, false},
		{"features.spend_7d > 1", commands.Change{Reason: "why", Actor: "operator"}, 1, false},
		{"features.spend_7d > 1", commands.Change{}, 1, true},
		{"features.spend_7d > 2", commands.Change{}, 2, false},
		{"features.spend_7d > 1", commands.Change{}, 3, false},
	} {
		got, err := s.Define(t.Context(), tags(c.when), c.change)
		if err != nil || got.Version != c.version || got.Unchanged != c.unchanged || (got.At == domain.Place{}) != c.change.ValidateOnly {
			t.Fatalf("step %d: version %d, unchanged %v at %v: %v", i, got.Version, got.Unchanged, got.At, err)
		}
	}
	in := startWorld(t, w.log, w.vault).defining(readyAtOnce).InEffect()
	vector := make([]float64, feature.Core().Len())
	at, _ := feature.Core().Index("spend_7d")
	vector[at] = 1.5
	if len(in) != 1 || in[0].Version != 3 || in[0].Definition().View != "core@1" || in[0].Of(vector)[0] != "rich" {
		t.Fatalf("after a restart: %+v", in)
	}
}

func TestDefinitionsThatCannotBeAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.defining(readyAtOnce)
	if _, err := s.Define(t.Context(), segment.Definition{ID: "tags", View: "w@1"}, commands.Change{}); !errors.Is(err, commands.ErrSegmentView) {
		t.Errorf("an unknown view: %v", err)
	}
	if list := (problem.List)(nil); true {
		if _, err := s.Define(t.Context(), tags("features.speed > 1"), commands.Change{}); !errors.As(err, &list) {
			t.Errorf("an unknown feature: %v", err)
		}
	}
	if _, err := s.Define(t.Context(), tags("true"), commands.Change{Reason: "\xff"}); !errors.Is(err, commands.ErrChangeInvalid) {
		t.Errorf("a reason that is no text: %v", err)
	}
	if in := s.InEffect(); len(in) != 0 {
		t.Errorf("in effect: %+v", in)
	}
}
