package match

import "testing"

func TestTheLikenessOfAddressesSpeltByNamesCountsWithTheNamesOnly(t *testing.T) {
	t.Parallel()
	m := Model{Name: "mail", Fields: []Field{{"given", GivenName}, {"family", Surname}, {"mail", Email}}}
	if err := ProposeFor(&m); err != nil {
		t.Fatal(err)
	}
	matcher, err := NewMatcher(m)
	if err != nil {
		t.Fatal(err)
	}
	at := len(matcher.comparisons) - 1
	levels := matcher.model.Comparisons[at].Levels
	levelOf := func(a, b [3]string) string {
		records := [2]Prepared{}
		for i, r := range [2][3]string{a, b} {
			records[i] = matcher.Prepare(Record{Values: [][]string{{r[0]}, {r[1]}, {r[2]}}}, Plain{})
		}
		if l := matcher.levels(&records[0], &records[1]).level(at); l < len(levels) {
			return levels[l].Level
		}
		return Missing
	}
	roe := [3]string{"jane", "roe", "jane.roe1@a.example"}
	for _, c := range []struct {
		why   string
		other [3]string
		want  string
	}{
		{"another Jane Roe", [3]string{"jane", "roe", "jane.roe27@b.example"}, Missing},
		{"the same address", [3]string{"jane", "roe", "jane.roe1@a.example"}, "exact"},
		{"the same address, mistyped", [3]string{"jane", "roe", "jane.roe1@a.exmple"}, "damerau_levenshtein<=1"},
		{"names that say nothing", [3]string{"", "", "jane.roe27@b.example"}, "edit_share<=0.15"},
		{"an address of other words", [3]string{"jane", "roe", "butterfly@c.example"}, Else},
	} {
		if got := levelOf(roe, c.other); got != c.want {
			t.Errorf("%s: %s, want %s", c.why, got, c.want)
		}
	}
}
