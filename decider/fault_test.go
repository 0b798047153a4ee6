package decider_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/profferhq/proffer/decider/decidertest"
	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/policy"
)

func TestADefiniteFailureReleasesTheContact(t *testing.T) {
	t.Parallel()
	w := given(t, published(oneTea()))
	w.log.FailNext(w.lane("ann"), decidertest.Fault{Err: domain.ErrLogFull})
	if _, err := w.decider.Decide(w.ctx, w.ask("ann", "home")); !errors.Is(err, domain.ErrLogFull) {
		t.Fatalf("error %v, want %v", err, domain.ErrLogFull)
	}
	if a := w.decides("ann"); a.Record.GetOffer() != "tea" {
		t.Errorf("after the failure: %v, want tea", a.Record.GetReason())
	}
	w.allReplay()
}

func TestAnUnknownOutcomeIsFoundInTheLog(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		lands bool
		want  string
	}{
		"it landed":   {true, policy.AnswerContactLimit},
		"it was lost": {false, policy.AnswerOffered},
	} {
		w := given(t, published(oneTea()))
		w.log.FailNext(w.lane("ann"), decidertest.Fault{Err: domain.ErrUnavailable, Lands: c.lands})
		if _, err := w.decider.Decide(w.ctx, w.ask("ann", "home")); !errors.Is(err, domain.ErrUnavailable) {
			t.Fatalf("%s: error %v, want %v", name, err, domain.ErrUnavailable)
		}
		if a := w.decides("ann"); a.Record.GetReason() != c.want {
			t.Errorf("%s: then %v, want %v", name, a.Record.GetReason(), c.want)
		}
		w.allReplay()
	}
}

func TestAnUnknownOutcomeInAnotherLaneIsFoundToo(t *testing.T) {
	t.Parallel()
	w := given(t, published(oneTea()))
	one, other := acrossLanes(t, w)
	w.log.FailNext(w.lane(other), decidertest.Fault{Err: domain.ErrUnavailable, Lands: true})
	if _, err := w.decider.Decide(w.ctx, w.ask(other, "home")); !errors.Is(err, domain.ErrUnavailable) {
		t.Fatalf("error %v, want %v", err, domain.ErrUnavailable)
	}
	w.happens(decidertest.Linked(one, other, noon))
	if a := w.decides(one); a.Record.GetReason() != policy.AnswerContactLimit {
		t.Errorf("answer %v, want CONTACT_LIMIT", a.Record.GetReason())
	}
	w.allReplay()
}

func TestAnotherOwnersDecisionsAreReadBeforeGoingOn(t *testing.T) {
	t.Parallel()
	w := given(t, published(oneTea()))
	if err := w.log.Steal(w.lane("ann"), decidertest.Given("ann", noon, "coffee", "drinks", "web")); err != nil {
		t.Fatal(err)
	}
	if a := w.decides("ann"); a.Record.GetReason() != policy.AnswerContactLimit {
		t.Errorf("answer %v, want CONTACT_LIMIT", a.Record.GetReason())
	}
	w.allReplay()
}

func TestACallerWhoLeavesLeavesItsContactCounted(t *testing.T) {
	t.Parallel()
	w := given(t, published(oneTea()))
	w.log.Hold()
	ctx, cancel := context.WithTimeout(w.ctx, 10*time.Millisecond)
	defer cancel()
	if _, err := w.decider.Decide(ctx, w.ask("ann", "home")); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("error %v, want the deadline's", err)
	}
	blocked, cancelBlocked := context.WithTimeout(w.ctx, 10*time.Millisecond)
	defer cancelBlocked()
	if _, err := w.decider.Decide(blocked, w.ask("ann", "home")); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("while the append is under way: error %v, want the deadline's", err)
	}
	w.log.Release()
	w.decider.Close()
	if a := w.decides("ann"); a.Record.GetReason() != policy.AnswerContactLimit {
		t.Errorf("answer %v, want CONTACT_LIMIT", a.Record.GetReason())
	}
	w.allReplay()
}

func TestAnExternalAppendThatFailsIsAnError(t *testing.T) {
	t.Parallel()
	w := given(t, published(oneTea()))
	e := decidertest.Given("ann", noon, "coffee", "drinks", "web")
	w.log.FailNext(w.lane("ann"), decidertest.Fault{Err: domain.ErrLogFull})
	if _, err := w.decider.Append(w.ctx, w.lane("ann"), e); !errors.Is(err, domain.ErrLogFull) {
		t.Errorf("error %v, want %v", err, domain.ErrLogFull)
	}
	if _, err := w.decider.Append(w.ctx, domain.Lane{Stream: domain.Decision, Key: "9"}, e); err == nil {
		t.Error("a lane that does not exist was accepted")
	}
	if a := w.decides("ann"); a.Record.GetOffer() != "tea" {
		t.Errorf("answer %v, want tea", a.Record.GetReason())
	}
}

func TestAFutureOrUnfoldedIdentityEventDoesNotChangeARecord(t *testing.T) {
	t.Parallel()
	// tenure_days reads the IDENTITY part: the record must be of the graph's cut, whatever the views have folded.
	w := given(t, published(oneTea()))
	w.happens(decidertest.Linked("ann", "bob", noon.Add(-48*time.Hour)))
	behind := w.decides("ann")
	if tenure := featureOf(behind.Record, "tenure_days"); tenure != 2 {
		t.Errorf("views behind the graph: tenure %v, want 2", tenure)
	}
	w.append(decidertest.Linked("ann", "cid", noon.Add(-72*time.Hour)))
	w.catchUp()
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := w.identities.Load(w.ctx, w.log); err != nil {
			t.Error(err)
		}
	}()
	if ahead := w.decides("ann"); len(ahead.Record.GetAliases()) != 3 || featureOf(ahead.Record, "tenure_days") != 3 {
		t.Errorf("views ahead of the graph: %d aliases, tenure %v; want 3 and 3", len(ahead.Record.GetAliases()), featureOf(ahead.Record, "tenure_days"))
	}
	<-done
	w.allReplay()
}

func TestALinkWhileADecisionWaitsForItsLaneIsSeen(t *testing.T) {
	t.Parallel()
	w := given(t, published(oneTea()))
	one, other := acrossLanes(t, w)
	w.log.FailNext(w.lane(other), decidertest.Fault{Err: domain.ErrLogFull})
	if _, err := w.decider.Decide(w.ctx, w.ask(other, "home")); !errors.Is(err, domain.ErrLogFull) {
		t.Fatalf("error %v, want %v", err, domain.ErrLogFull)
	}
	reached, open := w.log.HoldTakeOver(w.lane(other))
	var wait sync.WaitGroup
	wait.Go(func() {
		if a := w.decides(other); a.Record.GetReason() != policy.AnswerContactLimit || len(a.Record.GetAliases()) != 2 {
			t.Errorf("answer %v for %d aliases, want CONTACT_LIMIT for 2", a.Record.GetReason(), len(a.Record.GetAliases()))
		}
	})
	<-reached
	w.happens(decidertest.Linked(one, other, noon))
	if a := w.decides(one); a.Record.GetOffer() != "tea" {
		t.Errorf("meanwhile: %v, want tea", a.Record.GetReason())
	}
	open()
	wait.Wait()
	w.allReplay()
}

// acrossLanes are two names whose decisions are made in different lanes, the earlier first.
func acrossLanes(t *testing.T, w *world) (string, string) {
	t.Helper()
	for _, other := range []string{"bob", "cid", "dan", "eve", "fay", "gus"} {
		if w.lane("ann") != w.lane(other) {
			return "ann", other
		}
	}
	t.Fatal("everybody is in one lane")
	return "", ""
}

func featureOf(d *event.Decision, name string) float64 {
	i, known := core().Index(name)
	if !known {
		panic("no feature " + name)
	}
	return d.GetVector()[i]
}
