package commands_test

import (
	"context"
	"fmt"
	"iter"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/profferhq/proffer/commands"
	"github.com/profferhq/proffer/commands/commandstest"
	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/identity"
)

// readings counts the envelopes that are read.
type readings struct {
	*commandstest.MemoryLog
	envelopes atomic.Int64
}

func (r *readings) Read(ctx context.Context, stream domain.Stream, from, to uint64) iter.Seq2[domain.Envelope, error] {
	return func(yield func(domain.Envelope, error) bool) {
		for e, err := range r.MemoryLog.Read(ctx, stream, from, to) {
			r.envelopes.Add(1)
			if !yield(e, err) {
				return
			}
		}
	}
}

func (r *readings) At(ctx context.Context, stream domain.Stream, sequence uint64) (domain.Envelope, error) {
	r.envelopes.Add(1)
	return r.MemoryLog.At(ctx, stream, sequence)
}

// Given guards under which two user ids are one person, and many others, when an identifier of that person is marked,
// then the person's claims are played again under those guards, and the others' are not read.
func TestAChangeOfOnePersonReadsWhatConcernsThem(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	twoUsers := guardsOf(func(g *event.IdentityGuards) { g.Types[0].Most = 2 })
	if _, err := twoUsers(t.Context(), w, w.changes(w.log), commands.Change{}); err != nil {
		t.Fatal(err)
	}
	const others = 300
	for n := range others {
		w.do(t, "test", tracked(ids(user(fmt.Sprint(n)), anon(fmt.Sprint(n))))...)
	}
	for _, group := range [][]identity.Identifier{ids(user("u"), anon("a")), ids(user("v"), anon("a")), ids(user("u"), anon("b"))} {
		w.do(t, "test", tracked(group)...)
	}
	before, history := w.count(t), &readings{MemoryLog: w.log}
	w.recall = commands.NewRecall(history)
	if err := w.recall.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	history.envelopes.Store(0)
	if _, err := mark(anon("b"), identity.Shared)(t.Context(), w, w.changes(w.log), commands.Change{}); err != nil {
		t.Fatal(err)
	}
	before["alias_marked"]++
	if diff := cmp.Diff(before, w.count(t)); diff != "" || !w.linked(user("u"), user("v")) {
		t.Errorf("linked %v, events (-want +got):\n%s", w.linked(user("u"), user("v")), diff)
	}
	if read := history.envelopes.Load(); read > others/10 {
		t.Errorf("%d envelopes were read for one person beside %d others", read, others)
	}
}
