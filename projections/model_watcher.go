package projections

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/feature"
	"github.com/profferhq/proffer/domain/model/registry"
	"github.com/profferhq/proffer/domain/model/watch"
)

// ModelAlerts is what is done about models that leave their limits.
type ModelAlerts interface {
	// RaiseAlerts appends alerts to the log.
	RaiseAlerts(ctx context.Context, alerts []*event.AlertRaised) error
	// FallBack makes the champion before this one champion of a use again, unless it is champion no more.
	FallBack(ctx context.Context, use string, champion registry.Assignment, reason string) error
}

// ModelWatcherOptions tune a ModelWatcher.
type ModelWatcherOptions struct {
	// Watch says what is watched; required.
	Watch watch.Options
	// Limits of alerts; the zero Limits are the default ones.
	Limits watch.Limits
	// Every is the pause between two looks: a minute by default.
	Every time.Duration
	// Grace is for how long after a window has closed events may still arrive: ten minutes by default.
	Grace time.Duration
	// JudgeEvery is the least pause between two judgements, each of which reads the log: an hour by default.
	JudgeEvery time.Duration
	// Now is the clock; required.
	Now func() time.Time
	// Log is told what could not be stored or raised. Default: discarded.
	Log *slog.Logger
}

// ModelWatcher keeps a watch over all models from the log: it stores days, raises alerts, and lets broken champions fall
// back. Its state is folded anew from the log at every start, and is nowhere else.
type ModelWatcher struct {
	source   Source
	store    ModelDays
	alerts   ModelAlerts
	o        ModelWatcherOptions
	sessions *sessions

	watch   *watch.Watch
	cut     domain.Cut
	pending map[watch.Key]bool
	cleared bool
	judged  time.Time
	failing [3]bool // storing, raising, judging: told once
	shown   atomic.Pointer[watch.Shown]
}

// NewModelWatcher makes a watcher; Run starts it. Without a store days are kept in memory only.
func NewModelWatcher(source Source, store ModelDays, alerts ModelAlerts, o ModelWatcherOptions) *ModelWatcher {
	if o.Limits.By == nil {
		o.Limits = watch.DefaultLimits()
	}
	if o.Every <= 0 {
		o.Every = time.Minute
	}
	if o.Grace <= 0 {
		o.Grace = 10 * time.Minute
	}
	if o.JudgeEvery <= 0 {
		o.JudgeEvery = time.Hour
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &ModelWatcher{
		source: source, store: store, alerts: alerts, o: o, sessions: newSessions(), watch: watch.New(o.Watch), pending: map[watch.Key]bool{},
	}
}

// watchedStreams in the order in which they are caught up with: what versions are, then decisions. What became of these
// is read when they are judged, by the export of training rows: a label means one thing.
func watchedStreams() []domain.Stream { return []domain.Stream{domain.Policy, domain.Decision} }

// Numbers of the first of an event's bodies, and of a decision's scores of models.
const (
	firstBody   protowire.Number = 20
	scoresField protowire.Number = 26
)

// watchDecoder decodes what a watch reads.
func watchDecoder() *leanDecoder {
	type of = map[protowire.Number]*kept
	whole := &kept{whole: true}
	return &leanDecoder{fast: unscored{}, read: fieldsRead(of{
		4: whole, 5: whole,
		bodyDecision: fieldsRead(of{1: whole, 2: whole, 3: whole, 5: whole, 14: whole, 16: whole, scoresField: whole}),
		104:          whole, 105: whole, 106: whole, 109: whole, 111: whole,
	})}
}

// unscored reads decisions that no model had a part in, of which a watch reads nothing: as events without a body.
type unscored struct{}

func (unscored) decode(e *event.Event, frame []byte, _ *slab) bool {
	e.Body = nil
	decisions := 0
	var f field
	var ok bool
	for len(frame) > 0 {
		if frame, ok = f.next(frame); !ok {
			return false
		}
		switch {
		case f.number < firstBody:
		case f.number != bodyDecision || f.kind != protowire.BytesType || !lacksScores(f.bytes):
			return false
		default:
			decisions++
		}
	}
	return decisions == 1
}

func lacksScores(decision []byte) bool {
	var f field
	var ok bool
	for len(decision) > 0 {
		if decision, ok = f.next(decision); !ok || f.number == scoresField {
			return false
		}
	}
	return true
}

// Run watches until the context ends, which is no error. While the log cannot be reached it waits and tries again; every
// other error of the log ends it. What cannot be stored or raised is tried again at the next look.
func (p *ModelWatcher) Run(ctx context.Context) error { return p.sessions.run(ctx, p.session) }

func (p *ModelWatcher) session(ctx context.Context, caughtUp func()) error {
	if err := p.catchUp(ctx); err != nil {
		return err
	}
	caughtUp()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	arrived := arriving(ctx, p.source, watchedStreams(), watchDecoder, p.cut)
	look := time.NewTicker(p.o.Every)
	defer look.Stop()
	for {
		select {
		case m := <-arrived.messages:
			if m.err != nil {
				return m.err
			}
			p.apply(m)
			arrived.done(m)
		case <-look.C:
			p.look(ctx)
		case <-ctx.Done():
			return nil
		}
	}
}

// Look catches up with the log and looks once: for tests and for a command that does not stay.
func (p *ModelWatcher) Look(ctx context.Context) error {
	return p.sessions.urgently(ctx, func() error { return p.catchUp(ctx) })
}

// catchUp folds what the log holds now, and looks.
func (p *ModelWatcher) catchUp(ctx context.Context) error {
	targets, err := ends(ctx, p.source, watchedStreams())
	if err != nil {
		return err
	}
	reading, cancel := context.WithCancel(ctx)
	defer cancel()
	for m := range between(reading, p.source, watchedStreams(), watchDecoder, p.cut, targets) {
		if m.err != nil {
			return m.err
		}
		p.apply(m)
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	p.look(ctx)
	return nil
}

func (p *ModelWatcher) apply(m message) {
	for _, r := range m.events {
		if m.stream == domain.Policy { // these are kept, and a message's memory is used again
			r.Event = proto.Clone(r.Event).(*event.Event)
		}
		p.watch.Apply(m.stream, r)
	}
	p.cut[m.stream] = m.sequence
}

// look judges what is over, stores what has changed, and does what limits call for.
func (p *ModelWatcher) look(ctx context.Context) {
	now := p.o.Now()
	if since := now.Sub(p.judged); since >= p.o.JudgeEvery || since < 0 {
		p.judged = now
		p.tell(ctx, 2, "what became of decisions is not known: trying again", p.judge(ctx, now.Add(-p.o.Grace).UnixMilli()))
	}
	for _, k := range p.watch.Changed() {
		p.pending[k] = true
	}
	p.tell(ctx, 0, "how models did is not stored: trying again", p.keep(ctx))
	p.shown.Store(p.watch.Show(p.o.Limits.Days, now.UnixMilli()))
	p.tell(ctx, 1, "alerts about models are not raised: trying again", p.act(ctx, now.UnixMilli()))
}

// Shown is how the models did at the last look; nil before the first.
func (p *ModelWatcher) Shown() *watch.Shown { return p.shown.Load() }

// judge tells the watch what became of the decisions that are due: by their labels, as training rows would.
func (p *ModelWatcher) judge(ctx context.Context, nowMS int64) error {
	training := NewTraining(p.source, watchedViews(p.o.Watch.View))
	var failed error
	for _, due := range p.watch.Due(nowMS) {
		view, known := p.o.Watch.View(due.View)
		if !known {
			continue
		}
		err := training.Judge(ctx, JudgeRequest{View: view, Label: due.Label, Of: due.Of, UntilMS: nowMS}, func(j Judged) {
			if j.Outside {
				p.watch.Drop(&due, j.Decision)
			} else {
				p.watch.Judge(&due, j.Decision, j.Value)
			}
		})
		failed = errors.Join(failed, err)
	}
	p.watch.Forget(nowMS)
	return failed
}

// watchedViews are views as an export asks for them.
type watchedViews func(name string) (feature.View, bool)

// View implements TrainingViews.
func (w watchedViews) View(name string) (feature.View, bool) { return w(name) }

// tell says once that something fails, until it has worked again.
func (p *ModelWatcher) tell(ctx context.Context, what int, message string, err error) {
	if err != nil && ctx.Err() == nil && !p.failing[what] {
		p.o.Log.Warn(message, "error", err)
	}
	p.failing[what] = err != nil
}

func (p *ModelWatcher) keep(ctx context.Context) error {
	if p.store == nil || !p.cleared && len(p.pending) == 0 {
		return nil
	}
	if !p.cleared { // days of a state that was folded otherwise must not stay
		if err := p.store.ClearModelDays(ctx); err != nil {
			return fmt.Errorf("projections: forget how models did: %w", err)
		}
		p.cleared = true
	}
	var days []ModelDay
	for _, k := range p.watch.Keys() {
		if p.pending[k] {
			days = append(days, modelDay(k, p.watch.Day(k)))
		}
	}
	if len(days) == 0 {
		return nil
	}
	if err := p.store.StoreModelDays(ctx, days); err != nil {
		return fmt.Errorf("projections: store how models did: %w", err)
	}
	clear(p.pending)
	return nil
}

// act raises alerts, and lets champions fall back whose alerts have come back from the log.
func (p *ModelWatcher) act(ctx context.Context, nowMS int64) error {
	if alerts := p.watch.Alerts(p.o.Limits, nowMS); len(alerts) > 0 {
		if err := p.alerts.RaiseAlerts(ctx, alerts); err != nil {
			return err
		}
	}
	for _, use := range p.watch.FallBack() {
		champion, _ := p.watch.Champion(use)
		if err := p.alerts.FallBack(ctx, use, champion, p.why(champion)); err != nil {
			return err
		}
	}
	return nil
}

// why names the hard limits that a champion broke.
func (p *ModelWatcher) why(champion registry.Assignment) string {
	subject := fmt.Sprintf("model:%s@%d", champion.GetModel(), champion.GetVersion())
	reason := "hard limits:"
	for _, a := range p.watch.Open() {
		if a.GetSubject() == subject && a.GetHard() {
			reason += fmt.Sprintf(" %s %.4g against %.4g", a.GetMetric(), a.GetValue(), a.GetLimit())
		}
	}
	return reason
}
