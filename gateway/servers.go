package gateway

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// checkServers refuses a list of servers that NATS cannot dial. A URL may hold a password: the error does not repeat it.
func checkServers(list string) error {
	for server := range strings.SplitSeq(list, ",") {
		u, err := url.Parse(strings.TrimSpace(server))
		if err != nil || u.Host == "" || !slices.Contains([]string{"nats", "tls", "ws", "wss"}, u.Scheme) {
			return fmt.Errorf("want a URL that begins with nats://, tls://, ws:// or wss://, or several with commas between them")
		}
	}
	return nil
}

// redactedServers is the cluster's addresses, which commas separate, without passwords and without the token, which
// stands where others have the user's name.
func redactedServers(text string) string {
	addresses := strings.Split(text, ",")
	for i, address := range addresses {
		u, err := url.Parse(strings.TrimSpace(address))
		if err != nil {
			return ""
		}
		if u.User != nil {
			u.User = url.User("xxxxx")
		}
		addresses[i] = u.String()
	}
	return strings.Join(addresses, ",")
}
