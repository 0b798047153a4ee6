package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"connectrpc.com/connect"

	"github.com/profferhq/proffer/decider/model"
	"github.com/profferhq/proffer/decider/model/calibration"
	"github.com/profferhq/proffer/domain/feature"
	"github.com/profferhq/proffer/gateway"
	profferv1 "github.com/profferhq/proffer/gateway/api/proffer/v1"
	"github.com/profferhq/proffer/gateway/modelfile"
)

type modelRegister struct {
	target
	output
	Name         string `help:"The model's name." required:""`
	Reason       string `help:"Why; kept in the log, so free of personal data."`
	ValidateOnly bool   `help:"Do everything but write."`
	File         string `arg:"" help:"A model file, as train and download write it."`
}

// Help is shown by --help.
func (modelRegister) Help() string { return "Example: proffer model register churn.json --name churn" }

// Run registers.
func (c modelRegister) Run(r *run) error {
	data, err := modelBytes(c.File)
	if err != nil {
		return err
	}
	return c.with(r, func(s *remote) error {
		return register(r, c.output, s, &profferv1.RegisterModelRequest{Name: c.Name, Reason: c.Reason, ValidateOnly: c.ValidateOnly}, data)
	})
}

// modelBytes reads a file that is not larger than a model may be.
func modelBytes(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("%w: read the model: %w", gateway.ErrUsage, err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, model.MaxBytes+1))
	if err == nil && len(data) > model.MaxBytes {
		err = model.ErrTooLarge
	}
	if err != nil {
		return nil, fmt.Errorf("%w: read the model: %w", gateway.ErrUsage, err)
	}
	return data, nil
}

// register sends a model and tells what came of it.
func register(r *run, o output, s *remote, first *profferv1.RegisterModelRequest, data []byte) error {
	a, err := sendModel(r, s, first, data)
	if err != nil {
		return err
	}
	return o.printMessage(r, a, func(w io.Writer) { tellRegistered(w, a) })
}

// sendModel sends a model in pieces.
func sendModel(r *run, s *remote, first *profferv1.RegisterModelRequest, data []byte) (*profferv1.RegisterModelResponse, error) {
	stream, err := s.models.RegisterModel(r.ctx)
	if err != nil {
		return nil, err
	}
	const piece = 512 << 10
	for sent := false; !sent || len(data) > 0; sent = true {
		n := min(len(data), piece)
		first.Chunk = data[:n]
		data = data[n:]
		if err := stream.Send(first); err != nil && !errors.Is(err, io.EOF) { // the end tells why a server hung up
			return nil, fmt.Errorf("send the model: %w", err)
		} else if err != nil {
			break
		}
		first = &profferv1.RegisterModelRequest{}
	}
	return stream.CloseAndReceive()
}

func tellRegistered(w io.Writer, a *profferv1.RegisterModelResponse) {
	what := "is registered at " + a.GetPosition()
	switch {
	case a.GetUnchanged():
		what = "has the same bytes and is registered already"
	case a.GetPosition() == "":
		what = "can be registered; nothing was written"
	}
	fmt.Fprintf(w, "%s@%d %s\nSHA-256 %s\n", a.GetName(), a.GetVersion(), what, a.GetSha256())
}

type modelImport struct {
	target
	output
	Name         string `help:"The model's name." required:""`
	View         string `help:"The view its features are read from." default:"${view}"`
	Features     string `help:"File with the features' names in the order of the model's columns, one a line or a JSON list (default: the names in the model)." placeholder:"FILE"`
	Golden       string `help:"CSV with at least 100 rows: a column for every feature, and margin (margin_0, margin_1, ... for classes), as the other program predicts raw." required:"" placeholder:"FILE"`
	Calibration  string `help:"Platt calibration of a binary model: probability = sigmoid(a margin + b)." placeholder:"a,b"`
	Class        int    `help:"The class whose probability is the score of a multiclass model." default:"0"`
	Label        string `help:"What is predicted: churn_90d."`
	Card         string `help:"File with the model card, a JSON object." placeholder:"FILE"`
	Out          string `help:"Also write the model file here." placeholder:"FILE"`
	Reason       string `help:"Why; kept in the log, so free of personal data."`
	ValidateOnly bool   `help:"Do everything but write."`
	File         string `arg:"" help:"The model: XGBoost's JSON or UBJ (save_model), or LightGBM's text."`
}

// Help is shown by --help.
func (modelImport) Help() string {
	return "Example: proffer model import churn.ubj --name churn --view core@2 --features features.txt --golden golden.csv --calibration 1.1,-0.2\n\n" +
		"It is registered only if its margins on the golden rows are those of the program that trained it, within 1e-5."
}

// Run converts and registers.
func (c modelImport) Run(r *run) error {
	f, err := c.read()
	if err != nil {
		return err
	}
	return c.with(r, func(s *remote) error {
		if f.View, err = s.view(r, c.View); err != nil {
			return err
		}
		file, err := f.Import()
		if err != nil {
			return fmt.Errorf("%w: %w", gateway.ErrUsage, err)
		}
		data, err := file.Encode()
		if err != nil {
			return fmt.Errorf("%w: %w", gateway.ErrUsage, err)
		}
		if c.Out != "" {
			if err := os.WriteFile(c.Out, data, 0o644); err != nil {
				return fmt.Errorf("%w: write the model file: %w", gateway.ErrUsage, err)
			}
		}
		return register(r, c.output, s, &profferv1.RegisterModelRequest{Name: c.Name, Reason: c.Reason, ValidateOnly: c.ValidateOnly}, data)
	})
}

func (c modelImport) read() (modelfile.Foreign, error) {
	f := modelfile.Foreign{Class: c.Class, Label: c.Label}
	var err error
	if f.Model, err = modelBytes(c.File); err != nil {
		return f, err
	}
	if f.Golden, err = os.ReadFile(c.Golden); err != nil {
		return f, fmt.Errorf("%w: read the golden rows: %w", gateway.ErrUsage, err)
	}
	if c.Features != "" {
		text, err := documentIn(c.Features, "features")
		if err != nil {
			return f, err
		}
		if f.Features, err = modelfile.Names([]byte(text)); err != nil {
			return f, fmt.Errorf("%w: %w", gateway.ErrUsage, err)
		}
	}
	if c.Card != "" {
		text, err := documentIn(c.Card, "card")
		if err != nil {
			return f, err
		}
		f.Card = json.RawMessage(text)
	}
	if c.Calibration != "" {
		f.Calibration, err = plattOf(c.Calibration)
	}
	return f, err
}

func plattOf(text string) (calibration.Calibration, error) {
	a, b, ok := strings.Cut(text, ",")
	c := calibration.Calibration{Kind: calibration.Platt}
	var errA, errB error
	c.A, errA = strconv.ParseFloat(strings.TrimSpace(a), 64)
	c.B, errB = strconv.ParseFloat(strings.TrimSpace(b), 64)
	if !ok || errA != nil || errB != nil {
		return c, fmt.Errorf("%w: --calibration is two numbers, a,b: sigmoid(a margin + b)", gateway.ErrUsage)
	}
	if err := c.Check(); err != nil {
		return c, fmt.Errorf("%w: --calibration: %w", gateway.ErrUsage, err)
	}
	return c, nil
}

// view is a feature view of the server's; the one that comes with the product where the server tells of none.
func (s *remote) view(r *run, name string) (feature.View, error) {
	a, err := s.features.DescribeView(r.ctx, &profferv1.DescribeViewRequest{View: name})
	if err == nil {
		return feature.ParseView([]byte(a.GetCanonical()))
	}
	if core := feature.Core(); connect.CodeOf(err) == connect.CodeUnimplemented {
		if name == core.Name() {
			return core, nil
		}
		return core, fmt.Errorf("%w: there is no view %s: %s is", gateway.ErrUsage, name, core.Name())
	}
	return feature.View{}, err
}
