//go:build unix

package natslog

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// lockFolder takes the folder for this process: two servers on one store would destroy it. The lock goes with
// the process, however it ends.
func lockFolder(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the lock: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("%w: %s: %w", ErrFolderInUse, f.Name(), err)
	}
	return f, nil
}
