package gateway

import "runtime"

// Build is what a binary says of itself.
type Build struct {
	Version string `json:"version"`
	Go      string `json:"go"`
}

// Version is set by the linker.
var Version = "development"

// BuildVersion tells it.
func BuildVersion() Build { return Build{Version: Version, Go: runtime.Version()} }
