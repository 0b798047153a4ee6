package natskv

import (
	"os"
	"strings"
)

// Incarnation names the present run of this machine's operating system, "" where it cannot be told (only Linux tells).
// Pass it as ViewsOptions.Incarnation when the server's storage is on this machine.
func Incarnation() string {
	id, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(id))
}
