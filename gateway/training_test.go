package gateway_test

import (
	"context"
	"encoding/binary"
	"math"
	"slices"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/profferhq/proffer/decider"
	"github.com/profferhq/proffer/decider/decidertest"
	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/feature"
	"github.com/profferhq/proffer/domain/label"
	"github.com/profferhq/proffer/projections"
	"github.com/profferhq/proffer/projections/projectionstest"
)

// shop is a decider over a log in memory, whose clock the tests move.
type shop struct {
	t          testing.TB
	ctx        context.Context
	log        *decidertest.Log
	views      *decidertest.Views
	identities *decider.Identities
	policies   *decider.Policies
	decider    *decider.Decider
	now        time.Time
	ids        uint64
}

func openShop(t testing.TB) *shop {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	s := &shop{t: t, ctx: ctx, log: decidertest.NewLog(2), now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	s.views = decidertest.NewViews(s.log)
	s.happens(decidertest.Published(&event.Policy{
		Id: "shop", View: "core@1", Salt: "s",
		Placements: []*event.Placement{{Id: "home", Channel: "web"}},
		Offers: []*event.Offer{{
			Id: "tea", Category: "drinks", Value: "5", Propensity: "0.5", ValidityMs: 3 * 24 * 3_600_000,
			Treatments: []*event.Treatment{{Id: "banner", Channel: "web"}},
		}},
		ContactLimits: []*event.ContactLimit{{Name: "daily", Most: 1, WindowMs: 24 * 3_600_000}},
	}, 1, s.now))
	s.identities = decider.NewIdentities(s.views)
	s.policies = decider.NewPolicies(feature.Core())
	s.decider = decider.New(decider.Config{
		Views: s.views, Lanes: s.log, Source: s.log, Identities: s.identities, Policies: s.policies, Vectors: decider.NewVectors(s.views, s.identities),
		Clock: func() time.Time { return s.now },
		Random: func() [10]byte {
			s.ids++
			var b [10]byte
			binary.BigEndian.PutUint64(b[2:], s.ids)
			return b
		},
	})
	if err := s.decider.Start(ctx); err != nil {
		t.Fatal(err)
	}
	return s
}

// happens appends events, each in the lane of its alias; nothing has folded them yet.
func (s *shop) happens(events ...*event.Event) {
	s.t.Helper()
	for _, e := range events {
		if _, err := s.log.Append(s.ctx, decidertest.LaneOf(e, s.log.Lanes()), e); err != nil {
			s.t.Fatal(err)
		}
	}
}

// sees lets the decider know all that is in the log.
func (s *shop) sees() {
	s.t.Helper()
	if err := s.views.CatchUp(s.ctx); err != nil {
		s.t.Fatal(err)
	}
	if err := s.identities.Load(s.ctx, s.log); err != nil {
		s.t.Fatal(err)
	}
	if err := s.policies.Load(s.ctx, s.log); err != nil {
		s.t.Fatal(err)
	}
}

func (s *shop) later(d time.Duration) { s.now = s.now.Add(d) }

func (s *shop) decides(name string) *event.Decision {
	s.t.Helper()
	a, err := s.decider.Decide(s.ctx, decider.Request{Alias: decidertest.Named(name), Placement: "home"})
	if err != nil {
		s.t.Fatal(err)
	}
	return a.Record
}

// bought is a purchase that the shop hears of now and that happened some time before.
func (s *shop) bought(name string, ago time.Duration, amount int64) *event.Event {
	e := decidertest.Purchased(name, s.now.Add(-ago), amount)
	e.ReceivedMs = s.now.UnixMilli()
	return e
}

func (s *shop) converted(name, offer string, of *event.Decision) *event.Event {
	e := decidertest.About(name, s.now, "converted "+offer)
	e.Body = &event.Event_Converted{Converted: &event.Converted{
		Of: &event.OutcomeOf{Offer: offer, Decision: of.GetId()}, ValueMicros: 7_000_000,
	}}
	return e
}

type core struct{}

func (core) View(name string) (feature.View, bool) {
	return feature.Core(), name == feature.Core().Name()
}

func (s *shop) export(r projections.TrainingRequest, held int) (*projectionstest.MemoryRows, projections.TrainingEnd) {
	s.t.Helper()
	if r.View.Len() == 0 {
		r.View = feature.Core()
	}
	training := projections.NewTraining(s.log, core{})
	if held > 0 {
		training = training.Holding(held)
	}
	rows := new(projectionstest.MemoryRows)
	end, err := training.Export(s.ctx, r, rows)
	if err != nil {
		s.t.Fatal(err)
	}
	return rows, end
}

func labelled(t testing.TB, d label.Document) label.Label {
	t.Helper()
	if d.Name == "" {
		d.Name, d.Description, d.Owner = "x", "x", "x"
	}
	l, err := label.New(d)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// soon is an order within a day.
func soon(t testing.TB) label.Label {
	return labelled(t, label.Document{Source: []string{"purchased"}, Aggregation: label.Exists, Horizon: "1d", Attribution: label.OfPerson})
}

func sameBits(x, y []float64) bool {
	return slices.EqualFunc(x, y, func(a, b float64) bool { return math.Float64bits(a) == math.Float64bits(b) })
}

// A random life: people buy, are linked and split, events arrive late, the views lag, and decisions are made.
func TestTheRowOfADecisionIsTheVectorThatWasServed(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		s := openShop(t)
		names := []string{"ann", "bob", "cid", "dan"}
		someone := func() string { return rapid.SampledFrom(names).Draw(rt, "who") }
		var made []*event.Decision
		for range rapid.IntRange(5, 40).Draw(rt, "steps") {
			s.later(time.Duration(rapid.IntRange(0, 40*3600).Draw(rt, "seconds")) * time.Second)
			switch rapid.IntRange(0, 9).Draw(rt, "step") {
			case 0, 1:
				s.happens(s.bought(someone(), time.Duration(rapid.IntRange(0, 100).Draw(rt, "hours"))*time.Hour, 3))
			case 2:
				if a, b := someone(), someone(); a != b {
					s.happens(decidertest.Linked(a, b, s.now))
				}
			case 3:
				if a, b := someone(), someone(); a != b {
					s.happens(decidertest.Unlinked(a, b, s.now))
				}
			case 4:
				s.happens(decidertest.Given(someone(), s.now, "coffee", "drinks", "email"))
			case 5:
				s.happens(s.converted(someone(), "tea", nil))
			case 6:
				s.sees()
			case 7:
				s.happens(decidertest.Marked(someone(), rapid.SampledFrom([]event.AliasMarked_Mark{
					event.AliasMarked_MARK_SHARED, event.AliasMarked_MARK_NONE,
				}).Draw(rt, "mark"), s.now))
			default:
				if err := s.identities.Load(s.ctx, s.log); err != nil {
					rt.Fatal(err)
				}
				if err := s.policies.Load(s.ctx, s.log); err != nil {
					rt.Fatal(err)
				}
				made = append(made, s.decides(someone()))
			}
		}
		s.later(48 * time.Hour)
		s.happens(s.bought("eve", 0, 1)) // the log goes on for longer than any horizon
		rows, end := s.export(projections.TrainingRequest{Label: soon(t), AtDecisions: true}, 0)
		if end.Skewed != 0 || end.Outside != 0 || end.Unfinished != 0 {
			rt.Fatalf("%+v", end)
		}
		for _, d := range made {
			at := slices.IndexFunc(rows.Decisions, func(a domain.Alias) bool { return slices.Equal(a[:], d.GetId()) })
			if at < 0 {
				rt.Fatalf("no row for decision %x", d.GetId())
			}
			if !sameBits(rows.Vector(at), d.GetVector()) || rows.AtMS[at] != d.GetNowMs() || !slices.Equal(rows.Profiles[at][:], d.GetProfile()) {
				rt.Fatalf("the row of decision %x is not what was served:\n%v\n%v", d.GetId(), rows.Vector(at), d.GetVector())
			}
		}
		again, _ := s.export(projections.TrainingRequest{Label: soon(t), AtDecisions: true}, 600)
		if again.Digest() != rows.Digest() {
			rt.Fatal("with less memory the rows are others")
		}
	})
}

func TestALateEventDoesNotRewriteARow(t *testing.T) {
	t.Parallel()
	s := openShop(t)
	s.happens(s.bought("ann", time.Hour, 10))
	s.sees()
	first := s.decides("ann")
	before, _ := s.exportAfter(s.now.Add(72 * time.Hour))

	s.later(time.Hour)
	s.happens(s.bought("ann", 30*24*time.Hour, 99)) // it happened long before the decision
	s.sees()
	second := s.decides("ann")
	s.later(72 * time.Hour)
	s.happens(s.bought("bob", 0, 1))
	rows, end := s.export(projections.TrainingRequest{Label: soon(t), AtDecisions: true}, 0)
	if len(rows.AtMS) != 2 || end.Skewed != 0 {
		t.Fatalf("%d rows, %+v", len(rows.AtMS), end)
	}
	if !sameBits(rows.Vector(0), before) || !sameBits(rows.Vector(0), first.GetVector()) {
		t.Error("the late event rewrote the row of the decision before it")
	}
	if !sameBits(rows.Vector(1), second.GetVector()) || value(rows.Vector(1), "spend_lifetime") != 109 || value(rows.Vector(0), "spend_lifetime") != 10 {
		t.Errorf("spend was %v then and %v later, want 10 and 109", value(rows.Vector(0), "spend_lifetime"), value(rows.Vector(1), "spend_lifetime"))
	}
	if rows.Labels[0] != 0 {
		t.Error("a late event from before the decision counts as its outcome")
	}
}

// exportAfter is the first row's vector of an export as it would be made with one more event at a time.
func (s *shop) exportAfter(at time.Time) ([]float64, float64) {
	s.t.Helper()
	e := decidertest.Purchased("zoe", at, 1)
	s.happens(e)
	rows, _ := s.export(projections.TrainingRequest{Label: soon(s.t), AtDecisions: true}, 0)
	return slices.Clone(rows.Vector(0)), rows.Labels[0]
}

func value(vector []float64, name string) float64 {
	i, _ := feature.Core().Index(name)
	return vector[i]
}

func TestALinkAfterADecisionDoesNotChangeItsRow(t *testing.T) {
	t.Parallel()
	s := openShop(t)
	s.happens(s.bought("ann", time.Hour, 10), s.bought("bob", time.Hour, 500))
	s.sees()
	d := s.decides("ann")
	s.later(2 * time.Hour)
	s.happens(s.bought("bob", 0, 20), decidertest.Linked("ann", "bob", s.now))
	s.sees()
	later := s.decides("ann")
	vector, was := s.exportAfter(s.now.Add(72 * time.Hour))
	if !sameBits(vector, d.GetVector()) || value(vector, "spend_lifetime") != 10 {
		t.Error("the link changed the row before it")
	}
	if was != 0 {
		t.Error("what somebody bought who was linked later counts for the row before")
	}
	if value(later.GetVector(), "spend_lifetime") != 530 {
		t.Errorf("the later decision knows %v, want 530", value(later.GetVector(), "spend_lifetime"))
	}
}

func TestAConversionIsCreditedToItsDecision(t *testing.T) {
	t.Parallel()
	s := openShop(t)
	s.happens(s.bought("ann", time.Hour, 10))
	s.sees()
	first := s.decides("ann")
	s.later(25 * time.Hour)
	s.sees()
	second := s.decides("ann") // the same offer again
	s.later(time.Hour)
	s.sees()
	third := s.decides("ann") // nothing: the contact limit
	if first.GetOffer() != "tea" || second.GetOffer() != "tea" || third.GetOffer() != "" {
		t.Fatalf("offered %q, %q, %q", first.GetOffer(), second.GetOffer(), third.GetOffer())
	}
	s.later(time.Hour)
	completion, _ := label.ShippedAs("offer_completion")
	conversion, _ := label.ShippedAs("conversion_7d")
	for _, c := range []struct {
		name       string
		named      *event.Decision
		after      time.Duration
		label      label.Label
		want       []float64
		unfinished uint64
	}{
		{"the latest that gave the offer", nil, 0, conversion, []float64{0, 1}, 0},
		{"the one it names", first, 0, conversion, []float64{1, 0}, 0},
		{"while it is valid", nil, 24 * time.Hour, completion, []float64{0, 1}, 0},
		{"too late to be valid", nil, 80 * time.Hour, completion, []float64{0, 0}, 0},
		{"still within 7 days", nil, 80 * time.Hour, conversion, []float64{0, 1}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := *s
			s.log = copyOf(t, s.log)
			s.later(c.after)
			s.happens(s.converted("ann", "tea", c.named))
			rows, end := s.export(projections.TrainingRequest{Label: c.label, AtDecisions: true}, 0)
			if len(rows.Labels) > 0 && c.label.Name() == "conversion_7d" {
				t.Errorf("rows with an unfinished horizon: %v", rows.Labels)
			}
			s.later(10 * 24 * time.Hour)
			s.happens(s.bought("bob", 0, 1))
			if rows, end = s.export(projections.TrainingRequest{Label: c.label, AtDecisions: true}, 0); !slices.Equal(rows.Labels, c.want) {
				t.Errorf("labels %v, want %v", rows.Labels, c.want)
			}
			if end.Outside != 1 || end.Unfinished != c.unfinished || end.Skewed != 0 {
				t.Errorf("%+v, want one outside: the decision that gave nothing", end)
			}
		})
	}
}

// copyOf is a log with the same events.
func copyOf(t *testing.T, log *decidertest.Log) *decidertest.Log {
	t.Helper()
	out := decidertest.NewLog(log.Lanes())
	for _, stream := range domain.AllStreams() {
		last, err := log.Last(t.Context(), stream)
		if err != nil || last == 0 {
			continue
		}
		for e, err := range log.Read(t.Context(), stream, 1, last) {
			if err != nil {
				t.Fatal(err)
			}
			events, err := e.Events()
			if err != nil {
				t.Fatal(err)
			}
			if _, err := out.Append(t.Context(), e.Lane, events...); err != nil {
				t.Fatal(err)
			}
		}
	}
	return out
}

// history is an event of a file: it counts as known when it happened.
func history(e *event.Event, imported time.Time, seq uint64) *event.Event {
	e.Source, e.SourceSeq, e.ReceivedMs = "import:shop/sales.csv", seq, imported.UnixMilli()
	return e
}

func TestRowsAtDatesOfImportedHistory(t *testing.T) {
	t.Parallel()
	s := openShop(t)
	day := func(n int) time.Time { return time.Date(2025, 1, 1, 6, 0, 0, 0, time.UTC).AddDate(0, 0, n) }
	var events []*event.Event
	for i, c := range []struct {
		name string
		day  int
	}{{"ann", 0}, {"ann", 40}, {"bob", 10}, {"ann", 200}, {"cid", 150}, {"dan", 300}} {
		events = append(events, history(decidertest.Purchased(c.name, day(c.day), 10), s.now, uint64(i+1)<<8))
	}
	s.happens(events...)
	// Somebody whom the shop knows live, a year later: the file says nothing of that year.
	s.happens(s.bought("zoe", 0, 1))
	churn, _ := label.ShippedAs("churn_90d")
	rows, end := s.export(projections.TrainingRequest{
		Label: churn, FromMS: day(30).UnixMilli(), UntilMS: day(400).UnixMilli(), EveryMS: 60 * 24 * 3_600_000,
	}, 0)
	got := map[string]float64{}
	for i := range rows.AtMS {
		who := ""
		for _, name := range []string{"ann", "bob", "cid", "dan"} {
			if decidertest.Named(name) == rows.Profiles[i] {
				who = name
			}
		}
		at := int(time.UnixMilli(rows.AtMS[i]).Sub(day(0)).Hours() / 24)
		got[who+" "+strconv.Itoa(at)] = rows.Labels[i]
	}
	// Dates: 30, 90, 150, 210, 270, 330, 390; the file ends at day 300, so rows after 210 are unfinished.
	want := map[string]float64{
		"ann 30": 0, "bob 30": 1, "ann 90": 1, "bob 90": 1, "ann 150": 0, "bob 150": 1, "cid 150": 1,
		"ann 210": 1, "bob 210": 1, "cid 210": 1,
	}
	for k, v := range want {
		if g, there := got[k]; !there || g != v {
			t.Errorf("%s is %v (%v), want %v", k, g, there, v)
		}
	}
	if len(got) != len(want) || end.Rows != uint64(len(want)) {
		t.Errorf("rows %v", got)
	}
	if end.Unfinished != 10 || end.Outside != 1 { // 270: 3 people, 330: 4, 390: 3 and bob, who has bought nothing for a year
		t.Errorf("%+v", end)
	}
}
