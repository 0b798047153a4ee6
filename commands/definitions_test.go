package commands_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/profferhq/proffer/commands"
	"github.com/profferhq/proffer/commands/commandstest"
	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/feature"
	"github.com/profferhq/proffer/domain/problem"
	"github.com/profferhq/proffer/domain/segment"
)

// rival is another server over the same log.
func (w *definedWorld) rival(t *testing.T) *definedWorld {
	t.Helper()
	r := &definedWorld{modelWorld: &modelWorld{bytes: w.bytes}, meanwhile: func() {}}
	r.starts(startWorld(t, w.log.Rival(), w.vault))
	return r
}

// beforeAppends calls a function before every append of the server from here on.
func (w *definedWorld) beforeAppends(before func()) {
	w.definitions = definedOver(meeting{w.log, before}, w.recall)
	w.starts(w.world)
}

// defined is what the log has defined and withdrawn, by its version.
func (w *definedWorld) defined(t *testing.T) []string {
	t.Helper()
	var out []string
	for _, e := range w.all(t) {
		switch {
		case e.GetPolicyPublished() != nil:
			out = append(out, fmt.Sprintf("policy %d", e.GetPolicyPublished().GetVersion()))
		case e.GetFeatureViewPublished() != nil:
			out = append(out, e.GetFeatureViewPublished().GetName())
		case e.GetFeatureViewSwitched() != nil:
			out = append(out, e.GetFeatureViewSwitched().GetBefore()+" to "+e.GetFeatureViewSwitched().GetView())
		case e.GetSegmentDefined() != nil:
			out = append(out, fmt.Sprintf("segments %d", e.GetSegmentDefined().GetVersion()))
		case e.GetModelRegistered() != nil:
			out = append(out, fmt.Sprintf("model %d", e.GetModelRegistered().GetVersion()))
		case e.GetDefinitionWithdrawn() != nil:
			out = append(out, "withdrawn "+e.GetDefinitionWithdrawn().GetName())
		}
	}
	return out
}

func (w *definedWorld) has(t *testing.T, want ...string) {
	t.Helper()
	if got := w.defined(t); !slices.Equal(got, want) {
		t.Errorf("the log has %q, want %q", got, want)
	}
}

// The two servers change the same thing differently; the second to decide appends first.
func TestTwoServersNeverWriteOneVersionTwice(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(w *definedWorld, of string) error
		err    error // of who was slower
		want   []string
	}{
		"policies": {func(w *definedWorld, of string) error {
			_, err := w.publish.Publish(t.Context(), shop("features.orders > "+of+".0"), of, false)
			return err
		}, nil, []string{"policy 1", "policy 2"}},
		"the same policy": {func(w *definedWorld, _ string) error {
			_, err := w.publish.Publish(t.Context(), shop("features.orders > 1.0"), "document", false)
			return err
		}, nil, []string{"policy 1"}},
		"views": {func(w *definedWorld, of string) error {
			_, err := w.views.Publish(t.Context(), commands.PublishView{View: habitOver(t, "1", of+"d")})
			return err
		}, commands.ErrViewTaken, []string{"habit@1"}},
		"segments": {func(w *definedWorld, of string) error {
			_, err := w.defining.Define(t.Context(), tags("features.spend_7d > "+of+".0"), commands.Change{})
			return err
		}, nil, []string{"segments 1", "segments 2"}},
		"models": {func(w *definedWorld, of string) error {
			_, err := w.models.Register(t.Context(), commands.RegisterModel{Name: "churn", Bytes: []byte("model core@1 " + of)})
			return err
		}, nil, []string{"model 1", "model 2"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ours := newDefinedWorld(t)
			theirs := ours.rival(t)
			ours.beforeAppends(sync.OnceFunc(func() {
				if err := c.change(theirs, "1"); err != nil {
					t.Error(err)
				}
			}))
			if err := c.change(ours, "2"); !errors.Is(err, c.err) {
				t.Errorf("got %v, want %v", err, c.err)
			}
			ours.has(t, c.want...)
		})
	}
}

func TestTwoServersWithdrawOnce(t *testing.T) {
	t.Parallel()
	ours := newDefinedWorld(t)
	theirs := ours.rival(t)
	ours.publishesView(t, "1")
	ours.beforeAppends(sync.OnceFunc(func() { theirs.gone(t, ofView, "habit@1", 0) }))
	got, err := ours.withdraw.Withdraw(t.Context(), commands.Withdraw{Kind: ofView, Name: "habit@1"})
	if err != nil || !got.Unchanged || got.At != (domain.Place{}) {
		t.Errorf("%+v, %v", got, err)
	}
	ours.has(t, "habit@1", "withdrawn habit@1")
}

func TestAServerThatIsAlwaysSlowerGivesUp(t *testing.T) {
	t.Parallel()
	ours := newDefinedWorld(t)
	theirs := ours.rival(t)
	n := 0
	ours.beforeAppends(func() { n++; theirs.publishes(t, fmt.Sprintf("features.orders > %d.0", n)) })
	if _, err := ours.publish.Publish(t.Context(), shop("true"), "document", false); !errors.Is(err, domain.ErrLaneLost) {
		t.Errorf("got %v, want %v", err, domain.ErrLaneLost)
	}
	ours.beforeAppends(func() {})
	if got, err := ours.publish.Publish(t.Context(), shop("true"), "document", false); err != nil || int(got.Version) != n+1 {
		t.Errorf("once more: version %d, %v, want %d", got.Version, err, n+1)
	}
}

// one lets a view, or segments, be withdrawn and a policy that reads it be published on one server.
type one struct {
	withdrawn commands.Withdraw
	policy    *event.Policy
	field     string
}

func readers() map[string]one {
	return map[string]one{
		"a view":           {commands.Withdraw{Kind: ofView, Name: "habit@1"}, shop("features.orders > 1.0"), "view"},
		"a view's version": {commands.Withdraw{Kind: ofView, Name: "habit@1"}, &event.Policy{Id: "shop", View: "habit@1"}, "view"},
		"segments":         {commands.Withdraw{Kind: ofSegments, Name: "tags"}, shop("'rich' in segments.tags"), "offers"},
	}
}

func (o one) world(t *testing.T) *definedWorld {
	w := newDefinedWorld(t)
	w.publishesView(t, "1")
	if _, err := w.defining.Define(t.Context(), tags("features.spend_7d > 1.0"), commands.Change{}); err != nil {
		t.Fatal(err)
	}
	return w
}

func (o one) withdraw(t *testing.T, w *definedWorld) error {
	_, err := w.withdraw.Withdraw(t.Context(), o.withdrawn)
	return err
}

func (o one) publish(t *testing.T, w *definedWorld) error {
	_, err := w.publish.Publish(t.Context(), o.policy, "document", false)
	return err
}

// refused says whether a policy is refused for what it reads.
func (o one) refused(err error) bool {
	var problems problem.List
	return errors.As(err, &problems) && len(problems) == 1 && problems[0].Field == o.field && strings.Contains(problems[0].Message, "withdrawn")
}

// Whichever comes first holds the other up until it is in the log, and the other is decided on that.
func TestWhatIsReadIsNotWithdrawnMeanwhile(t *testing.T) {
	t.Parallel()
	for name, c := range readers() {
		for _, withdrawnFirst := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, withdrawn first %v", name, withdrawnFirst), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					w := c.world(t)
					first, second := c.publish, c.withdraw
					if withdrawnFirst {
						first, second = second, first
					}
					var slower sync.WaitGroup
					var firstErr, secondErr error
					var begun atomic.Bool // no sync.Once: the second would wait in it, for the first
					w.beforeAppends(func() {
						if begun.CompareAndSwap(false, true) {
							slower.Go(func() { secondErr = second(t, w) })
							synctest.Wait() // it waits for its turn, or is done
						}
					})
					firstErr = first(t, w)
					slower.Wait()
					if firstErr != nil {
						t.Errorf("the first: %v", firstErr)
					}
					if withdrawnFirst && !c.refused(secondErr) || !withdrawnFirst && !errors.Is(secondErr, commands.ErrInUse) {
						t.Errorf("the second: %v", secondErr)
					}
				})
			})
		}
	}
}

// The two append to different lanes; the second to decide appends first.
func TestWhatOneServerReadsAnotherDoesNotWithdraw(t *testing.T) {
	t.Parallel()
	for name, c := range readers() {
		for _, withdrawnFirst := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, withdrawn first %v", name, withdrawnFirst), func(t *testing.T) {
				t.Parallel()
				ours := c.world(t)
				theirs := ours.rival(t)
				first, second := c.publish, c.withdraw
				if withdrawnFirst {
					first, second = second, first
				}
				ours.beforeAppends(sync.OnceFunc(func() {
					if err := first(t, theirs); err != nil {
						t.Errorf("the first: %v", err)
					}
				}))
				err := second(t, ours)
				if withdrawnFirst && !c.refused(err) || !withdrawnFirst && !errors.Is(err, commands.ErrInUse) {
					t.Errorf("the second: %v", err)
				}
			})
		}
	}
}

func TestWhatIsWithdrawnWhileAPolicyIsCheckedIsNotRead(t *testing.T) {
	t.Parallel()
	for name, c := range readers() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := c.world(t)
			w.meanwhile = sync.OnceFunc(func() {
				if err := c.withdraw(t, w); err != nil {
					t.Error(err)
				}
			})
			if err := c.publish(t, w); !c.refused(err) {
				t.Errorf("got %v", err)
			}
			if n := w.types(t)["policy_published"]; n != 0 {
				t.Errorf("%d policies are published", n)
			}
		})
	}
}

// Making a view ready may take a fold of the log: what is changed meanwhile counts.
func TestAViewIsMadeReadyWhileOthersPublish(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		meanwhile func(*definedWorld)
		err       error
		want      []string
	}{
		"a policy":       {func(w *definedWorld) { w.publishes(t, "features.orders > 1.0") }, nil, []string{"policy 1", "habit@1 to habit@2"}},
		"another switch": {func(w *definedWorld) { w.switches(t, "habit@3") }, nil, []string{"habit@1 to habit@3", "habit@3 to habit@2"}},
		"the same":       {func(w *definedWorld) { w.switches(t, "habit@2") }, nil, []string{"habit@1 to habit@2"}},
		"it is withdrawn": {
			func(w *definedWorld) { w.gone(t, ofView, "habit@2", 0) }, commands.ErrUnknownView, []string{"withdrawn habit@2"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newDefinedWorld(t)
			for _, version := range []string{"1", "2", "3"} {
				w.publishesView(t, version)
			}
			w.meanwhile = func() {
				w.meanwhile = func() {}
				c.meanwhile(w)
			}
			if _, err := w.views.Switch(t.Context(), commands.SwitchView{View: "habit@2"}); !errors.Is(err, c.err) {
				t.Errorf("got %v, want %v", err, c.err)
			}
			w.has(t, append([]string{"habit@1", "habit@2", "habit@3"}, c.want...)...)
		})
	}
}

func (w *definedWorld) switches(t *testing.T, to string) {
	t.Helper()
	if _, err := w.views.Switch(t.Context(), commands.SwitchView{View: to}); err != nil {
		t.Error(err)
	}
}

// ownedLog fails a test when a lane is taken over.
type ownedLog struct {
	*commandstest.MemoryLog
	t *testing.T
}

func (l ownedLog) TakeOver(ctx context.Context, lane domain.Lane) (uint64, error) {
	l.t.Errorf("%s was taken over", lane.Subject())
	return l.MemoryLog.TakeOver(ctx, lane)
}

func TestWhatIsOnlyValidatedTakesNoLaneOver(t *testing.T) {
	t.Parallel()
	w := newDefinedWorld(t)
	w.publishesView(t, "1")
	w.publishesView(t, "2")
	w.register(t, "churn", "model habit@2 a")
	w.definitions = definedOver(ownedLog{w.log, t}, w.recall)
	w.starts(w.world)
	change := commands.Change{ValidateOnly: true}
	var errs [6]error
	_, errs[0] = w.publish.Publish(t.Context(), shop("features.orders > 1.0"), "document", true)
	_, errs[1] = w.views.Publish(t.Context(), commands.PublishView{View: habitView(t, "3"), Change: change})
	_, errs[2] = w.views.Switch(t.Context(), commands.SwitchView{View: "habit@2", Change: change})
	_, errs[3] = w.defining.Define(t.Context(), tags("features.spend_7d > 1.0"), change)
	_, errs[4] = w.withdraw.Withdraw(t.Context(), commands.Withdraw{Kind: ofView, Name: "habit@2", Change: change})
	_, errs[5] = w.models.Register(t.Context(), commands.RegisterModel{Name: "churn", Bytes: []byte("model habit@1 b"), Change: change})
	if err := errors.Join(errs[:]...); err != nil {
		t.Error(err)
	}
	w.has(t, "habit@1", "habit@2", "model 1")
}

func TestSegmentsDoNotReadAViewThatIsWithdrawnMeanwhile(t *testing.T) {
	t.Parallel()
	w := newDefinedWorld(t)
	w.publishesView(t, "1")
	defining := commands.NewDefineSegments(commands.SegmentPorts{
		Definitions: w.definitions,
		View:        func(string) (feature.View, bool) { return habitView(t, "1"), true },
		Ready: func(context.Context, feature.View) error {
			w.gone(t, ofView, "habit@1", 0)
			return nil
		},
	})
	d := segment.Definition{ID: "tags", View: "habit", Rules: []segment.Rule{{Segment: "often", When: "features.orders > 1.0"}}}
	if _, err := defining.Define(t.Context(), d, commands.Change{}); !errors.Is(err, commands.ErrSegmentView) {
		t.Errorf("got %v, want %v", err, commands.ErrSegmentView)
	}
	w.has(t, "habit@1", "withdrawn habit@1")
}
