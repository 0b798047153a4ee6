package commands

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/identity"
)

// Errors of Ingest that callers branch on, beside those of the log.
var (
	// ErrTooManyItems: one call carries more than MaxItems. Nothing was done.
	ErrTooManyItems = errors.New("commands: too many items in one call")
	// ErrOutOfOrder: the items of a file import are not in the order of the file. Nothing was done.
	ErrOutOfOrder = errors.New("commands: the items of a file must come in increasing source_seq")
	// ErrNoSource: the call does not say which source sent it, or names OwnSource. Nothing was done.
	ErrNoSource = errors.New("commands: a source is required: text of at most 200 bytes without control characters, not proffer")
)

// MaxSourceBytes bounds a source's name.
const MaxSourceBytes = 200

// OwnSource is the source of what Proffer writes by itself, its decisions above all. No other source may be called
// so, or start with it and a colon, and nothing of it is kept for de-duplication.
const OwnSource = "proffer"

// Vault turns identifiers into aliases and holds the keys. It fails with domain.ErrUnavailable.
type Vault interface {
	// Aliases are the aliases of identifiers in normal form, in order; unknown ones are made, durably.
	Aliases(ctx context.Context, ids []identity.Identifier) ([]domain.Alias, error)
	// DataKeys are the aliases' keys, in order; missing ones are made, durably.
	DataKeys(ctx context.Context, aliases []domain.Alias) ([]Key, error)
	// QuarantineKey seals what was refused.
	QuarantineKey(ctx context.Context) (Key, error)
	// MessageID is the keyed digest of a message's id within its source: an id may hold an identifier.
	MessageID(source, messageID string) [16]byte
}

// Ingest takes what sources say happened: it checks, de-duplicates, replaces identifiers by aliases, seals what is
// personal and appends the rest. It acknowledges an item only when all of it is durable.
type Ingest struct {
	ports      IngestPorts
	sender     *sender
	files      sync.Map // source -> chan struct{} of capacity 1: imports of one source go one call at a time
	doubt      doubt
	sealRooms  sealRooms
	duplicates atomic.Uint64
	// answered are items by their status.
	answered [Rejected + 1]atomic.Uint64
}

// IngestPorts is what Ingest needs; all are required but Deciding.
type IngestPorts struct {
	Log        SharedLog
	Vault      Vault
	Normalizer Normalizer
	Recall     *Recall
	// Now is the clock.
	Now func() time.Time
	// Random yields nonces and the ids of messages that have none; reads must not fail.
	Random io.Reader
	// Deciding follows a consent before it is acknowledged; nil where nobody decides.
	Deciding Deciding
}

// NewIngest starts counting duplicates at the given number: what was counted before a restart.
func NewIngest(ports IngestPorts, duplicates uint64) *Ingest {
	in := &Ingest{ports: ports, sender: &sender{log: ports.Log}}
	in.duplicates.Store(duplicates)
	return in
}

// Duplicates is how many items were answered as duplicates so far.
func (in *Ingest) Duplicates() uint64 { return in.duplicates.Load() }

// Answered is how many items were answered with a status by this Ingest, nothing before a restart.
func (in *Ingest) Answered(s Status) uint64 { return in.answered[s].Load() }

// Ingest takes up to MaxItems items of a source and returns one verdict an item, in order. Rejected items are in
// quarantine when it returns. When it fails (the log's errors, ErrTooManyItems, ErrOutOfOrder, ErrNoSource) no item
// is acknowledged, though some may be in the log: sending the same items again is safe and adds nothing twice.
// With validateOnly everything is checked and nothing is written.
func (in *Ingest) Ingest(ctx context.Context, source string, items []Item, validateOnly bool) ([]Verdict, error) {
	if err := checkCall(source, items); err != nil {
		return nil, err
	}
	if len(items) == 0 {
		return nil, nil
	}
	c := in.check(source, items)
	if validateOnly {
		return c.verdicts, nil
	}
	if c.file {
		release, err := in.oneAtATime(ctx, source)
		if err != nil {
			return nil, err
		}
		defer release()
	}
	if err := in.identify(ctx, c); err != nil {
		return nil, fmt.Errorf("ingest: find aliases: %w", err)
	}
	in.leaveOut(c)
	if err := in.record(ctx, c); err != nil {
		return nil, fmt.Errorf("ingest: %w", err)
	}
	in.judge(c)
	for i := range c.verdicts {
		in.answered[c.verdicts[i].Status].Add(1)
	}
	return c.verdicts, nil
}

func checkCall(source string, items []Item) error {
	if source == "" || source == OwnSource || strings.HasPrefix(source, OwnSource+":") || checkText("source", source) != nil || len(source) > MaxSourceBytes {
		return ErrNoSource
	}
	if len(items) > MaxItems {
		return ErrTooManyItems
	}
	last := uint64(0)
	for i := range items {
		seq := items[i].SourceSeq
		if i > 0 && (seq == 0) != (last == 0) || seq != 0 && seq <= last {
			return ErrOutOfOrder
		}
		last = seq
	}
	return nil
}

// call is one call's work: one entry an item in items, checked, verdicts and claims.
type call struct {
	source   string
	items    []Item
	file     bool
	t        translation
	checked  []*checked // nil for refused items
	messages [][16]byte
	verdicts []Verdict
	aliases  [][]domain.Alias
	events   []pendingEvent
	claims   []claim
	// stated is what is appended about consent.
	stated []*unit
	// offers are the definitions of this call, by offer.
	offers map[string]domain.Hash
}

// pendingEvent is an event that is to be appended if its claim is new; an item without one has a nil event.
type pendingEvent struct {
	event *event.Event
	lane  domain.Lane
	// graph: it is decided on in the order of the graph, and appended with what else is.
	graph bool
	// unit holds the own event of such an item, once it was decided.
	unit *unit
	at   domain.Position
}

// check decides which items are refused. It has no effect outside the call.
func (in *Ingest) check(source string, items []Item) *call {
	now := in.ports.Now()
	c := &call{
		source: source, items: items, file: items[0].SourceSeq != 0,
		t:       translation{source: source, receivedMS: now.UnixMilli(), lanes: in.ports.Log.Lanes()},
		checked: make([]*checked, len(items)), verdicts: make([]Verdict, len(items)),
	}
	guards, _ := in.ports.Recall.People.Guards()
	check := checker{normalizer: in.ports.Normalizer, guards: guards, nowMS: c.t.receivedMS}
	out := make([]checked, len(items))
	for i := range items {
		if refused := check.check(&items[i], &out[i]); refused != nil {
			c.verdicts[i] = rejection(&items[i], refused)
			continue
		}
		c.checked[i], c.verdicts[i] = &out[i], Verdict{Status: Accepted}
	}
	return c
}

// rejection is a refusal as a verdict, in the sender's terms.
func rejection(it *Item, r *Refusal) Verdict {
	v := Verdict{Status: Rejected, Reason: r.Reason, Field: r.Field, Message: r.Message}
	if it.Rename != nil && it.Refused == nil {
		v.Field = it.Rename(it, r.Field)
	}
	return v
}

// oneAtATime holds other imports of the source back, so that each lane receives it in the order of the file.
func (in *Ingest) oneAtATime(ctx context.Context, source string) (release func(), err error) {
	v, _ := in.files.LoadOrStore(source, make(chan struct{}, 1))
	turn := v.(chan struct{})
	select {
	case turn <- struct{}{}:
		return func() { <-turn }, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("ingest: wait for the source's turn: %w", ctx.Err())
	}
}

// identify finds the message ids and the aliases of all accepted items at once.
func (in *Ingest) identify(ctx context.Context, c *call) error {
	c.messages = make([][16]byte, len(c.items))
	n := 0
	for i := range c.items {
		id, err := in.messageID(c.source, &c.items[i])
		if err != nil {
			return err
		}
		c.messages[i] = id
		if c.checked[i] != nil {
			n += len(c.checked[i].ids)
		}
	}
	if n == 0 {
		c.aliases = make([][]domain.Alias, len(c.items))
		return nil
	}
	ids := make([]identity.Identifier, 0, n)
	for _, ok := range c.checked {
		if ok != nil {
			ids = append(ids, ok.ids...)
		}
	}
	aliases, err := in.ports.Vault.Aliases(ctx, ids)
	if err != nil {
		return err
	}
	c.aliases = make([][]domain.Alias, len(c.items))
	for i, ok := range c.checked {
		if ok != nil {
			n := len(ok.ids)
			c.aliases[i], aliases = aliases[:n:n], aliases[n:]
		}
	}
	return nil
}

func (in *Ingest) messageID(source string, it *Item) ([16]byte, error) {
	switch {
	case it.named():
		mapping, _, _ := strings.Cut(source, "/")
		return in.ports.Vault.MessageID(mapping, "="+it.MessageID), nil
	case it.SourceSeq != 0:
		return in.ports.Vault.MessageID(source, "#"+strconv.FormatUint(it.SourceSeq, 10)), nil
	case it.MessageID != "":
		return in.ports.Vault.MessageID(source, "="+it.MessageID), nil
	}
	var id [16]byte
	_, err := io.ReadFull(in.ports.Random, id[:])
	return id, err
}

// record appends what is new and waits until all of it is durable.
func (in *Ingest) record(ctx context.Context, c *call) error {
	in.translate(c)
	r, err := in.claim(ctx, c)
	if err != nil {
		return err
	}
	unknown, err := in.append(ctx, c)
	if len(unknown) > 0 {
		in.doubt.cast(unknown)
	}
	in.ports.Recall.Seen.end(c.claims, r, err != nil)
	if err != nil {
		return err
	}
	return in.awaitOthers(ctx, c)
}

// judge completes the verdicts now that everything is durable.
func (in *Ingest) judge(c *call) {
	for i := range c.claims {
		v := &c.verdicts[i]
		switch {
		case v.Status == Rejected:
		case !c.claims[i].isNew():
			*v = Verdict{Status: Duplicate}
			in.duplicates.Add(1)
		default:
			v.Place = domain.Place{Stream: c.events[i].lane.Stream, Position: c.events[i].at}
		}
	}
}
