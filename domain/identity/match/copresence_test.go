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
