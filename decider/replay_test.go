package decider_test

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/profferhq/proffer/decider"
	"github.com/profferhq/proffer/decider/decidertest"
	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/policy"
)

// decided is a world with one decision about ann, who is linked to bob, bought something and was given something.
func decided(t *testing.T) (*world, decider.Logged) {
	t.Helper()
	p := oneTea()
	p.ContactLimits[0].Most = 3
	p.Offers = append(p.Offers, &event.Offer{Id: "cake", Value: "1", Treatments: []*event.Treatment{{Id: "banner", Channel: "web"}}})
	w := given(t, published(p), decidertest.Purchased("ann", noon.Add(-time.Hour), 12), decidertest.Purchased("bob", noon.Add(-2*time.Hour), 5),
		decidertest.Linked("ann", "bob", noon.Add(-time.Hour)), decidertest.Given("bob", noon.Add(-time.Hour), "coffee", "drinks", "email"))
	answer := w.decides("ann")
	logged, err := decider.NewReplayer(w.log, w.policies).At(w.ctx, answer.At.Position)
	if err != nil {
		t.Fatalf("find the decision: %v", err)
	}
	return w, logged
}

func TestATamperedRecordIsNamedFieldByField(t *testing.T) {
	t.Parallel()
	w, logged := decided(t)
	replayer := decider.NewReplayer(w.log, w.policies)
	if one, err := replayer.One(w.ctx, logged); err != nil || !one.Identical() {
		t.Fatalf("untouched: %+v, error %v", one.Differences, err)
	}
	for name, c := range map[string]struct {
		change func(*event.Decision)
		want   []string // from and field
	}{
		"the winner":        {func(d *event.Decision) { d.Offer = "cake" }, []string{"record offer", "events offer"}},
		"the reason":        {func(d *event.Decision) { d.Reason = "HELD_OUT" }, []string{"record reason", "events reason"}},
		"a draw":            {func(d *event.Decision) { d.Candidates[1].Draw++ }, []string{"record candidates[1].draw", "events candidates[1].draw"}},
		"a score":           {func(d *event.Decision) { d.Candidates[0].Value = 9 }, []string{"record candidates[0].value"}},
		"a candidate":       {func(d *event.Decision) { d.Candidates = d.Candidates[:1] }, []string{"record candidates"}},
		"the vector":        {func(d *event.Decision) { d.Vector[0] = 77 }, []string{"events vector[0]"}},
		"a missing value":   {func(d *event.Decision) { d.Vector[0] = math.NaN() }, []string{"events vector[0]"}},
		"a contact":         {func(d *event.Decision) { d.Contacts[0].Offer = "x" }, []string{"events contacts[0].offer"}},
		"no contacts":       {func(d *event.Decision) { d.Contacts = nil }, []string{"events contacts"}},
		"the profile":       {func(d *event.Decision) { b := decidertest.Named("bob"); d.Profile = b[:] }, []string{"events profile"}},
		"an alias":          {func(d *event.Decision) { d.Aliases = d.Aliases[:1] }, []string{"events aliases"}},
		"an alias's state":  {func(d *event.Decision) { d.Aliases[0].Behaviour = nil }, []string{"events vector[11]"}},
		"the identity cut":  {func(d *event.Decision) { d.Cut.Identity = 0 }, []string{"events aliases"}},
		"the policy":        {func(d *event.Decision) { d.PolicyVersion = 7 }, []string{"events policy_version", "record policy_version"}},
		"another policy":    {func(d *event.Decision) { d.Policy = "other" }, []string{"events policy"}},
		"the policy digest": {func(d *event.Decision) { d.PolicyDigest[0]++ }, []string{"record policy_digest", "events policy_digest"}},
		"the policy cut":    {func(d *event.Decision) { d.Cut.Policy = 0 }, []string{"events policy"}},
		"the fingerprint":   {func(d *event.Decision) { d.ViewFingerprint[3]++ }, []string{"record view_fingerprint"}},
		"the placement":     {func(d *event.Decision) { d.Placement = "nowhere" }, []string{"record placement"}},
		"the id":            {func(d *event.Decision) { d.Id = []byte{1} }, []string{"record id"}},
		"the time":          {func(d *event.Decision) { d.NowMs += 86_400_000 }, []string{"events vector[11]"}},
		"the propensity":    {func(d *event.Decision) { d.LoggedPropensity = 0.5 }, []string{"record logged_propensity"}},
	} {
		changed := logged
		changed.Record = proto.CloneOf(logged.Record)
		c.change(changed.Record)
		one, err := replayer.One(w.ctx, changed)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var found []string
		for _, d := range one.Differences {
			found = append(found, d.From+" "+d.Field)
			if d.Recorded == d.Replayed {
				t.Errorf("%s: %s is named although both are %s", name, d.Field, d.Recorded)
			}
		}
		for _, want := range c.want {
			if !slices.Contains(found, want) {
				t.Errorf("%s: differences %v, want %s", name, found, want)
			}
		}
		if one.Identical() {
			t.Errorf("%s: called identical", name)
		}
	}
}

// given: a record that leaves bob out; then: the events tell of the whole person, also of bob's contact.
func TestAnAliasLeftOutOfARecordIsFoundAllTheSame(t *testing.T) {
	t.Parallel()
	w, logged := decided(t)
	changed := logged
	changed.Record = proto.CloneOf(logged.Record)
	changed.Record.Aliases = changed.Record.Aliases[:1]
	one, err := decider.NewReplayer(w.log, w.policies).One(w.ctx, changed)
	if err != nil || one.Identical() {
		t.Fatalf("identical, or error %v", err)
	}
	for _, d := range one.Differences {
		if strings.HasPrefix(d.Field, "contacts") {
			t.Errorf("%s was %s, is %s: the contact of the alias left out is lost", d.Field, d.Recorded, d.Replayed)
		}
	}
}

func TestATamperedLogIsFound(t *testing.T) {
	t.Parallel()
	w, logged := decided(t)
	changed := proto.CloneOf(logged.Record)
	changed.Reason = policy.AnswerHeldOut
	tampered := &event.Event{Body: &event.Event_Decision{Decision: changed}}
	if err := w.log.Rewrite(domain.Decision, logged.At.Sequence, tampered); err != nil {
		t.Fatal(err)
	}
	for _, only := range []bool{true, false} {
		tally, err := decider.NewReplayer(w.log, w.policies).All(w.ctx, decider.AllOptions{RecordsOnly: only})
		if err != nil || tally.Different != 1 || len(tally.Differing) != 1 || tally.Differing[0].At != logged.At {
			t.Errorf("records only %v: tally %+v, error %v; want one different", only, tally, err)
		}
	}
}

func TestLateEventsDoNotChangeADecision(t *testing.T) {
	t.Parallel()
	w, logged := decided(t)
	w.happens(decidertest.Purchased("ann", noon.Add(-30*time.Minute), 99), decidertest.Linked("ann", "cid", noon.Add(-time.Hour)),
		decidertest.Given("ann", noon.Add(-time.Minute), "late", "drinks", "web"))
	w.catchUp()
	if one, err := decider.NewReplayer(w.log, w.policies).One(w.ctx, logged); err != nil || !one.Identical() {
		t.Errorf("differences %+v, error %v; want identical", one.Differences, err)
	}
	w.start()
	later := w.decides("ann")
	if got := featureOf(later.Record, "spend_1d"); got != 116 {
		t.Errorf("a later decision sees spend_1d %v, want 116", got)
	}
	w.allReplay()
}

func TestOldVersionsOfAPolicyReplay(t *testing.T) {
	t.Parallel()
	w, _ := decided(t)
	next := oneTea()
	next.Offers[0].Id = "milk"
	w.happens(decidertest.Published(next, 2, noon))
	w.clock.Add(8 * 24 * 3600 * 1000)
	if a := w.decides("ann"); a.Record.GetPolicyVersion() != 2 || a.Record.GetOffer() != "milk" {
		t.Errorf("version %d offers %q, want 2 and milk", a.Record.GetPolicyVersion(), a.Record.GetOffer())
	}
	if tally := w.allReplay(); tally.Identical != 2 {
		t.Errorf("tally %+v, want 2 identical", tally)
	}
}

func TestADecisionIsFoundByIDAndPlace(t *testing.T) {
	t.Parallel()
	w, logged := decided(t)
	replayer := decider.NewReplayer(w.log, w.policies)
	id, err := domain.AliasFromBytes(logged.Record.GetId())
	if err != nil {
		t.Fatal(err)
	}
	if found, err := replayer.Find(w.ctx, id); err != nil || found.At != logged.At {
		t.Errorf("found at %v, error %v; want %v", found.At, err, logged.At)
	}
	if _, err := replayer.Find(w.ctx, decidertest.Named("nobody")); !errors.Is(err, decider.ErrNotFound) {
		t.Errorf("a decision that never was: %v, want %v", err, decider.ErrNotFound)
	}
	for _, at := range []domain.Position{{}, {Sequence: 99}, {Sequence: logged.At.Sequence, Index: 7}} {
		if _, err := replayer.At(w.ctx, at); !errors.Is(err, decider.ErrNotFound) {
			t.Errorf("at %v: %v, want %v", at, err, decider.ErrNotFound)
		}
	}
}

func TestProgressOfAReplayEndsWithItsTally(t *testing.T) {
	t.Parallel()
	w, _ := decided(t)
	var last decider.Tally
	tally, err := decider.NewReplayer(w.log, w.policies).All(w.ctx, decider.AllOptions{Progress: func(t decider.Tally) { last = t }})
	if err != nil || last.Replayed != tally.Replayed || last.Total != 2 || tally.External != 1 {
		t.Errorf("tally %+v, last progress %+v, error %v", tally, last, err)
	}
}
