package commands

import (
	"errors"
	"math"
	"strconv"

	"github.com/profferhq/proffer/domain/event"
)

func checkAmounts(c *checked) *Refusal {
	var r *Refusal
	if c.amount, r = amount("amount", c.item.Amount); r != nil {
		return r
	}
	if c.cost, r = amount("cost", c.item.Cost); r != nil {
		return r
	}
	if len(c.item.Lines) > MaxLines {
		return Refuse(ReasonTooManyLines, "lines", "at most "+strconv.Itoa(MaxLines))
	}
	if len(c.item.Lines) > 0 {
		c.lines = make([]*event.Line, len(c.item.Lines))
	}
	sum := int64(0)
	for i := range c.item.Lines {
		if c.lines[i], r = checkLine(&c.item.Lines[i]); r == nil {
			sum += c.lines[i].GetAmountMicros()
			r = refuseMuch(".amount", sum)
		}
		if r != nil {
			r.Field = index("lines", i) + r.Field
			return r
		}
	}
	p := c.item.Propensity
	if math.IsNaN(p) || math.IsInf(p, 0) {
		return Refuse(ReasonNotANumber, "propensity", "not a number")
	}
	if p < 0 || p > 1 {
		return Refuse(ReasonInvalidPropensity, "propensity", "a propensity is within 0 and 1")
	}
	return nil
}

// checkLine parses an article. The field of a refusal is within the line: the names of all would cost more than the parsing.
func checkLine(l *Line) (*event.Line, *Refusal) {
	for _, f := range [...]struct{ name, text string }{{".item", l.Item}, {".category", l.Category}} {
		if r := checkText(f.name, f.text); r != nil {
			return nil, r
		}
	}
	quantity := int64(1000)
	if l.Quantity != "" {
		q, err := ParseMilli(l.Quantity)
		if r := refuseNumber(".quantity", q, err); r != nil {
			return nil, r
		}
		quantity = q
	}
	micros, r := amount(".amount", l.Amount)
	if r != nil {
		return nil, r
	}
	if l.Amount == "" && l.Price != "" {
		price, r := amount(".price", l.Price)
		if r != nil {
			return nil, r
		}
		var err error
		if micros, err = priceTimes(price, quantity); err != nil {
			return nil, refuseNumber(".amount", 0, err)
		}
		if r := refuseMuch(".amount", micros); r != nil {
			return nil, r
		}
	}
	return &event.Line{Item: l.Item, Category: l.Category, QuantityMilli: quantity, AmountMicros: micros}, nil
}

// amount reads a decimal text that is not negative; empty is 0.
func amount(field, text string) (int64, *Refusal) {
	if text == "" {
		return 0, nil
	}
	v, err := ParseMicros(text)
	if r := refuseNumber(field, v, err); r != nil {
		return 0, r
	}
	return v, refuseMuch(field, v)
}

func refuseMuch(field string, micros int64) *Refusal {
	if micros > MaxAmountMicros {
		return Refuse(ReasonAmountOutOfRange, field, "an amount may be a hundred billion")
	}
	return nil
}

func refuseNumber(field string, v int64, err error) *Refusal {
	switch {
	case errors.Is(err, errDecimalRange):
		return Refuse(ReasonAmountOutOfRange, field, "the number is out of range")
	case err != nil:
		return Refuse(ReasonInvalidAmount, field, "not a decimal number")
	case v < 0:
		return Refuse(ReasonNegativeAmount, field, "the number is negative")
	}
	return nil
}
