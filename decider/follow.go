package decider

import (
	"context"
	"fmt"

	"github.com/profferhq/proffer/domain"
)

// load applies what a stream holds after a sequence, up to its present end.
func load(ctx context.Context, source Source, s domain.Stream, after uint64, apply func(domain.Envelope) error) error {
	last, err := source.Last(ctx, s)
	if err != nil {
		return fmt.Errorf("find the end of %s: %w", s, err)
	}
	if last <= after {
		return nil
	}
	for envelope, err := range source.Read(ctx, s, after+1, last) {
		if err != nil {
			return fmt.Errorf("read %s: %w", s, err)
		}
		if err := apply(envelope); err != nil {
			return err
		}
	}
	return nil
}

// follow applies what a stream holds after a sequence and whatever comes, until the context ends.
func follow(ctx context.Context, source Source, s domain.Stream, after uint64, apply func(domain.Envelope) error) error {
	for envelope, err := range source.Follow(ctx, s, after+1) {
		if err != nil {
			return fmt.Errorf("read %s: %w", s, err)
		}
		if err := apply(envelope); err != nil {
			return err
		}
	}
	return nil
}
