package segment_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/profferhq/proffer/commands"
	"github.com/profferhq/proffer/commands/commandstest"
	"github.com/profferhq/proffer/domain"
	"github.com/profferhq/proffer/domain/event"
	"github.com/profferhq/proffer/gateway/normal"
	"github.com/profferhq/proffer/gateway/segment"
)

var now = time.Date(2026, 5, 3, 10, 2, 0, 0, time.UTC)

// shop is the handler over an ingest in memory.
type shop struct {
	log     *commandstest.MemoryLog
	vault   *commandstest.MemoryVault
	handler *segment.Handler
}

func newShop(t testing.TB) shop {
	t.Helper()
	s := shop{log: commandstest.NewMemoryLog(2), vault: commandstest.NewMemoryVault()}
	s.handler = newHandler(t, s.log, s.vault, commands.NewRecall(s.log))
	return s
}

func newHandler(t testing.TB, log commands.SharedLog, vault commands.Vault, recall *commands.Recall) *segment.Handler {
	t.Helper()
	normalizer, err := normal.New(normal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	ingest := commands.NewIngest(commands.IngestPorts{
		Log: log, Vault: vault, Normalizer: normalizer, Recall: recall,
		Now: func() time.Time { return now }, Random: commandstest.NewRandom(1),
	}, 0)
	keys, err := segment.NewKeys(map[string]string{"segment:web": "web-key"})
	if err != nil {
		t.Fatal(err)
	}
	return segment.New(ingest, keys, func() time.Time { return now })
}

func (s shop) post(t testing.TB, path, body string, change ...func(*http.Request)) (int, string) {
	t.Helper()
	r := httptest.NewRequest("POST", path, strings.NewReader(body))
	r.SetBasicAuth("web-key", "")
	for _, c := range change {
		c(r)
	}
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

// written is how many envelopes the log has.
func (s shop) written(t testing.TB) (n uint64) {
	t.Helper()
	for _, stream := range domain.AllStreams() {
		last, err := s.log.Last(context.Background(), stream)
		if err != nil {
			t.Fatal(err)
		}
		n += last
	}
	return n
}

func (s shop) events(t testing.TB) []*event.Event {
	t.Helper()
	var out []*event.Event
	for _, stream := range domain.AllStreams() {
		for e, err := range s.log.Read(context.Background(), stream, 1, math.MaxUint64) {
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

// describe is an event in one line: what the mapping decided, without ids.
func describe(e *event.Event) string {
	text := domain.TypeOf(e) + " " + e.GetAliasType()
	if e.GetChannel() != "" {
		text += " on " + e.GetChannel()
	}
	switch b := e.GetBody().(type) {
	case *event.Event_Viewed:
		text += fmt.Sprintf(" %s %q", b.Viewed.GetKind(), b.Viewed.GetName())
		if l := b.Viewed.GetLine(); l != nil {
			text += lineText(l)
		}
	case *event.Event_Carted:
		text += lineText(b.Carted.GetLine())
	case *event.Event_Purchased:
		p := b.Purchased
		text += fmt.Sprintf(" %d %s order %s coupon %t", p.GetAmountMicros(), p.GetCurrency(), p.GetOrder(), p.GetCoupon())
		for _, l := range p.GetLines() {
			text += lineText(l)
		}
	case *event.Event_Refunded:
		text += fmt.Sprintf(" %d order %s", b.Refunded.GetAmountMicros(), b.Refunded.GetOrder())
	case *event.Event_Tracked:
		text += fmt.Sprintf(" %q", b.Tracked.GetName())
	case *event.Event_TraitsChanged:
		text += fmt.Sprintf(" %v", b.TraitsChanged.GetNames())
	case *event.Event_ConsentStated:
		text += fmt.Sprintf(" %s %t by %s", b.ConsentStated.GetPurpose(), b.ConsentStated.GetGiven(), b.ConsentStated.GetRule())
	case *event.Event_IdentityLinked:
		text += " to " + b.IdentityLinked.GetOtherType() + " by " + b.IdentityLinked.GetRule()
	case *event.Event_Quarantined:
		text += " " + b.Quarantined.GetReason() + " in " + b.Quarantined.GetField() + " as " + b.Quarantined.GetFormat()
	}
	return text
}

func lineText(l *event.Line) string {
	return fmt.Sprintf(" [%s %s x%d =%d]", l.GetItem(), l.GetCategory(), l.GetQuantityMilli(), l.GetAmountMicros())
}

func TestWorkedExamples(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, path, body string
		want             []string
	}{
		{"identify", "/v1/identify", `{"userId":"019mr8mf4r","traits":{"email":"pgibbons@example.com","name":"Peter Gibbons","phone":"nonsense"},"context":{"ip":"24.5.68.47","direct":true}}`, []string{
			"identity_linked user_id to email by identify", "traits_changed user_id [email name phone]",
		}},
		{"identify with both ids", "/v1/i", `{"userId":"u","anonymousId":"a"}`, []string{
			"identity_linked user_id to anonymous_id by identify", "traits_changed user_id []",
		}},
		{"track", "/v1/track", `{"userId":"u","event":"Course Clicked","properties":{"title":"Intro"},"context":{"library":{"name":"analytics-go"}}}`, []string{
			`tracked user_id on server "Course Clicked"`,
		}},
		{"numeric user id", "/v1/track", `{"userId":42,"event":"x"}`, []string{`tracked user_id "x"`}},
		{"page", "/v1/page", `{"anonymousId":"a","name":"Home","category":"Docs","properties":{"url":"https://example.com"}}`, []string{`viewed anonymous_id on web KIND_PAGE "Home"`}},
		{"page named in properties", "/v1/page", `{"anonymousId":"a","properties":{"name":"Pricing"}}`, []string{`viewed anonymous_id on web KIND_PAGE "Pricing"`}},
		{"page named by its address", "/v1/page", `{"anonymousId":"a","name":"/account/peter?token=1"}`, []string{`viewed anonymous_id on web KIND_PAGE ""`}},
		{"screen", "/v1/screen", `{"userId":"u","name":"Home"}`, []string{`viewed user_id on mobile KIND_SCREEN "Home"`}},
		{"group", "/v1/group", `{"userId":"u","groupId":"g","traits":{"name":"Initech"}}`, []string{"group_joined user_id"}},
		{"alias", "/v1/alias", `{"previousId":"old","userId":"new"}`, []string{"identity_linked user_id to user_id by alias"}},
		{"alias of a visitor", "/v1/alias", `{"anonymousId":"a","userId":"new"}`, []string{"identity_linked user_id to anonymous_id by alias"}},
		{"product viewed", "/v1/track", `{"userId":"u","event":"Product Viewed","properties":{"product_id":"507f1f","sku":"G-32","category":"Games","price":18.99,"quantity":1}}`, []string{
			`viewed user_id KIND_ITEM "" [507f1f Games x1000 =18990000]`,
		}},
		{"product added", "/v1/track", `{"userId":"u","event":"Product Added","properties":{"sku":"G-32","price":"18.99","quantity":2}}`, []string{
			"carted user_id [G-32  x2000 =37980000]",
		}},
		{"order completed", "/v1/track", `{"userId":"u","event":"Order Completed","context":{"channel":"kiosk"},"properties":{"order_id":"50314b8e9","total":27.50,"revenue":25.00,"currency":"USD","coupon":"hasbros","products":[{"product_id":"1","price":19,"quantity":1,"category":"Games"},{"sku":"2","price":3,"quantity":2}]}}`, []string{
			"purchased user_id on kiosk 27500000 USD order 50314b8e9 coupon true [1 Games x1000 =19000000] [2  x2000 =6000000]",
		}},
		{"order with revenue only", "/v1/track", `{"userId":"u","event":"order completed","properties":{"revenue":0.30000000000000004}}`, []string{
			"purchased user_id 300000  order  coupon false",
		}},
		{"order refunded", "/v1/track", `{"userId":"u","event":"Order Refunded","properties":{"order_id":"7","total":-5}}`, []string{"refunded user_id 5000000 order 7"}},
		{"batch", "/v1/batch", `{"batch":[{"type":"track","userId":"u","event":"a"},{"type":"page","userId":"u","name":"Home"}],"context":{"library":{"name":"analytics-node"}},"sentAt":"2026-05-03T10:02:00Z"}`, []string{
			`tracked user_id on server "a"`, `viewed user_id on web KIND_PAGE "Home"`,
		}},
		{"consents said along", "/v1/track", `{"anonymousId":"a","event":"x","context":{"consent":{"categoryPreferences":{"Advertising":true,"Data Sharing":false}}}}`, []string{
			`tracked anonymous_id "x"`, "consent_stated anonymous_id advertising true by source", "consent_stated anonymous_id data-sharing false by source",
		}},
		{"consents of a batch, said again", "/v1/batch", `{"batch":[{"type":"track","userId":"u","event":"a"},{"type":"track","userId":"u","event":"b","context":{"consent":{"categoryPreferences":{"ads":false}}}}],"context":{"consent":{"categoryPreferences":{"ads":true}}}}`, []string{
			`tracked user_id "a"`, `tracked user_id "b"`, "consent_stated user_id ads true by source", "consent_stated user_id ads false by source",
		}},
		{"two categories that are one purpose", "/v1/track", `{"userId":"u","event":"x","context":{"consent":{"categoryPreferences":{"Ads":false,"ads":true}}}}`, []string{
			`tracked user_id "x"`, "consent_stated user_id ads false by source",
		}},
		{"no consents", "/v1/track", `{"userId":"u","event":"x","context":{"consent":{"categoryPreferences":{}}}}`, []string{`tracked user_id "x"`}},
		{"refused: consents", "/v1/track", `{"userId":"u","event":"x","context":{"consent":{"categoryPreferences":{"ads":"yes"}}}}`, []string{
			"quarantined  INVALID_PURPOSE in context.consent.categoryPreferences as segment",
		}},
		{"writeKey in the body", "/v1/b", `{"writeKey":"web-key","batch":[{"type":"track","anonymousId":"a","event":"x"}]}`, []string{`tracked anonymous_id "x"`}},
		{"refused: unknown type", "/v1/batch", `{"batch":[{"type":"dance","userId":"u"}]}`, []string{"quarantined  UNKNOWN_TYPE in type as segment"}},
		{"refused: nobody", "/v1/track", `{"event":"x"}`, []string{"quarantined  MISSING_IDENTIFIER in userId as segment"}},
		{"refused: no event", "/v1/track", `{"userId":"u"}`, []string{"quarantined  MISSING_NAME in event as segment"}},
		{"refused: revenue", "/v1/track", `{"userId":"u","event":"Order Completed","properties":{"revenue":"lots"}}`, []string{"quarantined  INVALID_AMOUNT in properties.revenue as segment"}},
		{"refused: value", "/v1/track", `{"userId":"u","event":"Order Completed","properties":{"total":null,"value":-3}}`, []string{"quarantined  NEGATIVE_AMOUNT in properties.value as segment"}},
		{"refused: a number that is none", "/v1/track", `{"userId":"u","event":"Order Completed","properties":{"total":{"a":1}}}`, []string{"quarantined  INVALID_AMOUNT in properties.total as segment"}},
		{"refused: product", "/v1/track", `{"userId":"u","event":"Product Added"}`, []string{"quarantined  MISSING_ITEM in properties.product_id as segment"}},
		{"refused: time", "/v1/track", `{"userId":"u","event":"x","timestamp":"yesterday"}`, []string{"quarantined  INVALID_TIME in timestamp as segment"}},
		{"refused: absurd time", "/v1/track", `{"userId":"u","event":"x","timestamp":"1970-01-01T00:00:00Z"}`, []string{"quarantined  TIME_OUT_OF_RANGE in timestamp as segment"}},
		{"refused: properties", "/v1/track", `{"userId":"u","event":"x","properties":[1]}`, []string{"quarantined  INVALID_JSON in properties as segment"}},
		{"refused: no group", "/v1/group", `{"userId":"u"}`, []string{"quarantined  MISSING_GROUP in groupId as segment"}},
		{"refused: a group of nobody", "/v1/group", `{"groupId":"g"}`, []string{"quarantined  MISSING_IDENTIFIER in userId as segment"}},
		{"refused: not UTF-8", "/v1/track", "{\"userId\":\"u\",\"event\":\"Caf\xe9\"}", []string{"quarantined  INVALID_TEXT in  as segment"}},
		{"refused: one of a batch not UTF-8", "/v1/batch", "{\"batch\":[{\"type\":\"track\",\"userId\":\"u\",\"event\":\"Caf\u00e9\"},{\"type\":\"track\",\"userId\":\"Andr\xe9\",\"event\":\"x\"}]}", []string{`tracked user_id "Café"`, "quarantined  INVALID_TEXT in  as segment"}},
		{"refused: no event object", "/v1/batch", `{"batch":["x"]}`, []string{"quarantined  INVALID_JSON in  as segment"}},
		{"refused: deep", "/v1/track", `{"userId":"u","event":"x","properties":` + strings.Repeat(`{"a":`, 50) + "1" + strings.Repeat("}", 50) + `}`, []string{"quarantined  TOO_DEEP in properties as segment"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newShop(t)
			status, body := s.post(t, c.path, c.body, func(r *http.Request) {
				if strings.Contains(c.body, "writeKey") {
					r.Header.Del("Authorization")
				}
			})
			if status != 200 {
				t.Fatalf("got %d %s", status, body)
			}
			var got []string
			for _, e := range s.events(t) {
				if e.GetSource() != "segment:web" {
					t.Errorf("got source %q", e.GetSource())
				}
				got = append(got, describe(e))
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("events (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAnswerHasAVerdictForEachEvent(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	body := `{"batch":[{"type":"track","userId":"u","event":"a","messageId":"1"},{"type":"track","userId":"u","event":"a","messageId":"1"},` +
		`{"type":"track","userId":"u","messageId":"2"},{"type":"track","userId":"u","event":"` + strings.Repeat("x", 33<<10) + `"}]}`
	status, got := s.post(t, "/v1/batch", body)
	want := `{"success":true,"accepted":1,"duplicates":1,"rejected":[{"index":2,"reason":"MISSING_NAME","field":"event","message":"it is required"},{"index":3,"reason":"EVENT_TOO_LARGE","message":"an event may have 32 KB"}]}`
	if status != 200 || got != want {
		t.Errorf("got %d %s\nwant 200 %s", status, got, want)
	}
	if n := len(s.events(t)); n != 3 {
		t.Errorf("got %d events, want one and two in quarantine", n)
	}
}

// TestEventsThatAreTooMuchAreKept: alone or beside good ones, an event that is too large or too deep has a verdict of
// its own and is in quarantine.
func TestEventsThatAreTooMuchAreKept(t *testing.T) {
	t.Parallel()
	nested := func(levels int) string { return strings.Repeat("[", levels) + strings.Repeat("]", levels) }
	for _, c := range []struct{ name, properties, want string }{
		{"large", `{"a":"` + strings.Repeat("x", 33<<10) + `"}`, "EVENT_TOO_LARGE in  as segment"},
		{"deep", `{"a":` + nested(300) + `}`, "TOO_DEEP in properties as segment"},
		{"as deep as its size allows", `{"a":` + nested(16_000) + `}`, "TOO_DEEP in properties as segment"},
		{"as deep as a body may be", `{"a":` + nested(250_000) + `}`, "EVENT_TOO_LARGE in  as segment"},
	} {
		bad := `{"type":"track","userId":"u","event":"bad","properties":` + c.properties + `}`
		good := `{"type":"track","userId":"u","event":"good"}`
		for path, body := range map[string]string{"/v1/track": bad, "/v1/batch": `{"batch":[` + good + `,` + bad + `,` + good + `]}`} {
			s := newShop(t)
			want := []string{"quarantined  " + c.want}
			if path == "/v1/batch" {
				want = append([]string{`tracked user_id "good"`, `tracked user_id "good"`}, want...)
			}
			status, answer := s.post(t, path, body)
			if status != 200 {
				t.Fatalf("%s, %s: got %d %s", c.name, path, status, answer)
			}
			var got []string
			for _, e := range s.events(t) {
				got = append(got, describe(e))
				if q := e.GetQuarantined(); q != nil && len(q.GetOriginal().GetCiphertext()) < len(bad) {
					t.Errorf("%s, %s: the original is not kept", c.name, path)
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s, %s: events (-want +got):\n%s", c.name, path, diff)
			}
		}
	}
}

func TestValidateWritesNothing(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	for body, want := range map[string]string{
		`{"type":"track","userId":"u","event":"a"}`: `{"success":true,"accepted":1,"duplicates":0,"rejected":[]}`,
		`{"batch":[{"type":"track","userId":"u"}]}`: `{"success":true,"accepted":0,"duplicates":0,"rejected":[{"index":0,"reason":"MISSING_NAME","field":"event","message":"it is required"}]}`,
	} {
		if status, got := s.post(t, "/v1/validate", body); status != 200 || got != want {
			t.Errorf("got %d %s, want %s", status, got, want)
		}
	}
	if n := len(s.events(t)); n != 0 || s.vault.Len() != 0 {
		t.Errorf("validating wrote %d events and %d identifiers", n, s.vault.Len())
	}
}

func TestWholeRequestsThatAreNotTaken(t *testing.T) {
	t.Parallel()
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	_, _ = io.CopyN(z, zeros{}, 64<<20)
	_ = z.Close()
	unpacks := func(r *http.Request) { r.Header.Set("Content-Encoding", "gzip") }
	many := `{"batch":[` + strings.Repeat(`1,`, 2500) + `1]}`
	for _, c := range []struct {
		name, path, body string
		change           func(*http.Request)
		status           int
		reason           string
	}{
		{"no JSON", "/v1/track", `{"userId":`, nil, 400, "INVALID_JSON"},
		{"no object", "/v1/track", `[]`, nil, 400, "INVALID_JSON"},
		{"empty", "/v1/batch", ``, nil, 400, "INVALID_JSON"},
		{"no batch", "/v1/batch", `{"userId":"u"}`, nil, 400, "INVALID_JSON"},
		{"deep and never closed", "/v1/track", strings.Repeat(`[`, 100_000), nil, 400, "INVALID_JSON"},
		{"a large batch", "/v1/batch", `{"a":"` + strings.Repeat("x", 501<<10) + `"}`, nil, 400, "BODY_TOO_LARGE"},
		{"a bomb", "/v1/batch", bomb.String(), unpacks, 400, "BODY_TOO_LARGE"},
		{"no gzip", "/v1/batch", `{"batch":[]}`, unpacks, 400, "INVALID_GZIP"},
		{"cut gzip", "/v1/batch", bomb.String()[:100], unpacks, 400, "INVALID_GZIP"},
		{"packed otherwise", "/v1/batch", `{"batch":[]}`, func(r *http.Request) { r.Header.Set("Content-Encoding", "br") }, 415, "UNSUPPORTED_ENCODING"},
		{"packed twice", "/v1/batch", `{"batch":[]}`, func(r *http.Request) { r.Header.Set("Content-Encoding", "gzip, gzip") }, 415, "UNSUPPORTED_ENCODING"},
		{"too many", "/v1/batch", many, nil, 400, "TOO_MANY_EVENTS"},
		{"much about many", "/v1/batch", `{"context":{"a":"` + strings.Repeat("x", 100<<10) + `"},"batch":[` + strings.Repeat(`{},`, 99) + `{}]}`, nil, 400, "TOO_MANY_EVENTS"},
		{"wrong key", "/v1/track", `{"userId":"u","event":"x"}`, func(r *http.Request) { r.SetBasicAuth("other", "") }, 401, "INVALID_WRITE_KEY"},
		{"no key", "/v1/track", `{"userId":"u","event":"x"}`, func(r *http.Request) { r.Header.Del("Authorization") }, 401, "INVALID_WRITE_KEY"},
		{"wrong key in the body", "/v1/track", `{"writeKey":"x"}`, func(r *http.Request) { r.Header.Del("Authorization") }, 401, "INVALID_WRITE_KEY"},
		{"no such path", "/v1/trak", `{"userId":"u","event":"x"}`, nil, 404, "NOT_FOUND"},
		{"a path below", "/v1/track/x", `{"userId":"u","event":"x"}`, nil, 404, "NOT_FOUND"},
		{"another method", "/v1/track", ``, func(r *http.Request) { r.Method = http.MethodGet }, 405, "METHOD_NOT_ALLOWED"},
	} {
		s := newShop(t)
		if c.change == nil {
			c.change = func(*http.Request) {}
		}
		status, body := s.post(t, c.path, c.body, c.change)
		var got struct {
			Success bool
			Reason  string
		}
		if err := json.Unmarshal([]byte(body), &got); err != nil {
			t.Fatal(err)
		}
		if status != c.status || got.Reason != c.reason || got.Success {
			t.Errorf("%s: got %d %s, want %d %s", c.name, status, body, c.status, c.reason)
		}
		if n := len(s.events(t)); n != 0 {
			t.Errorf("%s: wrote %d events", c.name, n)
		}
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestGzip(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, _ = z.Write([]byte(`{"batch":[{"type":"track","userId":"u","event":"a"}]}`))
	_ = z.Close()
	status, body := s.post(t, "/v1/batch", packed.String(), func(r *http.Request) { r.Header.Set("Content-Encoding", "gzip") })
	if status != 200 || len(s.events(t)) != 1 {
		t.Errorf("got %d %s", status, body)
	}
}

func TestUnavailableLogAsksToComeAgain(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.log.SetDown(true)
	r := httptest.NewRequest("POST", "/v1/track", strings.NewReader(`{"userId":"u","event":"x","messageId":"1"}`))
	r.SetBasicAuth("web-key", "")
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	if w.Code != 503 || w.Header().Get("Retry-After") != "1" {
		t.Errorf("got %d, Retry-After %q", w.Code, w.Header().Get("Retry-After"))
	}
}

func TestClockSkew(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, times, want string }{
		{"none given", ``, "2026-05-03T10:02:00Z"},
		{"a sender ten minutes ahead", `,"timestamp":"2026-05-03T10:11:30Z","sentAt":"2026-05-03T10:12:00Z"`, "2026-05-03T10:01:30Z"},
		{"history", `,"timestamp":"2020-01-01T00:00:00.5Z","sentAt":"2026-05-03T10:02:00Z"`, "2020-01-01T00:00:00.5Z"},
		{"no sentAt", `,"timestamp":"2026-05-03T09:00:00+02:00"`, "2026-05-03T07:00:00Z"},
		{"a sender whose clock stopped", `,"timestamp":"2026-05-03T09:00:00Z","sentAt":"1970-01-01T00:00:00Z"`, "2026-05-03T09:00:00Z"},
		{"a sentAt that is no time", `,"timestamp":"2026-05-03T09:00:00Z","sentAt":99999999999999999999`, "2026-05-03T09:00:00Z"},
		{"originalTimestamp", `,"timestamp":"2026-05-03T01:00:00Z","originalTimestamp":"2026-05-03T10:11:30Z","sentAt":"2026-05-03T10:12:00Z"`, "2026-05-03T10:01:30Z"},
		{"milliseconds", `,"timestamp":1777795200000`, "2026-05-03T08:00:00Z"},
		{"no zone", `,"timestamp":"2026-05-03 08:00:00"`, "2026-05-03T08:00:00Z"},
	} {
		s := newShop(t)
		if status, body := s.post(t, "/v1/track", `{"userId":"u","event":"x"`+c.times+`}`); status != 200 {
			t.Fatal(body)
		}
		got := time.UnixMilli(s.events(t)[0].GetOccurredMs()).UTC().Format(time.RFC3339Nano)
		if got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
	}
}

func TestSurroundingsAreSealedWithTheEvent(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.post(t, "/v1/batch", `{"context":{"locale":"de","ip":"1.2.3.4"},"integrations":{"All":true},"batch":[{"type":"track","userId":"u","event":"x","properties":{"a":1},"context":{"ip":"5.6.7.8"}}]}`)
	e := s.events(t)[0]
	keys, err := s.vault.DataKeys(t.Context(), []domain.Alias{domain.Alias(e.GetAlias())})
	if err != nil {
		t.Fatal(err)
	}
	plain, err := commands.Unseal(keys[0], e.GetAlias(), e.GetSealed())
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"a":1,"$context":{"ip":"5.6.7.8","locale":"de"},"$integrations":{"All":true}}`; string(plain) != want {
		t.Errorf("got %s, want %s", plain, want)
	}
}

func TestOfTwoBatchesTheLastCounts(t *testing.T) {
	t.Parallel()
	event := func(name string) string { return `{"type":"track","userId":"u","event":"` + name + `"}` }
	for body, want := range map[string]string{
		`{"batch":[` + event("a") + `,` + event("b") + `],"other":[` + event("c") + `],"b\u0061tch":[` + event("d") + `]}`: "d",
		`{"batch":[` + event("a") + `],"batch":[]}`:                               "",
		`{"batch":7,"batch":[` + event("a") + `],"context":[` + event("b") + `]}`: "a",
	} {
		s := newShop(t)
		if status, answer := s.post(t, "/v1/batch", body); status != 200 {
			t.Errorf("%s: got %d %s", body, status, answer)
		}
		got := ""
		for _, e := range s.events(t) {
			got += e.GetTracked().GetName()
		}
		if got != want {
			t.Errorf("%s: got the events %q, want %q", body, got, want)
		}
	}
	s := newShop(t)
	if status, answer := s.post(t, "/v1/batch", `{"batch":[`+event("a")+`],"batch":7}`); status != 400 || len(s.events(t)) != 0 {
		t.Errorf("the last is no array: got %d %s", status, answer)
	}
}

// TestRequestsAtOnceKeepTheirTextsApart: the memory that one borrows is not another's meanwhile.
func TestRequestsAtOnceKeepTheirTextsApart(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	const senders, batches, events = 8, 10, 20
	var wg sync.WaitGroup
	for sender := range senders {
		wg.Go(func() {
			for batch := range batches {
				var body strings.Builder
				for i := range events {
					fmt.Fprintf(&body, `,{"type":"track","userId":"u%d","event":"%d-%d-%d","properties":{"said":"%[2]d-%[3]d-%[4]d"}}`, i, sender, batch, i)
				}
				if status, answer := s.post(t, "/v1/batch", `{"context":{"locale":"de"},"batch":[`+body.String()[1:]+`]}`); status != 200 {
					t.Errorf("got %d %s", status, answer)
				}
			}
		})
	}
	wg.Wait()
	got := s.events(t)
	if len(got) != senders*batches*events {
		t.Errorf("got %d events", len(got))
	}
	for _, e := range got {
		keys, err := s.vault.DataKeys(t.Context(), []domain.Alias{domain.Alias(e.GetAlias())})
		if err != nil {
			t.Fatal(err)
		}
		plain, err := commands.Unseal(keys[0], e.GetAlias(), e.GetSealed())
		if want := `{"said":"` + e.GetTracked().GetName() + `","$context":{"locale":"de"}}`; err != nil || string(plain) != want {
			t.Fatalf("got %s, %v, want %s", plain, err, want)
		}
	}
}

func TestKeysRefuse(t *testing.T) {
	t.Parallel()
	for _, keys := range []map[string]string{{"a": ""}, {"a": "k", "b": "k"}, {"": "k"}} {
		if _, err := segment.NewKeys(keys); err == nil {
			t.Errorf("%v: got no error", keys)
		}
	}
}

func FuzzSegment(f *testing.F) {
	for _, seed := range []string{
		`{"batch":[{"type":"track","userId":"u","event":"Order Completed","properties":{"total":1e400,"products":[{}]}}]}`,
		`{"batch":[{"type":"identify","userId":"u","traits":{"email":"a@b.c"},"context":{"a":"\ud800"}}],"context":{"a":"\u0000"}}`,
		`{"type":"page","timestamp":-1,"name":"\\","category":{}}`, `{"batch":[null,1,"",[],{}]}`, "{\"a\":\"\xff\"}", `{`, ``,
		`{"batch":[{"type":"track","userId":"u","event":"a","properties":` + strings.Repeat(`{"a":[`, 100) + strings.Repeat(`]}`, 100) + `},{"type":"track","userId":"u","event":"b"}]}`,
	} {
		f.Add(seed)
	}
	var s shop
	times := 0
	f.Fuzz(func(t *testing.T, body string) {
		if times++; times%1000 == 1 { // making a shop takes much longer than a request
			s = newShop(t)
		}
		for _, path := range []string{"/v1/batch", "/v1/track", "/v1/identify", "/v1/group", "/v1/alias", "/v1/page"} {
			before := s.written(t)
			status, answer := s.post(t, path, body)
			if status != 200 && status != 400 {
				t.Fatalf("%s: got %d %s", path, status, answer)
			}
			if !json.Valid([]byte(answer)) || (status == 400) != (s.written(t) == before && !strings.Contains(answer, `"success":true`)) {
				t.Fatalf("%s: got %d %s", path, status, answer)
			}
			if want := eventsOf(body); path == "/v1/batch" && status == 200 && want >= 0 && verdicts(t, answer) != want {
				t.Fatalf("%d events: got %s", want, answer)
			}
		}
	})
}

// eventsOf counts the batch's events by encoding/json; -1 where it does not read the body: it is nested too deep for it.
func eventsOf(body string) int {
	var object map[string]json.RawMessage
	var batch []json.RawMessage
	if json.Unmarshal([]byte(body), &object) != nil || json.Unmarshal(object["batch"], &batch) != nil {
		return -1
	}
	return len(batch)
}

func verdicts(t *testing.T, text string) int {
	t.Helper()
	var a struct {
		Accepted, Duplicates int
		Rejected             []struct{}
	}
	if err := json.Unmarshal([]byte(text), &a); err != nil {
		t.Fatal(err)
	}
	return a.Accepted + a.Duplicates + len(a.Rejected)
}
