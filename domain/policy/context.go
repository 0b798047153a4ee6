package policy

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/expression"
)

// ErrContext is wrapped by every *ContextError.
var ErrContext = errors.New("policy: the request's context is not what the placement declares")

// ContextError says which fact of a request is wrong. It carries the name of the fact, never its value.
type ContextError struct {
	// Name is the fact.
	Name string
	// Message is for people.
	Message string
}

// Error is the message with the fact's name.
func (e *ContextError) Error() string { return fmt.Sprintf("context.%s: %s", e.Name, e.Message) }

// Unwrap is ErrContext.
func (e *ContextError) Unwrap() error { return ErrContext }

// Context checks the facts of a request against the placement's declaration and returns them ascending by name,
// as a record carries them. A declared fact may be left out; one that is not declared is an error, as are
// another type, a text longer than MaxText and a number that is not finite. The error is a *ContextError.
func (p *Placement) Context(values []*event.ContextValue) ([]*event.ContextValue, error) {
	out := slices.Clone(values)
	slices.SortFunc(out, func(x, y *event.ContextValue) int { return strings.Compare(x.GetName(), y.GetName()) })
	for i, v := range out {
		if i > 0 && out[i-1].GetName() == v.GetName() {
			return nil, &ContextError{Name: v.GetName(), Message: "is given twice"}
		}
		if err := p.check(v); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (p *Placement) check(v *event.ContextValue) error {
	wanted, names := "", []string(nil)
	for _, f := range p.Event.GetContext() {
		names = append(names, f.GetName())
		if f.GetName() == v.GetName() {
			wanted = f.GetType()
		}
	}
	wrong := func(format string, args ...any) error {
		return &ContextError{Name: v.GetName(), Message: fmt.Sprintf(format, args...)}
	}
	if wanted == "" {
		return wrong("the placement %s declares no such fact%s", p.Event.GetId(), expression.Suggestion(v.GetName(), names))
	}
	given := ""
	switch of := v.GetValue().(type) {
	case *event.ContextValue_Text:
		if given = "text"; len(of.Text) > MaxText || !utf8.ValidString(of.Text) {
			return wrong("must be valid text of at most %d bytes", MaxText)
		}
	case *event.ContextValue_Number:
		if given = "number"; notFinite(of.Number) {
			return wrong("must be a finite number")
		}
	case *event.ContextValue_Flag:
		given = "flag"
	}
	if given != wanted {
		return wrong("must be a %s", wanted)
	}
	return nil
}
