package segment_test

import (
	"crypto/sha256"
	"flag"
	"fmt"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/profferhq/proffer/commands"
	"github.com/profferhq/proffer/commands/commandstest"
	"github.com/profferhq/proffer/domain"
)

var update = flag.Bool("update", false, "write the wanted log of testdata anew")

// golden is what a shop's senders said one after the other, of everything that the mapping tells apart.
var golden = [...]struct{ path, body string }{
	{"identify", `{"messageId":"1","userId":"019mr8mf4r","anonymousId":"a-1","traits":{"email":" P.Gibbons@Example.com","name":"Peter","phone":"nonsense","$x":1},"context":{"ip":"24.5.68.47","direct":true}}`},
	{"identify", `{"messageId":"1","userId":"019mr8mf4r","anonymousId":"a-1","traits":{"email":"said twice"}}`},
	{"track", `{"userId":42,"event":"Kurs gew\u00e4hlt – \"A\"","properties":{"title":"\ud83d\ude00"},"timestamp":"2026-05-03T10:11:30.5+02:00","sentAt":"2026-05-03T10:12:00Z"}`},
	{"track", `{"anonymousId":"a-2","event":"no properties"}`},
	{"batch", `{"context":{"locale":"de","library":{"name":"Analytics-iOS"}},"integrations":{"All":true},"sentAt":"2026-05-03T10:01:00Z","batch":[` +
		`{"type":"track","messageId":"2","userId":"u","event":"Product Viewed","timestamp":"2026-05-03T10:00:00Z","properties":{"product_id":"507f1f","sku":"G-32","category":"Games","price":18.99,"quantity":1}},` +
		`{"type":"track","messageId":"3","userId":"u","anonymousId":"a-3","event":"PRODUCT ADDED","properties":{"sku":"G-32","price":"18.99","quantity":2.5},"context":{"locale":"en","page":{"path":"/p"}}},` +
		`{"type":"track","messageId":"2","userId":"u","event":"said twice"},` +
		`{"type":"track","userId":"v","event":"Order Completed","context":{"channel":"kiosk"},"properties":{"order_id":50314,"total":27.50,"revenue":25,"currency":"USD","coupon":"x","products":[{"product_id":"1","price":19,"quantity":1},{"sku":"2","price":3.3333333,"quantity":2},{"id":3}]}},` +
		`{"type":"track","userId":"v","event":"Order Refunded","properties":{"order_id":"7","total":-5}},` +
		`{"type":"page","anonymousId":"a-3","name":"Home","category":"Docs","properties":{"url":"https://example.com"},"sentAt":"2026-05-03T10:02:01Z","timestamp":1777795200000},` +
		`{"type":"screen","userId":"u","name":"/account?token=1","channel":"app"},` +
		`{"type":"track","userId":"u","event":"x","integrations":{"All":false},"context":{"consent":{"categoryPreferences":{"Ads":false,"Data Sharing":true}}}},` +
		`{"type":"dance","userId":"u"},{"type":"track","event":"nobody's"},{"type":"track","userId":"u","event":"Product Added","properties":{"product_id":"1","quantity":-1}},` +
		`{"type":"track","userId":"u","event":"Order Completed","properties":{"total":1,"products":[{"id":"1"},{"id":"2","category":"\u0001"}]}},` +
		`{"type":"track","userId":"u","event":"x","timestamp":"yesterday"},"no object"]}`},
	{"group", `{"userId":"u","groupId":"g","traits":{"name":"Initech"}}`},
	{"alias", `{"previousId":"u","userId":"v","timestamp":"2026-05-03 09:00:00"}`},
	{"page", `{"anonymousId":"a-3","properties":{"name":"Pricing"}}`},
}

// TestTheSameRequestsMakeTheSameLog to the byte: what is made cheaper may not change what is recorded, its ids, its order, or
// which of the random bytes became what.
func TestTheSameRequestsMakeTheSameLog(t *testing.T) {
	t.Parallel()
	log := commandstest.NewMemoryLog(1)
	s := shop{log: log, handler: newHandler(t, log, commandstest.NewMemoryVault(), commands.NewRecall(log))}
	for _, r := range golden {
		if status, answer := s.post(t, "/v1/"+r.path, r.body); status != 200 {
			t.Fatalf("%s: got %d %s", r.body, status, answer)
		}
	}
	var got strings.Builder
	for _, stream := range domain.AllStreams() {
		for e, err := range log.Read(t.Context(), stream, 1, math.MaxUint64) {
			if err != nil {
				t.Fatal(err)
			}
			events, err := e.Events()
			if err != nil {
				t.Fatal(err)
			}
			for i, frame := range e.Frames {
				fmt.Fprintf(&got, "%s/%d.%d %x %s\n", e.Lane.Subject(), e.Sequence, i, sha256.Sum256(frame), describe(events[i]))
			}
		}
	}
	const file = "testdata/log.golden"
	if *update {
		if err := os.WriteFile(file, []byte(got.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got.String(), "\n")); diff != "" {
		t.Errorf("the log (-want +got):\n%s", diff)
	}
}
