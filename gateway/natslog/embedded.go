package natslog

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// SyncAlways is EmbeddedOptions.Sync for a disk that has each message before it is acknowledged.
const SyncAlways = "always"

// maxPayload is the largest message: an envelope (domain.MaxEnvelopeBytes) and its headers stay below.
const maxPayload = 1 << 20

const (
	readyWithin  = 30 * time.Second
	relaxedFloor = 10 * time.Millisecond
)

// ErrFolderInUse: another process serves this folder.
var ErrFolderInUse = errors.New("natslog: the folder is served by another process")

// EmbeddedOptions says where and how the embedded server keeps the log.
type EmbeddedOptions struct {
	// Dir is the folder of the store, the access token and the lock; made when missing (mode 0700).
	Dir string
	// Sync is SyncAlways (the default: an acknowledged message survives a power cut) or a duration such as "100ms"
	// (a power cut loses up to twice that; a crash of the process loses nothing).
	Sync string
	// Listen is the TCP address; the default is a free port of the loopback interface.
	Listen string
	// MaxStore limits the store in bytes; 0 leaves it to the server (three quarters of the free disk).
	MaxStore int64
	// Logger gets the server's warnings and errors; nil is slog.Default().
	Logger *slog.Logger
}

// Embedded is a NATS server inside this process.
type Embedded struct {
	server    *server.Server
	lock      io.Closer
	token     string
	tokenFile string
	diskFull  *atomic.Bool
}

// StartEmbedded starts the server and returns when it accepts connections. Clients over TCP need the token
// that stands in TokenFile, which only the owner of the folder may read.
func StartEmbedded(o EmbeddedOptions) (*Embedded, error) {
	opts, err := o.server()
	if err != nil {
		return nil, fmt.Errorf("natslog: start the server: %w", err)
	}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("natslog: start the server: %w", err)
	}
	lock, err := lockFolder(o.Dir)
	if err != nil {
		return nil, fmt.Errorf("natslog: start the server: %w", err)
	}
	e := &Embedded{lock: lock, tokenFile: filepath.Join(o.Dir, "nats.token"), diskFull: &atomic.Bool{}}
	if err := e.start(opts, o.Logger); err != nil {
		return nil, errors.Join(fmt.Errorf("natslog: start the server: %w", err), lock.Close())
	}
	return e, nil
}

// server turns the options into the server's.
func (o EmbeddedOptions) server() (*server.Options, error) {
	if o.Dir == "" {
		return nil, errors.New("no folder is given")
	}
	listen := o.Listen
	if listen == "" {
		listen = "127.0.0.1:-1"
	}
	host, portText, err := net.SplitHostPort(listen)
	if err != nil {
		return nil, fmt.Errorf("listen address: %w", err)
	}
	port, err := strconv.Atoi(portText)
	if err != nil {
		return nil, fmt.Errorf("listen port: %w", err)
	}
	if port == 0 {
		port = server.RANDOM_PORT
	}
	opts := &server.Options{
		ServerName: "proffer", Host: host, Port: port, NoSigs: true,
		JetStream: true, StoreDir: filepath.Join(o.Dir, "store"), JetStreamMaxStore: o.MaxStore,
		MaxPayload: maxPayload,
	}
	if opts.SyncInterval, err = ParseSync(cmp.Or(o.Sync, SyncAlways)); err != nil {
		return nil, err
	}
	opts.SyncAlways = opts.SyncInterval == 0
	return opts, nil
}

// ParseSync reads EmbeddedOptions.Sync: how long an acknowledged message may wait for the disk, 0 when it does not.
func ParseSync(sync string) (time.Duration, error) {
	if sync == SyncAlways {
		return 0, nil
	}
	every, err := time.ParseDuration(sync)
	if err != nil || every < relaxedFloor {
		return 0, fmt.Errorf("sync is %q: want always, or a time of at least %s", sync, relaxedFloor)
	}
	return every, nil
}

func (e *Embedded) start(opts *server.Options, logger *slog.Logger) error {
	token, err := keptToken(e.tokenFile)
	if err != nil {
		return err
	}
	e.token, opts.Authorization = token, token
	s, err := server.NewServer(opts)
	if err != nil {
		return err
	}
	if logger == nil {
		logger = slog.Default()
	}
	s.SetLogger(serverLog{logger, e.diskFull}, false, false)
	s.Start()
	if !s.ReadyForConnections(readyWithin) {
		s.Shutdown()
		s.WaitForShutdown()
		return fmt.Errorf("not ready within %s", readyWithin)
	}
	e.server = s
	return nil
}

// keptToken reads the token, or draws it at the first start.
func keptToken(path string) (string, error) {
	b, err := os.ReadFile(path)
	if err == nil && len(strings.TrimSpace(string(b))) > 0 {
		return strings.TrimSpace(string(b)), nil
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("read the token: %w", err)
	}
	token := rand.Text()
	if err := os.WriteFile(path, []byte(token+"\n"), 0o600); err != nil {
		return "", fmt.Errorf("keep the token: %w", err)
	}
	return token, nil
}

// ClientURL is where clients connect; it carries no token.
func (e *Embedded) ClientURL() string { return e.server.ClientURL() }

// TokenFile holds the token with which TCP clients log in.
func (e *Embedded) TokenFile() string { return e.tokenFile }

// DiskFull says whether a write found no space since the server started. The server then answers no append to the
// stream any more, not even once there is room: it must be started again.
func (e *Embedded) DiskFull() bool { return e.diskFull.Load() }

// Connect opens a connection inside the process: the fastest for appending and for single reads.
func (e *Embedded) Connect(ctx context.Context) (*nats.Conn, error) {
	return e.connect(ctx, nats.InProcessServer(e.server))
}

// ConnectBulk opens a connection over loopback TCP: the fastest for reading in bulk (its socket buffers let the
// server run ahead), and apart from the appends, whose acknowledgements would queue behind the bulk.
func (e *Embedded) ConnectBulk(ctx context.Context) (*nats.Conn, error) { return e.connect(ctx) }

func (e *Embedded) connect(ctx context.Context, extra ...nats.Option) (*nats.Conn, error) {
	opts := append(clientOptions(ctx), nats.Token(e.token))
	nc, err := nats.Connect(e.server.ClientURL(), append(opts, extra...)...)
	if err != nil {
		return nil, fmt.Errorf("natslog: connect to the embedded server: %w", err)
	}
	return nc, nil
}

// Close stops the server and returns when its files are closed. Close the connections first.
func (e *Embedded) Close() {
	e.server.Shutdown()
	e.server.WaitForShutdown()
	_ = e.lock.Close()
}

// serverLog passes on what an operator must know; the rest of the server's log is left out.
type serverLog struct {
	to       *slog.Logger
	diskFull *atomic.Bool
}

func (l serverLog) Noticef(string, ...any) {}
func (l serverLog) Debugf(string, ...any)  {}
func (l serverLog) Tracef(string, ...any)  {}

func (l serverLog) Warnf(format string, args ...any) {
	message := fmt.Sprintf(format, args...)
	if indexedAnew(message) {
		l.to.Debug("nats server", "message", message)
		return
	}
	l.to.Warn("nats server", "message", message)
}

// indexedAnew says whether the server tells that it reads a stream to know its state, because it was not stopped in
// order. After a crash each stream says so twice; nothing is lost, and there is nothing to do.
func indexedAnew(message string) bool {
	return strings.HasPrefix(message, "Filestore [") &&
		(strings.HasSuffix(message, "will rebuild") || strings.HasSuffix(message, "errored: prior state file"))
}

// Errorf passes an error on. What the disk says is heard nowhere else: the server leaves the append without an answer.
func (l serverLog) Errorf(format string, args ...any) {
	message := fmt.Sprintf(format, args...)
	if strings.Contains(message, "no space left on device") {
		l.diskFull.Store(true)
	}
	l.to.Error("nats server", "message", message)
}

func (l serverLog) Fatalf(format string, args ...any) {
	l.to.Error("nats server stopped", "message", fmt.Sprintf(format, args...))
}
