package rpc

import (
	"errors"
	"fmt"
	"testing"

	"connectrpc.com/connect"

	"github.com/profferhq/proffer/commands"
	"github.com/profferhq/proffer/domain"
)

// Messages are for callers: they know nothing of the program's packages.
func TestAMessageDoesNotNameThePackageOfItsCause(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err          error
		reason, want string
	}{
		{fmt.Errorf("%w: %q", commands.ErrUnknownView, "coffee"), "UNKNOWN_VIEW", `there is no such version of a feature view: "coffee"`},
		{fmt.Errorf("append to BEHAVIOUR: %w", domain.ErrLogFull), "LOG_FULL", "append to BEHAVIOUR: the log is full"},
		{ErrTablesAway, "DATABASE_UNAVAILABLE", ErrTablesAway.Error()},
		{errNoSegments, "UNKNOWN_SEGMENTS", "there is no segment definition with this id"},
	} {
		var told *connect.Error
		if !errors.As(asConnect("p", c.err), &told) || told.Message() != c.want || reasonOf(told) != c.reason {
			t.Errorf("%v: told %v %s, want %s %q", c.err, told, reasonOf(told), c.reason, c.want)
		}
	}
}
