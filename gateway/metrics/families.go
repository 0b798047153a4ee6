// Package metrics is what a server tells of itself in the text format of Prometheus: which metrics there are, counters that
// cost a decision nothing, and the page that is read. No label holds anything about a person, and each has few values.
package metrics

// Kind is a type of metric, as Prometheus calls it.
type Kind string

// The kinds that are used.
const (
	Counter   Kind = "counter"
	Gauge     Kind = "gauge"
	Histogram Kind = "histogram"
)

// Family is a metric: one name, its samples told apart by labels.
type Family struct {
	Name   string
	Kind   Kind
	Unit   string // for the reference: empty for a plain count
	Labels []string
	Help   string
}

// The metrics. Counters begin with the process.
var (
	BuildInfo = Family{"proffer_build_info", Gauge, "", []string{"version", "go"}, "Always 1: what is running."}

	Requests = Family{"proffer_rpc_requests_total", Counter, "", []string{"rpc", "code"}, "Calls that ended, by procedure and Connect code (ok when there was no error)."}
	Latency  = Family{"proffer_rpc_duration_seconds", Histogram, "seconds", []string{"rpc"}, "How long calls took; of a stream, from its beginning to its end."}

	Ingested = Family{"proffer_ingest_items_total", Counter, "", []string{"result"}, "Items that sources sent: accepted, duplicate or rejected (those are in quarantine)."}

	LogUp         = Family{"proffer_log_up", Gauge, "", nil, "1 while the log is connected."}
	LogEnvelopes  = Family{"proffer_log_envelopes_total", Counter, "", []string{"stream"}, "Envelopes appended and acknowledged."}
	LogEvents     = Family{"proffer_log_events_total", Counter, "", []string{"stream"}, "Events appended and acknowledged."}
	LogBytes      = Family{"proffer_log_bytes_total", Counter, "bytes", []string{"stream"}, "Bytes of the envelopes appended."}
	LogPublishing = Family{"proffer_log_publishing_seconds_total", Counter, "seconds", []string{"stream"}, "Time spent in publishing; by the envelopes it is the mean time of an append."}
	LogRetries    = Family{"proffer_log_retries_total", Counter, "", []string{"stream"}, "Envelopes sent again."}
	LogFailed     = Family{"proffer_log_failed_total", Counter, "", []string{"stream"}, "Appends that ended with an error."}
	LogRefused    = Family{"proffer_log_refused_total", Counter, "", []string{"stream"}, "Appends that found the queue full."}
	LogLost       = Family{"proffer_log_lanes_lost_total", Counter, "", []string{"stream"}, "How often a lane was found to have another owner."}
	LogQueued     = Family{"proffer_log_queued_bytes", Gauge, "bytes", []string{"stream"}, "Waiting to be appended, or under way."}

	ProjectionLag = Family{"proffer_projection_lag_messages", Gauge, "messages", []string{"projection"}, "Messages of the log that a projection has not applied; missing while it cannot be told."}
	Staleness     = Family{"proffer_decision_staleness_seconds", Gauge, "seconds", nil, "How far what decisions know is behind the log."}

	Withheld        = Family{"proffer_identity_withheld", Gauge, "", []string{"guard"}, "Links that a guard withholds now; PROFILE_TOO_LARGE is an alarm."}
	MatchingWaiting = Family{"proffer_matching_waiting", Gauge, "", nil, "Records that wait to be read or compared by matching."}

	Decisions = Family{"proffer_decisions_total", Counter, "", []string{"outcome"}, "Decisions recorded: offered, or nothing."}
	Scores    = Family{"proffer_model_scores_total", Counter, "", []string{"role", "result"}, "What models answered in recorded decisions: scored, or why not."}

	ModelDecisions  = Family{"proffer_model_window_decisions", Gauge, "", []string{"model", "version", "role"}, "Decisions of the watched days (usually seven) with a score."}
	ModelFailures   = Family{"proffer_model_window_failures", Gauge, "", []string{"model", "version", "role"}, "Decisions of the watched days in which the model gave no score."}
	ModelStaleness  = Family{"proffer_model_staleness_seconds", Gauge, "seconds", []string{"model", "version", "role"}, "Since the last answer."}
	ModelScorePSI   = Family{"proffer_model_score_psi", Gauge, "", []string{"model", "version", "role"}, "Population stability index of the score against the reference."}
	ModelScoreKS    = Family{"proffer_model_score_ks", Gauge, "", []string{"model", "version", "role"}, "Kolmogorov-Smirnov distance of the score to the reference."}
	ModelFeaturePSI = Family{"proffer_model_feature_psi_max", Gauge, "", []string{"model", "version", "role"}, "The largest population stability index of a feature."}
	ModelFeatureKS  = Family{"proffer_model_feature_ks_max", Gauge, "", []string{"model", "version", "role"}, "The largest Kolmogorov-Smirnov distance of a feature."}
	ModelMissing    = Family{"proffer_model_feature_missing_rise_max", Gauge, "", []string{"model", "version", "role"}, "By how much the share of missing values has risen most above the reference's."}
	ModelJudged     = Family{"proffer_model_judged", Gauge, "", []string{"model", "version", "role"}, "Judged decisions of the last days that are judged."}
	ModelAUC        = Family{"proffer_model_auc", Gauge, "", []string{"model", "version", "role"}, "AUC of the judged decisions; missing while there is one outcome only."}
	ModelECE        = Family{"proffer_model_ece", Gauge, "", []string{"model", "version", "role"}, "Expected calibration error of the judged decisions."}
	ModelMAE        = Family{"proffer_model_mae", Gauge, "", []string{"model", "version", "role"}, "Mean absolute error of the judged decisions whose scores are amounts, in units of the label."}
	ModelRMSE       = Family{"proffer_model_rmse", Gauge, "", []string{"model", "version", "role"}, "Their root mean squared error."}
	ModelMAERatio   = Family{"proffer_model_mae_ratio", Gauge, "", []string{"model", "version", "role"}, "Their mean absolute error over that of the model's card."}
	ModelR2         = Family{"proffer_model_r_squared", Gauge, "", []string{"model", "version", "role"}, "1 less their squared error over that of the outcomes' mean."}
	ModelBias       = Family{"proffer_model_bias", Gauge, "", []string{"model", "version", "role"}, "By how much their scores are too high, in standard deviations of the outcomes."}
	ModelWaiting    = Family{"proffer_model_decisions_waiting", Gauge, "", nil, "Decisions whose window has not closed: they are not judged yet."}
	AlertsOpen      = Family{"proffer_model_alerts_open", Gauge, "", []string{"metric", "severity"}, "Alerts that are open, soft and hard."}

	GoRoutines = Family{"go_goroutines", Gauge, "", nil, "Goroutines."}
	GoHeap     = Family{"go_memstats_heap_alloc_bytes", Gauge, "bytes", nil, "Bytes of heap objects."}
	GoSystem   = Family{"go_memstats_sys_bytes", Gauge, "bytes", nil, "Bytes that Go holds from the system."}
	GoCycles   = Family{"go_gc_cycles_total", Counter, "", nil, "Garbage collections."}
	GoAllocs   = Family{"go_memstats_alloc_bytes_total", Counter, "bytes", nil, "Bytes allocated."}
	GoCPU      = Family{"go_cpu_seconds_total", Counter, "seconds", []string{"class"}, "Processor time as Go estimates it: user code, garbage collection."}
	StartTime  = Family{"process_start_time_seconds", Gauge, "seconds", nil, "When the process started, Unix time."}
)

// All are the metrics, in the order of the page.
func All() []Family {
	return []Family{
		BuildInfo, Requests, Latency, Ingested,
		LogUp, LogEnvelopes, LogEvents, LogBytes, LogPublishing, LogRetries, LogFailed, LogRefused, LogLost, LogQueued,
		ProjectionLag, Staleness, Withheld, MatchingWaiting, Decisions, Scores,
		ModelDecisions, ModelFailures, ModelStaleness, ModelScorePSI, ModelScoreKS, ModelFeaturePSI, ModelFeatureKS, ModelMissing,
		ModelJudged, ModelAUC, ModelECE, ModelMAE, ModelRMSE, ModelMAERatio, ModelR2, ModelBias, ModelWaiting, AlertsOpen,
		GoRoutines, GoHeap, GoSystem, GoCycles, GoAllocs, GoCPU, StartTime,
	}
}
