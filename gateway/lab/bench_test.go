package lab

import (
	"testing"
)

// BenchmarkFiftyThousand reads, fits, compares and counts 50,000 generated records.
func BenchmarkFiftyThousand(b *testing.B) {
	path := write(b, newCrowd(3, .15, .1).records(50_000), columns()...)
	for b.Loop() {
		trial(b, Options{In: path, ID: "key", Truth: "person"})
	}
}
