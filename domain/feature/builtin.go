package feature

import (
	_ "embed"
	"fmt"
)

//go:embed core@1.json
var coreDocument string

// Core is the view core@1 that comes with the product: recorded histories and models name it.
func Core() View { return mustParse(coreDocument) }

//go:embed core@2.json
var core2Document string

// Core2 is the view core@2 that comes with the product: core@1 with the windows of an hour and a day that it lacks.
func Core2() View { return mustParse(core2Document) }

// DefaultView is read where none is named.
const DefaultView = "core@2"

//go:embed retail@1.json
var retailDocument string

// Retail is the view retail@1 that comes with the product.
func Retail() View { return mustParse(retailDocument) }

// BuiltIn are the views that come with the product, those of one name in the order of their versions.
func BuiltIn() []View { return []View{Core(), Core2(), Retail()} }

func mustParse(document string) View {
	v, err := ParseView([]byte(document))
	if err != nil {
		panic(fmt.Sprintf("feature: a built-in view: %v", err))
	}
	return v
}
