package gateway

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/gateway/natslog"
)

// ready answers 200 when the log takes appends and the vault new identifiers, as far as the last ones tell, and nothing has
// failed.
func (n *Node) ready(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
	defer cancel()
	select {
	case <-n.failed:
		http.Error(w, "a part has failed", http.StatusServiceUnavailable)
		return
	default:
	}
	switch err := n.logHealth(ctx); {
	case errors.Is(err, domain.ErrLogFull):
		http.Error(w, "the log's disk is full: make room and start the server again", http.StatusServiceUnavailable)
		return
	case err != nil:
		http.Error(w, "the log is unavailable", http.StatusServiceUnavailable)
		return
	}
	if err := n.parts.log.Room(n.now()); err != nil {
		http.Error(w, "the log is full: raise its limit or make room", http.StatusServiceUnavailable)
		return
	}
	if err := n.parts.vault.Room(n.now().Add(-natslog.FullFor)); err != nil {
		http.Error(w, "the vault is full and takes nobody new: raise the limit of its buckets or make room", http.StatusServiceUnavailable)
		return
	}
	w.WriteHeader(http.StatusOK)
}

// logHealth fails with domain.ErrLogFull or domain.ErrUnavailable.
func (n *Node) logHealth(ctx context.Context) error {
	if err := n.diskRoom(); err != nil {
		return err
	}
	return n.parts.log.Health(ctx)
}

// diskRoom fails with domain.ErrLogFull once the embedded log has found its disk full: it then takes nothing more,
// even when there is room again.
func (n *Node) diskRoom() error {
	if n.parts.embedded != nil && n.parts.embedded.DiskFull() {
		return fmt.Errorf("%w: its disk is full: make room and start the server again", domain.ErrLogFull)
	}
	return nil
}
