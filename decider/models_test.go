package decider_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/profferhq/proffer/decider"
	"github.com/profferhq/proffer/decider/decidertest"
	"github.com/profferhq/proffer/decider/model"
	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/policy"
)

const champion, challenger, shadow = event.ModelAssigned_ROLE_CHAMPION, event.ModelAssigned_ROLE_CHALLENGER, event.ModelAssigned_ROLE_SHADOW

// scored is oneTea, worth what a model says, without a contact limit.
func scored() *event.Policy {
	p := oneTea()
	p.ContactLimits = nil
	p.Models = []*event.PolicyModel{{Name: "buys", Use: "conversion_7d"}}
	p.Offers[0].Propensity = "models.buys"
	return p
}

// bytesOf is a model that says low for everybody who has bought nothing.
func bytesOf(t *testing.T, low float64) []byte {
	t.Helper()
	data, err := decidertest.Stump(core(), "purchases_30d", 0.5, low, 2).Encode()
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// modelled is a world with the models old (margin -1) and new (margin 1) registered, and old the champion.
func modelled(t *testing.T) (w *world, before, after []byte) {
	t.Helper()
	before, after = bytesOf(t, -1), bytesOf(t, 1)
	kept := &decidertest.ModelBytes{}
	for _, data := range [][]byte{before, after} {
		if _, err := kept.Put(t.Context(), data); err != nil {
			t.Fatal(err)
		}
	}
	at := noon.Add(-time.Hour)
	return givenModels(t, kept, published(scored()),
		decidertest.Registered("old", 1, before, at), decidertest.Registered("new", 1, after, at),
		decidertest.Assigned("conversion_7d", champion, "old", 1, before, 0, at),
	), before, after
}

func (w *world) assigns(role event.ModelAssigned_Role, name string, data []byte, share float64) {
	w.t.Helper()
	w.happens(decidertest.Assigned("conversion_7d", role, name, 1, data, share, noon))
	if err := w.policies.Models().Load(w.ctx); err != nil {
		w.t.Fatal(err)
	}
}

func effective(d *event.Decision) string {
	for _, s := range d.GetScores() {
		if s.GetEffective() {
			return s.GetModel()
		}
	}
	return ""
}

func TestEveryDecisionReplaysWithTheModelsOfItsCut(t *testing.T) {
	t.Parallel()
	w, before, after := modelled(t)
	first := w.decides("ann").Record
	w.assigns(shadow, "new", after, 0)
	second := w.decides("ann").Record
	w.assigns(champion, "new", after, 0)
	third := w.decides("ann").Record
	w.assigns(champion, "old", before, 0)
	fourth := w.decides("ann").Record
	for i, c := range []struct {
		record *event.Decision
		model  string
		micros int64
		scores int
	}{{first, "old", 268941, 1}, {second, "old", 268941, 2}, {third, "new", 731059, 2}, {fourth, "old", 268941, 2}} {
		s := c.record.GetScores()
		if len(s) != c.scores || effective(c.record) != c.model || s[0].GetMicros() != c.micros {
			t.Errorf("decision %d: %v", i, s)
		}
		if got := c.record.GetCandidates()[0].GetPropensity(); got != float64(c.micros)/model.Micro {
			t.Errorf("decision %d: the propensity is %v, want %d millionths", i, got, c.micros)
		}
	}
	w.start() // and after a restart
	if tally := w.allReplay(); tally.Identical != 4 {
		t.Errorf("%+v", tally)
	}
}

func TestAChallengerAnswersForItsShareOfTheProfiles(t *testing.T) {
	t.Parallel()
	w, _, after := modelled(t)
	w.assigns(challenger, "new", after, 0.3)
	challenged := 0
	const people = 400
	for i := range people {
		if effective(w.decides("p"+string(rune('a'+i%26))+string(rune('a'+i/26))).Record) == "new" {
			challenged++
		}
	}
	if challenged < 80 || challenged > 160 {
		t.Errorf("%d of %d see the challenger, want about 120", challenged, people)
	}
	w.allReplay()
}

func TestBytesThatAreLostAreADifferenceAndNotSilence(t *testing.T) {
	t.Parallel()
	w, before, _ := modelled(t)
	w.decides("ann")
	w.models.Lose(model.Digest(before))
	w.start()
	answer := w.decides("bob")
	if s := answer.Record.GetScores(); len(s) != 1 || s[0].GetFailure() != decider.FailureUnavailable || answer.Record.GetReason() != policy.AnswerNoScore {
		t.Errorf("without bytes: %v, %s", s, answer.Record.GetReason())
	}
	tally, err := decider.NewReplayer(w.log, w.policies).All(w.ctx, decider.AllOptions{})
	if err != nil || tally.Identical != 1 || tally.Different != 1 {
		t.Fatalf("%+v, %v; want bob's identical and ann's different", tally, err)
	}
	named := false
	for _, d := range tally.Differing[0].Differences {
		named = named || strings.HasPrefix(d.Field, "scores[0]")
	}
	if !named {
		t.Errorf("the differences do not name the score: %+v", tally.Differing[0].Differences)
	}
}

func TestAStoreThatIsAwayStopsReplayAndNotDeciding(t *testing.T) {
	t.Parallel()
	w, _, _ := modelled(t)
	w.decides("ann")
	w.models.SetDown(true)
	w.start()
	if s := w.decides("bob").Record.GetScores(); s[0].GetFailure() != decider.FailureUnavailable {
		t.Errorf("%v", s)
	}
	if _, err := decider.NewReplayer(w.log, w.policies).All(w.ctx, decider.AllOptions{}); !errors.Is(err, domain.ErrUnavailable) {
		t.Errorf("replay: %v, want unavailable", err)
	}
	w.models.SetDown(false)
	if err := w.policies.Models().Load(w.ctx); err != nil {
		t.Fatal(err)
	}
	if s := w.decides("eve").Record.GetScores(); s[0].GetFailure() != "" {
		t.Errorf("after it came back: %v", s)
	}
	// Bob's decision was made without the model, and is so for ever.
	w.allReplay()
}

func TestAModelThatIsWarmAnswersAtOnce(t *testing.T) {
	t.Parallel()
	w, _, after := modelled(t)
	if err := w.policies.Models().Warm(w.ctx, model.Digest(after)); err != nil {
		t.Fatal(err)
	}
	w.models.SetDown(true)
	w.happens(decidertest.Assigned("conversion_7d", champion, "new", 1, after, 0, noon))
	if s := w.decides("ann").Record.GetScores(); effective(&event.Decision{Scores: s}) != "new" || s[0].GetFailure() != "" {
		t.Errorf("%v", s)
	}
	if err := w.policies.Models().Warm(w.ctx, domain.Hash{1}); !errors.Is(err, domain.ErrUnavailable) {
		t.Errorf("a model that is not kept: %v", err)
	}
}

func TestARecordWithAnotherScoreIsADifference(t *testing.T) {
	t.Parallel()
	w, _, _ := modelled(t)
	answer := w.decides("ann")
	replayer := decider.NewReplayer(w.log, w.policies)
	logged, err := replayer.At(w.ctx, answer.At.Position)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		change func(*event.ModelScore)
		field  string
	}{
		"margin":    {func(s *event.ModelScore) { s.Margin += 1e-15 }, "scores[0].margin"},
		"micros":    {func(s *event.ModelScore) { s.Micros++ }, "scores[0].micros"},
		"model":     {func(s *event.ModelScore) { s.Model = "new" }, "scores[0].model"},
		"effective": {func(s *event.ModelScore) { s.Effective = false }, "scores[0].effective"},
	} {
		changed := logged
		changed.Record = proto.CloneOf(logged.Record)
		c.change(changed.Record.GetScores()[0])
		one, err := replayer.One(w.ctx, changed)
		found := false
		for _, d := range one.Differences {
			found = found || d.Field == c.field
		}
		if err != nil || !found {
			t.Errorf("%s: %+v, %v", name, one.Differences, err)
		}
	}
}

func TestAPolicyIsNotPublishedOverAModelThatCannotReadItsView(t *testing.T) {
	t.Parallel()
	w, _, after := modelled(t)
	e := decidertest.Registered("far", 1, after, noon)
	e.GetModelRegistered().View = "retail@1"
	w.happens(e, decidertest.Assigned("conversion_7d", champion, "far", 1, after, 0, noon))
	if _, err := w.policies.Check(scored()); err == nil || !strings.Contains(err.Error(), "models[0].use: the champion of conversion_7d is far@1, which reads the view retail@1") {
		t.Errorf("%v", err)
	}
	w.happens(decidertest.Assigned("conversion_7d", champion, "new", 1, after, 0, noon))
	if _, err := w.policies.Check(scored()); err != nil {
		t.Errorf("with a champion that fits: %v", err)
	}
}

// hanging is a store whose readings wait until they are let go.
type hanging struct {
	*decidertest.ModelBytes
	reached, open chan struct{}
}

func (h hanging) Get(ctx context.Context, digest domain.Hash) ([]byte, bool, error) {
	h.reached <- struct{}{}
	<-h.open
	return h.ModelBytes.Get(ctx, digest)
}

func TestAModelThatIsBeingReadHoldsNoDecisionUp(t *testing.T) {
	t.Parallel()
	w, _, after := modelled(t)
	h := hanging{w.models, make(chan struct{}), make(chan struct{})}
	w.policies.Models().KeptIn(h)
	warmed := make(chan error)
	go func() { warmed <- w.policies.Models().Warm(w.ctx, model.Digest(after)) }()
	<-h.reached
	w.happens(decidertest.Assigned("conversion_7d", champion, "new", 1, after, 0, noon))
	if s := w.decides("ann").Record.GetScores(); len(s) != 1 || s[0].GetFailure() != decider.FailureUnavailable {
		t.Errorf("while it is read: %v", s)
	}
	close(h.open)
	if err := <-warmed; err != nil {
		t.Fatal(err)
	}
	if s := w.decides("ann").Record.GetScores(); s[0].GetFailure() != "" {
		t.Errorf("when it was read: %v", s)
	}
	w.allReplay()
}
