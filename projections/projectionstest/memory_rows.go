package projectionstest

import (
	"crypto/sha256"
	"encoding/binary"
	"math"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/projections"
)

var _ projections.TrainingSink = (*MemoryRows)(nil)

// MemoryRows keeps what is exported. The zero value is ready.
type MemoryRows struct {
	projections.TrainingRows
	Of projections.TrainingHead
	// Fail, when it is set, is what the sink answers to rows.
	Fail error
}

// Head implements projections.TrainingSink.
func (m *MemoryRows) Head(h projections.TrainingHead) error {
	m.Of = h
	return nil
}

// Rows implements projections.TrainingSink.
func (m *MemoryRows) Rows(r *projections.TrainingRows) error {
	if m.Fail != nil {
		return m.Fail
	}
	m.Profiles = append(m.Profiles, r.Profiles...)
	m.AtMS = append(m.AtMS, r.AtMS...)
	m.Decisions = append(m.Decisions, r.Decisions...)
	m.Labels = append(m.Labels, r.Labels...)
	m.Values = append(m.Values, r.Values...)
	return nil
}

// Vector is the i-th row's features.
func (m *MemoryRows) Vector(i int) []float64 {
	n := m.Of.View.Len()
	return m.Values[i*n : (i+1)*n]
}

// Digest is the SHA-256 of all rows, bit for bit.
func (m *MemoryRows) Digest() domain.Hash {
	h := sha256.New()
	word := func(v uint64) { h.Write(binary.BigEndian.AppendUint64(nil, v)) }
	for i := range m.AtMS {
		h.Write(m.Profiles[i][:])
		h.Write(m.Decisions[i][:])
		word(uint64(m.AtMS[i]))
		word(math.Float64bits(m.Labels[i]))
	}
	for _, v := range m.Values {
		word(math.Float64bits(v))
	}
	return domain.Hash(h.Sum(nil))
}
