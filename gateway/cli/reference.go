package cli

import (
	"fmt"
	"reflect"

	"github.com/profferhq/proffer/gateway"
)

type reference struct{}

// Run prints docs/configuration.md, from the tags of gateway.Config.
func (reference) Run(r *run) error {
	fmt.Fprint(r.out, "# Configuration\n\nGenerated from `gateway.Config` by `make generate`; do not edit.\n\n"+
		"Every setting of `proffer serve` is a flag and an environment variable; the flag wins. Secrets come from files or from the environment only.\n\n"+
		"| flag | environment | default | |\n| --- | --- | --- | --- |\n")
	t := reflect.TypeFor[gateway.Config]()
	for i := range t.NumField() {
		f := t.Field(i)
		fmt.Fprintf(r.out, "| `--%s` | `%s` | `%s` | %s |\n", flagName(f.Name), f.Tag.Get("env"), f.Tag.Get("default"), f.Tag.Get("help"))
	}
	return nil
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
