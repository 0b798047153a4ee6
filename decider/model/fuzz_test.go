package model_test

import (
	"errors"
	"testing"

	"github.com/profferhq/proffer/decider/model"
)

// FuzzLoad: whatever the bytes, they are refused with an error of this package, or score.
func FuzzLoad(f *testing.F) {
	seed, err := fileOf(stump()).Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(seed)
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := model.Load(data)
		if err != nil {
			if !errors.Is(err, model.ErrFile) && !errors.Is(err, model.ErrGolden) {
				t.Fatalf("an error of another kind: %v", err)
			}
			return
		}
		if _, _, err := m.Score(m.File().Golden[0].Row, new(model.Buffer)); err != nil && !errors.Is(err, model.ErrNotFinite) {
			t.Fatal(err)
		}
	})
}
