package postgres

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// cluster is a private Postgres: its files below place and, once started, its process.
//
//	pg15/              the data folder, one for each major version
//	owner.password     of the owner of the tables, 0600
//	analyst.password   of proffer_analyst, 0600
//	port               the last port, tried first, so that connection strings stay valid
//	postgres.log       what the server wrote since its last start
type cluster struct {
	binaries binaries
	account  account
	place    string
	noSync   bool

	port, pid int
	process   *os.Process
	exited    chan struct{}
	exit      error
}

// How often the state of a starting or stopping server is looked at.
const pollEvery = 10 * time.Millisecond

func (c *cluster) data() string { return filepath.Join(c.place, "pg"+strconv.Itoa(c.binaries.major)) }

func (c *cluster) file(name string) string { return filepath.Join(c.place, name) }

// start joins a server that runs on the data folder, or starts one.
func (c *cluster) start(ctx context.Context) (joined bool, err error) {
	owner, err := c.password("owner.password")
	if err != nil {
		return false, err
	}
	if _, err := os.Stat(filepath.Join(c.data(), "PG_VERSION")); errors.Is(err, os.ErrNotExist) {
		if err := c.initialise(ctx, owner); err != nil {
			return false, err
		}
	}
	if joined, err := c.join(ctx, owner); joined || err != nil {
		return joined, err
	}
	// A port that was free a moment ago may be taken by now: try others.
	for attempt := range 3 {
		if c.port, err = c.choosePort(attempt); err != nil {
			return false, err
		}
		if err = c.launch(ctx); err == nil {
			return false, os.WriteFile(c.file("port"), []byte(strconv.Itoa(c.port)), 0o644)
		}
		if ctx.Err() != nil {
			break
		}
	}
	return false, err
}

// initialise makes the data folder beside its place and moves it there when complete, so that a kill in the middle
// leaves nothing half-made.
func (c *cluster) initialise(ctx context.Context, owner string) error {
	draft, secret := c.data()+".new", c.file("initdb.password")
	if err := os.RemoveAll(draft); err != nil {
		return fmt.Errorf("remove an unfinished data folder: %w", err)
	}
	if err := os.Mkdir(draft, 0o700); err != nil {
		return fmt.Errorf("make the data folder: %w", err)
	}
	defer os.Remove(secret)
	if err := os.WriteFile(secret, []byte(owner+"\n"), 0o600); err != nil {
		return fmt.Errorf("write the password for initdb: %w", err)
	}
	for _, path := range []string{draft, secret} {
		if err := c.account.own(path); err != nil {
			return err
		}
	}
	args := []string{"-D", draft, "-U", ownerName, "-A", "scram-sha-256", "--pwfile", secret, "-E", "UTF8", "--locale=C", "--no-instructions"}
	if c.noSync {
		args = append(args, "--no-sync")
	}
	cmd := exec.CommandContext(ctx, filepath.Join(c.binaries.dir, "initdb"), args...)
	c.surround(cmd)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w: %s", err, lastLines(out))
	}
	if err := os.Rename(draft, c.data()); err != nil {
		return fmt.Errorf("put the data folder into place: %w", err)
	}
	return nil
}

// surround gives a program of Postgres its account, folder and environment.
func (c *cluster) surround(cmd *exec.Cmd) {
	cmd.Dir = c.place
	cmd.Env = append(environment(os.Environ()), "LC_ALL=C", "TZ=UTC", "HOME="+c.place)
	cmd.SysProcAttr = processAttributes(c.account)
}

// environment leaves out what would configure Postgres behind our back (PGPORT, PGDATA, ...) and the settings of this
// process, which may hold secrets.
func environment(all []string) []string {
	return slices.DeleteFunc(all, func(v string) bool {
		return strings.HasPrefix(v, "PG") || strings.HasPrefix(v, "DATABASE_URL=") || strings.HasPrefix(v, "PROFFER_")
	})
}

// launch starts the server and waits until it is ready.
func (c *cluster) launch(ctx context.Context) error {
	log, err := os.OpenFile(c.file("postgres.log"), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o644)
	if err != nil {
		return fmt.Errorf("open the server's log: %w", err)
	}
	defer log.Close()
	cmd := exec.Command(filepath.Join(c.binaries.dir, "postgres"), c.arguments()...)
	c.surround(cmd)
	cmd.Stdout, cmd.Stderr = log, log
	if err := c.keep(cmd); err != nil {
		return fmt.Errorf("start the server: %w", err)
	}
	if err := c.awaitReady(ctx); err != nil {
		return errors.Join(err, c.stop())
	}
	return nil
}

func (c *cluster) arguments() []string {
	args := []string{"-D", c.data(), "-h", "127.0.0.1", "-p", strconv.Itoa(c.port), "-k", "",
		"-c", "cluster_name=proffer", "-c", "timezone=UTC", "-c", "log_timezone=UTC",
		"-c", "shared_buffers=128MB", "-c", "max_connections=40", "-c", "max_wal_size=2GB", "-c", "jit=off"}
	if c.noSync {
		args = append(args, "-c", "fsync=off", "-c", "full_page_writes=off")
	}
	return args
}

func (c *cluster) awaitReady(ctx context.Context) error {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		select {
		case <-c.exited:
			log, _ := os.ReadFile(c.file("postgres.log")) // without it the message is shorter
			return fmt.Errorf("the server ended while starting (%w): %s", c.exit, lastLines(log))
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
			if state, err := readPostmaster(c.data()); err == nil && state.ready && state.pid == c.pid {
				return nil
			}
		}
	}
}

// stop ends the server that this process started: fast, then at once, then by force.
func (c *cluster) stop() error {
	for _, step := range []struct {
		signal   os.Signal
		patience time.Duration
	}{{signalFast, stopFast}, {signalAtOnce, stopAtOnce}, {os.Kill, stopAtOnce}} {
		if err := c.process.Signal(step.signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
			return fmt.Errorf("postgres: stop: %w", err)
		}
		timer := time.NewTimer(step.patience)
		select {
		case <-c.exited:
			timer.Stop()
			return nil
		case <-timer.C:
		}
	}
	return errors.New("postgres: the server does not stop")
}

// choosePort is the last port if it is free, or any free one.
func (c *cluster) choosePort(attempt int) (int, error) {
	if attempt == 0 {
		if text, err := os.ReadFile(c.file("port")); err == nil {
			if l, err := net.Listen("tcp", "127.0.0.1:"+strings.TrimSpace(string(text))); err == nil {
				return portOf(l)
			}
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("find a free port: %w", err)
	}
	return portOf(l)
}

func portOf(l net.Listener) (int, error) {
	port := l.Addr().(*net.TCPAddr).Port
	return port, l.Close()
}

// password reads a generated password, or generates it.
func (c *cluster) password(name string) (string, error) {
	stored, err := os.ReadFile(c.file(name))
	if err == nil && len(stored) > 0 {
		return string(stored), nil
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("postgres: read a password: %w", err)
	}
	var random [24]byte
	_, _ = rand.Read(random[:]) // never fails
	fresh := hex.EncodeToString(random[:])
	draft := c.file(name + ".new")
	if err := os.WriteFile(draft, []byte(fresh), 0o600); err != nil {
		return "", fmt.Errorf("postgres: keep a password: %w", err)
	}
	if err := os.Rename(draft, c.file(name)); err != nil {
		return "", fmt.Errorf("postgres: keep a password: %w", err)
	}
	return fresh, nil
}

func lastLines(out []byte) string {
	lines := bytes.Split(bytes.TrimSpace(out), []byte("\n"))
	return string(bytes.Join(lines[max(0, len(lines)-5):], []byte("; ")))
}

func shortHash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:8])
}
