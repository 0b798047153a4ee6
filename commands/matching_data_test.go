package commands_test

import (
	"encoding/csv"
	"encoding/json"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/identity"
	"github.com/profferhq/proffer/domain/identity/match"
)

// rowsOf reads a public data set, and skips the test where it is not at hand.
func rowsOf(t *testing.T, name string) (header []string, rows [][]string) {
	t.Helper()
	root := os.Getenv("PROFFER_DATA")
	if root == "" {
		root = filepath.Join("..", "..", "shared", "data")
	}
	f, err := os.Open(filepath.Join(root, name))
	if err != nil {
		t.Skipf("skipped: no %s under ../shared/data (set PROFFER_DATA)", name)
	}
	defer f.Close()
	all, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return all[0], all[1:]
}

// traitsOf are a row's filled columns but its own id and its answer, as a source would send them.
func traitsOf(t *testing.T, header, row []string) string {
	t.Helper()
	traits := map[string]string{}
	for i, name := range header {
		if row[i] != "" && name != "unique_id" && name != "cluster" {
			traits[name] = row[i]
		}
	}
	b, err := json.Marshal(traits)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// quality compares profiles with the truth, over all pairs of rows.
func (m *matchWorld) quality(truth []string) (precision, recall float64) {
	var both, found, wanted int
	profiles := make([]domain.Alias, len(truth))
	m.recall.People.Look(func(r *identity.Register) {
		for i := range truth {
			profiles[i] = r.Graph().Profile(m.named(crm(rowID(i))).Alias)
		}
	})
	for i := range truth {
		for j := range i {
			one, same := profiles[i] == profiles[j], truth[i] == truth[j]
			if one {
				found++
			}
			if same {
				wanted++
			}
			if one && same {
				both++
			}
		}
	}
	precision, recall = float64(both)/float64(found), float64(both)/float64(wanted)
	links, withheld, proposals := m.written()
	m.t.Logf("precision %.4f, recall %.4f; %d links, %d withheld, %d proposals; %+v",
		precision, recall, len(links), len(withheld), len(proposals), m.people.Progress())
	return precision, recall
}

func rowID(i int) string { return string(rune('A'+i%26)) + time.Duration(i).String() }

// fake1000 ingests the set row by row, in an order that the seed decides, calls a function after each, and returns the
// truth. Seed 0 is the order of the file.
func fake1000(t *testing.T, seed uint64, after func(m *matchWorld, rows, of int)) (*matchWorld, []string) {
	t.Helper()
	header, rows := rowsOf(t, "splink/fake_1000.csv")
	if seed > 0 {
		rand.New(rand.NewPCG(seed, 1)).Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
	}
	m := newMatching(t)
	truth := make([]string, len(rows))
	for i, row := range rows {
		truth[i] = row[len(row)-1]
		m.tell(crm(rowID(i)), traitsOf(t, header, row))
		after(m, i+1, len(rows))
	}
	m.settle()
	return m, truth
}

func TestFake1000UnderAModelOfAll(t *testing.T) {
	t.Parallel()
	m, truth := fake1000(t, 0, func(m *matchWorld, rows, of int) {
		if rows == of {
			m.train()
		}
	})
	if precision, recall := m.quality(truth); precision < .99 || recall < .95 {
		t.Errorf("precision %.4f and recall %.4f", precision, recall)
	}
}

// The model knows half of the people, and twice as many come: it is too sure of itself, but what it says of whole
// profiles still holds. Which half it learns from decides whether one or two links of 740 are wrong, and each costs up to
// half a point: the mean of several halves is judged.
func TestFake1000AsItArrivesUnderAModelOfHalf(t *testing.T) {
	t.Parallel()
	var precision, recall float64
	const halves = 4
	for seed := range uint64(halves) {
		m, truth := fake1000(t, seed, func(m *matchWorld, rows, of int) {
			if rows == of/2 {
				m.train()
			}
		})
		p, r := m.quality(truth)
		precision, recall = precision+p/halves, recall+r/halves
		m.stop()
	}
	if precision < .99 || recall < .95 {
		t.Errorf("precision %.4f and recall %.4f on average", precision, recall)
	}
}

// train fits a model on what is known and puts it into effect.
func (m *matchWorld) train() {
	m.t.Helper()
	model, report, err := m.people.Fit(m.t.Context(), match.Model{})
	if err != nil {
		m.t.Fatal(err)
	}
	m.t.Logf("fitted on %d records: prior %g, %.0f matches expected, %d rounds", model.Records, model.Prior, report.Matches, report.Rounds)
	m.use(model)
}
