//go:build !unix

package natslog

import (
	"fmt"
	"os"
	"path/filepath"
)

// lockFolder opens the lock file; this platform has no lock that goes with the process, so a second server on
// the same folder is not refused here.
func lockFolder(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the lock: %w", err)
	}
	return f, nil
}
