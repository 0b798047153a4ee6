package commands

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
)

// Errors of the quarantine that callers branch on.
var (
	// ErrNotInQuarantine: no open item has that id; perhaps it was resolved already.
	ErrNotInQuarantine = errors.New("commands: no open item of the quarantine has this id")
	// ErrNotReplayable: the original cannot be read without the mapping of its import; it must be repaired.
	ErrNotReplayable = errors.New("commands: this original cannot be replayed as it is; send it repaired")
	// ErrReasonTooLong: a reason may have MaxTextBytes bytes of UTF-8.
	ErrReasonTooLong = errors.New("commands: the reason is too long or not UTF-8")
)

// ItemReader reads items that were kept in quarantine, in the formats of those who sent them.
type ItemReader interface {
	// ReadItem reads an original, or its repaired form. It fails with *Refusal when the text makes no sense and
	// with ErrNotReplayable for an original that only its import's mapping can read. ReceivedMS is when it was
	// received, Unix milliseconds: what its times are relative to.
	ReadItem(format string, text []byte, repaired bool, receivedMS int64) (Item, error)
}

// Quarantine lists, repairs and discards what was refused.
type Quarantine struct {
	ports QuarantinePorts
	// one repair at a time: an item must not be replayed twice.
	mu sync.Mutex
}

// QuarantinePorts is what the quarantine needs; all are required.
type QuarantinePorts struct {
	Log    Log
	Vault  Vault
	Recall *Recall
	Ingest *Ingest
	Reader ItemReader
	Now    func() time.Time
}

// NewQuarantine returns the commands over the open items.
func NewQuarantine(ports QuarantinePorts) *Quarantine { return &Quarantine{ports: ports} }

// List is a page of the open items, and whether there are more. It sees all that was refused before the call, by
// this server or another. It fails with domain.ErrUnavailable.
func (q *Quarantine) List(ctx context.Context, p RefusedPage) ([]Refused, bool, error) {
	if err := q.ports.Recall.CatchUp(ctx, domain.Quarantine); err != nil {
		return nil, false, fmt.Errorf("list the quarantine: %w", err)
	}
	page, more := q.ports.Recall.Quarantine.List(p)
	return page, more, nil
}

// find is the open item of that id, as the log has it now.
func (q *Quarantine) find(ctx context.Context, id [16]byte) (Refused, error) {
	if err := q.ports.Recall.CatchUp(ctx, domain.Quarantine); err != nil {
		return Refused{}, fmt.Errorf("find an item of the quarantine: %w", err)
	}
	if r, ok := q.ports.Recall.Quarantine.Find(id); ok {
		return r, nil
	}
	return Refused{}, ErrNotInQuarantine
}

// Originals reads the items' originals from the log and opens them, in order. One is nil where none was kept.
func (q *Quarantine) Originals(ctx context.Context, items []Refused) ([][]byte, error) {
	if len(items) == 0 {
		return nil, nil
	}
	key, err := q.ports.Vault.QuarantineKey(ctx)
	if err != nil {
		return nil, fmt.Errorf("find the quarantine's key: %w", err)
	}
	out := make([][]byte, len(items))
	var at uint64
	var events []*event.Event
	for i, r := range items {
		if r.At.Sequence != at {
			if events, err = q.envelope(ctx, r.At.Sequence); err != nil {
				return nil, err
			}
			at = r.At.Sequence
		}
		if int(r.At.Index) >= len(events) {
			return nil, fmt.Errorf("read an original: %w", domain.ErrEnvelopeCorrupt)
		}
		if sealed := events[r.At.Index].GetQuarantined().GetOriginal(); sealed != nil {
			if out[i], err = Unseal(key, r.ID[:], sealed); err != nil {
				return nil, fmt.Errorf("open an original: %w", err)
			}
		}
	}
	return out, nil
}

func (q *Quarantine) envelope(ctx context.Context, sequence uint64) ([]*event.Event, error) {
	e, err := q.ports.Recall.history.At(ctx, domain.Quarantine, sequence)
	if err != nil {
		return nil, fmt.Errorf("read an original: %w", err)
	}
	events, err := e.Events()
	if err != nil {
		return nil, fmt.Errorf("read an original: %w", err)
	}
	return events, nil
}

// Repair replays an item, as repaired or (when repaired is empty) as received. An item that is accepted leaves the
// quarantine; one that is refused again stays, and nothing is written. It happens once: after a crash between the
// two appends, repairing again only closes the item. It fails with ErrNotInQuarantine, ErrNotReplayable and the
// log's errors.
func (q *Quarantine) Repair(ctx context.Context, id [16]byte, repaired []byte) (Verdict, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	r, err := q.find(ctx, id)
	if err != nil {
		return Verdict{}, err
	}
	items, err := q.read(ctx, r, repaired)
	if refusal, ok := errors.AsType[*Refusal](err); ok {
		return Verdict{Status: Rejected, Reason: refusal.Reason, Field: refusal.Field, Message: refusal.Message}, nil
	} else if err != nil {
		return Verdict{}, err
	}
	verdicts, err := q.ports.Ingest.Ingest(ctx, r.Source, items, true)
	if err != nil {
		return Verdict{}, fmt.Errorf("repair: %w", err)
	}
	if verdicts[0].Status == Rejected {
		return verdicts[0], nil
	}
	if verdicts, err = q.ports.Ingest.Ingest(ctx, r.Source, items, false); err != nil {
		return Verdict{}, fmt.Errorf("repair: %w", err)
	}
	return verdicts[0], q.resolve(ctx, r, &event.QuarantineResolved{Of: r.ID[:], Replayed: true})
}

// Discard closes an item without replaying it. It fails with ErrNotInQuarantine, ErrReasonTooLong and the log's errors.
func (q *Quarantine) Discard(ctx context.Context, id [16]byte, reason string) error {
	if len(reason) > MaxTextBytes || !utf8.ValidString(reason) {
		return ErrReasonTooLong
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	r, err := q.find(ctx, id)
	if err != nil {
		return err
	}
	return q.resolve(ctx, r, &event.QuarantineResolved{Of: r.ID[:], Note: reason})
}

// read makes the item to replay. It is no longer a row of a file: the file's marks are past it.
func (q *Quarantine) read(ctx context.Context, r Refused, repaired []byte) ([]Item, error) {
	text := repaired
	if len(text) == 0 {
		originals, err := q.Originals(ctx, []Refused{r})
		if err != nil {
			return nil, err
		}
		text = originals[0]
	}
	item, err := q.ports.Reader.ReadItem(r.Format, text, len(repaired) > 0, r.ReceivedMS)
	if err != nil {
		return nil, err
	}
	item.SourceSeq, item.Refused = 0, nil
	if item.OccurredMS == 0 {
		item.OccurredMS = r.ReceivedMS
	}
	if item.MessageID == "" {
		item.MessageID = "quarantine/" + hex.EncodeToString(r.ID[:])
	}
	return []Item{item}, nil
}

func (q *Quarantine) resolve(ctx context.Context, r Refused, body *event.QuarantineResolved) error {
	nowMS := q.ports.Now().UnixMilli()
	e := &event.Event{
		Id: partID(r.ID, partResolved), OccurredMs: nowMS, ReceivedMs: nowMS,
		Body: &event.Event_QuarantineResolved{QuarantineResolved: body},
	}
	if _, err := q.ports.Log.Append(ctx, domain.QuarantineLane(r.Source), e); err != nil {
		return fmt.Errorf("close an item of the quarantine: %w", err)
	}
	return nil
}
