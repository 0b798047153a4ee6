package metrics

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestThePageIsWhatPrometheusReads(t *testing.T) {
	t.Parallel()
	p := NewPage()
	p.Add(BuildInfo, 1, "a\"b\\c\nd", "go1")
	p.Add(LogUp, 1)
	calls := NewCalls([]string{"/s/Decide", "/s/Never"}, []string{"ok", "canceled"})
	calls.Ended("/s/Decide", 0, 2*time.Millisecond)
	calls.Ended("/s/Decide", 1, 3*time.Millisecond)
	calls.Ended("/x", 0, time.Minute)
	calls.Ended("/x", 99, time.Minute)
	calls.Show(p)
	var b strings.Builder
	n, err := p.WriteTo(&b)
	if err != nil || int(n) != b.Len() {
		t.Fatalf("%d bytes, %v", n, err)
	}
	for _, want := range []string{
		"# HELP proffer_build_info Always 1: what is running.\n# TYPE proffer_build_info gauge\nproffer_build_info{version=\"a\\\"b\\\\c\\nd\",go=\"go1\"} 1\n",
		"# TYPE proffer_rpc_requests_total counter\nproffer_rpc_requests_total{rpc=\"/s/Decide\",code=\"ok\"} 1\nproffer_rpc_requests_total{rpc=\"/s/Decide\",code=\"canceled\"} 1\nproffer_rpc_requests_total{rpc=\"other\",code=\"ok\"} 1\n",
		"proffer_rpc_duration_seconds_bucket{rpc=\"/s/Decide\",le=\"0.001\"} 0\nproffer_rpc_duration_seconds_bucket{rpc=\"/s/Decide\",le=\"0.0025\"} 1\nproffer_rpc_duration_seconds_bucket{rpc=\"/s/Decide\",le=\"0.005\"} 2\n",
		"proffer_rpc_duration_seconds_bucket{rpc=\"/s/Decide\",le=\"+Inf\"} 2\nproffer_rpc_duration_seconds_sum{rpc=\"/s/Decide\"} 0.005\nproffer_rpc_duration_seconds_count{rpc=\"/s/Decide\"} 2\n",
		"proffer_rpc_duration_seconds_bucket{rpc=\"other\",le=\"10\"} 0\nproffer_rpc_duration_seconds_bucket{rpc=\"other\",le=\"+Inf\"} 2\n",
		"\nproffer_log_up 1\n",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the page lacks\n%s\nit is\n%s", want, b.String())
		}
	}
	if strings.Contains(b.String(), "Never") || strings.Contains(b.String(), "proffer_ingest") {
		t.Errorf("what has no samples is shown:\n%s", b.String())
	}
}

func TestMetricsAreNamedAsUsual(t *testing.T) {
	t.Parallel()
	name := regexp.MustCompile(`^(proffer|go|process)_[a-z_]+$`)
	personal := []string{"profile", "alias", "person", "user", "identifier", "decision_id", "placement", "offer"}
	seen := map[string]bool{}
	for _, f := range All() {
		if !name.MatchString(f.Name) || seen[f.Name] || f.Help == "" {
			t.Errorf("%+v", f)
		}
		seen[f.Name] = true
		if total := strings.HasSuffix(f.Name, "_total"); total != (f.Kind == Counter) {
			t.Errorf("%s is a %s", f.Name, f.Kind)
		}
		if (f.Unit == "seconds" || f.Unit == "bytes" || f.Unit == "messages") != (strings.Contains(f.Name, "_"+f.Unit) && f.Unit != "") {
			t.Errorf("%s is in %q", f.Name, f.Unit)
		}
		for _, l := range f.Labels {
			if slices.Contains(personal, l) {
				t.Errorf("%s tells %s", f.Name, l)
			}
		}
	}
}

func TestTheDocumentListsEveryMetric(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), Reference()) {
		t.Errorf("docs/metrics.md is to have\n%s", Reference())
	}
}

func TestCountingACallDoesNotAllocate(t *testing.T) {
	calls := NewCalls([]string{"/s/Decide"}, []string{"ok"})
	if n := testing.AllocsPerRun(100, func() { calls.Ended("/s/Decide", 0, time.Millisecond) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkCountingACall(b *testing.B) {
	calls := NewCalls([]string{"/s/Decide"}, []string{"ok"})
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			calls.Ended("/s/Decide", 0, time.Millisecond)
		}
	})
}
