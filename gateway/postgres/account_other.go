//go:build !unix

package postgres

import (
	"os/exec"
	"strconv"
	"strings"
	"syscall"
)

// Here a server can only be told to end; it recovers at its next start.
const signalFast, signalAtOnce = syscall.SIGKILL, syscall.SIGKILL

// account is whom Postgres runs as: ourselves.
type account struct{ name string }

func unprivileged() (account, error) { return account{name: "this user"}, nil }

func (account) own(string) error { return nil }

func (account) canReach(string) bool { return true }

func processAttributes(account) *syscall.SysProcAttr { return nil }

func isPostgres(int) bool { return true }

// running says whether a process exists.
func running(pid int) bool {
	out, err := exec.Command("tasklist", "/NH", "/FI", "PID eq "+strconv.Itoa(pid)).Output()
	return err != nil || strings.Contains(string(out), strconv.Itoa(pid))
}
