package postgres

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Names in a private cluster.
const (
	ownerName    = "proffer"
	analystName  = "proffer_analyst"
	databaseName = "proffer"
)

// prepare makes the database and the analysts' login of a private cluster, and the URLs.
func (s *Server) prepare(ctx context.Context) error {
	owner, err := s.cluster.password("owner.password")
	if err != nil {
		return err
	}
	analyst, err := s.cluster.password("analyst.password")
	if err != nil {
		return err
	}
	if err := s.cluster.makeDatabase(ctx, owner, analyst); err != nil {
		return fmt.Errorf("postgres: prepare the cluster: %w", err)
	}
	s.url = connectionURL(ownerName, owner, s.cluster.port)
	s.analystURL = connectionURL(analystName, analyst, s.cluster.port)
	return nil
}

func (c *cluster) connect(ctx context.Context, password string) (*pgx.Conn, error) {
	config, err := pgx.ParseConfig("sslmode=disable")
	if err != nil {
		return nil, err
	}
	config.Host, config.Port = "127.0.0.1", uint16(c.port)
	config.User, config.Password, config.Database = ownerName, password, "postgres"
	return pgx.ConnectConfig(ctx, config)
}

func (c *cluster) makeDatabase(ctx context.Context, owner, analyst string) error {
	conn, err := c.connect(ctx, owner)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	var database, role bool
	if err := conn.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1),
		EXISTS (SELECT FROM pg_roles WHERE rolname = $2)`, databaseName, analystName).Scan(&database, &role); err != nil {
		return err
	}
	// Passwords are hexadecimal digits: nothing to quote.
	verb := "CREATE"
	if role {
		verb = "ALTER"
	}
	if _, err := conn.Exec(ctx, verb+" ROLE "+analystName+" LOGIN PASSWORD '"+analyst+"'"); err != nil {
		return err
	}
	if !database {
		_, err = conn.Exec(ctx, "CREATE DATABASE "+databaseName)
	}
	return err
}

// ErrNoAnalyst: the role of the analysts does not exist, and the owner of the tables may not create it.
var ErrNoAnalyst = errors.New("postgres: the role " + analystName + " does not exist: an administrator creates it, and the next start lets it read")

// LetAnalystsRead grants proffer_analyst the reading of every table, also of those to come, and of the sequences, which
// pg_dump reads. It is for every start, as an administrator may have created the role since the migrations ran. It fails
// with ErrNoAnalyst.
func LetAnalystsRead(ctx context.Context, pool *pgxpool.Pool) error {
	var exists bool
	if err := pool.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)", analystName).Scan(&exists); err != nil {
		return failed("look for the analysts' role", err)
	}
	if !exists {
		return ErrNoAnalyst
	}
	if _, err := pool.Exec(ctx, `GRANT USAGE ON SCHEMA proffer TO `+analystName+`;
		GRANT SELECT ON ALL TABLES IN SCHEMA proffer TO `+analystName+`;
		GRANT SELECT ON ALL SEQUENCES IN SCHEMA proffer TO `+analystName+`;
		ALTER DEFAULT PRIVILEGES IN SCHEMA proffer GRANT SELECT ON TABLES TO `+analystName); err != nil {
		return failed("let analysts read", err)
	}
	return nil
}

// analystSettings are those of the owner's that lead analysts to the same database; not a password, a certificate or a pool.
var analystSettings = []string{"host", "port", "dbname", "sslmode", "sslrootcert"}

// analystURL is where the owner's URL, or settings (host=... dbname=...), lead for proffer_analyst. It is "" for what is
// neither.
func analystURL(owner string) string {
	u, err := url.Parse(owner)
	if err != nil || u.Scheme == "" {
		return analystKeywords(owner)
	}
	kept := url.Values{}
	for _, name := range analystSettings {
		if u.Query().Has(name) {
			kept.Set(name, u.Query().Get(name))
		}
	}
	u.User, u.RawQuery = url.User(analystName), kept.Encode()
	return u.String()
}

// setting is one of libpq's, in its keyword/value form.
var setting = regexp.MustCompile(`(\w+)\s*=\s*('(?:[^'\\]|\\.)*'|(?:[^\s'\\]|\\.)*)`)

func analystKeywords(owner string) string {
	found := setting.FindAllStringSubmatch(owner, -1)
	if found == nil {
		return ""
	}
	var kept strings.Builder
	for _, f := range found {
		if slices.Contains(analystSettings, f[1]) {
			fmt.Fprintf(&kept, "%s=%s ", f[1], f[2])
		}
	}
	return kept.String() + "user=" + analystName
}
