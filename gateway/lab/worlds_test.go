package lab

import (
	"encoding/csv"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// world is how a population and its records are made. Shares are chances from 0 to 1.
type world struct {
	name    string
	columns []string // of human.value
	records int
	seed    uint64
	// skew is the exponent by which the first names and towns of the lists are commoner; 0 is 1.
	skew float64
	// kin is the chance that somebody belongs to the household of the one before, twin of those that they are twins,
	// namesake that they have the same given name too: father and son.
	kin, twin, namesake float64
	// copied is the chance that somebody has more than one record, most the largest number of them.
	copied float64
	most   int
	// typo and blank are chances for each value; swapped that the names stand crosswise, moved and married that a record
	// has another address or surname, short that the given name is a nickname or an initial, crossed that day and month
	// are.
	typo, blank, swapped, moved, married, short, crossed float64
	// damage is how many changes there are to a copy at most, in the way of Febrl's generator; the first record has none.
	damage int
	// two writes two files, with at most one record of a person in each.
	two bool
	// at least these at a posterior of 0.8.
	precision, recall float64
}

// human is somebody.
type human struct {
	given, middle, surname, sex, number, street, street2, town, zip, state, phone, mail, ssn, job string
	year, month, day                                                                              int
	chinese                                                                                       bool
}

func givenNames() []string {
	return strings.Fields("james mary john patricia robert jennifer michael linda william elizabeth david barbara richard susan joseph jessica thomas sarah charles karen " +
		"christopher nancy daniel lisa matthew betty anthony margaret mark sandra donald ashley steven kimberly paul emily andrew donna joshua michelle kenneth dorothy kevin carol brian amanda george melissa edward deborah " +
		"ronald stephanie timothy rebecca jason sharon jeffrey laura ryan cynthia jacob kathleen gary amy nicholas shirley eric angela jonathan helen stephen anna larry brenda justin pamela scott nicole brandon samantha " +
		"benjamin katherine samuel emma gregory ruth frank christine alexander catherine raymond debra patrick rachel jack carolyn dennis janet jerry virginia tyler maria aaron heather jose diane henry julie adam joyce " +
		"douglas victoria nathan kelly peter christina zachary joan kyle evelyn walter lauren harold judith jeremy olivia ethan frances carl martha keith cheryl roger megan gerald andrea christian hannah terry jacqueline sean ann " +
		"arthur jean austin alice noah kathryn lawrence gloria jesse teresa joe doris bryan sara billy janice jordan julia albert marie dylan madison bruce grace willie judy gabriel theresa alan beverly juan denise logan marilyn " +
		"wayne amber ralph danielle roy brittany eugene diana randy abigail vincent jane russell natalie louis lori philip tiffany bobby alexis johnny kayla lachlan mikayla isabella chloe jayden finn sienna caitlin talia kiandra")
}

func surnames() []string {
	return strings.Fields("smith johnson williams brown jones garcia miller davis rodriguez martinez hernandez lopez gonzalez wilson anderson thomas taylor moore jackson martin lee perez thompson white harris sanchez clark ramirez lewis robinson " +
		"walker young allen king wright scott torres nguyen hill flores green adams nelson baker hall rivera campbell mitchell carter roberts gomez phillips evans turner diaz parker cruz edwards collins reyes stewart morris morales murphy cook rogers " +
		"gutierrez ortiz morgan cooper peterson bailey reed kelly howard ramos kim cox ward richardson watson brooks chavez wood james bennett gray mendoza ruiz hughes price alvarez castillo sanders patel myers long ross foster jimenez powell jenkins " +
		"perry russell sullivan bell coleman butler henderson barnes gonzales fisher vasquez simmons romero jordan patterson alexander hamilton graham reynolds griffin wallace moreno west cole hayes bryant herrera gibson ellis tran medina aguilar stevens murray ford " +
		"castro marshall owens harrison fernandez mcdonald woods washington kennedy wells vargas henry chen freeman webb tucker guzman burns crawford olson simpson porter hunter gordon mendez silva shaw snyder mason dixon munoz hunt hicks holmes palmer wagner black robertson boyd stone")
}

// crowdOf is what a world is drawn from.
type crowdOf struct {
	world
	r                                   *rand.Rand
	given, family, towns, streets, jobs []string
	families, signs                     []rune
	mails                               map[string]bool
}

func newWorld(w world) *crowdOf {
	if w.skew == 0 {
		w.skew = 1
	}
	c := &crowdOf{world: w, r: rand.New(rand.NewPCG(w.seed, 11)), given: givenNames(), family: surnames(), mails: map[string]bool{}}
	word := func(n int) string {
		var b strings.Builder
		for range n {
			b.WriteString(pick(c.r, "b br c ch d f fl g gr h j k kl l m n p r s sch st t v w z"))
			b.WriteString(pick(c.r, "a e i o u ei au ie"))
		}
		b.WriteString(pick(c.r, "n r s t ng ll ck m"))
		return b.String()
	}
	for range 1500 {
		c.family = append(c.family, word(1+c.r.IntN(2)))
	}
	for range 300 {
		c.given = append(c.given, word(1+c.r.IntN(2)))
	}
	for range 400 {
		c.towns = append(c.towns, word(1)+pick(c.r, "ton ville burg bury field wood port mouth dale"))
	}
	for i := range 1200 {
		c.streets = append(c.streets, c.family[(i*13+5)%len(c.family)]+" "+pick(c.r, "street road avenue place crescent close court drive circuit"))
	}
	c.jobs = strings.Fields("politician writer painter footballer actor clergy soldier physician lawyer cricketer scientist musician journalist businessperson")
	c.families, c.signs = []rune("王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕"), []rune("伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂英华玉兰建国红梅晓小婷雪琳宇浩欣怡佳俊鹏飞")
	return c
}

func pick(r *rand.Rand, words string) string {
	list := strings.Fields(words)
	return list[r.IntN(len(list))]
}

// zipf draws with the frequency of rank n falling as 1/n^skew, roughly.
func zipf[T any](c *crowdOf, list []T) T {
	n, x := float64(len(list)), c.r.Float64()
	if c.skew == 1 {
		return list[min(int(math.Pow(n+1, x))-1, len(list)-1)]
	}
	e := 1 - c.skew
	at := math.Pow(x*(math.Pow(n+1, e)-1)+1, 1/e) - 1
	return list[min(int(at), len(list)-1)]
}

func (c *crowdOf) human(kin *human, chinese bool) human {
	h := human{chinese: chinese, given: zipf(c, c.given), middle: zipf(c, c.given), sex: pick(c.r, "f m"), year: 1930 + c.r.IntN(75), month: 1 + c.r.IntN(12), day: 1 + c.r.IntN(28), job: zipf(c, c.jobs)}
	if chinese {
		h.given = string(zipf(c, c.signs))
		if c.r.IntN(4) > 0 {
			h.given += string(zipf(c, c.signs))
		}
	}
	h.ssn = fmt.Sprintf("%07d", 1000000+c.r.IntN(8999999))
	phone := func() string {
		if chinese {
			return fmt.Sprintf("1%s%09d", pick(c.r, "3 5 8"), c.r.IntN(1e9))
		}
		return fmt.Sprintf("0%d %04d %04d", 2+c.r.IntN(7), c.r.IntN(10000), c.r.IntN(10000))
	}
	if kin == nil {
		h.surname, h.number, h.street = zipf(c, c.family), strconv.Itoa(int(math.Pow(300, c.r.Float64()))), c.streets[c.r.IntN(len(c.streets))]
		if chinese {
			h.surname = string(zipf(c, c.families))
		}
		if c.r.IntN(3) == 0 {
			h.street2 = zipf(c, c.family) + " " + pick(c.r, "village farm flats estate park")
		}
		town := int(float64(len(c.towns)) * math.Pow(c.r.Float64(), 2))
		h.town, h.zip, h.state = c.towns[town], fmt.Sprintf("%04d", 2000+town*7+c.r.IntN(3)), pick(c.r, "nsw nsw nsw vic vic qld qld wa sa act")
		h.phone = phone()
	} else {
		h.surname, h.number, h.street, h.street2, h.town, h.zip, h.state, h.phone = kin.surname, kin.number, kin.street, kin.street2, kin.town, kin.zip, kin.state, kin.phone
		if c.r.IntN(3) == 0 || chinese && c.r.IntN(2) == 0 {
			h.phone = phone()
		}
		switch {
		case c.r.Float64() < c.twin:
			h.year, h.month, h.day = kin.year, kin.month, kin.day
		case c.r.Float64() < c.namesake:
			h.given, h.sex, h.year = kin.given, kin.sex, kin.year-20-c.r.IntN(15)
		case c.r.IntN(5) == 0:
			h.surname = zipf(c, c.family)
			if chinese {
				h.surname = string(zipf(c, c.families))
			}
		}
		for h.given == kin.given && h.year > kin.year-20 {
			h.given = zipf(c, c.given)
			if chinese {
				h.given = string(zipf(c, c.signs)) + string(zipf(c, c.signs))
			}
		}
	}
	h.mail = c.mailOf(h)
	return h
}

// mailOf is an address that nobody else has.
func (c *crowdOf) mailOf(h human) string {
	mail := c.spelt(h)
	for c.mails[mail] {
		mail = c.spelt(h)
	}
	c.mails[mail] = true
	return mail
}

// spelt spells an address with the name, as free ones are.
func (c *crowdOf) spelt(h human) string {
	at := pick(c.r, "gmail.com gmail.com yahoo.com outlook.com mail.example qq.com")
	if h.chinese {
		return fmt.Sprintf("%d@qq.com", 100000+c.r.IntN(1e9))
	}
	switch c.r.IntN(6) {
	case 0:
		return h.given + "." + h.surname + "@" + at
	case 1:
		return fmt.Sprintf("%s%s%d@%s", h.given[:1], h.surname, c.r.IntN(100), at)
	case 2:
		return fmt.Sprintf("%s%d@%s", h.given, h.year, at)
	case 3:
		return fmt.Sprintf("%s_%s%02d@%s", h.surname, h.given, h.year%100, at)
	}
	return fmt.Sprintf("%s.%s%d@%s", h.given, h.surname, c.r.IntN(1000), at)
}

func (h human) value(column string) string {
	switch column {
	case "given_name", "first_name", "FirstName":
		return h.given
	case "middle_name":
		return h.middle
	case "surname", "last_name", "LastName":
		return h.surname
	case "name", "full_name":
		return strings.TrimSpace(h.given + " " + h.surname)
	case "姓名":
		return h.surname + h.given
	case "street_number":
		return h.number
	case "address_1":
		return h.street
	case "address_2":
		return h.street2
	case "address":
		return strings.TrimSpace(h.number + " " + h.street)
	case "suburb", "city", "birth_place", "城市":
		return h.town
	case "postcode", "zip":
		return h.zip
	case "state":
		return h.state
	case "date_of_birth":
		return fmt.Sprintf("%04d%02d%02d", h.year, h.month, h.day)
	case "dob", "出生日期":
		return fmt.Sprintf("%04d-%02d-%02d", h.year, h.month, h.day)
	case "age":
		return strconv.Itoa(2026 - h.year)
	case "soc_sec_id":
		return h.ssn
	case "phone", "手机号":
		return h.phone
	case "email", "邮箱":
		return h.mail
	case "gender":
		return h.sex
	case "occupation":
		return h.job
	}
	panic(column)
}

// mistype makes one typing error, one of hearing or one of reading.
func (c *crowdOf) mistype(v string) string {
	runes := []rune(v)
	if len(runes) == 0 {
		return v
	}
	if runes[0] > 0x2e80 {
		return string(c.homophone(runes))
	}
	if c.r.IntN(4) == 0 {
		for _, k := range c.r.Perm(8) {
			s := [][2]string{{"ph", "f"}, {"c", "k"}, {"ie", "y"}, {"ee", "ea"}, {"th", "t"}, {"nn", "n"}, {"ll", "l"}, {"5", "6"}}[k]
			if strings.Contains(v, s[0]) {
				return strings.Replace(v, s[0], s[1], 1)
			}
		}
	}
	return mistyped(c.r, runes)
}

func (c *crowdOf) homophone(runes []rune) []rune {
	for i, r := range runes {
		for _, pair := range []string{"晓小", "杰洁", "静婧", "明鸣", "伟玮", "丽莉", "娟涓", "华桦", "芳方", "红宏", "宇雨", "俊君", "梅玫", "玉钰"} {
			p := []rune(pair)
			if r == p[0] {
				runes[i] = p[1]
				return runes
			}
			if r == p[1] {
				runes[i] = p[0]
				return runes
			}
		}
	}
	return runes
}

// record writes one of the records of somebody.
func (c *crowdOf) record(h human, first bool) []string {
	if c.damage > 0 {
		return c.damaged(h, first)
	}
	if c.r.Float64() < c.swapped {
		h.given, h.surname = h.surname, h.given
	}
	if c.r.Float64() < c.moved {
		home := c.human(nil, h.chinese)
		h.number, h.street, h.street2, h.town, h.zip, h.state = home.number, home.street, home.street2, home.town, home.zip, home.state
		if c.r.IntN(2) == 0 {
			h.phone = home.phone
		}
	}
	if c.r.Float64() < c.married {
		h.surname = zipf(c, c.family)
	}
	if c.r.Float64() < c.short && !h.chinese {
		h.given = h.given[:1+c.r.IntN(min(3, len(h.given)))]
	}
	if c.r.Float64() < c.crossed && h.day <= 12 {
		h.day, h.month = h.month, h.day
	}
	if c.r.IntN(6) == 0 {
		h.mail = c.mailOf(h)
	}
	row := make([]string, len(c.columns))
	for i, column := range c.columns {
		v := h.value(column)
		for c.r.Float64() < c.typo {
			v = c.mistype(v)
		}
		if c.r.Float64() < c.blank {
			v = ""
		}
		row[i] = v
	}
	return row
}

// damaged changes some values of a copy.
func (c *crowdOf) damaged(h human, first bool) []string {
	row := make([]string, len(c.columns))
	for i, column := range c.columns {
		row[i] = h.value(column)
		if c.r.Float64() < c.blank {
			row[i] = ""
		}
	}
	if first {
		return row
	}
	for range 1 + c.r.IntN(c.damage) {
		i := c.r.IntN(len(row))
		switch c.r.IntN(12) {
		case 0:
			row[i] = ""
		case 1:
			row[i] = c.human(nil, false).value(c.columns[i])
		case 2:
			if c.columns[i] == "given_name" || c.columns[i] == "address_1" {
				row[i], row[i+1] = row[i+1], row[i]
				if c.columns[i] == "address_1" {
					row[i], row[i+1] = row[i+1], row[i]
				}
			}
		case 3:
			if words := strings.Fields(row[i]); len(words) > 1 {
				row[i] = words[1] + " " + words[0]
			}
		default:
			row[i] = c.mistype(row[i])
		}
	}
	return row
}

// files writes the world: one or two of them, with the columns id and who.
func (c *crowdOf) files(t testing.TB) Options {
	t.Helper()
	var rows [2][][]string
	var kin *human
	add := func(file int, who int, row []string) {
		id := fmt.Sprintf("r%d_%d", file, len(rows[file]))
		rows[file] = append(rows[file], append([]string{id, strconv.Itoa(who)}, row...))
	}
	chinese := strings.HasPrefix(c.name, "chinese")
	for who := 0; len(rows[0])+len(rows[1]) < c.world.records; who++ {
		if kin != nil && c.r.Float64() >= c.kin {
			kin = nil
		}
		h := c.human(kin, chinese)
		kin = &h
		copies := 1
		if c.r.Float64() < c.copied {
			copies += 1 + int(float64(c.most-1)*math.Pow(c.r.Float64(), 2))
		}
		if c.two {
			file := c.r.IntN(2)
			add(file, who, c.record(h, true))
			if copies > 1 {
				add(1-file, who, c.record(h, false))
			}
			continue
		}
		for n := range copies {
			add(0, who, c.record(h, n == 0))
		}
	}
	o := Options{ID: "id", Truth: "who"}
	for i, list := range rows {
		if len(list) == 0 {
			continue
		}
		c.r.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
		path := filepath.Join(t.TempDir(), "people.csv")
		f, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		w := csv.NewWriter(f)
		_ = w.Write(append([]string{"id", "who"}, c.columns...))
		if err := w.WriteAll(list); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			o.In = path
		} else {
			o.With = path
		}
	}
	return o
}

func febrl() []string {
	return []string{"given_name", "surname", "street_number", "address_1", "address_2", "suburb", "postcode", "state", "date_of_birth", "soc_sec_id"}
}

func worlds() []world {
	all := []string{"first_name", "last_name", "dob", "gender", "email", "phone", "address", "city", "zip"}
	return []world{
		{name: "febrl few copies", columns: febrl(), records: 5000, copied: .25, most: 2, damage: 4, blank: .03, precision: .99, recall: .97},
		{name: "febrl many copies", columns: febrl(), records: 5000, copied: .5, most: 6, damage: 8, blank: .05, precision: .99, recall: .95},
		{name: "febrl two files", columns: febrl(), records: 5000, copied: .9, most: 2, damage: 6, blank: .05, two: true, precision: .99, recall: .97},
		{name: "febrl households", columns: febrl(), records: 4000, copied: .4, most: 3, damage: 6, blank: .1, kin: .4, twin: .05, precision: .98, recall: .91},
		{name: "febrl no ssn", columns: febrl()[:9], records: 4000, copied: .4, most: 3, damage: 6, blank: .05, kin: .2, precision: .98, recall: .89},
		{name: "households", columns: all, records: 6000, copied: .35, most: 4, typo: .1, blank: .1, kin: .2, moved: .08, married: .02, short: .05, crossed: .02, swapped: .02, precision: .98, recall: .93},
		{name: "household heavy", columns: all, records: 6000, copied: .3, most: 3, typo: .1, blank: .15, kin: .6, twin: .03, namesake: .03, moved: .05, short: .05, precision: .97, recall: .88},
		{name: "household heavy, no birth", columns: []string{"first_name", "last_name", "phone", "address", "city", "zip"}, records: 5000, copied: .3, most: 3, typo: .1, blank: .1, kin: .5, moved: .05, short: .05, precision: .94, recall: .61},
		{name: "household, no mail", columns: []string{"first_name", "last_name", "dob", "phone", "address", "city", "zip"}, records: 5000, copied: .3, most: 3, typo: .15, blank: .15, kin: .4, twin: .03, moved: .05, short: .05, precision: .96, recall: .82},
		{name: "swapped", columns: all, records: 4000, copied: .4, most: 3, typo: .1, blank: .05, swapped: .25, kin: .1, precision: .98, recall: .96},
		{name: "many missing", columns: all, records: 4000, copied: .4, most: 4, typo: .1, blank: .4, kin: .1, precision: .95, recall: .74},
		{name: "chinese names and phones", columns: []string{"姓名", "手机号", "城市"}, records: 4000, copied: .4, most: 3, typo: .08, blank: .1, kin: .1, precision: .96, recall: .88},
		{name: "chinese households", columns: []string{"姓名", "手机号", "邮箱", "出生日期", "城市", "address"}, records: 4000, copied: .4, most: 3, typo: .08, blank: .15, kin: .4, twin: .03, precision: .98, recall: .93},
		{name: "mail from names", columns: []string{"first_name", "last_name", "email", "city"}, records: 4000, copied: .4, most: 3, typo: .1, blank: .1, precision: .98, recall: .79},
		{name: "name and mail", columns: []string{"name", "email"}, records: 4000, copied: .4, most: 3, typo: .1, blank: .1, precision: .99, recall: .47},
		{name: "name and birth", columns: []string{"first_name", "last_name", "dob"}, records: 4000, copied: .4, most: 3, typo: .08, blank: .03, short: .03, crossed: .03, precision: .98, recall: .91},
		{name: "full name and birth", columns: []string{"full_name", "dob"}, records: 4000, copied: .4, most: 3, typo: .08, blank: .03, short: .03, crossed: .03, precision: .97, recall: .85},
		{name: "name and city", columns: []string{"first_name", "last_name", "city"}, records: 3000, copied: .4, most: 3, typo: .05, blank: .03, precision: .98, recall: .82},
		{name: "twins", columns: all, records: 4000, copied: .3, most: 3, typo: .1, blank: .1, kin: .25, twin: .5, precision: .98, recall: .9},
		{name: "common names", columns: all, records: 5000, copied: .3, most: 3, typo: .1, blank: .1, skew: 1.5, kin: .1, precision: .99, recall: .95},
		{name: "common names, birth and city", columns: []string{"first_name", "last_name", "dob", "city"}, records: 5000, copied: .3, most: 3, typo: .08, blank: .08, skew: 1.5, precision: .98, recall: .84},
		{name: "large clusters", columns: []string{"first_name", "surname", "dob", "birth_place", "postcode", "gender", "occupation"}, records: 5000, copied: .9, most: 14, typo: .15, blank: .15, short: .1, married: .05, crossed: .02, precision: .98, recall: .91},
		{name: "voters", columns: []string{"first_name", "middle_name", "last_name", "age", "gender", "address", "city", "zip"}, records: 5000, copied: .3, most: 3, typo: .06, blank: .05, kin: .5, twin: .02, moved: .1, married: .03, precision: .98, recall: .82},
		{name: "two files, households", columns: all, records: 5000, copied: .6, most: 2, typo: .12, blank: .1, kin: .4, moved: .08, two: true, precision: .99, recall: .93},
		{name: "two files, few columns", columns: []string{"first_name", "last_name", "dob", "zip"}, records: 5000, copied: .6, most: 2, typo: .1, blank: .05, two: true, precision: .99, recall: .95},
		{name: "small", columns: all, records: 200, copied: .4, most: 3, typo: .1, blank: .1, kin: .2, precision: .99, recall: .94},
		{name: "small, febrl", columns: febrl(), records: 300, copied: .5, most: 2, damage: 5, blank: .05, precision: .99, recall: .97},
		{name: "nobody twice", columns: all, records: 4000, typo: .1, blank: .1, kin: .4, twin: .05},
		{name: "few copies", columns: all, records: 5000, copied: .02, most: 2, typo: .1, blank: .1, kin: .3, precision: .99, recall: .86},
	}
}

// What one procedure finds in worlds that it was not made for. The bounds stand a point of precision and three of
// recall below the worse of two seeds.
func TestWorlds(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("skipped: it takes a minute (left out by -short)")
	}
	for i, w := range worlds() {
		t.Run(w.name, func(t *testing.T) {
			w.seed += uint64(i) + 1
			tr := trial(t, newWorld(w).files(t))
			link := tr.Result.Thresholds[1]
			if w.recall == 0 && link.Links > w.records/250 {
				t.Errorf("%d links where nobody comes twice", link.Links)
			}
			if w.recall > 0 && (*link.Precision < w.precision || *link.Recall < w.recall) {
				t.Errorf("precision %.4f and recall %.4f at 0.8, want %.2f and %.2f", *link.Precision, *link.Recall, w.precision, w.recall)
			}
		})
	}
}
