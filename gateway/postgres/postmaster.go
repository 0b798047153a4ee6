package postgres

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// postmaster is what a server says about itself in postmaster.pid.
type postmaster struct {
	pid, port int
	ready     bool
}

var errNoPostmaster = errors.New("postgres: no server has written its state")

// readPostmaster reads the state of the server on a data folder. Line 1 is its process, 4 its port, 8 its state.
func readPostmaster(data string) (postmaster, error) {
	content, err := os.ReadFile(filepath.Join(data, "postmaster.pid"))
	if err != nil {
		return postmaster{}, err
	}
	lines := strings.Split(string(content), "\n")
	if len(lines) < 4 {
		return postmaster{}, errNoPostmaster
	}
	var p postmaster
	if p.pid, err = strconv.Atoi(strings.TrimSpace(lines[0])); err != nil || p.pid <= 0 {
		return postmaster{}, errNoPostmaster
	}
	if p.port, err = strconv.Atoi(strings.TrimSpace(lines[3])); err != nil {
		return postmaster{}, errNoPostmaster
	}
	p.ready = len(lines) >= 8 && strings.TrimSpace(lines[7]) == "ready"
	return p, nil
}

// joinPatience is how long a server that neither answers nor goes away is waited for: a server that is stopping takes
// a second, one that recovers from a crash a few.
const joinPatience = 15 * time.Second

// join connects to a server that already runs on the data folder; false when there is none any more. A file left
// behind by a server that was killed names a process that is gone, or one that is no Postgres and does not answer:
// then the new server itself judges the file.
func (c *cluster) join(ctx context.Context, owner string) (bool, error) {
	deadline := time.Now().Add(joinPatience)
	tick := time.NewTicker(5 * pollEvery)
	defer tick.Stop()
	for {
		state, err := readPostmaster(c.data())
		if errors.Is(err, os.ErrNotExist) || (err == nil && !running(state.pid)) {
			return false, nil
		}
		if err == nil && state.ready {
			answered, err := c.answers(ctx, state, owner)
			if answered || err != nil {
				return answered, err
			}
		}
		if time.Now().After(deadline) || (err == nil && state.ready && !isPostgres(state.pid)) {
			return false, nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return false, fmt.Errorf("wait for the server of process %d: %w", state.pid, ctx.Err())
		}
	}
}

func (c *cluster) answers(ctx context.Context, state postmaster, owner string) (bool, error) {
	c.port, c.pid = state.port, state.pid
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	conn, err := c.connect(ctx, owner)
	if err != nil {
		return false, nil // starting, stopping, or somebody else's: it is asked again
	}
	return true, conn.Close(ctx)
}
