package model

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"math"

	"github.com/dmitryikh/leaves"

	"github.com/profferhq/proffer/decider/model/tree"
	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/stat"
)

// Errors of loading and scoring.
var (
	// ErrGolden: the model does not give the margins that its golden rows expect. It must not score.
	ErrGolden = errors.New("model: a golden row comes out otherwise")
	// ErrLength: the row has another number of values than the model has features.
	ErrLength = errors.New("model: the row has another length than the model's features")
	// ErrInfinite: a value of the row is infinite, or is so as float32 where the model compares that.
	ErrInfinite = errors.New("model: a value of the row is infinite")
	// ErrNotFinite: the margin, or what it means in millionths, is beyond what can be recorded.
	ErrNotFinite = errors.New("model: the score is not finite")
)

// GoldenTolerance is how far a golden row's margin may be from the expected one, relative to a margin above 1: other
// programs add up float32.
const GoldenTolerance = 1e-5

// Micro is how many parts a score has: they are recorded and compared as whole numbers.
const Micro = 1_000_000

// Model is a loaded model. It is safe for concurrent use.
type Model struct {
	file   *File
	digest domain.Hash
	trees  *leaves.Ensemble
	// width is the length of the row that leaves needs.
	width int
}

// Load reads a file, rebuilds its trees and makes every golden row again. It fails with ErrTooLarge, ErrFile or
// ErrGolden.
func Load(data []byte) (*Model, error) {
	f, err := Decode(data)
	if err != nil {
		return nil, err
	}
	m, err := New(f)
	if err != nil {
		return nil, err
	}
	m.digest = Digest(data)
	return m, nil
}

// New is Load for a file that was not read from bytes: it has no digest. It keeps the file: nobody may change it.
func New(f *File) (*Model, error) {
	if err := f.Check(); err != nil {
		return nil, err
	}
	m := &Model{file: f, width: max(len(f.Features), 2)}
	var err error
	if m.trees, err = leaves.LGEnsembleFromReader(bufio.NewReader(bytes.NewReader(text(f.Ensemble))), false); err != nil {
		return nil, fmt.Errorf("%w: ensemble: %w", ErrFile, err)
	}
	return m, m.tryGolden()
}

// File is what the model was loaded from: read it only.
func (m *Model) File() *File { return m.file }

// Digest is the SHA-256 of the bytes the model was loaded from.
func (m *Model) Digest() domain.Hash { return m.digest }

func (m *Model) tryGolden() error {
	worst, at := 0.0, 0
	var buffer Buffer
	for i, g := range m.file.Golden {
		margins, err := m.Margins(g.Row, &buffer)
		if err != nil {
			return fmt.Errorf("%w: golden[%d]: %w", ErrGolden, i, err)
		}
		for k, want := range g.Margins {
			if far := math.Abs(margins[k]-want) / max(1, math.Abs(want)); far > worst {
				worst, at = far, i
			}
		}
	}
	if worst > GoldenTolerance {
		return fmt.Errorf("%w: golden[%d] is %.3g off, at most %g is allowed: are the expected numbers raw margins "+
			"(output_margin, raw_score) of this very file, and the features in its order?", ErrGolden, at, worst, GoldenTolerance)
	}
	return nil
}

// Buffer is the memory of one score after another. It is for one goroutine at a time; the zero Buffer is ready.
type Buffer struct{ row, margins []float64 }

// Margins are the sums of the row's leaves, one an output, in the buffer's memory. NaN in the row is missing. It fails
// with ErrLength, ErrInfinite or ErrNotFinite.
func (m *Model) Margins(row []float64, b *Buffer) ([]float64, error) {
	if len(row) != len(m.file.Features) {
		return nil, ErrLength
	}
	if cap(b.row) < m.width {
		b.row = make([]float64, m.width)
	}
	if cap(b.margins) < m.file.Ensemble.Outputs {
		b.margins = make([]float64, m.file.Ensemble.Outputs)
	}
	values, margins := b.row[:m.width], b.margins[:m.file.Ensemble.Outputs]
	single := m.file.Ensemble.Single
	for i, v := range row {
		if single {
			v = float64(float32(v))
		}
		if math.IsInf(v, 0) {
			return nil, ErrInfinite
		}
		values[i] = v
	}
	if err := m.trees.Predict(values, 0, margins); err != nil {
		return nil, ErrLength
	}
	for _, v := range margins {
		if v-v != 0 {
			return nil, ErrNotFinite
		}
	}
	return margins, nil
}

// Score is the row's margin, and what it means in millionths: a calibrated probability, or a value. Both have the same
// bits on every machine. With a buffer that was used before it allocates nothing. It fails as Margins does.
func (m *Model) Score(row []float64, b *Buffer) (margin float64, micros int64, err error) {
	margins, err := m.Margins(row, b)
	if err != nil {
		return 0, 0, err
	}
	margin = margins[m.file.Class]
	if margin == 0 {
		margin = 0 // never -0: it would be another record
	}
	value := math.RoundToEven(m.value(margins) * Micro)
	if !(math.Abs(value) < 1<<62) {
		return 0, 0, ErrNotFinite
	}
	return margin, int64(value), nil
}

// value applies the link: the objective says which.
func (m *Model) value(margins []float64) float64 {
	margin := margins[m.file.Class]
	switch m.file.Ensemble.Objective {
	case tree.Binary:
		return m.file.Calibration.Apply(margin)
	case tree.LogLink:
		return stat.Exp(margin)
	case tree.Multiclass:
		return softmax(margins, m.file.Class)
	}
	return margin
}

func softmax(margins []float64, class int) float64 {
	highest := margins[0]
	for _, v := range margins {
		highest = max(highest, v)
	}
	sum := 0.0
	for _, v := range margins {
		sum += stat.Exp(v - highest)
	}
	return stat.Exp(margins[class]-highest) / sum
}
