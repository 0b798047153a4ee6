package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
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
