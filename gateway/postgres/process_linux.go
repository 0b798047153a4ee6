package postgres

import (
	"os"
	"strconv"
	"strings"
	"syscall"
)

// processAttributes: a group of its own, so that Ctrl-C does not reach Postgres before us; SIGINT (a fast stop) when
// this process dies, however it dies; and the account.
func processAttributes(a account) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGINT, Credential: a.credential()}
}

// isPostgres says whether a process is a Postgres, as far as can be told.
func isPostgres(pid int) bool {
	name, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/comm")
	return err != nil || strings.HasPrefix(string(name), "post")
}
