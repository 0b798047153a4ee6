package match

import "testing"

func TestCoPresenceAloneNeverLinks(t *testing.T) {
	t.Parallel()
	model := Model{
		Name: "devices", Prior: 1e-5, Records: 1000,
		Fields: []Field{{"seen", CoPresence}, {"also_seen", CoPresence}, {"login", Text}},
		Blocks: [][]string{{"seen:any"}},
	}
	for _, name := range []string{"seen", "also_seen"} {
		model.Comparisons = append(model.Comparisons, Comparison{Name: name, Field: name,
			Levels: []Level{{Level: "intersection>=1", M: .999, U: 1e-7}, {Level: Else, M: .001, U: 1}}})
	}
	model.Comparisons = append(model.Comparisons, Comparison{Name: "login", Field: "login",
		Levels: []Level{{Level: "exact", M: .9, U: .1}, {Level: Else, M: .1, U: .9}}})
	m, err := NewMatcher(model)
	if err != nil {
		t.Fatal(err)
	}
	tokens := []string{"203.0.113|pixel-9|20", "203.0.113|pixel-9|21", "198.51.100|pixel-9|22"}
	posterior := func(login string) float64 {
		p := m.Prepare(Record{Values: [][]string{tokens, tokens, {login}}}, Plain{})
		return m.Compare(&p, &p, nil).Posterior
	}
	if alone := posterior(""); alone >= 0.8 || alone < 0.5 {
		t.Errorf("alone it gives %.3f", alone)
	}
	if both := posterior("evenings"); both < 0.8 {
		t.Errorf("with more evidence it gives %.3f only", both)
	}
}

func TestCoPresenceIsProposedFromItsName(t *testing.T) {
	t.Parallel()
	k, ok := Recognise(Column{Name: "co_presence", Values: []string{"a|b", "c|d", "a|b"}})
	if !ok || k != CoPresence {
		t.Fatalf("%q %v", k, ok)
	}
}

// Devices at one place on one occasion, with the same log-in pattern, are likelier one person's than with another
// pattern; all of it together is no link, whatever the model says.
func TestTheLoginPatternWeighsAndNeverLinksAlone(t *testing.T) {
	t.Parallel()
	model := Model{
		Name: "devices", Prior: 1e-4, Records: 1000,
		Fields: []Field{{"co_presence", CoPresence}, {"login_pattern", LoginPattern}},
		Comparisons: []Comparison{
			{Name: "co_presence", Field: "co_presence", Levels: []Level{{Level: "intersection>=1", M: .9, U: 1e-6}, {Level: Else, M: .1, U: .999999}}},
			{Name: "login_pattern", Field: "login_pattern", Levels: []Level{
				{Level: "tokens>=0.75", M: .6, U: 1e-6}, {Level: "intersection>=1", M: .3, U: .3}, {Level: Else, M: .1, U: .699999}}},
		},
		Blocks: [][]string{{"co_presence:any"}},
	}
	m, err := NewMatcher(model)
	if err != nil {
		t.Fatal(err)
	}
	posterior := func(one, other []string) float64 {
		a := m.Prepare(Record{Values: [][]string{{"home|pixel|1"}, one}}, Plain{})
		b := m.Prepare(Record{Values: [][]string{{"home|pixel|1"}, other}}, Plain{})
		return m.Compare(&a, &b, nil).Posterior
	}
	mornings, evenings := []string{"8", "32", "56", "80"}, []string{"20", "44", "68"}
	same, different := posterior(mornings, mornings), posterior(mornings, evenings)
	if same <= different || same >= 0.8 || same < 0.5 {
		t.Errorf("the same pattern gives %.3f, another %.3f", same, different)
	}
	if k, ok := Recognise(Column{Name: "login_pattern", Values: []string{"8;32", "20", "8;32"}}); !ok || k != LoginPattern {
		t.Errorf("proposed as %q", k)
	}
	if _, err := Propose([]Column{{Name: "login_pattern", Values: []string{"8;32", "20", "8;32"}}}); err == nil {
		t.Error("a model of nothing but log-ins is proposed")
	}
}
