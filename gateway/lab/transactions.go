package lab

import (
	"fmt"
	"slices"

	"github.com/profferhq/proffer/domain/value"
)

// TransactionOptions say how a file of transactions is read.
type TransactionOptions struct {
	In string
	// Customer and Date are columns; Value is one, or a product of columns ("Quantity*UnitPrice"), or empty.
	Customer, Date, Value string
	// Until is the last day that counts; empty is the last in the file.
	Until string
	Order DateOrder
}

// LeftOut counts the rows that are not purchases, each under the first reason that holds.
type LeftOut struct {
	NoCustomer int `json:"no_customer"`
	BadDate    int `json:"bad_date"`
	BadValue   int `json:"bad_value"`
	Refunds    int `json:"refunds"`
	AfterUntil int `json:"after_until"`
}

// buyer is a person of the file and the occasions on which she bought.
type buyer struct {
	id        string
	occasions []value.Occasion
}

// transactions are the purchases of a file.
type transactions struct {
	rows, zeros int
	left        LeftOut
	// end is the last day observed.
	end    int
	buyers []buyer // in the file's order
	valued bool
}

// readTransactions reads a file. It fails with ErrFile or ErrOptions.
func readTransactions(o TransactionOptions) (*transactions, error) {
	t, err := ReadFile(o.In)
	if err != nil {
		return nil, err
	}
	customer, date := t.find(o.Customer), t.find(o.Date)
	if customer < 0 {
		return nil, noColumn(t, o.Customer)
	}
	if date < 0 {
		return nil, noColumn(t, o.Date)
	}
	when, err := days(t.values(date), o.Order)
	if err != nil {
		return nil, err
	}
	out := &transactions{rows: len(t.Rows), valued: o.Value != "", end: noDay}
	worth := make([]amount, len(t.Rows))
	if out.valued {
		if worth, err = amounts(t, o.Value); err != nil {
			return nil, err
		}
	}
	if err := out.until(o.Until, o.Order, when); err != nil {
		return nil, err
	}
	out.take(t.values(customer), when, worth)
	if len(out.buyers) == 0 {
		return nil, fmt.Errorf("%w: no row is a purchase (%d without a customer, %d without a readable date, %d without a readable value, %d refunds, %d after the end)",
			ErrFile, out.left.NoCustomer, out.left.BadDate, out.left.BadValue, out.left.Refunds, out.left.AfterUntil)
	}
	return out, nil
}

// until sets the end of the observation.
func (x *transactions) until(text string, order DateOrder, when []int) error {
	if text == "" {
		for _, d := range when {
			x.end = max(x.end, d)
		}
		return nil
	}
	end, err := days([]string{text}, order)
	if err != nil || end[0] == noDay {
		return fmt.Errorf("%w: --until must be a date such as 2011-12-09", ErrOptions)
	}
	x.end = end[0]
	return nil
}

func (x *transactions) take(customers []string, when []int, worth []amount) {
	at := map[string]int{}
	for i, id := range customers {
		if !x.counts(id, when[i], worth[i]) {
			continue
		}
		n, known := at[id]
		if !known {
			n = len(x.buyers)
			at[id] = n
			x.buyers = append(x.buyers, buyer{id: id})
		}
		x.buyers[n].occasions = append(x.buyers[n].occasions, value.Occasion{Day: when[i], Micros: worth[i].micros})
	}
	for i := range x.buyers {
		x.buyers[i].occasions = slices.Clip(value.Occasions(x.buyers[i].occasions))
	}
}

// counts says whether a row is a purchase. A value of zero is: something was ordered. A negative one is a refund, which
// takes nothing from the purchases: a file seldom says which of them it undoes.
func (x *transactions) counts(id string, day int, a amount) bool {
	switch {
	case id == "":
		x.left.NoCustomer++
	case day == noDay:
		x.left.BadDate++
	case x.valued && !a.known:
		x.left.BadValue++
	case a.micros < 0:
		x.left.Refunds++
	case day > x.end:
		x.left.AfterUntil++
	default:
		if x.valued && a.micros == 0 {
			x.zeros++
		}
		return true
	}
	return false
}
