package gateway

import (
	"context"
	"fmt"
	"runtime"
	"strconv"
	"time"

	"github.com/profferhq/proffer/commands"
	"github.com/profferhq/proffer/domain/identity/match"
	"github.com/profferhq/proffer/gateway/lab"
	"github.com/profferhq/proffer/gateway/natskv"
	"github.com/profferhq/proffer/gateway/normal"
)

// startMatching compares what is said about people as it arrives; it needs what is remembered of the log.
func (n *Node) startMatching(context.Context) error {
	reader, err := normal.NewFields(normal.Options{Region: n.config.Region, Year: time.Now().Year()})
	if err != nil {
		return err
	}
	n.parts.matching = commands.NewMatchPeople(commands.MatchingPorts{
		Log: n.route(), History: n.parts.log, Vault: n.parts.vault, Identifiers: n.parts.vault, Reader: reader, Recall: n.parts.recall,
		Workers: runtime.GOMAXPROCS(0), Checkpoint: matchedTo{n.parts.counters}, Now: n.now,
		LinkedFrom: n.config.MatchLink, ProposedFrom: n.config.MatchReview,
	})
	n.runOnOne("match people", "matching", n.parts.matching.Run)
	return nil
}

// matchedTo keeps how far matching came among the counters, one for each version of the model.
type matchedTo struct{ counters *natskv.Counters }

func matchedName(version uint64) string { return "matched_" + strconv.FormatUint(version, 10) }

// Load implements commands.MatchCheckpoint.
func (m matchedTo) Load(ctx context.Context, version uint64) (uint64, error) {
	return m.counters.Load(ctx, matchedName(version))
}

// Store implements commands.MatchCheckpoint.
func (m matchedTo) Store(ctx context.Context, version, sequence uint64) error {
	return m.counters.Store(ctx, matchedName(version), sequence)
}

// modelling reads and makes models for matching.
type modelling struct{ matching *commands.MatchPeople }

// Read implements rpc.Modelling.
func (m modelling) Read(ctx context.Context, document string) (name string, canonical []byte, err error) {
	model, err := lab.ParseModel([]byte(document))
	if err != nil {
		return "", nil, err
	}
	if !model.Fitted() {
		return m.fit(ctx, model)
	}
	if model.Name == "" {
		model.Name = unnamedModel
	}
	canonical, err = model.Encode()
	return model.Name, canonical, err
}

// unnamedModel is the name of a model whose author gave it none.
const unnamedModel = "unnamed"

// Fit implements rpc.Modelling.
func (m modelling) Fit(ctx context.Context) (name string, canonical []byte, err error) {
	return m.fit(ctx, match.Model{})
}

func (m modelling) fit(ctx context.Context, proposal match.Model) (name string, canonical []byte, err error) {
	fitted, _, err := m.matching.Fit(ctx, proposal)
	if err != nil {
		return "", nil, fmt.Errorf("fit a model to the records known: %w", err)
	}
	canonical, err = fitted.Encode()
	return fitted.Name, canonical, err
}
