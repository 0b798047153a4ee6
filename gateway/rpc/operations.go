package rpc

import (
	"context"
	"fmt"
	"sync"

	"connectrpc.com/connect"

	"github.com/profferhq/proffer/domain"
	profferv1 "github.com/profferhq/proffer/gateway/api/proffer/v1"
)

// Projection is what operators see of one.
type Projection struct {
	Name    string
	Applied func() domain.Cut
	Lag     func(ctx context.Context) (uint64, error)
	// Trouble is why nothing is applied for now; nil when that goes on.
	Trouble func() error
	// Digest waits until everything that is in the log now is applied, and hashes the content.
	Digest func(ctx context.Context) (domain.Cut, domain.Hash, error)
	// Rebuild drops the content and folds the log again.
	Rebuild func(ctx context.Context, progress func(done, total uint64)) error
}

// Counting is the figures of a status.
type Counting interface {
	Status(ctx context.Context) (*profferv1.StatusResponse, error)
}

// Operations implements OperationsService.
type Operations struct {
	Counting    Counting
	Projections []Projection
}

// Status implements OperationsService.
func (s *Operations) Status(ctx context.Context, _ *profferv1.StatusRequest) (*profferv1.StatusResponse, error) {
	out, err := s.Counting.Status(ctx)
	if err != nil {
		return nil, err
	}
	for _, p := range s.Projections {
		lag, err := p.Lag(ctx)
		if err != nil {
			return nil, fmt.Errorf("lag of %s: %w", p.Name, err)
		}
		status := &profferv1.ProjectionStatus{Name: p.Name, Applied: messages(p.Applied()), Lag: lag}
		if err := p.Trouble(); err != nil {
			status.Trouble = told(err)
		}
		out.Projections = append(out.Projections, status)
	}
	return out, nil
}

// messages is how many messages of the log a cut covers.
func messages(c domain.Cut) uint64 {
	var sum uint64
	for _, n := range c {
		sum += n
	}
	return sum
}

// Digest implements OperationsService.
func (s *Operations) Digest(ctx context.Context, _ *profferv1.DigestRequest) (*profferv1.DigestResponse, error) {
	out := &profferv1.DigestResponse{}
	for _, p := range s.Projections {
		cut, sum, err := p.Digest(ctx)
		if err != nil {
			return nil, fmt.Errorf("digest of %s: %w", p.Name, err)
		}
		out.Projections = append(out.Projections, &profferv1.ProjectionDigest{Name: p.Name, Cut: cutText(cut), Sha256: sum.String()})
	}
	return out, nil
}

// cutText writes "BEHAVIOUR/12 IDENTITY/3 ...".
func cutText(c domain.Cut) string {
	text := ""
	for i, stream := range domain.AllStreams() {
		if i > 0 {
			text += " "
		}
		text += fmt.Sprintf("%s/%d", stream, c[stream])
	}
	return text
}

// Rebuild implements OperationsService: one projection after the other. When the caller goes, it stops; what was
// begun goes on from the log.
func (s *Operations) Rebuild(ctx context.Context, _ *profferv1.RebuildRequest, stream *connect.ServerStream[profferv1.RebuildResponse]) error {
	var sending sync.Mutex
	for _, p := range s.Projections {
		last := &profferv1.RebuildResponse{Projection: p.Name}
		err := p.Rebuild(ctx, func(done, total uint64) {
			sending.Lock()
			defer sending.Unlock()
			last = &profferv1.RebuildResponse{Projection: p.Name, Applied: done, Total: total}
			_ = stream.Send(last) // a caller that has gone ends ctx
		})
		if err != nil {
			return fmt.Errorf("rebuild %s: %w", p.Name, err)
		}
		if err := stream.Send(&profferv1.RebuildResponse{
			Projection: p.Name, Applied: last.GetTotal(), Total: last.GetTotal(), Done: true,
		}); err != nil {
			return fmt.Errorf("send the progress: %w", err)
		}
	}
	return nil
}
