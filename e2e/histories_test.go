package e2e

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/profferhq/proffer/decider"
	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/feature"
)

const historiesFolder = "testdata/histories"

// entry is a line of a history: one envelope, byte for byte as it stood in the log.
type entry struct {
	Subject  string `json:"subject"`
	Sequence uint64 `json:"sequence"`
	Envelope []byte `json:"envelope"`
}

// history is a recorded log, in memory.
type history struct {
	streams [domain.Streams][]domain.Envelope
}

// Last implements decider.Source.
func (h *history) Last(_ context.Context, s domain.Stream) (uint64, error) {
	return uint64(len(h.streams[s])), nil
}

// Read implements decider.Source.
func (h *history) Read(_ context.Context, s domain.Stream, from, to uint64) iter.Seq2[domain.Envelope, error] {
	return func(yield func(domain.Envelope, error) bool) {
		for n := from; n <= to; n++ {
			if n > uint64(len(h.streams[s])) {
				yield(domain.Envelope{}, fmt.Errorf("%w: the history ends", domain.ErrUnavailable))
				return
			}
			if !yield(h.streams[s][n-1], nil) {
				return
			}
		}
	}
}

// Follow implements decider.Source; nothing is added to a history.
func (h *history) Follow(ctx context.Context, s domain.Stream, from uint64) iter.Seq2[domain.Envelope, error] {
	return h.Read(ctx, s, from, uint64(len(h.streams[s])))
}

// readHistory reads a history and checks every envelope and every lane's chain.
func readHistory(t testing.TB, path string) *history {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	h, last := &history{}, map[domain.Lane]domain.Hash{}
	lines := bufio.NewScanner(bytes.NewReader(text))
	lines.Buffer(nil, 4<<20)
	for lines.Scan() {
		var e entry
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			t.Fatal(err)
		}
		envelope, err := domain.DecodeEnvelope(e.Envelope)
		if err != nil {
			t.Fatalf("%s %d: %v", e.Subject, e.Sequence, err)
		}
		if envelope.Lane, err = domain.ParseSubject(e.Subject); err != nil {
			t.Fatal(err)
		}
		envelope.Sequence = e.Sequence
		if envelope.Prev != last[envelope.Lane] {
			t.Fatalf("%s %d does not follow the envelope before it", e.Subject, e.Sequence)
		}
		last[envelope.Lane] = envelope.Hash
		stream := &h.streams[envelope.Lane.Stream]
		if *stream = append(*stream, envelope); e.Sequence != uint64(len(*stream)) {
			t.Fatalf("%s: got sequence %d, want %d", e.Subject, e.Sequence, len(*stream))
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return h
}

func (h *history) replay(t testing.TB) decider.Tally {
	t.Helper()
	policies := decider.NewPolicies(feature.BuiltIn()...)
	if err := policies.Load(t.Context(), h); err != nil {
		t.Fatal(err)
	}
	tally, err := decider.NewReplayer(h, policies).All(t.Context(), decider.AllOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return tally
}

// change applies a change to every event of a stream, in order; the hashes are left as they were.
func (h *history) change(t testing.TB, s domain.Stream, change func(*event.Event)) {
	t.Helper()
	for i := range h.streams[s] {
		envelope := &h.streams[s][i]
		frames := make([][]byte, len(envelope.Frames))
		for j, frame := range envelope.Frames {
			var e event.Event
			if err := proto.Unmarshal(frame, &e); err != nil {
				t.Fatal(err)
			}
			change(&e)
			changed, err := proto.Marshal(&e)
			if err != nil {
				t.Fatal(err)
			}
			frames[j] = changed
		}
		envelope.Frames = frames
	}
}

// reasons are those of the decisions, sorted, each once.
func (h *history) reasons(t testing.TB) (out []string) {
	t.Helper()
	h.change(t, domain.Decision, func(e *event.Event) { out = append(out, e.GetDecision().GetReason()) })
	slices.Sort(out)
	return slices.Compact(out)
}

func histories(t testing.TB) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(historiesFolder, "*.jsonl"))
	if err != nil || len(found) == 0 {
		t.Fatalf("no recorded histories: %v", err)
	}
	return found
}

// TestRecordedHistoriesReplayForEver: decisions of earlier versions of this product come out the same.
func TestRecordedHistoriesReplayForEver(t *testing.T) {
	t.Parallel()
	for _, path := range histories(t) {
		h := readHistory(t, path)
		tally := h.replay(t)
		t.Logf("%s: %d replayed, %d external", path, tally.Replayed, tally.External)
		if tally.Replayed < 20 || tally.External == 0 {
			t.Errorf("%s proves little: %+v", path, tally)
		}
		for _, reason := range []string{"OFFERED", "HELD_OUT", "CONTACT_LIMIT", "NO_ELIGIBLE_OFFER"} {
			if !slices.Contains(h.reasons(t), reason) {
				t.Errorf("%s has no decision with the reason %s", path, reason)
			}
		}
		for _, d := range tally.Differing {
			t.Errorf("%s: %s at %v: %+v", path, d.ID, d.At, d.Differences)
		}
		if tally.Identical != tally.Replayed {
			t.Errorf("%s: %d of %d are identical", path, tally.Identical, tally.Replayed)
		}
	}
}

// TestATamperedHistoryIsNamedFieldByField: what was changed is named, and by which of the two ways it was noticed.
func TestATamperedHistoryIsNamedFieldByField(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		stream domain.Stream
		change func(*event.Event)
		fields []string
	}{
		"an offer": {domain.Decision, func(e *event.Event) {
			if d := e.GetDecision(); d.GetOffer() != "" && !d.GetExternal() {
				d.Offer = "another"
			}
		}, []string{"record offer", "events offer"}},
		"the moment": {domain.Decision, func(e *event.Event) {
			if d := e.GetDecision(); d != nil && !d.GetExternal() {
				d.NowMs += 86_400_000
			}
		}, []string{"events vector["}},
		"what was bought": {domain.Behaviour, func(e *event.Event) {
			if p := e.GetPurchased(); p != nil {
				p.AmountMicros *= 2
			}
		}, []string{"events vector["}},
		"a consequence": {domain.Outcome, func(e *event.Event) {
			if e.GetExposed() != nil {
				e.Body = nil
			}
		}, []string{"events vector["}},
	} {
		h := readHistory(t, histories(t)[0])
		h.change(t, c.stream, c.change)
		tally := h.replay(t)
		var got []string
		for _, d := range tally.Differing {
			for _, difference := range d.Differences {
				got = append(got, difference.From+" "+difference.Field)
			}
		}
		for _, field := range c.fields {
			if !slices.ContainsFunc(got, func(g string) bool { return strings.HasPrefix(g, field) }) {
				t.Errorf("%s was changed: got differences in %v, want one in %s", name, slices.Compact(slices.Sorted(slices.Values(got))), field)
			}
		}
	}
}
