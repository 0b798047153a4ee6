// Package label is what a model is to foretell: declared once as data, resolved from the log the same way for every
// row of a training set, and later for every score that is checked against what came.
package label

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/profferhq/proffer/domain/problem"
)

// ErrInvalid is wrapped by every error of Parse and For.
var ErrInvalid = errors.New("label: the label is not valid")

// Document is a label as written.
type Document struct {
	// Name is how models and exports call it: lower case letters, digits and underscores.
	Name        string `json:"name"`
	Description string `json:"description"`
	// Owner is who answers for it.
	Owner string `json:"owner"`
	// Population says which rows have the label at all.
	Population Population `json:"population"`
	// Source are the kinds of events that decide it, as views name them; Filter and Value are those of a view's feature.
	Source []string `json:"source"`
	Filter string   `json:"filter,omitempty"`
	Value  string   `json:"value,omitempty"`
	// Aggregation is one of the constants below.
	Aggregation string `json:"aggregation"`
	// Starts is how long after the row's moment the label begins to look ("1d"); empty is at once.
	Starts string `json:"starts,omitempty"`
	// Horizon is until when it looks, after the row's moment: a length of time ("90d"), or "validity", how long the
	// decision's offer can be redeemed.
	Horizon string `json:"horizon"`
	// Attribution is "person", any such event of the person, or "offer": only those that belong to the row's decision.
	Attribution string `json:"attribution"`
}

// Population is who a label is about. Everything that is given must hold, as known at the row.
type Population struct {
	AtLeast []AtLeast `json:"at_least,omitempty"`
	// When is CEL over `features` (of the view that is exported) and `decision` (offer, category, placement, channel,
	// external, and the offer's attributes).
	When string `json:"when,omitempty"`
}

// AtLeast asks for that many events within a time before the row.
type AtLeast struct {
	Count  int64    `json:"count"`
	Source []string `json:"source"`
	Filter string   `json:"filter,omitempty"`
	Within string   `json:"within"`
}

// The aggregations. Exists and None are 1 or 0.
const (
	// Exists: there was such an event; None: there was not.
	Exists = "exists"
	None   = "none"
	// Count of the events; Sum of their amounts, in currency units, or of what Value gives.
	Count = "count"
	Sum   = "sum"
)

// The attributions, and the horizon that is the offer's own.
const (
	OfPerson = "person"
	OfOffer  = "offer"
	Validity = "validity"
)

// maxDocument bounds a document, in bytes.
const maxDocument = 100_000

// Decode reads a document's JSON without looking at its meaning; unknown fields are refused.
func Decode(data []byte) (Document, error) {
	var d Document
	if len(data) > maxDocument {
		return d, fmt.Errorf("%w: larger than %d bytes", ErrInvalid, maxDocument)
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&d); err != nil {
		return d, fmt.Errorf("%w: reading JSON: %w", ErrInvalid, problem.InJSON(err))
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return d, fmt.Errorf("%w: something follows the document", ErrInvalid)
	}
	return d, nil
}

// canonical is the document's one JSON form.
func (d Document) canonical() ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(d); err != nil {
		return nil, fmt.Errorf("label: write its canonical form: %w", err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
