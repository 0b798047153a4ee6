package postgres

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// Options say which Postgres to use.
type Options struct {
	// DatabaseURL is a database that exists; when set, nothing is started and the rest is ignored.
	DatabaseURL string
	// Dir is the data folder of the installation; the private cluster lies in Dir/postgres/pg<major>. When this
	// process is root and the account that Postgres runs as cannot reach Dir (a folder below /root, say), it lies in
	// /var/lib/proffer/<hash of Dir>/pg<major> instead: Server.Dir tells.
	Dir string
	// Binaries is the folder of postgres and initdb; "" looks for them: in PATH, through pg_config, in the usual
	// folders, and at last in the archive.
	Binaries string
	// Cache is where the archive is unpacked, once for all: by default a folder "proffer" in the user's cache folder,
	// in /var/cache when this process is root.
	Cache string
	// NoDownload forbids fetching the archive.
	NoDownload bool
	// NoSync gives durability up for speed. For tests.
	NoSync bool
}

// Server is a Postgres that can be used: a configured one, one that this process started, or one that another
// process of the same installation started.
type Server struct {
	url, analystURL string
	cluster         *cluster
	joined          bool
}

// ErrNoPostgres is returned by Start when there is no database URL, no binaries and no archive. Serving goes on
// without the analysts' tables.
var ErrNoPostgres = errors.New("postgres: no PostgreSQL can be found or started")

// Start returns a Postgres that answers. A private one takes about a second the first time and about a tenth
// afterwards; it stops with Close, and on Linux also when this process dies.
func Start(ctx context.Context, options Options) (*Server, error) {
	if options.DatabaseURL != "" {
		return &Server{url: options.DatabaseURL, analystURL: analystURL(options.DatabaseURL)}, nil
	}
	if options.Dir == "" {
		return nil, errors.New("postgres: a data folder is needed")
	}
	account, err := unprivileged()
	if err != nil {
		return nil, err
	}
	binaries, err := findBinaries(ctx, options, account)
	if err != nil {
		return nil, err
	}
	place, err := placeFor(options.Dir, account)
	if err != nil {
		return nil, err
	}
	c := &cluster{binaries: binaries, account: account, place: place, noSync: options.NoSync}
	joined, err := c.start(ctx)
	if err != nil {
		return nil, fmt.Errorf("postgres: start: %w", err)
	}
	s := &Server{cluster: c, joined: joined}
	if err := s.prepare(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// URL connects as the owner of the tables.
func (s *Server) URL() string { return s.url }

// AnalystURL connects as proffer_analyst, who may only read. For a configured database, whose administrator gives that
// role its password, it is without one; it is "" when that database is named otherwise than by a URL.
func (s *Server) AnalystURL() string { return s.analystURL }

// Exited is closed when the server this process started has ended, by Close or otherwise; it is nil, and blocks for
// ever, for others.
func (s *Server) Exited() <-chan struct{} {
	if s.cluster == nil || s.joined {
		return nil
	}
	return s.cluster.exited
}

// restartPause is between two tries to start a server again; it doubles up to restartPauseMost. What a killed server
// leaves behind takes a moment to go.
const (
	restartPause     = 100 * time.Millisecond
	restartPauseMost = 10 * time.Second
)

// Keep starts a private server again, where its clients know it, each time it has ended by itself (killed for want of
// memory, say), until the context ends. It tells why and what came of it. Close is for afterwards.
func (s *Server) Keep(ctx context.Context, log *slog.Logger) {
	if s.Exited() == nil {
		return
	}
	for {
		select {
		case <-s.Exited():
		case <-ctx.Done():
			return
		}
		log.Warn("the private Postgres has ended: starting it again", "exit", s.cluster.exit)
		for pause := restartPause; ; pause = min(2*pause, restartPauseMost) {
			err := s.cluster.launch(ctx)
			if err == nil {
				log.Info("the private Postgres runs again")
				break
			}
			if pause >= restartPauseMost {
				log.Warn("the private Postgres does not start: trying again", "error", err)
			}
			select {
			case <-time.After(pause):
			case <-ctx.Done():
				return
			}
		}
	}
}

// Close stops a server that this process started, and waits until it has gone. Clients are disconnected.
func (s *Server) Close() error {
	if s.cluster == nil || s.joined {
		return nil
	}
	return s.cluster.stop()
}

// The ways a private server stops.
const (
	stopFast   = 10 * time.Second // then without writing a checkpoint
	stopAtOnce = 5 * time.Second  // then killed
)

// placeFor is the folder for the clusters of a data folder, made if need be.
func placeFor(dir string, a account) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("postgres: the data folder: %w", err)
	}
	place := filepath.Join(dir, "postgres")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("postgres: the data folder: %w", err)
	}
	if err := makePassable(place); err != nil {
		return "", fmt.Errorf("postgres: the data folder: %w", err)
	}
	if a.canReach(place) {
		return place, nil
	}
	const shared = "/var/lib/proffer"
	if err := os.MkdirAll(filepath.Dir(shared), 0o755); err != nil {
		return "", fmt.Errorf("postgres: a folder that %s can reach: %w", a.name, err)
	}
	elsewhere := filepath.Join(shared, shortHash(dir))
	for _, folder := range []string{shared, elsewhere} {
		if err := makePassable(folder); err != nil {
			return "", fmt.Errorf("postgres: a folder that %s can reach: %w", a.name, err)
		}
	}
	if !a.canReach(elsewhere) {
		return "", fmt.Errorf("postgres: the account %s can reach neither the data folder nor %s: choose another data folder, or set DATABASE_URL", a.name, elsewhere)
	}
	return elsewhere, nil
}

// makePassable makes a folder that every account may enter, whatever the umask. One that is there stays as it is.
func makePassable(folder string) error {
	err := os.Mkdir(folder, 0o755)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return os.Chmod(folder, 0o755)
}

func connectionURL(user, password string, port int) string {
	return "postgres://" + user + ":" + password + "@127.0.0.1:" + strconv.Itoa(port) + "/" + databaseName + "?sslmode=disable"
}
