//go:build unix

package bench

import (
	"syscall"
	"time"
)

// cpuTime is what this process has used of the cores, in its own code and in the kernel on its behalf.
func cpuTime() time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		return 0
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// settleDisk writes out what the preparations left in the kernel's memory: half a minute later it would go to the
// disk by itself, in the middle of what is measured.
func settleDisk() { syscall.Sync() }
