// Package postgres keeps the analysts' tables: it starts a private Postgres where none is configured, applies the
// migrations, and implements projections.Tables with one transaction a batch.
//
// Everything here is a projection of the log: dropping the database loses nothing, so transactions commit
// asynchronously (rows and checkpoint together) and a new major version of Postgres simply starts empty.
package postgres
