package gateway

import (
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/alecthomas/kong"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/gateway/natslog"
	"github.com/profferhq/proffer/gateway/normal"
)

// Config is everything a server can be told, by flag or by environment. Its tags are the command line's, and
// docs/configuration.md is generated from them. Secrets come from files or from the environment only.
type Config struct {
	Data   string `help:"Folder for everything this server keeps." default:"data" env:"PROFFER_DATA_DIR" placeholder:"DIR"`
	Listen string `help:"Address to serve on. Anything but loopback exposes the server: put TLS in front." default:"127.0.0.1:8420" env:"PROFFER_LISTEN" placeholder:"HOST:PORT"`

	NatsURL         string `help:"NATS cluster to join instead of the embedded server; several of its servers with commas between them." env:"NATS_URL" placeholder:"URL"`
	NatsCredentials string `help:"Credentials file for the cluster." env:"NATS_CREDENTIALS" placeholder:"FILE"`
	NatsCA          string `help:"Certificate authority of the cluster." env:"NATS_CA" placeholder:"FILE"`
	NatsCert        string `help:"Client certificate for the cluster." env:"NATS_CERT" placeholder:"FILE"`
	NatsKey         string `help:"Key of the client certificate." env:"NATS_KEY" placeholder:"FILE"`
	Replicas        int    `help:"Copies of every stream in the cluster (1, 3 or 5)." default:"1" env:"PROFFER_REPLICAS"`
	Lanes           int    `help:"Lanes of a new log, 1 to 64; 0 takes the log's own, or 1 for a new one. Fixed for the life of a log." default:"0" env:"PROFFER_LANES"`
	Sync            string `help:"When the embedded log is on disk: always (before each acknowledgement) or a time such as 100ms (what that time held is lost in a power cut)." default:"always" env:"PROFFER_SYNC"`

	DatabaseURL string `help:"Postgres for the analysts' tables, instead of a private one." env:"DATABASE_URL" placeholder:"URL"`
	NoDatabase  bool   `help:"Serve without the analysts' tables." env:"PROFFER_NO_DATABASE"`

	Region      string `help:"Region of phone numbers written without a country." default:"US" env:"PROFFER_REGION" placeholder:"CC"`
	VaultKey    string `help:"File with the vault's key (32 bytes), which must be there; default vault.key in the data folder, made at the first start." env:"PROFFER_VAULT_KEY_FILE" placeholder:"FILE"`
	SourceKey   string `help:"File with the key of the default source, which must be there; default source.key in the data folder, made at the first start." env:"PROFFER_SOURCE_KEY_FILE" placeholder:"FILE"`
	OperatorKey string `help:"File with the operator's key, which must be there; default operator.key in the data folder, made at the first start." env:"PROFFER_OPERATOR_KEY_FILE" placeholder:"FILE"`

	MatchLink   float64 `help:"Posterior from which a match links." default:"0.8" env:"PROFFER_MATCH_LINK" placeholder:"P"`
	MatchReview float64 `help:"Posterior from which a person reviews a match." default:"0.2" env:"PROFFER_MATCH_REVIEW" placeholder:"P"`

	DecideTimeout time.Duration `help:"How long a decision may take when its request does not say." default:"1s" env:"PROFFER_DECIDE_TIMEOUT"`

	// Rebuilding is no setting: a command starts a server to rebuild. That one serves a log that has lost its end.
	Rebuilding bool `kong:"-"`
}

// Validate refuses what cannot work, naming the setting.
func (c Config) Validate() error {
	_, port, err := net.SplitHostPort(c.Listen)
	if err != nil {
		return fmt.Errorf("listen: want HOST:PORT: %w", err)
	}
	if _, err := net.LookupPort("tcp", port); err != nil {
		return fmt.Errorf("listen: want HOST:PORT, with a port of 0 (any free one) to 65535")
	}
	if c.Data == "" {
		return fmt.Errorf("data: name a folder")
	}
	if c.NatsURL != "" {
		if err := checkServers(c.NatsURL); err != nil {
			return fmt.Errorf("nats-url: %w", err)
		}
	}
	// The URL may hold a password: the error must not repeat it.
	if _, err := url.Parse(c.DatabaseURL); err != nil {
		return fmt.Errorf("database-url: not a URL")
	}
	if _, err := natslog.ParseSync(c.Sync); err != nil {
		return err
	}
	if c.NatsURL != "" && c.Sync != natslog.SyncAlways {
		return fmt.Errorf("sync: it is the embedded server's; the servers of nats-url have their own sync_interval")
	}
	if c.Replicas != 1 && c.Replicas != 3 && c.Replicas != 5 {
		return fmt.Errorf("replicas: want 1, 3 or 5")
	}
	if c.NatsURL == "" && c.Replicas != 1 {
		return fmt.Errorf("replicas: the embedded server is one node; set nats-url for a cluster")
	}
	if c.Lanes < 0 || c.Lanes > domain.Partitions {
		return fmt.Errorf("lanes: want 1 to %d, or 0 for the log's own", domain.Partitions)
	}
	if _, err := normal.New(normal.Options{Region: c.Region}); err != nil {
		return fmt.Errorf("region: want two letters such as US: %w", err)
	}
	if !(c.MatchReview > 0 && c.MatchReview <= c.MatchLink && c.MatchLink < 1) {
		return fmt.Errorf("match-review, match-link: must be above 0, below 1 and in this order")
	}
	if c.DecideTimeout <= 0 {
		return fmt.Errorf("decide-timeout: must be positive")
	}
	return c.checkKeyFiles()
}

// checkKeyFiles refuses a setting that names a key's file that is not there. A key made in its place would open nothing,
// and a misspelt path would go unnoticed until the right key is needed.
func (c Config) checkKeyFiles() error {
	for _, key := range []struct{ setting, file string }{
		{"vault-key", c.VaultKey}, {"source-key", c.SourceKey}, {"operator-key", c.OperatorKey},
	} {
		if key.file == "" {
			continue
		}
		if _, err := os.Stat(key.file); err != nil {
			return fmt.Errorf("%s: %w (a key is made at the first start only where its setting names no file)", key.setting, err)
		}
	}
	return nil
}

func (c Config) logOptions() natslog.Options {
	return natslog.Options{Lanes: c.Lanes, Replicas: c.Replicas, Alone: c.NatsURL == ""}
}

// inData is a file of the data folder, unless the setting names another.
func (c Config) inData(setting, name string) string {
	if setting != "" {
		return setting
	}
	return filepath.Join(c.Data, name)
}

// DefaultConfig is what a server is told when nothing is said: the tags' defaults and the environment.
func DefaultConfig() (Config, error) {
	var c Config
	parser, err := kong.New(&c)
	if err != nil {
		return c, fmt.Errorf("read the configuration's defaults: %w", err)
	}
	if _, err := parser.Parse(nil); err != nil {
		return c, fmt.Errorf("%w: %w", ErrUsage, err)
	}
	return c, nil
}
