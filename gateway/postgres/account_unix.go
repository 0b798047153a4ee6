//go:build unix

package postgres

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// How a server is told to stop: fast (clients are disconnected), and at once (it recovers at its next start).
const (
	signalFast   = syscall.SIGINT
	signalAtOnce = syscall.SIGQUIT
)

// account is whom Postgres runs as. Postgres refuses root, so root drops to somebody else.
type account struct {
	name     string
	uid, gid uint32
	drop     bool
}

// unprivileged is the account for Postgres: ourselves, or for root the users postgres, nobody or number 65534.
func unprivileged() (account, error) {
	if os.Geteuid() != 0 {
		me, err := user.Current()
		if err == nil {
			_, err = user.LookupId(strconv.Itoa(os.Geteuid()))
		}
		if err != nil {
			return account{}, fmt.Errorf("%w: user number %d has no name on this machine, which PostgreSQL insists on: add the user, or set DATABASE_URL", ErrNoPostgres, os.Geteuid())
		}
		return account{name: me.Username, uid: uint32(os.Geteuid()), gid: uint32(os.Getegid())}, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		if a, err := lookup(name); err == nil {
			return a, nil
		}
	}
	const overflow = 65534
	return account{name: strconv.Itoa(overflow), uid: overflow, gid: overflow, drop: true}, nil
}

func lookup(name string) (account, error) {
	u, err := user.Lookup(name)
	if err != nil {
		return account{}, err
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return account{}, err
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		return account{}, err
	}
	if uid == 0 {
		return account{}, errors.New("this account is root, too")
	}
	return account{name: name, uid: uint32(uid), gid: uint32(gid), drop: true}, nil
}

func (a account) credential() *syscall.Credential {
	if !a.drop {
		return nil
	}
	return &syscall.Credential{Uid: a.uid, Gid: a.gid}
}

// own gives a file to the account.
func (a account) own(path string) error {
	if !a.drop {
		return nil
	}
	if err := os.Chown(path, int(a.uid), int(a.gid)); err != nil {
		return fmt.Errorf("give a file to %s: %w", a.name, err)
	}
	return nil
}

// canReach says whether the account may enter a folder and all those above it.
func (a account) canReach(dir string) bool {
	if !a.drop {
		return true
	}
	for {
		info, err := os.Stat(dir)
		if err != nil || !a.mayEnter(info) {
			return false
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return true
		}
		dir = parent
	}
}

func (a account) mayEnter(info os.FileInfo) bool {
	mode, stat := info.Mode().Perm(), info.Sys().(*syscall.Stat_t)
	switch {
	case stat.Uid == a.uid:
		return mode&0o100 != 0
	case stat.Gid == a.gid:
		return mode&0o010 != 0
	}
	return mode&0o001 != 0
}

// running says whether a process exists.
func running(pid int) bool {
	err := syscall.Kill(pid, 0)
	return err == nil || errors.Is(err, syscall.EPERM)
}
