package cli

import (
	"fmt"
	"reflect"

	"github.com/profferhq/proffer/gateway"
)

type reference struct{}

const heading = "| flag | environment | default | |\n| --- | --- | --- | --- |\n"

// Run prints docs/configuration.md, from the tags of gateway.Config and of target.
func (c reference) Run(r *run) error {
	fmt.Fprint(r.out, "# Configuration\n\nGenerated from `gateway.Config` and the command line by `make generate`; do not edit.\n\n"+
		"Every setting of `proffer serve` is a flag and an environment variable; the flag wins. Secrets come from files or from the environment only.\n\n"+
		heading)
	c.settings(r, reflect.TypeFor[gateway.Config]())
	fmt.Fprint(r.out, "\nThe commands that talk to a server find it by:\n\n"+heading)
	c.settings(r, reflect.TypeFor[target]())
	fmt.Fprintf(r.out, "\nExit codes of every command: %s.\n", exitCodes())
	return nil
}

// settings are rows of a table, from the tags of a struct.
func (reference) settings(r *run, t reflect.Type) {
	for i := range t.NumField() {
		f := t.Field(i)
		if !f.IsExported() || f.Tag.Get("kong") == "-" {
			continue // no flag
		}
		fmt.Fprintf(r.out, "| `--%s` | `%s` | `%s` | %s |\n", flagName(f.Name), f.Tag.Get("env"), f.Tag.Get("default"), f.Tag.Get("help"))
	}
}

// flagName is the name kong gives a field: NatsURL becomes nats-url.
func flagName(field string) string {
	out := []rune{}
	runes := []rune(field)
	for i, c := range runes {
		upper := c >= 'A' && c <= 'Z'
		if upper && i > 0 {
			before := runes[i-1] >= 'a' && runes[i-1] <= 'z'
			after := i+1 < len(runes) && runes[i+1] >= 'a' && runes[i+1] <= 'z'
			if before || after {
				out = append(out, '-')
			}
		}
		if upper {
			c += 'a' - 'A'
		}
		out = append(out, c)
	}
	return string(out)
}
