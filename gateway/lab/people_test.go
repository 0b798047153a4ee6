package lab

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// crowd makes people and the corrupted records of them: other names, columns and errors than the public data have.
type crowd struct {
	r        *rand.Rand
	given    []string
	surnames []string
	towns    []string
	streets  []string
	typo     float64 // the chance that a value has a typing error
	blank    float64 // the chance that a value is missing
}

func newCrowd(seed uint64, typo, blank float64) *crowd {
	c := &crowd{r: rand.New(rand.NewPCG(seed, 7)), typo: typo, blank: blank}
	starts := strings.Fields("al ber car dor el fran gus hel in jo kat lu mar nor ol pet ros sim tom ul vic wil xan yv zo bri cla dan em fer")
	ends := strings.Fields("a an bert da dine ena ette fred ia ian ina is jamin ka la lia lo mund na nald o or ra ric ron sa sha son ta tin ton us")
	for _, s := range starts {
		for _, e := range ends {
			c.given = append(c.given, s+e)
		}
	}
	c.r.Shuffle(len(c.given), func(i, j int) { c.given[i], c.given[j] = c.given[j], c.given[i] })
	for s := range strings.FieldsSeq("ab bach cor del ei fitz gar hal ib jan ker lind mac nor o pap quin rich stan tal um van wes yar zim hoff gold brand stern wald") {
		for e := range strings.FieldsSeq("er mann sen ski ton field berg ley dez mer strom wood ard vich in well son low gren bury ova etti ides ström") {
			c.surnames = append(c.surnames, s+e)
		}
	}
	c.r.Shuffle(len(c.surnames), func(i, j int) { c.surnames[i], c.surnames[j] = c.surnames[j], c.surnames[i] })
	for i := range 300 {
		c.towns = append(c.towns, []string{"north ", "", "east ", "upper "}[i%4]+c.surnames[i][:3]+[]string{"ville", "ton", "burg", "haven", "mouth"}[i%5])
	}
	for i := range 900 {
		c.streets = append(c.streets, c.surnames[(i*7+3)%len(c.surnames)]+[]string{" road", " street", " lane", " avenue"}[i%4])
	}
	return c
}

// common draws with the skew of real names: the first are far commoner.
func (c *crowd) common(list []string) string {
	x := c.r.Float64()
	return list[int(x*x*x*float64(len(list)))]
}

type someone struct {
	given, surname, sex, street, number, town, zip, state, phone, mail string
	year, month, day                                                   int
}

// person is somebody, or of a household another member: family name, address and phone are the same.
func (c *crowd) person(kin *someone) someone {
	p := someone{given: c.common(c.given), year: 1935 + c.r.IntN(70), month: 1 + c.r.IntN(12), day: 1 + c.r.IntN(28), sex: []string{"F", "M"}[c.r.IntN(2)]}
	if kin != nil {
		p.surname, p.street, p.number, p.town, p.zip, p.state, p.phone = kin.surname, kin.street, kin.number, kin.town, kin.zip, kin.state, kin.phone
		for p.given == kin.given {
			p.given = c.common(c.given)
		}
	} else {
		town := c.r.IntN(len(c.towns))
		p.surname, p.street, p.number = c.common(c.surnames), c.common(c.streets), fmt.Sprint(1+c.r.IntN(180))
		p.town, p.zip, p.state = c.towns[town], fmt.Sprintf("%05d", 10000+town*37+c.r.IntN(3)), fmt.Sprintf("S%d", town%11)
		p.phone = fmt.Sprintf("+1212%03d%04d", 200+c.r.IntN(700), c.r.IntN(10000))
	}
	p.mail = fmt.Sprintf("%s.%s%d@%s", p.given, p.surname, c.r.IntN(100), []string{"gmail.com", "mail.example", "web.example"}[c.r.IntN(3)])
	if c.r.IntN(3) == 0 {
		p.mail = fmt.Sprintf("%s%d@%s", p.given[:1]+p.surname, c.r.IntN(1000), "post.example")
	}
	return p
}

// spoil leaves a value out or makes a typing error.
func (c *crowd) spoil(v string) string {
	if c.r.Float64() < c.blank {
		return ""
	}
	for c.r.Float64() < c.typo && v != "" {
		v = mistyped(c.r, []rune(v))
	}
	return v
}

// row is one record of a person: sometimes the names change places, day and month do, or the person has moved.
func (c *crowd) row(p someone) []string {
	if c.r.IntN(50) == 0 {
		p.given, p.surname = p.surname, p.given
	}
	if c.r.IntN(40) == 0 && p.day <= 12 {
		p.day, p.month = p.month, p.day
	}
	if c.r.IntN(12) == 0 {
		home := c.person(nil)
		p.street, p.number, p.town, p.zip, p.state = home.street, home.number, home.town, home.zip, home.state
	}
	born := c.spoil(fmt.Sprintf("%02d/%02d/%04d", p.month, p.day, p.year))
	return []string{c.spoil(p.given), c.spoil(p.surname), p.sex, born, c.spoil(p.mail), c.spoil(p.phone),
		c.spoil(p.number + " " + p.street), c.spoil(p.town), c.spoil(p.zip), p.state}
}

func columns() []string {
	return []string{"FirstName", "LastName", "Sex", "BirthDate", "EMail", "MobilePhone", "Address", "Town", "ZIP", "State"}
}

// records writes n records; one person in three has two to four, one in five shares a household with the one before.
func (c *crowd) records(n int) [][]string {
	var rows [][]string
	var last *someone
	for who := 1; len(rows) < n; who++ {
		kin := last
		if c.r.IntN(5) != 0 {
			kin = nil
		}
		p := c.person(kin)
		last = &p
		copies := 1
		if c.r.IntN(3) == 0 {
			copies += 1 + c.r.IntN(3)
		}
		for range min(copies, n-len(rows)) {
			rows = append(rows, append([]string{fmt.Sprintf("r%d", len(rows)), fmt.Sprintf("p%d", who)}, c.row(p)...))
		}
	}
	c.r.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
	return rows
}

// write makes a file of the rows with the columns kept.
func write(t testing.TB, rows [][]string, keep ...string) string {
	t.Helper()
	head := append([]string{"key", "person"}, columns()...)
	var at []int
	var b strings.Builder
	for i, h := range head {
		for _, k := range append([]string{"key", "person"}, keep...) {
			if h == k {
				at = append(at, i)
			}
		}
	}
	for _, row := range append([][]string{head}, rows...) {
		for n, i := range at {
			if n > 0 {
				b.WriteByte(';')
			}
			b.WriteString(row[i])
		}
		b.WriteByte('\n')
	}
	path := filepath.Join(t.TempDir(), "people.csv")
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestOneProcedureServesOtherFilesToo(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("skipped: it takes half a minute (left out by -short)")
	}
	for _, c := range []struct {
		name              string
		n                 int
		typo, blank       float64
		keep              []string
		f1, precision, re float64
	}{
		{"all columns", 2000, .1, .05, columns(), .99, .99, .98},
		{"many errors", 2000, .3, .2, columns(), .93, .95, .87},
		{"no mail, no phone", 2000, .15, .1, []string{"FirstName", "LastName", "Sex", "BirthDate", "Address", "Town", "ZIP", "State"}, .94, .985, .87},
		{"name, birth and town", 2000, .1, .05, []string{"FirstName", "LastName", "BirthDate", "Town"}, .93, .98, .85},
		{"no birth", 2000, .1, .05, []string{"FirstName", "LastName", "Address", "Town", "ZIP", "MobilePhone"}, .92, .96, .82},
		{"few records", 400, .15, .1, columns(), .97, .97, .95},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			path := write(t, newCrowd(uint64(len(c.name)), c.typo, c.blank).records(c.n), c.keep...)
			tr := trial(t, Options{In: path, ID: "key", Truth: "person"})
			half, link := tr.Result.Thresholds[0], tr.Result.Thresholds[1]
			if *half.F1 < c.f1 || *link.Precision < c.precision || *link.Recall < c.re {
				t.Errorf("F1 %.4f at 0.5, precision %.4f and recall %.4f at 0.8", *half.F1, *link.Precision, *link.Recall)
			}
		})
	}
}

func TestWhereNobodyComesTwiceNearlyNothingLinks(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("skipped: it takes half a minute (left out by -short)")
	}
	c := newCrowd(21, .15, .1)
	var rows [][]string
	var last *someone
	for i := range 1500 {
		kin := last
		if i%5 != 0 {
			kin = nil
		}
		p := c.person(kin)
		last = &p
		rows = append(rows, append([]string{fmt.Sprintf("r%d", i), fmt.Sprintf("p%d", i)}, c.row(p)...))
	}
	tr := trial(t, Options{In: write(t, rows, columns()...), ID: "key", Truth: "person"})
	if n := tr.Result.Thresholds[1].Links; n > 15 {
		t.Errorf("%d links", n)
	}
}

// mistyped is a text with one sign wrong, missing, too many or in its neighbour's place.
func mistyped(r *rand.Rand, runes []rune) string {
	i := r.IntN(len(runes))
	other := rune('a' + r.IntN(26))
	if runes[i] >= '0' && runes[i] <= '9' {
		other = rune('0' + r.IntN(10))
	}
	switch r.IntN(4) {
	case 0:
		runes[i] = other
	case 1:
		runes = append(runes[:i], runes[i+1:]...)
	case 2:
		runes = append(runes[:i], append([]rune{other}, runes[i:]...)...)
	case 3:
		if i+1 < len(runes) {
			runes[i], runes[i+1] = runes[i+1], runes[i]
		}
	}
	return string(runes)
}
