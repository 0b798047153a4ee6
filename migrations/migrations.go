// Package migrations holds the schema of the analysts' tables, one step a file, in the order of their numbers.
// gateway/postgres applies them. A file that has been released is never changed.
package migrations

import "embed"

// Files are the migrations, for goose.
//
//go:embed *.sql
var Files embed.FS
