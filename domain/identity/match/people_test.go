package match

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/profferhq/proffer/domain"
)

// planted is a model over three fields whose chances the tests draw from.
func planted() Model {
	levels := func(m, u float64) []Level {
		return []Level{{Level: "exact", M: m, U: u}, {Level: Else, M: 1 - m, U: 1 - u}}
	}
	return Model{
		Name: "planted", Fields: []Field{{"given", GivenName}, {"born", Date}, {"code", NationalID}, {"town", Locality}},
		Comparisons: []Comparison{{Name: "given", Field: "given", Levels: levels(.9, .02)}, {Name: "born", Field: "born", Levels: levels(.8, .001)},
			{Name: "code", Field: "code", Levels: levels(.7, .002)}, {Name: "town", Field: "town", Levels: levels(.85, .05)}},
		Blocks: [][]string{{"given"}, {"born"}, {"code"}, {"town"}},
	}
}

// plant draws n people with one or two records each; within one person a value is kept with the chance m.
func plant(n int, seed uint64, m [4]float64) []Record {
	r := rand.New(rand.NewPCG(seed, 3))
	draw := func() [4]string {
		return [4]string{fmt.Sprintf("name%c%c", 'a'+r.IntN(7), 'a'+r.IntN(7)),
			fmt.Sprintf("%04d-%02d-%02d", 1940+r.IntN(60), 1+r.IntN(12), 1+r.IntN(28)), fmt.Sprintf("c%03d", r.IntN(500)), fmt.Sprintf("town%d", r.IntN(20))}
	}
	var records []Record
	add := func(v [4]string) {
		rec := Record{ID: domain.Alias{14: byte(len(records) >> 8), 15: byte(len(records))}}
		for _, x := range v {
			rec.Values = append(rec.Values, []string{x})
		}
		records = append(records, rec)
	}
	for i := range n {
		v := draw()
		add(v)
		if i%2 == 0 {
			w := draw()
			for k := range v {
				if r.Float64() < m[k] {
					w[k] = v[k]
				}
			}
			add(w)
		}
	}
	return records
}

func prepared(t testing.TB, m Model, records []Record) (*Matcher, []Prepared) {
	t.Helper()
	matcher, err := NewMatcher(m)
	if err != nil {
		t.Fatal(err)
	}
	var out []Prepared
	for _, r := range records {
		out = append(out, matcher.Prepare(r, Plain{}))
	}
	return matcher, out
}
