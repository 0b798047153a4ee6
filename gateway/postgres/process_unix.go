//go:build unix && !linux

package postgres

import "syscall"

// processAttributes: a group of its own, so that Ctrl-C does not reach Postgres before us, and the account. When this
// process is killed Postgres goes on, and the next start joins it.
func processAttributes(a account) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Credential: a.credential()}
}

// isPostgres cannot be told here.
func isPostgres(int) bool { return true }
