package session

import (
	"cmp"
	"slices"
)

// Kind is what a hit says about the page.
type Kind uint8

// The kinds.
const (
	// Other is anything that is neither of the two below: a click, a form.
	Other Kind = iota
	// Looking: the page is still being looked at.
	Looking
	// Page: a page was opened.
	Page
)

// Hit is one message of a source. Empty texts are unknown.
type Hit struct {
	// ID is the message's: two hits of one id are one hit, that which was received first.
	ID                           string
	Session, Visitor, User, View string
	Kind                         Kind
	// OccurredMS is when it happened, ReceivedMS when the source's own system received it: Unix milliseconds.
	OccurredMS, ReceivedMS int64
}

// byReceipt orders by arrival; hits that are equal in it are the same in everything.
func byReceipt(a, b Hit) int {
	return cmp.Or(cmp.Compare(a.ReceivedMS, b.ReceivedMS), byTime(a, b))
}

// byTime orders by when it happened.
func byTime(a, b Hit) int {
	return cmp.Or(
		cmp.Compare(a.OccurredMS, b.OccurredMS), cmp.Compare(a.ReceivedMS, b.ReceivedMS), cmp.Compare(a.ID, b.ID),
		cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.View, b.View), cmp.Compare(a.Session, b.Session),
		cmp.Compare(a.Visitor, b.Visitor), cmp.Compare(a.User, b.User),
	)
}

// once keeps one hit of each id, in the order of arrival.
func once(hits []Hit) []Hit {
	hits = slices.SortedFunc(slices.Values(hits), byReceipt)
	seen := make(map[string]bool, len(hits))
	return slices.DeleteFunc(hits, func(h Hit) bool {
		repeated := seen[h.ID]
		seen[h.ID] = true
		return repeated
	})
}
