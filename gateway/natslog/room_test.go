package natslog

import (
	"os"
	"runtime"
	"testing"
)

func TestRoomToSyncIsMadeOnceAndNotAgainstTheEnvironment(t *testing.T) { //nolint:paralleltest // GOMAXPROCS is the process's
	before := runtime.GOMAXPROCS(0)
	t.Cleanup(func() { runtime.GOMAXPROCS(before) })
	t.Setenv("GOMAXPROCS", "3")
	runtime.GOMAXPROCS(3)
	RoomToSync()
	if n := runtime.GOMAXPROCS(0); n != 3 {
		t.Errorf("the environment says 3, and %d run", n)
	}
	if err := os.Unsetenv("GOMAXPROCS"); err != nil { // Setenv's cleanup sets it again
		t.Fatal(err)
	}
	runtime.SetDefaultGOMAXPROCS()
	cores := runtime.GOMAXPROCS(0)
	for range 2 {
		RoomToSync()
		if n := runtime.GOMAXPROCS(0); n != cores+syncsAtOnce {
			t.Errorf("%d run on %d cores, want %d more", n, cores, syncsAtOnce)
		}
	}
}
