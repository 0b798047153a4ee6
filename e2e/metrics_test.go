package e2e

import (
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"

	profferv1 "github.com/profferhq/proffer/gateway/api/proffer/v1"
	"github.com/profferhq/proffer/gateway/metrics"
)

// scraped is the page as Prometheus would get it with a key.
func (s *server) scraped(key string) (string, *http.Response) {
	s.t.Helper()
	request, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, s.file.URL+"/metrics", nil)
	if err != nil {
		s.t.Fatal(err)
	}
	response, err := s.client(key).Do(request)
	if err != nil {
		s.t.Fatal(err)
	}
	return body(s.t, response), response
}

func TestMetricsTellOfTheWholeAndOfNobody(t *testing.T) {
	t.Parallel()
	s := serve(t, t.TempDir(), "--no-database")
	s.publish(everybody)
	const person = "somebody-with-a-name"
	if _, err := s.decisions().Decide(t.Context(), decideFor(person)); err != nil {
		t.Fatal(err)
	}
	nowhere := decideFor(person)
	nowhere.Placement = "nowhere"
	if _, err := s.decisions().Decide(t.Context(), nowhere); err == nil {
		t.Fatal("decided for nowhere")
	}
	if _, err := s.identity().SetGuards(t.Context(), &profferv1.SetGuardsRequest{Document: "profile_most: 2"}); err != nil {
		t.Fatal(err)
	}
	for message, identifiers := range [][]string{{"user_id:u", "email:a@example.com"}, {"user_id:u", "email:b@example.com"}} {
		s.send(&profferv1.Item{MessageId: strconv.Itoa(message), Type: "identify"}, identifiers...)
	}
	page, response := s.scraped(s.file.OperatorKey)
	if got := response.Header.Get("Content-Type"); response.StatusCode != http.StatusOK || got != metrics.ContentType {
		t.Errorf("%s, %s", response.Status, got)
	}
	for _, want := range []string{
		`proffer_rpc_requests_total{rpc="/proffer.v1.DecisionService/Decide",code="ok"} 1`,
		`proffer_rpc_requests_total{rpc="/proffer.v1.DecisionService/Decide",code="not_found"} 1`,
		`proffer_rpc_duration_seconds_count{rpc="/proffer.v1.DecisionService/Decide"} 2`,
		`proffer_decisions_total{outcome="offered"} 1`, `proffer_decisions_total{outcome="nothing"} 0`,
		`proffer_log_events_total{stream="DECISION"} 1`, `proffer_log_up 1`,
		`proffer_projection_lag_messages{projection="views"} `, `proffer_ingest_items_total{result="accepted"} `,
		`proffer_identity_withheld{guard="PROFILE_TOO_LARGE"} 1`, `proffer_identity_withheld{guard="BARRED"} 0`, `proffer_matching_waiting 0`,
		`go_goroutines `,
	} {
		if !strings.Contains(page, "\n"+want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	known := map[string]bool{}
	for _, f := range metrics.All() {
		known[f.Name] = true
	}
	sample := regexp.MustCompile(`^([a-z_]+?)(_bucket|_sum|_count)?(\{([a-z]+="[^"\n]*",?)+\})? [-+0-9.eInf]+$`)
	for line := range strings.Lines(page) {
		line = strings.TrimSuffix(line, "\n")
		if m := sample.FindStringSubmatch(line); !strings.HasPrefix(line, "#") && (m == nil || !known[m[1]] && !known[m[1]+m[2]]) {
			t.Errorf("no sample of a known metric: %s", line)
		}
	}
	if strings.Contains(page, person) || regexp.MustCompile(`[0-9a-f]{32}`).MatchString(page) {
		t.Errorf("the page tells of a person:\n%s", page)
	}
	if page, response = s.scraped(s.file.Key); response.StatusCode != http.StatusForbidden || strings.Contains(page, "proffer_") {
		t.Errorf("with a source's key: %s", response.Status)
	}
	if page, response = s.scraped("guessed"); response.StatusCode != http.StatusUnauthorized || strings.Contains(page, "proffer_") {
		t.Errorf("with no key: %s", response.Status)
	}
}
