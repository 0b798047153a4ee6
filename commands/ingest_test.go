package commands_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/profferhq/proffer/commands"
	"github.com/profferhq/proffer/commands/commandstest"
	"github.com/profferhq/proffer/commands/jsontext"
	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/domain/identity"
)

// now is the time of every test's clock.
var now = time.Date(2026, 5, 3, 10, 2, 0, 0, time.UTC)

// world is an Ingest over memory.
type world struct {
	log    *commandstest.MemoryLog
	vault  *commandstest.MemoryVault
	recall *commands.Recall
	ingest *commands.Ingest
	// definitions is what the server's commands share.
	definitions *commands.Definitions
}

func newWorld(t interface{ Fatal(...any) }) *world {
	return startWorld(t, commandstest.NewMemoryLog(4), commandstest.NewMemoryVault())
}

// startWorld is a server's start over a log and a vault that exist.
func startWorld(t interface{ Fatal(...any) }, log *commandstest.MemoryLog, vault *commandstest.MemoryVault) *world {
	w := &world{log: log, vault: vault, recall: commands.NewRecall(log)}
	if err := w.recall.Load(context.Background()); err != nil {
		t.Fatal(err)
	}
	w.ingest = commands.NewIngest(commands.IngestPorts{
		Log: log, Vault: vault, Normalizer: trimmer{}, Recall: w.recall,
		Now: func() time.Time { return now }, Random: commandstest.NewRandom(1),
	}, 0)
	w.definitions = definedOver(log, w.recall)
	return w
}

// definedOver is how what is defined changes on a server with that end of the log.
func definedOver(log commands.DefinitionLog, recall *commands.Recall) *commands.Definitions {
	return commands.NewDefinitions(commands.DefinitionPorts{
		Log: log, Recall: recall, Now: func() time.Time { return now }, Random: commandstest.NewRandom(2),
	})
}

// trimmer is the simplest normalizer that keeps to the contract.
type trimmer struct{}

func (trimmer) Normalize(id identity.Identifier) (identity.Identifier, error) {
	id.Value = strings.TrimSpace(id.Value)
	if id.Value == "" {
		return id, &identity.Malformed{Reason: "MISSING_IDENTIFIER", Message: "the identifier is empty"}
	}
	return id, nil
}

func user(value string) identity.Identifier {
	return identity.Identifier{Type: "user_id", Value: value}
}
func anon(value string) identity.Identifier {
	return identity.Identifier{Type: "anonymous_id", Value: value}
}

func ids(list ...identity.Identifier) []identity.Identifier { return list }

func object(t interface{ Fatal(...any) }, text string) jsontext.Value {
	v, err := jsontext.Parse([]byte(text), 100)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// all are the log's events as lines: stream, type, and what the test is about.
func (w *world) all(t interface{ Fatal(...any) }) []*event.Event {
	var out []*event.Event
	for _, stream := range domain.AllStreams() {
		for e, err := range w.log.Read(context.Background(), stream, 1, math.MaxUint64) {
			if err != nil {
				t.Fatal(err)
			}
			events, err := e.Events()
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, events...)
		}
	}
	return out
}

func (w *world) types(t interface{ Fatal(...any) }) map[string]int {
	out := map[string]int{}
	for _, e := range w.all(t) {
		out[domain.TypeOf(e)]++
	}
	return out
}

func (w *world) do(t interface{ Fatal(...any) }, source string, items ...commands.Item) []commands.Verdict {
	verdicts, err := w.ingest.Ingest(context.Background(), source, items, false)
	if err != nil {
		t.Fatal(err)
	}
	return verdicts
}

func TestIngestWritesWhatHappened(t *testing.T) {
	t.Parallel()
	line := commands.Line{Item: "sku", Category: "tea", Quantity: "2.5", Price: "4.20"}
	for _, c := range []struct {
		name string
		item commands.Item
		want map[string]int
	}{
		{"view", commands.Item{Type: "view", Identifiers: ids(user("u")), Name: "Home", Kind: "page"}, map[string]int{"viewed": 1}},
		{"item view", commands.Item{Type: "view", Identifiers: ids(user("u")), Kind: "item", Lines: []commands.Line{line}}, map[string]int{"viewed": 1}},
		{"cart", commands.Item{Type: "cart", Identifiers: ids(user("u")), Lines: []commands.Line{line}}, map[string]int{"carted": 1}},
		{"purchase", commands.Item{Type: "purchase", Identifiers: ids(user("u")), Amount: "10.50", Lines: []commands.Line{line}}, map[string]int{"purchased": 1}},
		{"refund", commands.Item{Type: "refund", Identifiers: ids(user("u")), Amount: "10.50"}, map[string]int{"refunded": 1}},
		{"track", commands.Item{Type: "track", Identifiers: ids(user("u")), Name: "Signed Up"}, map[string]int{"tracked": 1}},
		{"track with two ids", commands.Item{Type: "track", Identifiers: ids(user("u"), anon("a")), Name: "Signed Up"}, map[string]int{"tracked": 1, "identity_linked": 1}},
		{"identify", commands.Item{Type: "identify", Identifiers: ids(user("u"), anon("a"), anon("b")), Properties: object(t, `{"plan":"gold"}`)}, map[string]int{"traits_changed": 1, "identity_linked": 2}},
		{"link", commands.Item{Type: "link", Identifiers: ids(user("u"), anon("a"), anon("b"))}, map[string]int{"identity_linked": 2}},
		{"group", commands.Item{Type: "group", Identifiers: ids(user("u"), identity.Identifier{Type: "group_id", Value: "g"})}, map[string]int{"group_joined": 1}},
		{"deliver", commands.Item{Type: "deliver", Identifiers: ids(user("u")), Offer: "o"}, map[string]int{"delivered": 1}},
		{"expose", commands.Item{Type: "expose", Identifiers: ids(user("u")), Offer: "o"}, map[string]int{"exposed": 1}},
		{"click", commands.Item{Type: "click", Identifiers: ids(user("u")), DecisionID: strings.Repeat("0f", 16)}, map[string]int{"clicked": 1}},
		{"convert", commands.Item{Type: "convert", Identifiers: ids(user("u")), Offer: "o", Amount: "3", Cost: "1"}, map[string]int{"converted": 1}},
		{"offer", commands.Item{Type: "offer", Offer: "o", Channels: []string{"email"}}, map[string]int{"offer_defined": 1}},
		{"external decision", commands.Item{Type: "external_decision", Identifiers: ids(user("u")), Offer: "o", Candidates: []string{"o", ""}}, map[string]int{"external_decision": 1}},
		{"a person named twice", commands.Item{Type: "track", Identifiers: ids(user("u"), user(" u ")), Name: "x"}, map[string]int{"tracked": 1}},
		{"a hint that is malformed", commands.Item{Type: "track", Identifiers: ids(user("u")), Hints: ids(user(" ")), Name: "x"}, map[string]int{"tracked": 1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			c.item.MessageID = "m"
			v := w.do(t, "test", c.item)[0]
			if v.Status != commands.Accepted || v.Place.Position.Sequence == 0 {
				t.Errorf("got %+v, want accepted with its place", v)
			}
			if diff := cmp.Diff(c.want, w.types(t)); diff != "" {
				t.Errorf("events (-want +got):\n%s", diff)
			}
			if again := w.do(t, "test", c.item)[0]; again.Status != commands.Duplicate && c.item.Type != "offer" {
				t.Errorf("again: got %+v, want a duplicate", again)
			}
			if diff := cmp.Diff(c.want, w.types(t)); diff != "" {
				t.Errorf("ingested twice (-want +got):\n%s", diff)
			}
		})
	}
}

func TestIngestKeepsMoneyExact(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.do(t, "test", commands.Item{
		Type: "purchase", Identifiers: ids(user("u")), Amount: "1062.28", Currency: "USD", Order: "o1", Coupon: true,
		Lines: []commands.Line{{Item: "a", Quantity: "2.5", Price: "4.20"}, {Item: "b", Amount: "0.1"}},
	})
	p := w.all(t)[0].GetPurchased()
	if p.GetAmountMicros() != 1062_280000 || p.GetLines()[0].GetAmountMicros() != 10_500000 ||
		p.GetLines()[0].GetQuantityMilli() != 2500 || p.GetLines()[1].GetAmountMicros() != 100000 || p.GetLines()[1].GetQuantityMilli() != 1000 {
		t.Errorf("got %v", p)
	}
}

func TestIngestRefuses(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat(`{"a":`, 40) + "1" + strings.Repeat("}", 40)
	day := time.Hour * 24
	for _, c := range []struct {
		name, reason, field string
		item                commands.Item
	}{
		{"unknown type", "UNKNOWN_TYPE", "type", commands.Item{Type: "dance", Identifiers: ids(user("u"))}},
		{"no type", "UNKNOWN_TYPE", "type", commands.Item{Identifiers: ids(user("u"))}},
		{"nobody", "MISSING_IDENTIFIER", "identifiers", commands.Item{Type: "track", Name: "x"}},
		{"an empty id", "MISSING_IDENTIFIER", "identifiers[1]", commands.Item{Type: "track", Name: "x", Identifiers: ids(user("u"), anon(" "))}},
		{"eleven ids", "TOO_MANY_IDENTIFIERS", "identifiers", commands.Item{Type: "track", Name: "x", Identifiers: make([]identity.Identifier, 11)}},
		{"no name", "MISSING_NAME", "name", commands.Item{Type: "track", Identifiers: ids(user("u"))}},
		{"long name", "TEXT_TOO_LONG", "name", commands.Item{Type: "track", Name: strings.Repeat("x", 251), Identifiers: ids(user("u"))}},
		{"control character", "INVALID_TEXT", "channel", commands.Item{Type: "track", Name: "x", Channel: "a\nb", Identifiers: ids(user("u"))}},
		{"not UTF-8", "INVALID_TEXT", "order", commands.Item{Type: "purchase", Order: "\xff", Identifiers: ids(user("u"))}},
		{"before 1990", "TIME_OUT_OF_RANGE", "time", commands.Item{Type: "track", Name: "x", Identifiers: ids(user("u")), OccurredMS: 1}},
		{"the day after tomorrow", "TIME_OUT_OF_RANGE", "time", commands.Item{Type: "track", Name: "x", Identifiers: ids(user("u")), OccurredMS: now.Add(2 * day).UnixMilli()}},
		{"no number", "INVALID_AMOUNT", "amount", commands.Item{Type: "purchase", Identifiers: ids(user("u")), Amount: "ten"}},
		{"NaN amount", "INVALID_AMOUNT", "amount", commands.Item{Type: "purchase", Identifiers: ids(user("u")), Amount: "NaN"}},
		{"negative", "NEGATIVE_AMOUNT", "amount", commands.Item{Type: "purchase", Identifiers: ids(user("u")), Amount: "-1"}},
		{"more than int64", "AMOUNT_OUT_OF_RANGE", "amount", commands.Item{Type: "purchase", Identifiers: ids(user("u")), Amount: "9223372036855"}},
		{"a time in milliseconds as an amount", "AMOUNT_OUT_OF_RANGE", "amount", commands.Item{Type: "purchase", Identifiers: ids(user("u")), Amount: "1795887175123"}},
		{"more than a hundred billion", "AMOUNT_OUT_OF_RANGE", "cost", commands.Item{Type: "convert", Offer: "o", Identifiers: ids(user("u")), Cost: "100000000000.000001"}},
		{"many of a high price", "AMOUNT_OUT_OF_RANGE", "lines[0].amount", commands.Item{Type: "purchase", Identifiers: ids(user("u")), Lines: []commands.Line{{Item: "x", Price: "1e8", Quantity: "1001"}}}},
		{"lines that come to much", "AMOUNT_OUT_OF_RANGE", "lines[1].amount", commands.Item{Type: "purchase", Identifiers: ids(user("u")), Lines: []commands.Line{{Item: "x", Amount: "1e11"}, {Item: "y", Amount: "1"}}}},
		{"line amount", "INVALID_AMOUNT", "lines[0].quantity", commands.Item{Type: "purchase", Identifiers: ids(user("u")), Lines: []commands.Line{{Item: "x", Quantity: "1,5"}}}},
		{"cart without an item", "MISSING_ITEM", "lines[0].item", commands.Item{Type: "cart", Identifiers: ids(user("u"))}},
		{"NaN", "NOT_A_NUMBER", "propensity", commands.Item{Type: "external_decision", Identifiers: ids(user("u")), Propensity: math.NaN()}},
		{"infinite", "NOT_A_NUMBER", "propensity", commands.Item{Type: "external_decision", Identifiers: ids(user("u")), Propensity: math.Inf(1)}},
		{"more than certain", "INVALID_PROPENSITY", "propensity", commands.Item{Type: "external_decision", Identifiers: ids(user("u")), Propensity: 1.5}},
		{"decision id", "INVALID_DECISION_ID", "decision_id", commands.Item{Type: "click", Identifiers: ids(user("u")), DecisionID: "zz"}},
		{"outcome of nothing", "MISSING_OFFER", "offer", commands.Item{Type: "click", Identifiers: ids(user("u"))}},
		{"offer without id", "MISSING_OFFER", "offer", commands.Item{Type: "offer"}},
		{"group without group", "MISSING_GROUP", "identifiers[1]", commands.Item{Type: "group", Identifiers: ids(user("u"))}},
		{"link of one", "MISSING_IDENTIFIER", "identifiers[1]", commands.Item{Type: "link", Identifiers: ids(user("u"), user("u "))}},
		{"view of a thing", "INVALID_KIND", "kind", commands.Item{Type: "view", Kind: "thing", Identifiers: ids(user("u"))}},
		{"too deep", "TOO_DEEP", "properties", commands.Item{Type: "track", Name: "x", Identifiers: ids(user("u")), Properties: object(t, deep)}},
		{"not an object", "INVALID_JSON", "properties", commands.Item{Type: "track", Name: "x", Identifiers: ids(user("u")), Properties: object(t, `[1]`)}},
		{"too large", "EVENT_TOO_LARGE", "", commands.Item{Type: "track", Name: "x", Identifiers: ids(user("u")), Properties: object(t, `{"a":"`+strings.Repeat("x", 33<<10)+`"}`)}},
		{"refused by its reader", "ACCOUNTING_ADJUSTMENT", "Invoice", commands.Item{Refused: &commands.Refusal{Reason: "ACCOUNTING_ADJUSTMENT", Field: "Invoice", Message: "m"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			c.item.MessageID, c.item.Format = "m", "ingest"
			c.item.Original = func() []byte { return []byte("as received") }
			if v, err := w.ingest.Ingest(t.Context(), "test", []commands.Item{c.item}, true); err != nil || v[0].Reason != c.reason {
				t.Errorf("validate only: got %+v, %v", v, err)
			}
			if got := w.types(t); len(got) != 0 {
				t.Errorf("validating wrote %v", got)
			}
			good := commands.Item{Type: "track", Name: "x", Identifiers: ids(user("other"))}
			v := w.do(t, "test", c.item, good)
			if v[0].Status != commands.Rejected || v[0].Reason != c.reason || v[0].Field != c.field || v[0].Message == "" {
				t.Errorf("got %+v, want %s in %q", v[0], c.reason, c.field)
			}
			if v[1].Status != commands.Accepted {
				t.Errorf("the item beside it: got %+v, want accepted", v[1])
			}
			if diff := cmp.Diff(map[string]int{"tracked": 1, "quarantined": 1}, w.types(t)); diff != "" {
				t.Errorf("events (-want +got):\n%s", diff)
			}
			if got := w.do(t, "test", c.item)[0]; got.Status != commands.Rejected || w.types(t)["quarantined"] != 1 {
				t.Errorf("again: got %+v and %v", got, w.types(t))
			}
			if w.vault.Len() != 1 {
				t.Errorf("the vault has %d identifiers, want that of the accepted item only", w.vault.Len())
			}
		})
	}
}

func TestIngestRefusesTheWholeCall(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	good := commands.Item{Type: "track", Name: "x", Identifiers: ids(user("u"))}
	seq := func(n uint64) commands.Item { it := good; it.SourceSeq = n; return it }
	for _, c := range []struct {
		source string
		items  []commands.Item
		want   error
	}{
		{"", []commands.Item{good}, commands.ErrNoSource},
		{strings.Repeat("s", 201), []commands.Item{good}, commands.ErrNoSource},
		{commands.OwnSource, []commands.Item{good}, commands.ErrNoSource},
		{"test", make([]commands.Item, 2501), commands.ErrTooManyItems},
		{"test", []commands.Item{seq(2), seq(1)}, commands.ErrOutOfOrder},
		{"test", []commands.Item{seq(2), seq(2)}, commands.ErrOutOfOrder},
		{"test", []commands.Item{seq(2), good}, commands.ErrOutOfOrder},
	} {
		if _, err := w.ingest.Ingest(t.Context(), c.source, c.items, false); !errors.Is(err, c.want) {
			t.Errorf("got %v, want %v", err, c.want)
		}
	}
	if got := w.types(t); len(got) != 0 {
		t.Errorf("refused calls wrote %v", got)
	}
}

func TestPersonalDataIsSealed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const secret = "Ms Secretive"
	w.do(t, "test",
		commands.Item{MessageID: secret, Type: "identify", Identifiers: ids(user(secret)), Properties: object(t, `{"name":"`+secret+`"}`)},
		commands.Item{Type: "dance", Identifiers: ids(user(secret)), Original: func() []byte { return []byte(secret) }},
		commands.Item{Type: "view", Identifiers: ids(user(secret)), Name: "https://shop.example/?name=" + secret},
	)
	for _, stream := range domain.AllStreams() {
		for e, err := range w.log.Read(t.Context(), stream, 1, math.MaxUint64) {
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range e.Frames {
				if strings.Contains(string(f), "Secretive") {
					t.Errorf("%s holds personal data in clear", e.Lane.Subject())
				}
			}
		}
	}
	for _, e := range w.all(t) {
		if e.GetTraitsChanged() == nil {
			continue
		}
		keys, err := w.vault.DataKeys(t.Context(), []domain.Alias{domain.Alias(e.GetAlias())})
		if err != nil {
			t.Fatal(err)
		}
		plain, err := commands.Unseal(keys[0], e.GetAlias(), e.GetSealed())
		if err != nil || string(plain) != `{"name":"`+secret+`"}` {
			t.Errorf("got %q, %v", plain, err)
		}
		if _, err := commands.Unseal(keys[0], make([]byte, 16), e.GetSealed()); !errors.Is(err, commands.ErrSealBroken) {
			t.Errorf("another owner: got %v, want ErrSealBroken", err)
		}
	}
}

func TestNoDataKeyWithoutSomethingToSeal(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.do(t, "test", commands.Item{Type: "track", Name: "x", Identifiers: ids(user("u")), Properties: object(t, `{}`)})
	if got := w.vault.Keys(); got != 0 {
		t.Errorf("got %d data keys, want none", got)
	}
}

func TestLinksAreMadeOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	item := commands.Item{Type: "track", Name: "x", Identifiers: ids(user("u"), anon("a"))}
	w.do(t, "test", item, item)
	w.do(t, "test", item)
	if got := w.types(t); got["identity_linked"] != 1 || got["tracked"] != 3 {
		t.Errorf("got %v, want one link and three events", got)
	}
}

func TestOfferIsDefinedOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	one := commands.Item{Type: "offer", Offer: "o", Attributes: map[string]string{"type": "bogo"}, Channels: []string{"web"}}
	two := one
	two.Attributes = map[string]string{"type": "discount"}
	for i, c := range []struct {
		item commands.Item
		want commands.Status
	}{{one, commands.Accepted}, {one, commands.Duplicate}, {two, commands.Accepted}, {one, commands.Accepted}} {
		if got := w.do(t, "test", c.item)[0].Status; got != c.want {
			t.Errorf("definition %d: got %s, want %s", i, got, c.want)
		}
	}
	if v := newWorld(t).do(t, "test", one, one, two); v[0].Status != commands.Accepted || v[1].Status != commands.Duplicate || v[2].Status != commands.Accepted {
		t.Errorf("within one call: got %+v", v)
	}
}

func TestExternalDecisionDoesNotNameThePerson(t *testing.T) {
	t.Parallel()
	item := commands.Item{
		Type: "external_decision", Offer: "o", Candidates: []string{"o", "p", ""}, SourceSeq: 7 << 8, Policy: "logged-v0",
		Propensity: 0.07, PropensityEstimated: true, Placement: "wave", Channel: "email", Category: "bogo",
	}
	a, b := newWorld(t), newWorld(t)
	item.Identifiers = ids(user("a"))
	a.do(t, "import:x/f", item)
	item.Identifiers = ids(user("b"))
	b.do(t, "import:x/f", item)
	da, db := a.all(t)[0].GetDecision(), b.all(t)[0].GetDecision()
	if len(da.GetId()) != 16 || string(da.GetId()) != string(db.GetId()) {
		t.Errorf("the decision's id depends on the person: %x, %x", da.GetId(), db.GetId())
	}
	if da.GetReason() != "OFFERED" || da.GetCandidates()[0].GetStage() != "" || da.GetCandidates()[1].GetStage() == "" ||
		!da.GetExternal() || da.GetNowMs() != now.UnixMilli() || da.GetCategory() != "bogo" || da.GetLoggedPropensity() != 0.07 {
		t.Errorf("got %v", da)
	}
}

func TestUnavailableLogAcknowledgesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	item := commands.Item{MessageID: "m", Type: "track", Name: "x", Identifiers: ids(user("u"), anon("a"))}
	w.log.SetDown(true)
	if v, err := w.ingest.Ingest(t.Context(), "test", []commands.Item{item}, false); !errors.Is(err, domain.ErrUnavailable) || v != nil {
		t.Errorf("got %v, %v; want ErrUnavailable and no verdict", v, err)
	}
	w.log.SetDown(false)
	if v := w.do(t, "test", item); v[0].Status != commands.Accepted {
		t.Errorf("afterwards: got %+v, want accepted", v[0])
	}
	if diff := cmp.Diff(map[string]int{"tracked": 1, "identity_linked": 1}, w.types(t)); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

// lostReplies stores what is appended and then says that it does not know.
type lostReplies struct{ *commandstest.MemoryLog }

func (l lostReplies) Append(ctx context.Context, lane domain.Lane, events ...*event.Event) (domain.Position, error) {
	if _, err := l.MemoryLog.Append(ctx, lane, events...); err != nil {
		return domain.Position{}, err
	}
	return domain.Position{}, domain.ErrUnavailable
}

// swap is a log whose behaviour changes in mid-test.
type swap struct {
	mu  sync.Mutex
	log commands.SharedLog
}

func (s *swap) Append(ctx context.Context, lane domain.Lane, events ...*event.Event) (domain.Position, error) {
	s.mu.Lock()
	log := s.log
	s.mu.Unlock()
	return log.Append(ctx, lane, events...)
}

func (s *swap) TakeOver(ctx context.Context, lane domain.Lane) (uint64, error) {
	s.mu.Lock()
	log := s.log
	s.mu.Unlock()
	return log.TakeOver(ctx, lane)
}

func (s *swap) Lanes() int { return 4 }

func TestLostReplyIsNotAppendedTwice(t *testing.T) {
	t.Parallel()
	for _, seq := range []uint64{0, 256} {
		log := commandstest.NewMemoryLog(4)
		through := &swap{log: lostReplies{log}}
		recall := commands.NewRecall(log)
		in := commands.NewIngest(commands.IngestPorts{
			Log: through, Vault: commandstest.NewMemoryVault(), Normalizer: trimmer{}, Recall: recall,
			Now: func() time.Time { return now }, Random: commandstest.NewRandom(1),
		}, 0)
		items := []commands.Item{{MessageID: "m", SourceSeq: seq, Type: "track", Name: "x", Identifiers: ids(user("u"), anon("a"))}}
		for range 2 { // the link's reply is lost, then the event's own
			if _, err := in.Ingest(t.Context(), "test", items, false); !errors.Is(err, domain.ErrUnavailable) {
				t.Fatalf("got %v, want ErrUnavailable", err)
			}
		}
		through.mu.Lock()
		through.log = log
		through.mu.Unlock()
		v, err := in.Ingest(t.Context(), "test", items, false)
		if err != nil || v[0].Status != commands.Duplicate {
			t.Errorf("got %+v, %v; want a duplicate", v, err)
		}
		w := &world{log: log}
		if diff := cmp.Diff(map[string]int{"tracked": 1, "identity_linked": 1}, w.types(t)); diff != "" {
			t.Errorf("events (-want +got):\n%s", diff)
		}
	}
}

func TestSameMessageAtOnceIsAppendedOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var wg sync.WaitGroup
	var mu sync.Mutex
	count := map[commands.Status]int{}
	for range 32 {
		wg.Go(func() {
			v := w.do(t, "test",
				commands.Item{MessageID: "m", Type: "track", Name: "x", Identifiers: ids(user("u"))},
				commands.Item{MessageID: "n", Type: "track", Name: "x", Identifiers: ids(user("v"))})
			mu.Lock()
			defer mu.Unlock()
			count[v[0].Status]++
			count[v[1].Status]++
		})
	}
	wg.Wait()
	if w.types(t)["tracked"] != 2 || count[commands.Accepted] != 2 || count[commands.Duplicate] != 62 || w.ingest.Duplicates() != 62 {
		t.Errorf("got %v events, verdicts %v, %d duplicates", w.types(t), count, w.ingest.Duplicates())
	}
}

func TestLargeCallsAreCutIntoEnvelopes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	items := make([]commands.Item, 200)
	properties, err := json.Marshal(map[string]string{"a": strings.Repeat("x", 30<<10)})
	if err != nil {
		t.Fatal(err)
	}
	for i := range items {
		items[i] = commands.Item{Type: "track", Name: "x", Identifiers: ids(user("u")), Properties: object(t, string(properties)), MessageID: fmt.Sprint(i)}
	}
	for i, v := range w.do(t, "test", items...) {
		if v.Status != commands.Accepted {
			t.Fatalf("item %d: %+v", i, v)
		}
		e, err := w.log.At(t.Context(), v.Place.Stream, v.Place.Position.Sequence)
		if err != nil {
			t.Fatal(err)
		}
		r, err := e.Recorded()
		if err != nil {
			t.Fatal(err)
		}
		want := w.vault.MessageID("test", "="+fmt.Sprint(i))
		if got := r[v.Place.Position.Index].Event.GetId(); string(got) != string(want[:]) {
			t.Fatalf("item %d does not stand at its place", i)
		}
	}
}
