package rpc

import (
	"context"
	"fmt"
	"testing"

	"github.com/profferhq/proffer/domain"
	profferv1 "github.com/profferhq/proffer/gateway/api/proffer/v1"
)

type counting struct{}

func (counting) Status(context.Context) (*profferv1.StatusResponse, error) {
	return &profferv1.StatusResponse{}, nil
}

func TestStatusTellsWhatAProjectionSuffersFrom(t *testing.T) {
	t.Parallel()
	projection := func(trouble error) Projection {
		return Projection{
			Applied: func() domain.Cut { return domain.Cut{1, 2} },
			Lag:     func(context.Context) (uint64, error) { return 3, nil },
			Trouble: func() error { return trouble },
		}
	}
	s := Operations{Counting: counting{}, Projections: []Projection{projection(nil), projection(fmt.Errorf("rebuild them: %w", domain.ErrEndLost))}}
	out, err := s.Status(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"", "rebuild them: the log has lost its end"} {
		if p := out.GetProjections()[i]; p.GetTrouble() != want || p.GetApplied() != 3 || p.GetLag() != 3 {
			t.Errorf("projection %d: got %v, want the trouble %q", i, p, want)
		}
	}
}
