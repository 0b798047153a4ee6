package natslog

import (
	"os"
	"runtime"
)

// syncsAtOnce is how many threads of the embedded server wait for the disk at a time, as a rule: one for decisions, one for
// what happens meanwhile.
const syncsAtOnce = 2

// RoomToSync lets Go run as many goroutines more at a time as the embedded server syncs files at once. A goroutine in fsync
// keeps its place among the GOMAXPROCS that run until the runtime looks for such, which it does every 10 ms at worst: of 759
// syncs of 0.4 to 3 ms on two cores, 757 kept a core idle to their end. It is for the whole process, and may be called again;
// a GOMAXPROCS of the environment stays as it is.
func RoomToSync() {
	if os.Getenv("GOMAXPROCS") != "" {
		return
	}
	runtime.SetDefaultGOMAXPROCS()
	runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + syncsAtOnce)
}
