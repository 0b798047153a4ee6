package match

import (
	"fmt"
	"slices"
	"strings"
)

// proposedName is the name of a proposed model.
const proposedName = "default"

// Propose makes an unfitted model from columns. The same procedure serves every file: a kind for each column, the
// comparisons that suit the kind, and blocks of what the kinds allow. It fails with ErrModel when no column
// tells anything about a person.
func Propose(columns []Column) (Model, error) {
	m := Model{Name: proposedName}
	var kinds []Kind
	for _, c := range columns {
		if k, ok := Recognise(c); ok && len(m.Fields) < MaxFields {
			m.Fields = append(m.Fields, Field{Name: fieldName(c.Name, len(m.Fields)), Kind: k})
			kinds = append(kinds, k)
		}
	}
	if slices.Contains(kinds, GivenName) && slices.Contains(kinds, Surname) {
		m.Fields = slices.DeleteFunc(m.Fields, func(f Field) bool { return f.Kind == FullName })
	}
	if err := ProposeFor(&m); err != nil {
		return Model{}, err
	}
	return m, nil
}

// fieldName is the column's name without the signs that blocks are written with.
func fieldName(column string, i int) string {
	name := strings.NewReplacer(":", "_", "+", "_").Replace(column)
	if name == "" || len(name) > maxNameBytes {
		return fmt.Sprintf("column_%d", i+1)
	}
	return name
}

// ProposeFor adds comparisons and blocks to a model that has fields only, in place.
func ProposeFor(m *Model) error {
	if _, err := m.fieldNames(); err != nil {
		return err
	}
	p := proposal{model: m}
	p.compare()
	p.block()
	if len(m.Comparisons) == 0 || len(m.Blocks) == 0 {
		return invalid("no column tells anything about a person")
	}
	return m.Validate()
}

// proposal is a model in the making.
type proposal struct{ model *Model }

// fields are the names of the fields of a kind.
func (p *proposal) fields(k Kind) []string {
	var names []string
	for _, f := range p.model.Fields {
		if f.Kind == k {
			names = append(names, f.Name)
		}
	}
	return names
}

// compare adds a comparison for each field, those that others depend on first, and one for the order of two
// fields that people take for one another.
func (p *proposal) compare() {
	p.order("name_order", p.fields(Surname), p.fields(GivenName))
	for _, k := range []Kind{Surname, GivenName, FullName, Date, NationalID, Email, Phone, Street, Number, Postcode, Locality, Region, Category, Amount, Text, Array, CoPresence, LoginPattern} {
		names := p.fields(k)
		if k == Street && len(names) == 2 {
			p.order("street_order", names[:1], names[1:])
		}
		for _, name := range names {
			p.add(Comparison{Name: name, Field: name, Levels: Levels(k)})
		}
	}
}

func (p *proposal) order(name string, first, second []string) {
	if len(first) == 1 && len(second) == 1 {
		p.add(Comparison{Name: name, Field: first[0], With: second[0],
			Levels: []Level{{Level: swappedTest, M: 0.03}, {Level: Else, M: 0.97}}})
	}
}

func (p *proposal) add(c Comparison) {
	if len(p.model.Comparisons) < MaxComparisons {
		p.model.Comparisons = append(p.model.Comparisons, c)
	}
}

// Levels are the levels proposed for a kind of field, with the m that learning starts from.
func Levels(k Kind) []Level {
	switch k {
	case GivenName, Surname:
		return []Level{{Level: "exact", M: .75, Frequency: 1}, {Level: "damerau_levenshtein<=1", M: .08, Frequency: .5},
			{Level: "jaro_winkler>=0.9|beginning", M: .06, Frequency: .5},
			{Level: "jaro_winkler>=0.85|edit_share<=0.34", M: .03}, {Level: "jaro_winkler>=0.75|key", M: .02}, {Level: Else, M: .06}}
	case FullName:
		return []Level{{Level: "exact", M: .65, Frequency: 1}, {Level: "tokens>=1", M: .04, Frequency: 1}, {Level: "key", M: .05, Frequency: .5},
			{Level: "damerau_levenshtein<=1|tokens_jaro_winkler>=0.96", M: .08, Frequency: .5}, {Level: "tokens_jaro_winkler>=0.9|jaro_winkler>=0.92", M: .07},
			{Level: "tokens_jaro_winkler>=0.8", M: .05}, {Level: Else, M: .06}}
	case Date:
		return []Level{{Level: "exact", M: .75, Frequency: 1}, {Level: "damerau_levenshtein<=1|swapped_day_month", M: .1}, {Level: "month_day", M: .02},
			{Level: "year_month", M: .02}, {Level: "damerau_levenshtein<=2|days<=31", M: .04}, {Level: "year", M: .03}, {Level: "days<=400", M: .01}, {Level: "damerau_levenshtein<=3", M: .01}, {Level: Else, M: .02}}
	case Email:
		return []Level{{Level: "exact", M: .7, Frequency: 1}, {Level: "damerau_levenshtein<=1", M: .07, Frequency: .5}, {Level: "edit_share<=0.15", M: .05},
			{Level: "local", M: .05}, {Level: "local_jaro_winkler>=0.9|jaro_winkler>=0.92", M: .03}, {Level: "local_jaro_winkler>=0.82", M: .03}, {Level: Else, M: .07}}
	case Phone, NationalID:
		return []Level{{Level: "exact", M: .75, Frequency: 1}, {Level: "damerau_levenshtein<=1", M: .1}, {Level: "damerau_levenshtein<=2", M: .05}, {Level: Else, M: .1}}
	case Postcode:
		return []Level{{Level: "exact", M: .75, Frequency: 1}, {Level: "damerau_levenshtein<=1", M: .1}, {Level: "prefix>=3", M: .05}, {Level: Else, M: .1}}
	case Number:
		return []Level{{Level: "exact", M: .8, Frequency: 1}, {Level: "damerau_levenshtein<=1", M: .1}, {Level: Else, M: .1}}
	case Amount:
		return []Level{{Level: "exact", M: .7}, {Level: "difference<=1", M: .1}, {Level: Else, M: .2}}
	case Category:
		return []Level{{Level: "exact", M: .93, Frequency: 1}, {Level: Else, M: .07}}
	case Region:
		return []Level{{Level: "exact", M: .9, Frequency: 1}, {Level: "damerau_levenshtein<=1", M: .03}, {Level: Else, M: .07}}
	case Array:
		return []Level{{Level: "intersection>=2", M: .3}, {Level: "intersection>=1", M: .4}, {Level: Else, M: .3}}
	case CoPresence:
		return coPresenceLevels()
	case LoginPattern:
		return loginPatternLevels()
	}
	return []Level{{Level: "exact", M: .7, Frequency: 1}, {Level: "damerau_levenshtein<=1|tokens>=1", M: .08, Frequency: .5},
		{Level: "jaro_winkler>=0.92|tokens_jaro_winkler>=0.95", M: .07}, {Level: "jaro_winkler>=0.8|tokens_jaro_winkler>=0.85", M: .06}, {Level: Else, M: .09}}
}
