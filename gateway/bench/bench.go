// Package bench measures the product, each figure beside a ceiling taken in the same run on the same machine. On a
// noisy machine only the ratio means something.
package bench

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/pprof"
	"slices"
	"time"

	"github.com/profferhq/proffer/gateway"
	"github.com/profferhq/proffer/gateway/natslog"
)

// Result is one figure: a contract.
type Result struct {
	Name string `json:"name"`
	Unit string `json:"unit"`
	// Value and Ceiling are in Unit; Ratio is Value / Ceiling.
	Value   float64 `json:"value"`
	Ceiling float64 `json:"ceiling"`
	Ratio   float64 `json:"ratio"`
	// Latencies in milliseconds, from the intended send time where OfferedPerSecond is set.
	P50              float64 `json:"p50_ms"`
	P99              float64 `json:"p99_ms"`
	CeilingP99       float64 `json:"ceiling_p99_ms"`
	OfferedPerSecond float64 `json:"offered_per_second"`
	Profiles         int     `json:"profiles"`
	Cores            int     `json:"cores"`
	// Durability is Options.Sync: "always" when every append is fsynced before its acknowledgement.
	Durability string `json:"durability"`
	// More are further figures of the same run, by name.
	More map[string]float64 `json:"more,omitempty"`
	// CeilingIs says what the ceiling was.
	CeilingIs string `json:"ceiling_is"`
}

// Options size a run; the zero value is the standard one.
type Options struct {
	// Dir is where the run keeps its data; "" is a temporary folder, removed afterwards.
	Dir string
	// Profiles that are loaded before decisions are measured; 0 is 100,000.
	Profiles int
	// Seconds of one measured stretch; 0 is 3.
	Seconds int
	// Sync is how the log and the ceiling reach the disk, see natslog.EmbeddedOptions; "" is natslog.SyncAlways.
	Sync string
	// Log is told what is going on; nil is silence.
	Log io.Writer
	// Profile gets a CPU profile of the product's last measured stretch, without the ceiling's; nil is none.
	Profile io.Writer
}

// ErrUnknown: there is no benchmark of that name.
var ErrUnknown = errors.New("bench: want ingest, decide, project-kv, project-postgres or replay")

// Run measures one figure.
func Run(ctx context.Context, name string, o Options) (Result, error) {
	measures := map[string]func(context.Context, Options) (Result, error){
		"ingest": ingest, "decide": decide, "project-kv": projectViews, "project-postgres": projectTables, "replay": replay,
	}
	measure, known := measures[name]
	if !known {
		return Result{}, ErrUnknown
	}
	if o.Profiles == 0 {
		o.Profiles = 100_000
	}
	if o.Seconds == 0 {
		o.Seconds = 3
	}
	o.Sync = cmp.Or(o.Sync, natslog.SyncAlways)
	if _, err := natslog.ParseSync(o.Sync); err != nil {
		return Result{}, fmt.Errorf("%w: %w", gateway.ErrUsage, err)
	}
	if o.Log == nil {
		o.Log = io.Discard
	}
	if o.Dir == "" {
		dir, err := os.MkdirTemp("", "proffer-bench-")
		if err != nil {
			return Result{}, fmt.Errorf("bench: %w", err)
		}
		defer func() { _ = os.RemoveAll(dir) }()
		o.Dir = dir
	}
	r, err := measure(ctx, o)
	if err != nil {
		return Result{}, fmt.Errorf("bench %s: %w", name, err)
	}
	r.Name, r.Cores, r.Durability = name, runtime.NumCPU(), o.Sync
	if r.Ceiling > 0 {
		r.Ratio = r.Value / r.Ceiling
	}
	return r, nil
}

// profiled does the work and writes its CPU profile when it is the last turn of several.
func (o Options) profiled(last bool, work func() (measured, error)) (measured, error) {
	if o.Profile == nil || !last {
		return work()
	}
	if err := pprof.StartCPUProfile(o.Profile); err != nil {
		return measured{}, fmt.Errorf("profile: %w", err)
	}
	defer pprof.StopCPUProfile()
	return work()
}

func (o Options) say(format string, args ...any) { fmt.Fprintf(o.Log, format+"\n", args...) }

func (o Options) stretch() time.Duration { return time.Duration(o.Seconds) * time.Second }

// median of an odd number of figures; the lower of the two in the middle otherwise.
func median(of []float64) float64 {
	if len(of) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(of))
	return sorted[(len(sorted)-1)/2]
}
