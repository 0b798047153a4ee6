package natslog

import (
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
)

// What an operator can do nothing about is no warning; everything else is.
func TestWarningsOfTheServer(t *testing.T) {
	t.Parallel()
	for message, warns := range map[string]bool{
		"Filestore [BEHAVIOUR] Stream state outdated, last block has additional entries, will rebuild": false,
		"Filestore [KV_state] Recovering stream state from index errored: prior state file":            false,
		"Filestore [BEHAVIOUR] Recovering stream state from index errored: permission denied":          true,
		"Filestore [BEHAVIOUR] Stream state detected prior state, could not locate msg block 3":        true,
		"Readloop processing time: 3.2s": true,
	} {
		var out strings.Builder
		serverLog{slog.New(slog.NewTextHandler(&out, nil)), &atomic.Bool{}}.Warnf("%s", message)
		if got := strings.Contains(out.String(), "level=WARN"); got != warns {
			t.Errorf("%q: warned %v, want %v", message, got, warns)
		}
	}
}
