//go:build !linux

package postgres

import "syscall"

// boundUnacknowledged leaves the bound of what is sent and not acknowledged to the system.
func boundUnacknowledged(string, string, syscall.RawConn) error { return nil }
