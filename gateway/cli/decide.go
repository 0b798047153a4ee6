package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/profferhq/proffer/gateway"
	profferv1 "github.com/profferhq/proffer/gateway/api/proffer/v1"
)

type decide struct {
	target
	output
	Placement    string        `help:"The spot that asks." required:""`
	Context      string        `help:"Facts of the moment, a JSON object." placeholder:"JSON"`
	Timeout      time.Duration `help:"How long to wait." default:"1s"`
	NotBefore    string        `help:"Decide no earlier than this position." placeholder:"STREAM/SEQ/INDEX"`
	ValidateOnly bool          `help:"Choose, but record and count nothing."`
	Identifiers  []string      `arg:"" help:"TYPE=VALUE or TYPE:VALUE, strongest first."`
}

// Help is shown by --help.
func (decide) Help() string {
	return "Example: proffer decide --placement home user_id=shopper-0003 --context '{\"page\":\"start\"}'\n\n" +
		"The decision is kept in the folder of --data, so that explain and replay know it as LAST."
}

// Run asks and prints the answer.
func (c decide) Run(r *run) error {
	request := &profferv1.DecideRequest{
		Placement: c.Placement, NotBefore: c.NotBefore, ValidateOnly: c.ValidateOnly, Timeout: durationpb.New(c.Timeout),
	}
	for _, text := range c.Identifiers {
		id, err := identifier(text)
		if err != nil {
			return err
		}
		request.Identifiers = append(request.Identifiers, id)
	}
	if c.Context != "" {
		request.Context = &structpb.Struct{}
		if err := protojson.Unmarshal([]byte(c.Context), request.GetContext()); err != nil {
			return fmt.Errorf("%w: --context is not a JSON object", gateway.ErrUsage)
		}
	}
	return c.with(r, func(s *remote) error {
		answer, err := s.decisions.Decide(r.ctx, request)
		if err != nil {
			return err
		}
		if !c.ValidateOnly {
			if err := remember(c.Data, answer.GetDecisionId(), answer.GetPosition()); err != nil { // the answer stands all the same
				fmt.Fprintln(r.err, "proffer:", err)
			}
		}
		return c.printConnect(r, answer, func(w io.Writer) { tellAnswer(w, answer) })
	})
}

func tellAnswer(w io.Writer, a *profferv1.DecideResponse) {
	if a.GetOffer() == "" {
		fmt.Fprintf(w, "nothing is offered: %s\n", a.GetReason())
	} else {
		fmt.Fprintf(w, "offer %s, treatment %s\n", a.GetOffer(), a.GetTreatment())
		for _, name := range slices.Sorted(maps.Keys(a.GetContent())) {
			fmt.Fprintf(w, "  %s: %s\n", name, a.GetContent()[name])
		}
	}
	if a.GetPosition() == "" { // nobody can ask for it by its id
		fmt.Fprintf(w, "by %s version %d; nothing was recorded\n", a.GetPolicy(), a.GetPolicyVersion())
		return
	}
	fmt.Fprintf(w, "decision %s at %s by %s version %d\n", a.GetDecisionId(), a.GetPosition(), a.GetPolicy(), a.GetPolicyVersion())
}

// lastDecision is what `explain LAST` and `replay LAST` mean.
type lastDecision struct {
	DecisionID string `json:"decision_id"`
	Position   string `json:"position"`
}

// remember keeps the last decision that was asked for with this folder for LAST. It makes no folder.
func remember(dir, id, position string) error {
	text, err := json.Marshal(lastDecision{id, position})
	if err != nil {
		return fmt.Errorf("keep the decision for LAST: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "last.json"), text, 0o600); err != nil {
		return fmt.Errorf("keep the decision for LAST: %w", err)
	}
	return nil
}

// decisionNamed resolves LAST; anything else is an id or a position.
func decisionNamed(dir, name string) (id, position string, err error) {
	if name == "LAST" {
		var last lastDecision
		text, err := os.ReadFile(filepath.Join(dir, "last.json"))
		if err != nil || json.Unmarshal(text, &last) != nil {
			return "", "", fmt.Errorf("%w: no decision that was asked for is kept in the folder %s; name one by its id", gateway.ErrUsage, dir)
		}
		return last.DecisionID, last.Position, nil
	}
	if strings.HasPrefix(name, "DECISION/") {
		return "", name, nil
	}
	return name, "", nil
}

// printMessage writes a message of the API: its JSON mapping in snake_case, as all that commands print, or the text for
// people.
func (o output) printMessage(r *run, m proto.Message, text func(w io.Writer)) error {
	return o.printProto(r, protojson.MarshalOptions{EmitUnpopulated: true, UseProtoNames: true}, m, text)
}

// printConnect is printMessage with the names that Connect gives the fields: the answer of Decide is one contract,
// whoever asks.
func (o output) printConnect(r *run, m proto.Message, text func(w io.Writer)) error {
	return o.printProto(r, protojson.MarshalOptions{EmitUnpopulated: true}, m, text)
}

func (o output) printProto(r *run, as protojson.MarshalOptions, m proto.Message, text func(w io.Writer)) error {
	if !o.JSON {
		return tell(r, text)
	}
	encoded, err := as.Marshal(m)
	if err != nil {
		return fmt.Errorf("write JSON: %w", err)
	}
	return o.print(r, json.RawMessage(encoded), nil)
}
