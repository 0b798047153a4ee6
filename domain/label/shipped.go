package label

import (
	_ "embed"
	"encoding/json"
	"fmt"
)

//go:embed shipped.json
var shippedDocuments []byte

// Shipped are the labels that come with the product.
func Shipped() []Label {
	var documents []json.RawMessage
	if err := json.Unmarshal(shippedDocuments, &documents); err != nil {
		panic(fmt.Sprintf("label: those that come with the product: %v", err))
	}
	out := make([]Label, 0, len(documents))
	for _, d := range documents {
		l, err := Parse(d)
		if err != nil {
			panic(fmt.Sprintf("label: those that come with the product: %v", err))
		}
		out = append(out, l)
	}
	return out
}

// ShippedAs is the one of that name; false when there is none.
func ShippedAs(name string) (Label, bool) {
	for _, l := range Shipped() {
		if l.Name() == name {
			return l, true
		}
	}
	return Label{}, false
}
