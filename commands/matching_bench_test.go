package commands_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/profferhq/proffer/commands"
	"github.com/profferhq/proffer/domain/identity/match"
)

// BenchmarkMatchPeople takes up a model over records that the log holds: reading, indexing, comparing and linking.
func BenchmarkMatchPeople(b *testing.B) {
	const people = 10_000
	for b.Loop() {
		b.StopTimer()
		m := newMatching(b)
		draw := rand.New(rand.NewPCG(1, 2))
		var items []commands.Item
		for i := range people {
			record := person(draw, i)
			for range 1 + draw.IntN(2) {
				items = append(items, commands.Item{
					Type: "identify", MessageID: fmt.Sprint(len(items)), OccurredMS: now.UnixMilli(),
					Identifiers: ids(crm(fmt.Sprint(len(items)))), Properties: object(b, record),
				})
			}
		}
		records := len(items)
		for len(items) > 0 {
			n := min(500, len(items))
			m.do(b, "test", items[:n]...)
			items = items[n:]
		}
		model, _, err := m.people.Fit(context.Background(), match.Model{})
		if err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
		began := time.Now()
		m.use(model)
		m.settle()
		b.ReportMetric(float64(records)/time.Since(began).Seconds(), "records/s")
		b.StopTimer()
		links, _, proposals := m.written()
		b.Logf("%d records, %d links, %d proposals, %+v", records, len(links), len(proposals), m.people.Progress())
		m.stop()
		b.StartTimer()
	}
}

// person is a record of somebody.
func person(draw *rand.Rand, i int) string {
	word := func(syllables int) string {
		s := ""
		for range syllables {
			s += string("bdfgklmnprstvz"[draw.IntN(14)]) + string("aeiou"[draw.IntN(5)])
		}
		return s
	}
	given, surname := word(2), word(3)
	return fmt.Sprintf(`{"first_name":%q,"surname":%q,"dob":"19%02d-%02d-%02d","city":%q,"email":"%s.%s%d@mail.example"}`,
		given, surname, 30+draw.IntN(70), 1+draw.IntN(12), 1+draw.IntN(28), word(2), given, surname, i%100)
}
