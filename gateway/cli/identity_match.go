package cli

import (
	"fmt"
	"io"

	profferv1 "github.com/profferhq/proffer/gateway/api/proffer/v1"
)

type identityMatch struct {
	Train matchTrain `cmd:"" help:"Put a model into effect: a document, or one that is proposed and fitted from the records known."`
	Show  matchShow  `cmd:"" help:"Print the model in effect."`
	Off   matchOff   `cmd:"" help:"Switch matching off; links that it made stay."`
}

// Help is shown by --help.
func (identityMatch) Help() string { return "Example: proffer identity match train" }

type matchTrain struct {
	target
	output
	change
	File string `arg:"" optional:"" help:"The model, YAML or JSON; - is standard input. Without it one is proposed and fitted."`
}

// Help is shown by --help.
func (matchTrain) Help() string {
	return `Example: proffer identity match train --reason "first model"`
}

// Run trains.
func (c matchTrain) Run(r *run) error {
	text := ""
	if c.File != "" {
		var err error
		if text, err = documentIn(c.File, "model"); err != nil {
			return err
		}
	}
	return setMatching(r, c.target, c.output, c.change, &profferv1.SetMatchingRequest{Document: text})
}

type matchOff struct {
	target
	output
	change
}

// Help is shown by --help.
func (matchOff) Help() string {
	return `Example: proffer identity match off --reason "too many false ones"`
}

// Run switches matching off.
func (c matchOff) Run(r *run) error {
	return setMatching(r, c.target, c.output, c.change, &profferv1.SetMatchingRequest{Off: true})
}

func setMatching(r *run, t target, o output, c change, request *profferv1.SetMatchingRequest) error {
	request.Change = c.message()
	return t.with(r, func(s *remote) error {
		a, err := s.identity.SetMatching(r.ctx, request)
		if err != nil {
			return err
		}
		return o.printMessage(r, a, func(w io.Writer) {
			tellChange(w, c, a.GetPosition() == "" && !c.ValidateOnly, a.GetPosition())
			tellMatching(w, a.GetVersion(), a.GetDocument())
		})
	})
}

type matchShow struct {
	target
	output
}

// Help is shown by --help.
func (matchShow) Help() string { return "Example: proffer identity match show" }

// modelInEffect is the contract of `identity match show --json`.
type modelInEffect struct {
	Version uint64 `json:"version"`
	Model   string `json:"model"`
}

// Run prints the model.
func (c matchShow) Run(r *run) error {
	return c.with(r, func(s *remote) error {
		a, err := s.identity.List(r.ctx, &profferv1.IdentityServiceListRequest{})
		if err != nil {
			return err
		}
		return c.print(r, modelInEffect{a.GetModelVersion(), a.GetModel()}, func(w io.Writer) {
			tellMatching(w, a.GetModelVersion(), a.GetModel())
		})
	})
}

// tellMatching is the model as a document that train takes again.
func tellMatching(w io.Writer, version uint64, document string) {
	if document == "" {
		fmt.Fprintln(w, "matching is off")
		return
	}
	fmt.Fprintf(w, "# version %d\n%s\n", version, document)
}
