package decider_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/profferhq/proffer/decider"
	"github.com/profferhq/proffer/decider/decidertest"
	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/feature"
	"github.com/profferhq/proffer/domain/policy"
	"github.com/profferhq/proffer/domain/problem"
)

// forRich is oneTea for those in the segment rich of tags, without a contact limit.
func forRich() *event.Policy {
	p := oneTea()
	p.ContactLimits = nil
	p.Offers[0].Eligibility = []*event.Rule{{Name: "rich", When: "'rich' in segments.tags"}}
	return p
}

// richFrom defines tags: rich is who paid that much, ever.
func richFrom(version uint64, amount string) *event.Event {
	return decidertest.SegmentsDefined("tags", version,
		`{"id":"tags","view":"core@1","rules":[{"segment":"rich","when":"features.spend_lifetime >= `+amount+`"}]}`, noon.Add(-time.Hour))
}

func inTags(d *event.Decision) (version uint64, segments []string, failure string) {
	if len(d.GetSegments()) != 1 || d.GetSegments()[0].GetDefinition() != "tags" {
		return 0, nil, "not recorded"
	}
	s := d.GetSegments()[0]
	return s.GetVersion(), s.GetSegments(), s.GetFailure()
}

func TestEveryDecisionReplaysWithTheSegmentsOfItsCut(t *testing.T) {
	t.Parallel()
	w := given(t, richFrom(1, "10.0"), published(forRich()), decidertest.Purchased("ann", noon.Add(-time.Hour), 12))
	first := w.decides("ann").Record
	w.happens(richFrom(2, "1000.0"))
	second := w.decides("ann").Record
	w.happens(richFrom(3, "11.0"))
	third := w.decides("ann").Record
	for i, c := range []struct {
		record *event.Decision
		offer  string
		in     []string
	}{{first, "tea", []string{"rich"}}, {second, "", nil}, {third, "tea", []string{"rich"}}} {
		version, in, failure := inTags(c.record)
		if version != uint64(i+1) || !slices.Equal(in, c.in) || failure != "" || c.record.GetOffer() != c.offer {
			t.Errorf("decision %d: version %d, in %v, %s, offer %q", i, version, in, failure, c.record.GetOffer())
		}
	}
	w.start() // and after a restart
	if tally := w.allReplay(); tally.Identical != 3 {
		t.Errorf("%+v", tally)
	}
}

func TestSegmentsAreOfTheWholePerson(t *testing.T) {
	t.Parallel()
	w := given(t, richFrom(1, "20.0"), published(forRich()),
		decidertest.Purchased("ann", noon.Add(-time.Hour), 12), decidertest.Purchased("bob", noon.Add(-time.Hour), 12))
	if _, in, _ := inTags(w.decides("ann").Record); len(in) != 0 {
		t.Errorf("alone: %v", in)
	}
	w.happens(decidertest.Linked("ann", "bob", noon))
	if _, in, _ := inTags(w.decides("bob").Record); len(in) != 1 {
		t.Errorf("together: %v", in)
	}
	w.catchUp()
	w.allReplay()
}

func TestAnExplanationShowsTheSegments(t *testing.T) {
	t.Parallel()
	w := given(t, richFrom(1, "10.0"), published(forRich()), decidertest.Purchased("ann", noon.Add(-time.Hour), 12))
	answer := w.decides("ann")
	w.happens(richFrom(2, "1000.0"))
	replayer := decider.NewReplayer(w.log, w.policies)
	logged, err := replayer.At(w.ctx, answer.At.Position)
	if err != nil {
		t.Fatal(err)
	}
	e, err := replayer.Explain(logged)
	if err != nil || len(e.Segments) != 1 || e.Segments[0].GetVersion() != 1 {
		t.Fatalf("%v, %v", e.Segments, err)
	}
	if r := e.Candidates[0].Rules[0]; r.Result != "true" || r.Values["segments.tags"] != "rich" {
		t.Errorf("%+v", r)
	}
}

func TestAPolicyOfUnknownSegmentsIsRefused(t *testing.T) {
	t.Parallel()
	w := given(t, richFrom(1, "10.0"))
	for when, wanted := range map[string]problem.Problem{
		"'rich' in segments.tag":               {Field: "offers[0].eligibility[0].when", Reason: policy.FaultUnknownSegments, Message: `did you mean "tags"`},
		"'ritch' in segments.tags":             {Field: "offers[0].eligibility[0].when", Reason: policy.FaultUnknownSegment, Message: `did you mean "rich"`},
		"segments == segments":                 {Field: "offers[0].eligibility[0].when", Reason: policy.FaultExpression, Message: "segments.<name>"},
		"segments.tags":                        {Field: "offers[0].eligibility[0].when", Reason: policy.FaultExpressionType},
		"'rich' in segments.tags":              {},
		"segments.tags.exists(s, s == 'rich')": {},
	} {
		p := forRich()
		p.Offers[0].Eligibility[0].When = when
		_, err := w.policies.Check(p)
		var list problem.List
		switch {
		case wanted.Field == "" && err != nil:
			t.Errorf("%s: %v", when, err)
		case wanted.Field != "" && (!errors.As(err, &list) || list[0].Field != wanted.Field || list[0].Reason != wanted.Reason || !strings.Contains(list[0].Message, wanted.Message)):
			t.Errorf("%s: %v, want %v", when, err, wanted)
		}
	}
}

func TestSegmentsThatCannotBeToldFailTheirRulesAndReplay(t *testing.T) {
	t.Parallel()
	w := given(t, published(forRich()), viewPublished(t, richView), decidertest.Purchased("ann", noon.Add(-time.Hour), 120))
	undefined := w.decides("ann").Record
	large := decidertest.SegmentsDefined("tags", 1, `{"id":"tags","view":"rich@1","rules":[{"segment":"rich","when":"features.large_30d > 0.0"},{"segment":"there","when":"features.at_start == 1.0"}]}`, noon)
	w.happens(large)
	unready := w.decides("ann").Record
	for name, c := range map[string]struct {
		record  *event.Decision
		failure string
	}{"undefined": {undefined, decider.FailureUndefined}, "unready": {unready, decider.FailureViewNotReady}} {
		_, _, failure := inTags(c.record)
		if failure != c.failure || c.record.GetCandidates()[0].GetReason() != policy.ReasonSegmentsMissing {
			t.Errorf("%s: %s, %v", name, failure, c.record.GetCandidates())
		}
	}
	if layout := w.policies.Wanted(); !layout.Serves(view(t, richView)) {
		t.Error("the view of a definition is not wanted")
	}
	w.views = decidertest.NewViews(w.log, view(t, richView))
	w.catchUp()
	w.start()
	if _, in, failure := inTags(w.decides("ann").Record); !slices.Equal(in, []string{"rich"}) || failure != "" {
		t.Errorf("once the view is kept: %v, %s", in, failure)
	}
	if tally := w.allReplay(); tally.Identical != 3 {
		t.Errorf("%+v", tally)
	}
}

// Segments are of people: a feature that is computed from a request has its default, also where the policy reads the same
// view with the request.
func TestSegmentsDoNotSeeTheRequest(t *testing.T) {
	t.Parallel()
	p := richPolicy()
	p.Offers[0].Eligibility = []*event.Rule{{Name: "start", When: "features.at_start == 1.0 && !('there' in segments.tags)"}}
	w := given(t, decidertest.Purchased("ann", noon.Add(-time.Hour), 120))
	w.views = decidertest.NewViews(w.log, view(t, richView))
	w.catchUp()
	w.start()
	w.happens(viewPublished(t, richView), decidertest.Published(p, 1, noon), decidertest.SegmentsDefined("tags", 1,
		`{"id":"tags","view":"rich@1","rules":[{"segment":"there","when":"features.at_start == 1.0"}]}`, noon))
	ask := w.ask("ann", "home")
	ask.Context = []*event.ContextValue{{Name: "page", Value: &event.ContextValue_Text{Text: "start"}}}
	answer, err := w.decider.Decide(w.ctx, ask)
	if err != nil || answer.Record.GetOffer() != "gold" {
		t.Fatalf("%v, %v", answer.Record, err)
	}
	w.allReplay()
}

func TestARecordWithOtherSegmentsIsADifference(t *testing.T) {
	t.Parallel()
	w := given(t, richFrom(1, "10.0"), published(forRich()), decidertest.Purchased("ann", noon.Add(-time.Hour), 12))
	answer := w.decides("ann")
	replayer := decider.NewReplayer(w.log, w.policies)
	logged, err := replayer.At(w.ctx, answer.At.Position)
	if err != nil {
		t.Fatal(err)
	}
	for field, change := range map[string]func(*event.InSegments){
		"segments[0].version":  func(s *event.InSegments) { s.Version = 2 },
		"segments[0].digest":   func(s *event.InSegments) { s.Digest[0]++ },
		"segments[0].segments": func(s *event.InSegments) { s.Segments = nil },
	} {
		changed := logged
		changed.Record = proto.CloneOf(logged.Record)
		change(changed.Record.GetSegments()[0])
		one, err := replayer.One(w.ctx, changed)
		if err != nil || !slices.ContainsFunc(one.Differences, func(d decider.Difference) bool { return strings.HasPrefix(d.Field, field) }) {
			t.Errorf("%s: %+v, %v", field, one.Differences, err)
		}
	}
}

func TestAPolicyWithoutSegmentsRecordsNone(t *testing.T) {
	t.Parallel()
	with := given(t, published(oneTea()), richFrom(1, "1.0"), decidertest.Purchased("ann", noon.Add(-time.Hour), 12))
	d := with.decides("ann").Record
	if len(d.GetSegments()) != 0 {
		t.Errorf("%v", d.GetSegments())
	}
	without := given(t, published(oneTea()), decidertest.Purchased("ann", noon.Add(-time.Hour), 12)).decides("ann").Record
	without.Cut = d.Cut
	if string(domain.Canonical(d)) != string(domain.Canonical(without)) {
		t.Error("a definition that nobody reads changes a record")
	}
}

func TestLineageLeadsFromEventsThroughSegmentsToPolicies(t *testing.T) {
	t.Parallel()
	w := given(t, richFrom(1, "10.0"), published(forRich()))
	found := decider.Connected(w.policies.Lineage(), "segments:tags")
	for _, edge := range []feature.Edge{
		{From: "event:purchased", To: "feature:core@1/spend_lifetime"},
		{From: "feature:core@1/spend_lifetime", To: "segments:tags"}, {From: "segments:tags", To: "policy:shop"},
	} {
		if !slices.Contains(found, edge) {
			t.Errorf("%v is not among %v", edge, found)
		}
	}
}
