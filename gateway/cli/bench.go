package cli

import (
	"fmt"
	"io"
	"maps"
	"os"
	"slices"

	"github.com/profferhq/proffer/gateway/bench"
)

type benchmark struct {
	output
	Name     string `arg:"" help:"ingest, decide, project-kv, project-postgres or replay." enum:"ingest,decide,project-kv,project-postgres,replay"`
	Profiles int    `help:"How many profiles are loaded before decisions are measured." default:"100000"`
	Seconds  int    `help:"How long one measured stretch is." default:"3"`
	Sync     string `help:"When an append reaches the disk: always (before it is acknowledged) or a time, as serve's." default:"always"`
	Profile  string `help:"Write a CPU profile of the last measured stretch." placeholder:"FILE"`
}

// Help is shown by --help.
func (benchmark) Help() string {
	return "Example: proffer bench decide --json\n\nEvery figure comes with its ceiling from the same run: on a busy machine only the ratio means something."
}

// Run measures.
func (c benchmark) Run(r *run) error {
	options := bench.Options{Profiles: c.Profiles, Seconds: c.Seconds, Sync: c.Sync}
	if terminal(r.err) {
		options.Log = r.err
	}
	if c.Profile != "" {
		f, err := os.Create(c.Profile)
		if err != nil {
			return fmt.Errorf("write a profile: %w", err)
		}
		defer func() { _ = f.Close() }()
		options.Profile = f
	}
	result, err := bench.Run(r.ctx, c.Name, options)
	if err != nil {
		return err
	}
	return c.print(r, result, func(w io.Writer) { tellBench(w, result) })
}

func tellBench(w io.Writer, b bench.Result) {
	fmt.Fprintf(w, "%s: %.0f %s, ceiling %.0f (%s), ratio %.2f\n", b.Name, b.Value, b.Unit, b.Ceiling, b.CeilingIs, b.Ratio)
	if b.P99 > 0 {
		fmt.Fprintf(w, "  p50 %.2f ms, p99 %.2f ms, ceiling p99 %.2f ms", b.P50, b.P99, b.CeilingP99)
		if b.OfferedPerSecond > 0 {
			fmt.Fprintf(w, " at %.0f/s offered", b.OfferedPerSecond)
		}
		fmt.Fprintln(w)
	}
	for _, name := range slices.Sorted(maps.Keys(b.More)) {
		fmt.Fprintf(w, "  %s %.2f\n", name, b.More[name])
	}
	fmt.Fprintf(w, "  %d profiles, %d cores, durability %s\n", b.Profiles, b.Cores, b.Durability)
}
