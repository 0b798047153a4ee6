//go:build !unix

package bench

import "time"

// cpuTime is not known here.
func cpuTime() time.Duration { return 0 }

// settleDisk is not possible here.
func settleDisk() {}
