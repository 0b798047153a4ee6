package cli

import (
	"fmt"
	"io"
	"os"

	"github.com/profferhq/proffer/gateway"
)

type serve struct {
	gateway.Config
	output
	Sample bool `help:"Load the sample shop and its policy if the data folder does not hold them."`
}

// Help is shown by --help.
func (serve) Help() string {
	return "Example: proffer serve --data ./data --listen 127.0.0.1:8420\n\nGET /readyz answers 200 when it serves. The address and the keys are in DIR/server.json."
}

// Run serves until it is told to stop.
func (c serve) Run(r *run) error {
	ready := func(n *gateway.Node) error {
		if c.Sample {
			if err := loadSample(r, n); err != nil {
				return fmt.Errorf("load the sample: %w", err)
			}
		}
		return c.print(r, n.Describe(), func(w io.Writer) { c.welcome(w, n) })
	}
	return gateway.Run(r.ctx, c.Config, ready)
}

func (c serve) welcome(w io.Writer, n *gateway.Node) {
	d := n.Describe()
	self := "proffer"
	if path, err := os.Executable(); err == nil {
		self = shortest(path)
	}
	where := ""
	if c.Data != "data" {
		where = " --data " + c.Data
	}
	fmt.Fprintf(w, "\nProffer serves on %s\n", d.URL)
	fmt.Fprintf(w, "  data        %s (durability: %s)\n", d.Data, d.Durability)
	fmt.Fprintf(w, "  keys        %s/server.json\n", d.Data)
	fmt.Fprintf(w, "  log         %s\n", d.NatsURL)
	if d.AnalystURL != "" {
		fmt.Fprintf(w, "  tables      psql '%s'\n", d.AnalystURL)
	} else {
		fmt.Fprintf(w, "  tables      none: %s\n", d.TablesWhy)
	}
	if c.Sample {
		fmt.Fprintf(w, "\nTry, in another terminal:\n")
		fmt.Fprintf(w, "  %s decide%s --placement home user_id=shopper-0003\n", self, where)
		fmt.Fprintf(w, "  %s explain%s LAST\n", self, where)
		fmt.Fprintf(w, "  %s replay%s --all\n", self, where)
	}
	fmt.Fprintf(w, "\nCtrl-C stops it.\n")
}

// shortest is the path as one would type it from here.
func shortest(path string) string {
	here, err := os.Getwd()
	if err == nil && len(path) > len(here)+1 && path[:len(here)+1] == here+"/" {
		return path[len(here)+1:]
	}
	return path
}

type version struct{ output }

// Help is shown by --help.
func (version) Help() string { return "Example: proffer version --json" }

// Run prints the version.
func (c version) Run(r *run) error {
	v := gateway.BuildVersion()
	return c.print(r, v, func(w io.Writer) { fmt.Fprintf(w, "proffer %s (%s)\n", v.Version, v.Go) })
}
