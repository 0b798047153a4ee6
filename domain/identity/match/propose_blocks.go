package match

import "slices"

// block adds blocks, the strictest first: strong single keys, pairs of weaker ones, then weak single keys, which the
// limit of pairs cuts to their rarest values.
func (p *proposal) block() {
	p.singles("", NationalID, Email, Phone)
	p.names()
	p.singles("", Date)
	p.singles("local", Email)
	p.withDates()
	p.withPlaces()
	p.pairs(Street, Number)
	p.pairs(Street, Postcode)
	p.pairs(Date, Locality, "month_day")
	p.pairs(Date, Postcode, "year")
	p.pairs(Date, Locality, "year")
	p.singles("month_day", Date)
	p.singles("year_month", Date)
	p.looseNames()
	p.singles("", Street, Postcode, Text)
	p.singles("any", Array, CoPresence)
	p.singles("prefix4", Email)
	p.singles("", Locality)
	p.singles("year", Date)
	if len(p.model.Blocks) < 3 {
		p.singles("", Number, Region)
	}
}

func (p *proposal) key(parts ...string) {
	known := slices.ContainsFunc(p.model.Blocks, func(b []string) bool { return slices.Equal(b, parts) })
	if !known && len(p.model.Blocks) < MaxBlocks {
		p.model.Blocks = append(p.model.Blocks, parts)
	}
}

// part writes one part of a block.
func written(field, transform string) string {
	if transform == "" {
		return field
	}
	return field + ":" + transform
}

func (p *proposal) singles(transform string, kinds ...Kind) {
	for _, k := range kinds {
		for _, f := range p.fields(k) {
			p.key(written(f, transform))
		}
	}
}

// pairs joins each field of one kind with each of another; transform is of the first.
func (p *proposal) pairs(a, b Kind, transform ...string) {
	t := ""
	if len(transform) > 0 {
		t = transform[0]
	}
	for _, x := range p.fields(a) {
		for _, y := range p.fields(b) {
			p.key(written(x, t), y)
		}
	}
}

// names are the keys of a whole name.
func (p *proposal) names() {
	given, surname := p.fields(GivenName), p.fields(Surname)
	if len(given) > 0 && len(surname) > 0 {
		p.key(given[0] + "+" + surname[0] + ":sorted")
		p.key(written(surname[0], "key"), written(given[0], "key"))
	}
	for _, f := range p.fields(FullName) {
		p.key(written(f, "sorted"))
		p.key(written(f, "key"))
	}
}

// nameParts are the keys of one part of a name, for use with another key.
func (p *proposal) nameParts() []string {
	given, surname := p.fields(GivenName), p.fields(Surname)
	var parts []string
	if len(given) > 0 && len(surname) > 0 {
		parts = append(parts, given[0]+"+"+surname[0]+":either", written(surname[0], "key"))
	} else if len(surname)+len(given) > 0 {
		parts = append(parts, slices.Concat(surname, given)[0])
	}
	for _, f := range p.fields(FullName) {
		parts = append(parts, written(f, "last_token"), written(f, "first_token"))
	}
	return parts
}

func (p *proposal) withDates() {
	for _, d := range p.fields(Date) {
		for _, name := range p.nameParts() {
			p.key(name, written(d, "year"))
			p.key(name, written(d, "month_day"))
		}
	}
}

func (p *proposal) withPlaces() {
	for _, k := range []Kind{Postcode, Locality, Street} {
		for _, place := range p.fields(k) {
			for _, name := range p.nameParts()[:min(1, len(p.nameParts()))] {
				p.key(name, place)
			}
		}
	}
}

// looseNames are one part of a name alone.
func (p *proposal) looseNames() {
	for _, name := range p.nameParts() {
		p.key(name)
	}
	p.singles("key", GivenName)
}
