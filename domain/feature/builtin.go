package feature

import (
	_ "embed"
	"fmt"
)

//go:embed core@1.json
var coreDocument string

// Core is the view core@1 that comes with the product.
func Core() View { return mustParse(coreDocument) }

//go:embed retail@1.json
var retailDocument string

// Retail is the view retail@1 that comes with the product.
func Retail() View { return mustParse(retailDocument) }

// BuiltIn are the views that come with the product.
func BuiltIn() []View { return []View{Core(), Retail()} }

func mustParse(document string) View {
	v, err := ParseView([]byte(document))
	if err != nil {
		panic(fmt.Sprintf("feature: a built-in view: %v", err))
	}
	return v
}
