package gateway

import (
	"context"
	"net/http"
	"runtime"
	runtimemetrics "runtime/metrics"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/profferhq/proffer/commands"
	"github.com/profferhq/proffer/decider"
	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/identity"
	"github.com/profferhq/proffer/domain/model/registry"
	"github.com/profferhq/proffer/domain/model/watch"
	"github.com/profferhq/proffer/gateway/metrics"
)

// decided counts the decisions of this process. Counting costs a few additions and no memory.
type decided struct {
	offered, nothing atomic.Uint64
	// scores by role, then by what scoreResults has at the place.
	scores [len(scoreRoles)][len(scoreResults)]atomic.Uint64
}

var (
	scoreRoles   = [...]string{"champion", "challenger", "shadow", "other"}
	scoreResults = [...]string{
		"scored", decider.FailureUnavailable, decider.FailureView, decider.FailureInfinite, decider.FailureNotFinite, "OTHER",
	}
)

// placeOf is where a word stands, or the last place.
func placeOf(words []string, word string) int {
	if i := slices.Index(words, word); i >= 0 {
		return i
	}
	return len(words) - 1
}

func (d *decided) count(record *event.Decision) {
	if record.GetOffer() == "" {
		d.nothing.Add(1)
	} else {
		d.offered.Add(1)
	}
	for _, s := range record.GetScores() {
		result := 0
		if s.GetFailure() != "" {
			result = placeOf(scoreResults[:], s.GetFailure())
		}
		d.scores[placeOf(scoreRoles[:], s.GetRole())][result].Add(1)
	}
}

func (d *decided) show(p *metrics.Page) {
	p.Add(metrics.Decisions, float64(d.offered.Load()), "offered")
	p.Add(metrics.Decisions, float64(d.nothing.Load()), "nothing")
	for i, role := range scoreRoles {
		for j, result := range scoreResults {
			if n := d.scores[i][j].Load(); n > 0 {
				p.Add(metrics.Scores, float64(n), role, result)
			}
		}
	}
}

// scrapeWithin bounds how long the log is asked about lags.
const scrapeWithin = 2 * time.Second

// metrics answers a scrape.
func (n *Node) metrics(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), scrapeWithin)
	defer cancel()
	p := metrics.NewPage()
	build := BuildVersion()
	p.Add(metrics.BuildInfo, 1, build.Version, build.Go)
	n.calls.Show(p)
	for _, status := range []commands.Status{commands.Accepted, commands.Duplicate, commands.Rejected} {
		p.Add(metrics.Ingested, float64(n.parts.ingest.Answered(status)), strings.ToLower(status.String()))
	}
	n.showLog(p)
	for _, projection := range n.projections() {
		if lag, err := projection.Lag(ctx); err == nil {
			p.Add(metrics.ProjectionLag, float64(lag), projection.Name)
		}
	}
	p.Add(metrics.Staleness, n.parts.fresh.Staleness().Seconds())
	n.showIdentity(p)
	n.decided.show(p)
	showModels(p, n.parts.watcher.Shown(), n.now())
	showRuntime(p, n.started)
	w.Header().Set("Content-Type", metrics.ContentType)
	_, _ = p.WriteTo(w)
}

func (n *Node) showIdentity(p *metrics.Page) {
	n.parts.recall.People.Look(func(register *identity.Register) {
		for _, guard := range []string{identity.GuardTypeLimit, identity.GuardBarred, identity.GuardTooLarge} {
			p.Add(metrics.Withheld, float64(register.WithheldBy(guard)), guard)
		}
	})
	matching := n.parts.matching.Progress()
	p.Add(metrics.MatchingWaiting, float64(matching.Unindexed+matching.Unmatched))
}

func (n *Node) showLog(p *metrics.Page) {
	stats := n.parts.log.Stats()
	up := 0.0
	if stats.Connected {
		up = 1
	}
	p.Add(metrics.LogUp, up)
	for _, s := range domain.AllStreams() {
		of, name := stats.Streams[s], s.String()
		p.Add(metrics.LogEnvelopes, float64(of.Envelopes), name)
		p.Add(metrics.LogEvents, float64(of.Events), name)
		p.Add(metrics.LogBytes, float64(of.Bytes), name)
		p.Add(metrics.LogPublishing, of.Publishing.Seconds(), name)
		p.Add(metrics.LogRetries, float64(of.Retries), name)
		p.Add(metrics.LogFailed, float64(of.Failed), name)
		p.Add(metrics.LogRefused, float64(of.Refused), name)
		p.Add(metrics.LogLost, float64(of.Lost), name)
		p.Add(metrics.LogQueued, float64(of.QueuedBytes), name)
	}
}

// showModels shows how the versions that have a role do.
func showModels(p *metrics.Page, shown *watch.Shown, now time.Time) {
	if shown == nil { // the watcher has not looked yet
		return
	}
	p.Add(metrics.ModelWaiting, float64(shown.Waiting))
	for _, v := range shown.Versions {
		labels := []string{v.Model, strconv.FormatUint(v.Version, 10), registry.RoleName(v.Role)}
		p.Add(metrics.ModelDecisions, float64(v.Decisions), labels...)
		p.Add(metrics.ModelFailures, float64(v.Failures), labels...)
		if v.LastMS > 0 {
			p.Add(metrics.ModelStaleness, now.Sub(time.UnixMilli(v.LastMS)).Seconds(), labels...)
		}
		p.Add(metrics.ModelScorePSI, v.ScorePSI, labels...)
		p.Add(metrics.ModelScoreKS, v.ScoreKS, labels...)
		p.Add(metrics.ModelFeaturePSI, v.FeaturePSI, labels...)
		p.Add(metrics.ModelFeatureKS, v.FeatureKS, labels...)
		p.Add(metrics.ModelMissing, v.MissingRise, labels...)
		p.Add(metrics.ModelJudged, float64(v.Judged), labels...)
		p.Add(metrics.ModelAUC, v.AUC, labels...)
		p.Add(metrics.ModelECE, v.ECE, labels...)
		p.Add(metrics.ModelMAE, v.Errors.MAE, labels...)
		p.Add(metrics.ModelRMSE, v.Errors.RMSE, labels...)
		p.Add(metrics.ModelMAERatio, v.Errors.MAERatio, labels...)
		p.Add(metrics.ModelR2, v.Errors.R2, labels...)
		p.Add(metrics.ModelBias, v.Errors.Bias, labels...)
	}
	open := map[[2]string]int{}
	for _, a := range shown.Open {
		severity := "soft"
		if a.GetHard() {
			severity = "hard"
		}
		open[[2]string{a.GetMetric(), severity}]++
	}
	for _, metric := range watch.Metrics() {
		for _, severity := range []string{"soft", "hard"} {
			p.Add(metrics.AlertsOpen, float64(open[[2]string{metric, severity}]), metric, severity)
		}
	}
}

func showRuntime(p *metrics.Page, started time.Time) {
	p.Add(metrics.GoRoutines, float64(runtime.NumGoroutine()))
	samples := []runtimemetrics.Sample{
		{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/memory/classes/total:bytes"}, {Name: "/gc/cycles/total:gc-cycles"},
		{Name: "/gc/heap/allocs:bytes"}, {Name: "/cpu/classes/user:cpu-seconds"}, {Name: "/cpu/classes/gc/total:cpu-seconds"},
	}
	runtimemetrics.Read(samples)
	read := func(i int) float64 {
		if samples[i].Value.Kind() == runtimemetrics.KindFloat64 {
			return samples[i].Value.Float64()
		}
		return float64(samples[i].Value.Uint64())
	}
	p.Add(metrics.GoHeap, read(0))
	p.Add(metrics.GoSystem, read(1))
	p.Add(metrics.GoCycles, read(2))
	p.Add(metrics.GoAllocs, read(3))
	p.Add(metrics.GoCPU, read(4), "user")
	p.Add(metrics.GoCPU, read(5), "gc")
	p.Add(metrics.StartTime, float64(started.UnixMilli())/1000)
}
